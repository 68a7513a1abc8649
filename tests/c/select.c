/*
 * select: what <polymux/select.h> promises. Where the kernel's select(2) can
 * do the same (descriptors below 1024), the test runs against it too.
 */
#include <polymux/select.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "select_api.h"
#include "support.h"

#define READ   PMX_SELECT_READ
#define WRITE  PMX_SELECT_WRITE
#define EXCEPT PMX_SELECT_EXCEPT
#define ALL    (READ | WRITE | EXCEPT)

/* What a set of this one descriptor answers at once. */
static unsigned ask(const struct select_api *api, int fd, unsigned interest)
{
    void *set = api->create();
    CHECK_RETURNS(api->add(set, fd, interest), 0);
    int count = api->wait(set, 0, NULL);
    unsigned ready = api->ready(set, fd);
    CHECK_EQ_INT(count, __builtin_popcount(ready));
    api->free(set);
    return ready;
}

/* ... and whether a wait with this interest sleeps until time is over. */
static void check_sleeps(const struct select_api *api, int fd, unsigned interest)
{
    void *set = api->create();
    CHECK_RETURNS(api->add(set, fd, interest), 0);
    int64_t start = now_ns();
    CHECK_RETURNS(api->wait(set, 15 * MS, NULL), 0);
    CHECK_GE_INT(now_ns() - start, 15 * MS);
    CHECK_EQ_UINT(api->ready(set, fd), 0);
    api->free(set);
}

TEST_EACH(pipe_ends, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_EQ_UINT(ask(api, ends[0], ALL), 0);
    CHECK_EQ_UINT(ask(api, ends[1], WRITE | EXCEPT), WRITE);
    write_byte(ends[1]);
    CHECK_EQ_UINT(ask(api, ends[0], ALL), READ);
    CHECK_EQ_UINT(ask(api, ends[0], WRITE | EXCEPT), 0);
    fill(ends[1]);
    CHECK_EQ_UINT(ask(api, ends[1], ALL), 0);
    close_both(ends);
}

/* It is open, and no wait ever sleeps on it, whatever it is watched for. */
TEST_EACH(descriptor_of_a_path_is_ready_for_everything, const struct select_api *api,
          select_apis)
{
    int path = CHECK_OK(open("/", O_PATH | O_CLOEXEC));
    CHECK_EQ_UINT(ask(api, path, ALL), ALL);
    CHECK_EQ_UINT(ask(api, path, EXCEPT), EXCEPT);
    CHECK_OK(close(path));
}

TEST_EACH(end_of_stream_is_readable, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_UINT(ask(api, ends[0], ALL), READ);
    CHECK_OK(close(ends[0]));
    make_socketpair(ends);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    CHECK_EQ_UINT(ask(api, ends[0], ALL), READ | WRITE);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_UINT(ask(api, ends[0], ALL), READ | WRITE);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(error_is_readable_and_writable, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    fill(ends[1]);
    CHECK_OK(close(ends[0]));
    CHECK_EQ_UINT(ask(api, ends[1], ALL), READ | WRITE);
    CHECK_EQ_UINT(ask(api, ends[1], READ), READ);
    CHECK_EQ_UINT(ask(api, ends[1], WRITE), WRITE);
    CHECK_OK(close(ends[1]));
}

TEST_EACH(urgent_data_is_exceptional, const struct select_api *api, select_apis)
{
    int ends[2];
    make_tcp_pair(ends);
    CHECK_EQ_INT(send(ends[1], "!", 1, MSG_OOB), 1);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], EXCEPT));
    CHECK_EQ_INT(api->wait(set, TOO_LONG, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[0]), EXCEPT);
    CHECK_OK(api->add(set, ends[0], WRITE));
    CHECK_EQ_INT(api->wait(set, TOO_LONG, NULL), 2);
    CHECK_EQ_UINT(api->ready(set, ends[0]), EXCEPT | WRITE);
    api->free(set);
    close_both(ends);
}

TEST_EACH(regular_file_is_always_ready, const struct select_api *api, select_apis)
{
    int file = make_file();
    CHECK_EQ_UINT(ask(api, file, ALL), READ | WRITE);
    CHECK_OK(close(file));
}

