/*
 * poll: what <polymux/poll.h> promises, against the library and against the
 * plainest kept set over ppoll(2).
 */
#include <polymux/poll.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "poll_api.h"
#include "support.h"

/* The events of one descriptor that a set of it alone has at once. */
static short ask(const struct poll_api *api, int fd, short events)
{
    void *set = api->create();
    CHECK_RETURNS(api->add(set, fd, events), 0);
    int count = api->wait(set, 0, NULL);
    const struct pollfd *first = api->next(set, NULL);
    CHECK_EQ_INT(count, first != NULL);
    short revents = first ? first->revents : 0;
    if (first) {
        CHECK_EQ_INT(first->fd, fd);
        CHECK_EQ_PTR(api->next(set, first), NULL);
    }
    api->free(set);
    return revents;
}

/* The answer lists exactly these descriptors, in this order. */
static void check_answer(const struct poll_api *api, void *set, const int *fds,
                         size_t count)
{
    const struct pollfd *at = NULL;
    for (size_t i = 0; i < count; i++) {
        at = api->next(set, at);
        CHECK(at);
        CHECK_EQ_INT(at->fd, fds[i]);
    }
    CHECK_EQ_PTR(api->next(set, at), NULL);
}

TEST_EACH(pipe_masks, const struct poll_api *api, poll_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_EQ_INT(ask(api, ends[0], POLLIN | POLLOUT | POLLPRI), 0);
    CHECK_EQ_INT(ask(api, ends[1], POLLOUT), POLLOUT);
    CHECK_EQ_INT(ask(api, ends[1], 0), 0);
    write_byte(ends[1]);
    CHECK_EQ_INT(ask(api, ends[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
    CHECK_EQ_INT(ask(api, ends[0], POLLIN), POLLIN);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(ask(api, ends[0], POLLIN), POLLIN | POLLHUP);
    CHECK_EQ_INT(ask(api, ends[0], 0), POLLHUP);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(error_hang_up_and_invalid_need_no_asking, const struct poll_api *api,
          poll_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_OK(close(ends[0]));
    CHECK_EQ_INT(ask(api, ends[1], 0), POLLERR);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(ask(api, ends[1], 0), POLLNVAL);
    CHECK_EQ_INT(ask(api, INT_MAX, POLLIN), POLLNVAL);
    make_socketpair(ends);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(ask(api, ends[0], POLLRDHUP), POLLRDHUP | POLLHUP);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(urgent_data, const struct poll_api *api, poll_apis)
{
    int ends[2];
    make_tcp_pair(ends);
    CHECK_EQ_INT(send(ends[1], "!", 1, MSG_OOB), 1);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], POLLPRI));
    CHECK_EQ_INT(api->wait(set, TOO_LONG, NULL), 1);
    CHECK_EQ_INT(api->next(set, NULL)->revents, POLLPRI);
    api->free(set);
    close_both(ends);
}

TEST_EACH(file_is_always_ready, const struct poll_api *api, poll_apis)
{
    int file = make_file();
    CHECK_EQ_INT(ask(api, file, POLLIN | POLLOUT | POLLPRI), POLLIN | POLLOUT);
    CHECK_OK(close(file));
}

TEST_EACH(path_descriptor_is_invalid, const struct poll_api *api, poll_apis)
{
    int path = CHECK_OK(open("/", O_PATH | O_CLOEXEC));
    CHECK_EQ_INT(ask(api, path, POLLIN), POLLNVAL);
    CHECK_OK(close(path));
}

TEST_EACH(answers_in_order_of_registration, const struct poll_api *api, poll_apis)
{
    int ends[2], fds[6];
    make_socketpair(ends);
    for (int i = 0; i < 6; i++)
        fds[i] = CHECK_OK(dup(ends[0]));
    const int order[] = {fds[4], fds[0], fds[5], fds[2], fds[1], fds[3]};
    void *set = api->create();
    for (int i = 0; i < 6; i++)
        CHECK_RETURNS(api->add(set, order[i], POLLOUT), 0);
    CHECK_RETURNS(api->wait(set, -1, NULL), 6);
    check_answer(api, set, order, 6);
    CHECK_RETURNS(api->modify(set, order[1], POLLIN), 0);
    CHECK_RETURNS(api->wait(set, -1, NULL), 5);
    check_answer(api, set, (int[]){order[0], order[2], order[3], order[4], order[5]},
                 5);
    api->free(set);
    for (int i = 0; i < 6; i++)
        CHECK_OK(close(fds[i]));
    close_both(ends);
}

/* Registering again changes the mask, not the place; removing and
 * registering puts the descriptor last. */
TEST_EACH(registering_again, const struct poll_api *api, poll_apis)
{
    int a[2], b[2];
    make_socketpair(a);
    make_socketpair(b);
    void *set = api->create();
    CHECK_OK(api->add(set, a[0], POLLIN));
    CHECK_OK(api->add(set, b[0], POLLOUT));
    CHECK_RETURNS(api->add(set, a[0], POLLOUT), 0);
    CHECK_EQ_UINT(api->count(set), 2);
    CHECK_EQ_INT(api->wait(set, -1, NULL), 2);
    check_answer(api, set, (int[]){a[0], b[0]}, 2);
    CHECK_RETURNS(api->remove(set, a[0]), 0);
    CHECK_RETURNS(api->add(set, a[0], POLLOUT), 0);
    CHECK_EQ_INT(api->wait(set, -1, NULL), 2);
    check_answer(api, set, (int[]){b[0], a[0]}, 2);
    api->free(set);
    close_both(a);
    close_both(b);
}

TEST_EACH(change_errors, const struct poll_api *api, poll_apis)
{
    int file = make_file();
    void *set = api->create();
    CHECK_ERRNO(api->add(set, -1, POLLIN), EBADF);
    CHECK_ERRNO(api->add(set, INT_MIN, POLLIN), EBADF);
    CHECK_ERRNO(api->modify(set, file, POLLIN), ENOENT);
    CHECK_ERRNO(api->modify(set, -1, POLLIN), ENOENT);
    CHECK_ERRNO(api->remove(set, file), ENOENT);
    CHECK_ERRNO(api->remove(set, -1), ENOENT);
    CHECK_EQ_UINT(api->count(set), 0);
    CHECK_RETURNS(api->add(set, file, POLLIN), 0);
    CHECK_RETURNS(api->remove(set, file), 0);
    CHECK_ERRNO(api->remove(set, file), ENOENT);
    CHECK_ERRNO(api->modify(set, file, POLLIN), ENOENT);
    CHECK_EQ_UINT(api->count(set), 0);
    api->free(set);
    CHECK_OK(close(file));
}

TEST_EACH(closed_descriptor_can_be_removed, const struct poll_api *api, poll_apis)
{
    int ends[2], closed = closed_fd();
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, closed + 5, POLLIN));
    CHECK_OK(api->add(set, ends[0], POLLOUT));
    CHECK_RETURNS(api->wait(set, 0, NULL), 2);
    CHECK_EQ_INT(api->next(set, NULL)->revents, POLLNVAL);
    CHECK_RETURNS(api->remove(set, closed + 5), 0);
    CHECK_RETURNS(api->wait(set, 0, NULL), 1);
    check_answer(api, set, &ends[0], 1);
    api->free(set);
    close_both(ends);
}

