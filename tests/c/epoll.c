/*
 * epoll: what <polymux/epoll.h> promises, against the library, the library in
 * sandboxes that refuse epoll_pwait2(2), and the system calls.
 */
#include <polymux/epoll.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "epoll_api.h"
#include "support.h"

#define ADD EPOLL_CTL_ADD
#define MOD EPOLL_CTL_MOD
#define DEL EPOLL_CTL_DEL

/* The three ways in: without sleeping, with a limit, without one. */
static const int64_t ways[] = {0, TOO_LONG, -1};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* Waits until there is one event, which is this one. */
static void check_event(const struct epoll_api *api, void *epoll, int64_t timeout_ns,
                        uint32_t events, uint64_t data)
{
    struct epoll_event got[4];
    CHECK_RETURNS(api->wait(epoll, got, 4, timeout_ns, NULL), 1);
    CHECK_EQ_UINT(got[0].events, events);
    CHECK_EQ_UINT(got[0].data.u64, data);
}

static void check_no_event(const struct epoll_api *api, void *epoll)
{
    struct epoll_event got[4];
    CHECK_RETURNS(api->wait(epoll, got, 4, 0, NULL), 0);
    CHECK_RETURNS(api->wait(epoll, got, 4, 1 * MS, NULL), 0);
}

TEST_EACH(is_a_close_on_exec_epoll_descriptor, const struct epoll_api *api, epoll_apis)
{
    char path[64], target[64] = "";
    void *epoll = api->create();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", api->fd(epoll));
    CHECK_OK((int)readlink(path, target, sizeof(target) - 1));
    CHECK_EQ_STR(target, "anon_inode:[eventpoll]");
    CHECK_EQ_INT(fcntl(api->fd(epoll), F_GETFD), FD_CLOEXEC);
    int fd = api->fd(epoll);
    CHECK_RETURNS(api->close(epoll), 0);
    CHECK(!is_open(fd));
}