/* A hang-up or error that nobody has asked for does not end the wait. */
TEST_EACH(unasked_hang_up_does_not_wake, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_UINT(ask(api, ends[0], WRITE | EXCEPT), 0);
    check_sleeps(api, ends[0], WRITE);
    check_sleeps(api, ends[0], EXCEPT);
    check_sleeps(api, ends[0], WRITE | EXCEPT);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(unasked_error_does_not_wake, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_OK(close(ends[0]));
    check_sleeps(api, ends[1], EXCEPT);
    CHECK_OK(close(ends[1]));
}

/* With a hang-up in the set, another descriptor still ends the sleep. */
static void wake_beside_hang_up(const struct select_api *api, int64_t timeout_ns)
{
    int hung_up[2], ends[2];
    struct nudge nudge;
    make_pipe(hung_up);
    make_pipe(ends);
    CHECK_OK(close(hung_up[1]));
    void *set = api->create();
    CHECK_OK(api->add(set, hung_up[0], WRITE | EXCEPT));
    CHECK_OK(api->add(set, ends[0], READ));
    nudge_start(&nudge, 0, ends[1]);
    CHECK_RETURNS(api->wait(set, timeout_ns, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[0]), READ);
    CHECK_EQ_UINT(api->ready(set, hung_up[0]), 0);
    CHECK_RETURNS(api->wait(set, 0, NULL), 1);
    nudge_join(&nudge);
    api->free(set);
    CHECK_OK(close(hung_up[0]));
    close_both(ends);
}

TEST_EACH(readiness_wakes_beside_hang_up, const struct select_api *api, select_apis)
{
    wake_beside_hang_up(api, -1);
    wake_beside_hang_up(api, TOO_LONG);
}

/* The hung-up descriptor itself becomes ready: a byte that makes room. */
static void *reader(void *argument)
{
    int fd = *(int *)argument;
    char buffer[65536];
    CHECK_OK((int)read(fd, buffer, sizeof(buffer)));
    return NULL;
}

TEST_EACH(full_pipe_becomes_writable, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    fill(ends[1]);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[1], WRITE));
    CHECK_RETURNS(api->wait(set, 0, NULL), 0);
    pthread_t thread = start_thread(reader, &ends[0]);
    CHECK_RETURNS(api->wait(set, -1, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[1]), WRITE);
    join_thread(thread);
    api->free(set);
    close_both(ends);
}

TEST_EACH(counts_pairs, const struct select_api *api, select_apis)
{
    int ends[2];
    make_socketpair(ends);
    write_byte(ends[0]);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], ALL));
    CHECK_OK(api->add(set, ends[1], ALL));
    CHECK_RETURNS(api->wait(set, -1, NULL), 3);
    CHECK_EQ_UINT(api->ready(set, ends[0]), WRITE);
    CHECK_EQ_UINT(api->ready(set, ends[1]), READ | WRITE);
    api->free(set);
    close_both(ends);
}

TEST_EACH(add_adds_and_remove_removes_classes, const struct select_api *api,
          select_apis)
{
    int ends[2];
    make_socketpair(ends);
    write_byte(ends[1]);
    void *set = api->create();
    CHECK_RETURNS(api->add(set, ends[0], READ), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    CHECK_RETURNS(api->add(set, ends[0], WRITE), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 2);
    CHECK_RETURNS(api->remove(set, ends[0], READ | EXCEPT), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[0]), WRITE);
    CHECK_RETURNS(api->remove(set, ends[0], WRITE), 0);
    CHECK_RETURNS(api->remove(set, ends[0], ALL), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
    CHECK_EQ_UINT(api->ready(set, ends[0]), 0);
    api->free(set);
    close_both(ends);
}

TEST_EACH(question_stands_between_waits, const struct select_api *api, select_apis)
{
    int ends[2];
    make_pipe(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], READ));
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
        CHECK_EQ_UINT(api->ready(set, ends[0]), 0);
        write_byte(ends[1]);
        CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
        CHECK_EQ_UINT(api->ready(set, ends[0]), READ);
        read_byte(ends[0]);
    }
    api->free(set);
    close_both(ends);
}

/* The answer is that of the last wait: a later question does not change it. */
TEST_EACH(answer_stands_when_the_question_grows, const struct select_api *api,
          select_apis)
{
    int ends[2];
    make_pipe(ends);
    CHECK_OK(close(ends[1]));
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], WRITE));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
    CHECK_OK(api->add(set, ends[0], READ));
    CHECK_EQ_UINT(api->ready(set, ends[0]), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[0]), READ);
    api->free(set);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(nothing_is_ready_after_an_error, const struct select_api *api, select_apis)
{
    int ends[2], closed = closed_fd();
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], WRITE));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    CHECK_OK(api->add(set, closed + 10, READ));
    CHECK_ERRNO(api->wait(set, 0, NULL), EBADF);
    CHECK_EQ_UINT(api->ready(set, ends[0]), 0);
    CHECK_EQ_UINT(api->ready(set, closed + 10), 0);
    CHECK_RETURNS(api->remove(set, closed + 10, READ), 0);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    api->free(set);
    close_both(ends);
}

TEST_EACH(closed_descriptor_is_an_error, const struct select_api *api, select_apis)
{
    static const unsigned classes[] = {READ, WRITE, EXCEPT, ALL};
    int closed = closed_fd();
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        void *set = api->create();
        CHECK_OK(api->add(set, closed, classes[i]));
        CHECK_ERRNO(api->wait(set, 0, NULL), EBADF);
        CHECK_ERRNO(api->wait(set, -1, NULL), EBADF);
        CHECK_ERRNO(api->wait(set, TOO_LONG, NULL), EBADF);
        api->free(set);
    }
}