/* The answer stays as it was while the question changes. */
TEST_EACH(answer_stands_until_the_next_wait, const struct poll_api *api, poll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], POLLOUT));
    CHECK_OK(api->add(set, ends[1], POLLOUT));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 2);
    CHECK_OK(api->remove(set, ends[0]));
    CHECK_OK(api->modify(set, ends[1], POLLIN));
    check_answer(api, set, ends, 2);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
    check_answer(api, set, NULL, 0);
    api->free(set);
    close_both(ends);
}

TEST_EACH(no_answer_before_the_first_wait, const struct poll_api *api, poll_apis)
{
    void *set = api->create();
    CHECK_EQ_PTR(api->next(set, NULL), NULL);
    CHECK_OK(api->add(set, 0, POLLIN));
    CHECK_EQ_PTR(api->next(set, NULL), NULL);
    api->free(set);
}

TEST_EACH(no_answer_after_an_interruption, const struct poll_api *api, poll_apis)
{
    int ends[2];
    sigset_t open = mask_of(0);
    make_pipe(ends);
    write_byte(ends[1]);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], POLLIN));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    read_byte(ends[0]);
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    CHECK_ERRNO(api->wait(set, -1, &open), EINTR);
    CHECK_EQ_PTR(api->next(set, NULL), NULL);
    api->free(set);
    close_both(ends);
}

TEST_EACH(more_descriptors_than_the_limit, const struct poll_api *api, poll_apis)
{
    enum { LIMIT = 32 };
    int ends[2];
    need_limit_in_kernel();
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], POLLOUT));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    for (int fd = 1000; fd < 1000 + LIMIT; fd++)
        CHECK_OK(api->add(set, fd, POLLIN));
    CHECK_EQ_INT(limit_descriptors(LIMIT), LIMIT);
    CHECK_ERRNO(api->wait(set, 0, NULL), EINVAL);
    CHECK_EQ_PTR(api->next(set, NULL), NULL);
    CHECK_OK(api->remove(set, 1000));
    CHECK_EQ_INT(api->wait(set, 0, NULL), LIMIT);
    api->free(set);
    close_both(ends);
}

