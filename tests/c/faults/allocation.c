/*
 * Every allocation of the library fails once, the first, the second, and so
 * on until the operation succeeds: -1 and ENOMEM, nothing half done, nothing
 * lost, and everything works afterwards.
 */
#include <polymux/polymux.h>

#include <unistd.h>

#include "../support.h"
#include "fault.h"

/* An operation and what must be true when it has failed. */
struct operation {
    int (*attempt)(void *state); /* -1 and errno on error */
    void (*check_unchanged)(void *state);
    void *state;
};

/* Returns how many allocations the operation made. */
static int fail_until_success(const struct operation *operation)
{
    for (int nth = 1;; nth++) {
        long live_before = fault_live_blocks();
        fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
        int result = operation->attempt(operation->state);
        int error = errno;
        if (!fault_disarm()) {
            CHECK_GE_INT(result, 0);
            return nth - 1;
        }
        CHECK_EQ_INT(result, -1);
        CHECK_EQ_INT(error, ENOMEM);
        CHECK_GE_INT(live_before + 1, fault_live_blocks());
        operation->check_unchanged(operation->state);
    }
}

static void nothing_to_check(void *state)
{
    (void)state;
}

static int create_and_free_select(void *state)
{
    struct pmx_select *set = pmx_select_create();
    (void)state;
    pmx_select_free(set);
    return set ? 0 : -1;
}

static int create_and_free_poll(void *state)
{
    struct pmx_poll *set = pmx_poll_create();
    (void)state;
    pmx_poll_free(set);
    return set ? 0 : -1;
}

static int create_and_close_epoll(void *state)
{
    struct pmx_epoll *epoll = pmx_epoll_create();
    (void)state;
    return epoll ? pmx_epoll_close(epoll) : -1;
}