/* EBADF wins over readiness and over a hang-up. */
TEST_EACH(closed_beside_others, const struct select_api *api, select_apis)
{
    int hung_up[2];
    make_pipe(hung_up);
    CHECK_OK(close(hung_up[1]));
    int closed = closed_fd();
    void *set = api->create();
    CHECK_OK(api->add(set, hung_up[0], WRITE));
    CHECK_OK(api->add(set, closed, READ));
    CHECK_ERRNO(api->wait(set, 0, NULL), EBADF);
    CHECK_ERRNO(api->wait(set, -1, NULL), EBADF);
    CHECK_OK(api->add(set, hung_up[0], READ));
    CHECK_ERRNO(api->wait(set, -1, NULL), EBADF);
    api->free(set);
    CHECK_OK(close(hung_up[0]));
}

TEST_EACH(clear_empties, const struct select_api *api, select_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], WRITE));
    CHECK_OK(api->add(set, ends[1], WRITE));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 2);
    api->clear(set);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
    CHECK_EQ_UINT(api->ready(set, ends[0]), 0);
    CHECK_OK(api->add(set, ends[1], WRITE));
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    CHECK_EQ_UINT(api->ready(set, ends[1]), WRITE);
    api->free(set);
    close_both(ends);
}

TEST_EACH(own_copy_after_fork, const struct select_api *api, select_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *set = api->create();
    CHECK_OK(api->add(set, ends[0], WRITE));
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ_INT(api->wait(set, -1, NULL), 1);
        api->clear(set);
        CHECK_EQ_INT(api->wait(set, 0, NULL), 0);
        api->free(set);
        _exit(0);
    }
    join_process(child);
    CHECK_EQ_INT(api->wait(set, 0, NULL), 1);
    api->free(set);
    close_both(ends);
}

TEST(closed_descriptor_of_any_number)
{
    static const int numbers[] = {100,     1023,    1024,        4096,
                                  1 << 20, INT_MAX, INT_MAX - 1, 1 << 30};
    int ends[2];
    make_socketpair(ends);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct pmx_select *set = pmx_select_create();
        CHECK_RETURNS(pmx_select_add(set, numbers[i], READ), 0);
        CHECK_RETURNS(pmx_select_add(set, ends[0], WRITE), 0);
        CHECK_ERRNO(pmx_select_wait(set, 0, NULL), EBADF);
        CHECK_ERRNO(pmx_select_wait(set, -1, NULL), EBADF);
        CHECK_EQ_UINT(pmx_select_ready(set, numbers[i]), 0);
        CHECK_RETURNS(pmx_select_remove(set, numbers[i], READ), 0);
        CHECK_RETURNS(pmx_select_wait(set, 0, NULL), 1);
        pmx_select_free(set);
    }
    close_both(ends);
}

TEST(arguments)
{
    struct pmx_select *set = pmx_select_create();
    CHECK(set);
    CHECK_ERRNO(pmx_select_add(set, -1, READ), EBADF);
    CHECK_ERRNO(pmx_select_add(set, INT_MIN, ALL), EBADF);
    CHECK_ERRNO(pmx_select_add(set, 0, 0), EINVAL);
    CHECK_ERRNO(pmx_select_add(set, 0, 8), EINVAL);
    CHECK_ERRNO(pmx_select_add(set, 0, ALL | 1u << 31), EINVAL);
    CHECK_ERRNO(pmx_select_remove(set, 0, 0), EINVAL);
    CHECK_ERRNO(pmx_select_remove(set, 0, READ | 16), EINVAL);
    CHECK_RETURNS(pmx_select_remove(set, -1, READ), 0);
    CHECK_RETURNS(pmx_select_remove(set, 7, READ), 0);
    CHECK_EQ_UINT(pmx_select_ready(set, -1), 0);
    CHECK_EQ_UINT(pmx_select_ready(set, INT_MAX), 0);
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), 0);
    pmx_select_free(set);
    pmx_select_free(NULL);
}

/* A failed change leaves what was there. */
TEST(refused_change_changes_nothing)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_select *set = pmx_select_create();
    CHECK_OK(pmx_select_add(set, ends[0], WRITE));
    CHECK_ERRNO(pmx_select_add(set, ends[0], READ | 8), EINVAL);
    CHECK_ERRNO(pmx_select_remove(set, ends[0], WRITE | 8), EINVAL);
    write_byte(ends[1]);
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), 1);
    CHECK_EQ_UINT(pmx_select_ready(set, ends[0]), WRITE);
    pmx_select_free(set);
    close_both(ends);
}