TEST_EACH(events_and_data_come_back, const struct epoll_api *api, epoll_apis)
{
    static const uint64_t data = UINT64_C(0xfedcba9876543210);
    int ends[2];
    make_socketpair(ends);
    void *epoll = api->create();
    CHECK_RETURNS(api->ctl(epoll, ADD, ends[0], EPOLLIN | EPOLLOUT, data), 0);
    for (size_t i = 0; i < WAYS; i++)
        check_event(api, epoll, ways[i], EPOLLOUT, data);
    write_byte(ends[1]);
    for (size_t i = 0; i < WAYS; i++)
        check_event(api, epoll, ways[i], EPOLLIN | EPOLLOUT, data);
    CHECK_OK(close(ends[1]));
    check_event(api, epoll, -1, EPOLLIN | EPOLLOUT | EPOLLHUP, data);
    CHECK_RETURNS(api->close(epoll), 0);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(modify_changes_events_and_data, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *epoll = api->create();
    CHECK_RETURNS(api->ctl(epoll, ADD, ends[0], EPOLLIN, 1), 0);
    check_no_event(api, epoll);
    CHECK_RETURNS(api->ctl(epoll, MOD, ends[0], EPOLLOUT, UINT64_MAX), 0);
    check_event(api, epoll, 0, EPOLLOUT, UINT64_MAX);
    CHECK_RETURNS(api->ctl(epoll, DEL, ends[0], 0, 0), 0);
    check_no_event(api, epoll);
    CHECK_OK(api->close(epoll));
    close_both(ends);
}

TEST_EACH(errors_of_changes, const struct epoll_api *api, epoll_apis)
{
    int ends[2], closed = closed_fd(), file = make_file();
    make_pipe(ends);
    void *epoll = api->create();
    int fd = api->fd(epoll);
    CHECK_OK(api->ctl(epoll, ADD, ends[0], EPOLLIN, 0));
    CHECK_ERRNO(api->ctl(epoll, ADD, ends[0], EPOLLIN, 0), EEXIST);
    CHECK_ERRNO(api->ctl(epoll, MOD, ends[1], EPOLLIN, 0), ENOENT);
    CHECK_ERRNO(api->ctl(epoll, DEL, ends[1], 0, 0), ENOENT);
    CHECK_ERRNO(api->ctl(epoll, ADD, file, EPOLLIN, 0), EPERM);
    CHECK_ERRNO(api->ctl(epoll, ADD, fd, EPOLLIN, 0), EINVAL);
    static const int operations[] = {ADD, MOD, DEL};
    for (size_t i = 0; i < 3; i++) {
        CHECK_ERRNO(api->ctl(epoll, operations[i], closed + 50, EPOLLIN, 0), EBADF);
        CHECK_ERRNO(api->ctl(epoll, operations[i], -1, EPOLLIN, 0), EBADF);
        CHECK_ERRNO(api->ctl(epoll, operations[i], INT_MAX, EPOLLIN, 0), EBADF);
    }
    CHECK_OK(api->close(epoll));
    CHECK_OK(close(file));
    close_both(ends);
}

TEST_EACH(misused_exclusive, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_pipe(ends);
    void *epoll = api->create(), *other = api->create();
    uint32_t exclusive = EPOLLIN | EPOLLEXCLUSIVE;
    CHECK_ERRNO(api->ctl(epoll, ADD, ends[0], exclusive | EPOLLONESHOT, 0), EINVAL);
    CHECK_ERRNO(api->ctl(epoll, ADD, api->fd(other), exclusive, 0), EINVAL);
    CHECK_RETURNS(api->ctl(epoll, ADD, ends[0], exclusive, 0), 0);
    CHECK_ERRNO(api->ctl(epoll, MOD, ends[0], EPOLLIN, 0), EINVAL);
    CHECK_OK(api->close(epoll));
    CHECK_OK(api->close(other));
    close_both(ends);
}

TEST_EACH(loops_are_refused, const struct epoll_api *api, epoll_apis)
{
    enum { DEPTH = 8 };
    void *chain[DEPTH];
    for (int i = 0; i < DEPTH; i++)
        chain[i] = api->create();
    int depth = 1, result = 0;
    for (; depth < DEPTH && result == 0; depth++)
        result = api->ctl(chain[depth], ADD, api->fd(chain[depth - 1]), EPOLLIN, 0);
    CHECK_EQ_INT(result, -1);
    CHECK_EQ_INT(errno, ELOOP);
    CHECK_GE_INT(depth, 4);
    CHECK_ERRNO(api->ctl(chain[0], ADD, api->fd(chain[1]), EPOLLIN, 0), ELOOP);
    for (int i = 0; i < DEPTH; i++)
        CHECK_OK(api->close(chain[i]));
}

TEST_EACH(one_shot_is_disarmed_until_modified, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *epoll = api->create();
    CHECK_OK(api->ctl(epoll, ADD, ends[0], EPOLLOUT | EPOLLONESHOT, 5));
    for (size_t i = 0; i < WAYS; i++) {
        check_event(api, epoll, ways[i], EPOLLOUT, 5);
        check_no_event(api, epoll);
        CHECK_ERRNO(api->ctl(epoll, ADD, ends[0], EPOLLOUT, 5), EEXIST);
        CHECK_RETURNS(api->ctl(epoll, MOD, ends[0], EPOLLOUT | EPOLLONESHOT, 5), 0);
    }
    CHECK_OK(api->close(epoll));
    close_both(ends);
}

TEST_EACH(edge_and_level, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_pipe(ends);
    void *edge = api->create(), *level = api->create();
    CHECK_OK(api->ctl(edge, ADD, ends[0], EPOLLIN | EPOLLET, 1));
    CHECK_OK(api->ctl(level, ADD, ends[0], EPOLLIN, 2));
    for (size_t i = 0; i < WAYS; i++) {
        write_byte(ends[1]);
        check_event(api, edge, ways[i], EPOLLIN, 1);
        check_no_event(api, edge);
        check_event(api, level, ways[i], EPOLLIN, 2);
        check_event(api, level, ways[i], EPOLLIN, 2);
    }
    CHECK_OK(api->close(edge));
    CHECK_OK(api->close(level));
    close_both(ends);
}

/* More events than asked for: none is lost, each comes in its turn. */
TEST_EACH(small_maxevents_takes_turns, const struct epoll_api *api, epoll_apis)
{
    enum { PIPES = 5 };
    int pipes[PIPES][2], seen[PIPES] = {0};
    void *epoll = api->create();
    for (unsigned i = 0; i < PIPES; i++) {
        make_pipe(pipes[i]);
        write_byte(pipes[i][1]);
        CHECK_OK(api->ctl(epoll, ADD, pipes[i][0], EPOLLIN, i));
    }
    for (int i = 0; i < PIPES; i++) {
        struct epoll_event got[2];
        CHECK_RETURNS(api->wait(epoll, got, 2, ways[i % WAYS], NULL), 2);
        seen[got[0].data.u64]++;
        seen[got[1].data.u64]++;
    }
    for (int i = 0; i < PIPES; i++) {
        CHECK_EQ_INT(seen[i], 2);
        close_both(pipes[i]);
    }
    CHECK_OK(api->close(epoll));
}

TEST_EACH(maxevents_out_of_range, const struct epoll_api *api, epoll_apis)
{
    if (under_valgrind())
        SKIP("valgrind takes maxevents for the size of the array");
    struct epoll_event got[1];
    void *epoll = api->create();
    for (size_t i = 0; i < WAYS; i++) {
        CHECK_ERRNO(api->wait(epoll, got, 0, ways[i], NULL), EINVAL);
        CHECK_ERRNO(api->wait(epoll, got, -1, ways[i], NULL), EINVAL);
        CHECK_ERRNO(api->wait(epoll, got, INT_MIN, ways[i], NULL), EINVAL);
        CHECK_ERRNO(api->wait(epoll, got, INT_MAX, ways[i], NULL), EINVAL);
    }
    CHECK_OK(api->close(epoll));
}

TEST_EACH(unwritable_memory, const struct epoll_api *api, epoll_apis)
{
    if (under_valgrind())
        SKIP("valgrind reports the bad pointer before the kernel does");
    int ends[2];
    make_socketpair(ends);
    struct epoll_event *memory =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    void *epoll = api->create();
    CHECK_OK(api->ctl(epoll, ADD, ends[0], EPOLLOUT, 0));
    for (size_t i = 0; i < WAYS; i++)
        CHECK_ERRNO(api->wait(epoll, memory, 1, ways[i], NULL), EFAULT);
    check_event(api, epoll, 0, EPOLLOUT, 0);
    CHECK_OK(api->close(epoll));
    CHECK_OK(munmap(memory, 4096));
    close_both(ends);
}

/* The descriptor that a handle owns goes away, or turns into another. */
TEST_EACH(closed_behind_the_handle, const struct epoll_api *api, epoll_apis)
{
    struct epoll_event got[1];
    void *epoll = api->create();
    CHECK_OK(close(api->fd(epoll)));
    for (size_t i = 0; i < WAYS; i++)
        CHECK_ERRNO(api->wait(epoll, got, 1, ways[i], NULL), EBADF);
    CHECK_ERRNO(api->ctl(epoll, ADD, 0, EPOLLIN, 0), EBADF);
    CHECK_ERRNO(api->close(epoll), EBADF);
}

TEST_EACH(number_reused_behind_the_handle, const struct epoll_api *api, epoll_apis)
{
    struct epoll_event got[1];
    int ends[2];
    make_pipe(ends);
    void *epoll = api->create();
    CHECK_OK(dup2(ends[0], api->fd(epoll)));
    for (size_t i = 0; i < WAYS; i++)
        CHECK_ERRNO(api->wait(epoll, got, 1, ways[i], NULL), EINVAL);
    CHECK_ERRNO(api->ctl(epoll, ADD, ends[1], EPOLLOUT, 0), EINVAL);
    CHECK_RETURNS(api->close(epoll), 0);
    close_both(ends);
}

TEST_EACH(closing_removes_unless_a_copy_lives, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *epoll = api->create();
    CHECK_OK(api->ctl(epoll, ADD, ends[0], EPOLLOUT, 3));
    int copy = CHECK_OK(dup(ends[0]));
    CHECK_OK(close(ends[0]));
    check_event(api, epoll, -1, EPOLLOUT, 3);
    CHECK_ERRNO(api->ctl(epoll, DEL, ends[0], 0, 0), EBADF);
    CHECK_OK(close(copy));
    check_no_event(api, epoll);
    CHECK_OK(api->close(epoll));
    CHECK_OK(close(ends[1]));
}

TEST_EACH(nests_in_poll_and_epoll, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_pipe(ends);
    void *inner = api->create(), *outer = api->create();
    struct pollfd poll_inner = {.fd = api->fd(inner), .events = POLLIN};
    CHECK_OK(api->ctl(inner, ADD, ends[0], EPOLLIN, 1));
    CHECK_OK(api->ctl(outer, ADD, api->fd(inner), EPOLLIN, 2));
    CHECK_EQ_INT(poll(&poll_inner, 1, 0), 0);
    check_no_event(api, outer);
    write_byte(ends[1]);
    CHECK_EQ_INT(poll(&poll_inner, 1, -1), 1);
    CHECK_EQ_INT(poll_inner.revents, POLLIN);
    for (size_t i = 0; i < WAYS; i++)
        check_event(api, outer, ways[i], EPOLLIN, 2);
    check_event(api, inner, -1, EPOLLIN, 1);
    read_byte(ends[0]);
    check_no_event(api, outer);
    CHECK_OK(api->close(outer));
    CHECK_OK(api->close(inner));
    close_both(ends);
}

/* Parent and child share one interest list. */
TEST_EACH(child_changes_the_parents_list, const struct epoll_api *api, epoll_apis)
{
    int ends[2];
    make_socketpair(ends);
    void *epoll = api->create();
    CHECK_OK(api->ctl(epoll, ADD, ends[0], EPOLLOUT, 4));
    pid_t child = fork();
    if (child == 0) {
        check_event(api, epoll, TOO_LONG, EPOLLOUT, 4);
        CHECK_OK(api->ctl(epoll, MOD, ends[0], EPOLLOUT, 6));
        CHECK_OK(api->close(epoll));
        _exit(0);
    }
    join_process(child);
    check_event(api, epoll, TOO_LONG, EPOLLOUT, 6);
    CHECK_OK(api->close(epoll));
    close_both(ends);
}

TEST(from_fd_takes_the_descriptor_over)
{
    int ends[2];
    struct epoll_event got[1];
    make_socketpair(ends);
    int fd = CHECK_OK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = 9};
    CHECK_OK(epoll_ctl(fd, ADD, ends[0], &event));
    struct pmx_epoll *epoll = pmx_epoll_from_fd(fd);
    CHECK(epoll);
    CHECK_RETURNS(pmx_epoll_fd(epoll), fd);
    CHECK_RETURNS(pmx_epoll_wait(epoll, got, 1, -1, NULL), 1);
    CHECK_EQ_UINT(got[0].data.u32, 9);
    CHECK_RETURNS(pmx_epoll_close(epoll), 0);
    CHECK(!is_open(fd));
    close_both(ends);
}