/* The harness sees a descriptor that a failed constructor has left open. */
TEST(constructors)
{
    static int (*const constructors[])(void *) = {
        create_and_free_select, create_and_free_poll, create_and_close_epoll};
    long live_before = fault_live_blocks();
    for (size_t i = 0; i < sizeof(constructors) / sizeof(constructors[0]); i++) {
        const struct operation create = {constructors[i], nothing_to_check, NULL};
        CHECK_GE_INT(fail_until_success(&create), 1);
        CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
}

TEST(epoll_from_fd_leaves_the_descriptor)
{
    struct pmx_epoll *epoll = pmx_epoll_create();
    CHECK(epoll);
    int fd = CHECK_OK(dup(pmx_epoll_fd(epoll)));
    fault_arm(FAULT_ALLOCATION, 1, ENOMEM);
    CHECK_NULL_ERRNO(pmx_epoll_from_fd(fd), ENOMEM);
    CHECK(fault_disarm());
    CHECK(is_open(fd));
    CHECK_OK(close(fd));
    CHECK_OK(pmx_epoll_close(epoll));
}

enum { CROWD = 300 };

/* A set that grows; descriptors are copies of a writable one. */
struct growth {
    void *set;
    int fds[CROWD];
    int count;
    int ends[2];
};

static void growth_open(struct growth *growth, void *set)
{
    growth->set = set;
    growth->count = 0;
    CHECK(set);
    make_socketpair(growth->ends);
    for (int i = 0; i < CROWD; i++)
        growth->fds[i] = CHECK_OK(dup(growth->ends[0]));
}

static void growth_close(struct growth *growth)
{
    close_both(growth->ends);
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(close(growth->fds[i]));
}

static int select_add_next(void *state)
{
    struct growth *growth = state;
    return pmx_select_add(growth->set, growth->fds[growth->count], PMX_SELECT_WRITE);
}

static void check_select(void *state)
{
    struct growth *growth = state;
    CHECK_RETURNS(pmx_select_wait(growth->set, 0, NULL), growth->count);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ_UINT(pmx_select_ready(growth->set, growth->fds[i]),
                      i < growth->count ? PMX_SELECT_WRITE : 0);
}

TEST(select_add)
{
    struct growth growth;
    const struct operation add = {select_add_next, check_select, &growth};
    int allocations = 0;
    long live_before = fault_live_blocks();
    growth_open(&growth, pmx_select_create());
    for (; growth.count < CROWD; growth.count++)
        allocations += fail_until_success(&add);
    CHECK_GE_INT(allocations, 4);
    check_select(&growth);
    pmx_select_free(growth.set);
    CHECK_EQ_INT(fault_live_blocks(), live_before);
    growth_close(&growth);
}

static int poll_register_next(void *state)
{
    struct growth *growth = state;
    return pmx_poll_register(growth->set, growth->fds[growth->count], POLLOUT);
}

static void check_poll(void *state)
{
    struct growth *growth = state;
    const struct pollfd *at = NULL;
    CHECK_EQ_UINT(pmx_poll_count(growth->set), growth->count);
    CHECK_RETURNS(pmx_poll_wait(growth->set, 0, NULL), growth->count);
    for (int i = 0; i < growth->count; i++) {
        at = pmx_poll_next(growth->set, at);
        CHECK(at && at->fd == growth->fds[i] && at->revents == POLLOUT);
    }
    CHECK_EQ_PTR(pmx_poll_next(growth->set, at), NULL);
}

TEST(poll_register)
{
    struct growth growth;
    const struct operation add = {poll_register_next, check_poll, &growth};
    int allocations = 0;
    long live_before = fault_live_blocks();
    growth_open(&growth, pmx_poll_create());
    for (; growth.count < CROWD; growth.count++)
        allocations += fail_until_success(&add);
    CHECK_GE_INT(allocations, 4);
    check_poll(&growth);
    pmx_poll_free(growth.set);
    CHECK_EQ_INT(fault_live_blocks(), live_before);
    growth_close(&growth);
}

static int poll_wait_once(void *state)
{
    return pmx_poll_wait(((struct growth *)state)->set, 0, NULL);
}

/* Not even the answer of the wait before is left. */
static void check_no_answer(void *state)
{
    CHECK_EQ_PTR(pmx_poll_next(((struct growth *)state)->set, NULL), NULL);
    CHECK_EQ_UINT(pmx_poll_count(((struct growth *)state)->set),
                  ((struct growth *)state)->count);
}

TEST(poll_wait)
{
    struct growth growth;
    const struct operation wait = {poll_wait_once, check_no_answer, &growth};
    int allocations = 0;
    growth_open(&growth, pmx_poll_create());
    while (growth.count < CROWD) {
        CHECK_OK(poll_register_next(&growth));
        growth.count++;
        allocations += fail_until_success(&wait);
        check_poll(&growth);
    }
    CHECK_GE_INT(allocations, 2);
    pmx_poll_free(growth.set);
    growth_close(&growth);
}

/* A hang-up beside a descriptor that was ready at the wait before. */
struct hung_up {
    struct pmx_select *set;
    int idle[2];
};

static int select_wait_once(void *state)
{
    return pmx_select_wait(((struct hung_up *)state)->set, 1 * MS, NULL);
}

static void check_nothing_ready(void *state)
{
    struct hung_up *hung_up = state;
    CHECK_EQ_UINT(pmx_select_ready(hung_up->set, hung_up->idle[0]), 0);
}

TEST(select_wait)
{
    int ends[2];
    struct hung_up hung_up = {.set = pmx_select_create()};
    const struct operation wait = {select_wait_once, check_nothing_ready, &hung_up};
    make_pipe(ends);
    CHECK_OK(close(ends[1]));
    make_pipe(hung_up.idle);
    write_byte(hung_up.idle[1]);
    CHECK_OK(pmx_select_add(hung_up.set, hung_up.idle[0], PMX_SELECT_READ));
    CHECK_OK(pmx_select_add(hung_up.set, ends[0], PMX_SELECT_WRITE));
    CHECK_RETURNS(pmx_select_wait(hung_up.set, 0, NULL), 1);
    read_byte(hung_up.idle[0]);
    CHECK_GE_INT(fail_until_success(&wait), 1);
    write_byte(hung_up.idle[1]);
    CHECK_RETURNS(pmx_select_wait(hung_up.set, -1, NULL), 1);
    pmx_select_free(hung_up.set);
    close_both(hung_up.idle);
    CHECK_OK(close(ends[0]));
}