TEST_EACH(own_copy_after_fork, const struct poll_api *api, poll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], POLLOUT));
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ_INT(api->wait(set, -1, NULL), 1);
        CHECK_OK(api->remove(set, ends[0]));
        CHECK_EQ_UINT(api->count(set), 0);
        api->free(set);
        _exit(0);
    }
    join_process(child);
    CHECK_EQ_UINT(api->count(set), 1);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    api->free(set);
    close_both(ends);
}

/* A wait that goes on knows nothing of what has changed since it began. */
TEST(resumed_wait_keeps_its_set)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_poll *set = pmx_poll_create();
    CHECK_OK(pmx_poll_register(set, ends[0], POLLIN));
    CHECK_RETURNS(pmx_poll_wait(set, 0, NULL), 0);
    CHECK_OK(pmx_poll_register(set, ends[0], POLLOUT));
    CHECK_OK(pmx_poll_register(set, ends[1], POLLOUT));
    int64_t start = now_ns();
    CHECK_RETURNS(pmx_poll_resume(set, 5 * MS, NULL), 0);
    CHECK_GE_INT(now_ns() - start, 5 * MS);
    CHECK_OK(pmx_poll_unregister(set, ends[0]));
    write_byte(ends[1]);
    CHECK_RETURNS(pmx_poll_resume(set, -1, NULL), 1);
    CHECK_EQ_INT(pmx_poll_next(set, NULL)->fd, ends[0]);
    CHECK_EQ_INT(pmx_poll_next(set, NULL)->revents, POLLIN);
    CHECK_RETURNS(pmx_poll_wait(set, 0, NULL), 1);
    CHECK_EQ_INT(pmx_poll_next(set, NULL)->fd, ends[1]);
    pmx_poll_free(set);
    close_both(ends);
}

TEST(resumed_after_an_interruption)
{
    int ends[2];
    sigset_t open = mask_of(0);
    make_socketpair(ends);
    struct pmx_poll *set = pmx_poll_create();
    CHECK_OK(pmx_poll_register(set, ends[0], POLLIN));
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    CHECK_ERRNO(pmx_poll_wait(set, -1, &open), EINTR);
    CHECK_OK(pmx_poll_modify(set, ends[0], POLLOUT));
    raise(SIGUSR1);
    CHECK_ERRNO(pmx_poll_resume(set, -1, &open), EINTR);
    CHECK(signal_is_blocked(SIGUSR1));
    CHECK_EQ_PTR(pmx_poll_next(set, NULL), NULL);
    CHECK_RETURNS(pmx_poll_resume(set, 0, &open), 0);
    CHECK_RETURNS(pmx_poll_wait(set, -1, NULL), 1);
    pmx_poll_free(set);
    close_both(ends);
}

TEST(free_accepts_null)
{
    CHECK_RETURNS((pmx_poll_free(NULL), 0), 0);
}

TEST(thousands_of_descriptors)
{
    int ends[2];
    make_socketpair(ends);
    int count = (int)limit_descriptors(60000) - 100;
    struct pmx_poll *set = pmx_poll_create();
    for (int i = 0; i < count; i++)
        CHECK_RETURNS(pmx_poll_register(set, CHECK_OK(dup(ends[0])), POLLOUT), 0);
    CHECK_RETURNS(pmx_poll_wait(set, -1, NULL), count);
    const struct pollfd *at = NULL;
    int seen = 0, previous = -1;
    while ((at = pmx_poll_next(set, at))) {
        CHECK(at->fd > previous && at->revents == POLLOUT);
        previous = at->fd;
        CHECK_RETURNS(pmx_poll_unregister(set, at->fd), 0);
        CHECK_OK(close(at->fd));
        seen++;
    }
    CHECK_EQ_INT(seen, count);
    CHECK_EQ_UINT(pmx_poll_count(set), 0);
    CHECK_RETURNS(pmx_poll_wait(set, 0, NULL), 0);
    pmx_poll_free(set);
    close_both(ends);
}

/*
 * Constant time: in the orders that a linear search or a memmove would need
 * minutes for. The limit of the test's time is the assertion.
 */
TEST(large_sets_change_fast)
{
    enum { COUNT = 300000 };
    struct pmx_poll *set = pmx_poll_create();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++)
            CHECK_RETURNS(pmx_poll_register(set, i * 11, POLLIN), 0);
        for (int i = 0; i < COUNT; i++)
            CHECK_RETURNS(pmx_poll_modify(set, i * 11, POLLOUT), 0);
        CHECK_EQ_UINT(pmx_poll_count(set), COUNT);
        for (int i = 0; i < COUNT; i++) {
            int fd = (round ? i : COUNT - 1 - i) * 11;
            CHECK_RETURNS(pmx_poll_unregister(set, fd), 0);
        }
        CHECK_EQ_UINT(pmx_poll_count(set), 0);
    }
    pmx_poll_free(set);
}