TEST(from_fd_of_something_else)
{
    int ends[2];
    struct epoll_event got[1] = {{0}};
    make_pipe(ends);
    CHECK_NULL_ERRNO(pmx_epoll_from_fd(-1), EBADF);
    CHECK_NULL_ERRNO(pmx_epoll_from_fd(INT_MIN), EBADF);
    struct pmx_epoll *epoll = pmx_epoll_from_fd(make_file());
    CHECK(epoll);
    CHECK_ERRNO(pmx_epoll_wait(epoll, got, 1, -1, NULL), EINVAL);
    CHECK_ERRNO(pmx_epoll_wait(epoll, got, 1, 0, NULL), EINVAL);
    CHECK_ERRNO(pmx_epoll_wait(epoll, got, 1, 1 * MS, NULL), EINVAL);
    CHECK_ERRNO(pmx_epoll_register(epoll, ends[0], EPOLLIN, got[0].data), EINVAL);
    CHECK_RETURNS(pmx_epoll_close(epoll), 0);
    close_both(ends);
}

TEST(close_accepts_null)
{
    CHECK_RETURNS(pmx_epoll_close(NULL), 0);
}

TEST(create_without_a_free_descriptor)
{
    int highest = make_file();
    limit_descriptors((size_t)highest + 1);
    CHECK_NULL_ERRNO(pmx_epoll_create(), EMFILE);
    CHECK_OK(close(highest));
    struct pmx_epoll *epoll = pmx_epoll_create();
    CHECK(epoll);
    CHECK_OK(pmx_epoll_close(epoll));
}
