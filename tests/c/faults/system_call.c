/*
 * System calls of the library that fail with every errno that their manual
 * pages know: it comes out, or the library has another way.
 */
#include <polymux/polymux.h>

#include <unistd.h>

#include "../support.h"
#include "fault.h"

/* Evaluates call with the first call of site failing, and expects errno. */
#define CHECK_PASSES_ON(site, error, call) \
    do {                                   \
        fault_arm(site, 1, error);         \
        CHECK_ERRNO(call, error);          \
        CHECK(fault_disarm());             \
    } while (0)

/* Some errno values that have nothing to do with each other. */
static const int errors[] = {EINTR, ENOMEM, EIO};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

TEST(poll_wait)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_poll *set = pmx_poll_create();
    CHECK_OK(pmx_poll_register(set, ends[0], POLLOUT));
    for (size_t i = 0; i < ERRORS; i++) {
        CHECK_RETURNS(pmx_poll_wait(set, -1, NULL), 1);
        CHECK_PASSES_ON(FAULT_PPOLL, errors[i], pmx_poll_wait(set, -1, NULL));
        CHECK_EQ_PTR(pmx_poll_next(set, NULL), NULL);
    }
    CHECK_PASSES_ON(FAULT_PPOLL, EINVAL, pmx_poll_wait(set, -1, NULL));
    CHECK_RETURNS(pmx_poll_wait(set, -1, NULL), 1);
    pmx_poll_free(set);
    close_both(ends);
}

TEST(select_wait_in_poll)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_select *set = pmx_select_create();
    CHECK_OK(pmx_select_add(set, ends[0], PMX_SELECT_WRITE));
    for (size_t i = 0; i < ERRORS; i++) {
        CHECK_RETURNS(pmx_select_wait(set, -1, NULL), 1);
        CHECK_PASSES_ON(FAULT_PPOLL, errors[i], pmx_select_wait(set, -1, NULL));
        CHECK_EQ_UINT(pmx_select_ready(set, ends[0]), 0);
    }
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), 1);
    pmx_select_free(set);
    close_both(ends);
}

/* EINVAL is how poll refuses many descriptors: not the caller's business. */
TEST(select_survives_refusal_of_poll)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_select *set = pmx_select_create();
    CHECK_OK(pmx_select_add(set, ends[0], PMX_SELECT_WRITE | PMX_SELECT_READ));
    fault_arm(FAULT_PPOLL, 1, EINVAL);
    CHECK_RETURNS(pmx_select_wait(set, TOO_LONG, NULL), 1);
    CHECK(fault_disarm());
    CHECK_EQ_UINT(pmx_select_ready(set, ends[0]), PMX_SELECT_WRITE);
    pmx_select_free(set);
    close_both(ends);
}

TEST(select_wait_in_select)
{
    int hung_up[2];
    make_pipe(hung_up);
    CHECK_OK(close(hung_up[1]));
    struct pmx_select *set = pmx_select_create();
    CHECK_OK(pmx_select_add(set, hung_up[0], PMX_SELECT_WRITE));
    long live_before = fault_live_blocks();
    for (size_t i = 0; i < ERRORS; i++)
        CHECK_PASSES_ON(FAULT_PSELECT, errors[i], pmx_select_wait(set, -1, NULL));
    CHECK_PASSES_ON(FAULT_PSELECT, EBADF, pmx_select_wait(set, -1, NULL));
    CHECK_EQ_INT(fault_live_blocks(), live_before);
    CHECK_EQ_UINT(pmx_select_ready(set, hung_up[0]), 0);
    CHECK_RETURNS(pmx_select_wait(set, 1 * MS, NULL), 0);
    pmx_select_free(set);
    CHECK_OK(close(hung_up[0]));
}

TEST(epoll_create)
{
    static const int reasons[] = {EMFILE, ENFILE, ENOMEM};
    long live_before = fault_live_blocks();
    for (size_t i = 0; i < 3; i++) {
        fault_arm(FAULT_EPOLL_CREATE1, 1, reasons[i]);
        CHECK_NULL_ERRNO(pmx_epoll_create(), reasons[i]);
        CHECK(fault_disarm());
    }
    CHECK_EQ_INT(fault_live_blocks(), live_before);
}

TEST(epoll_changes)
{
    static const int reasons[] = {ENOSPC, ENOMEM, ELOOP, EPERM};
    int ends[2];
    epoll_data_t data = {.u64 = 0};
    make_pipe(ends);
    struct pmx_epoll *epoll = pmx_epoll_create();
    for (size_t i = 0; i < 4; i++) {
        CHECK_PASSES_ON(FAULT_EPOLL_CTL, reasons[i],
                        pmx_epoll_register(epoll, ends[0], EPOLLIN, data));
        CHECK_OK(pmx_epoll_register(epoll, ends[0], EPOLLIN, data));
        CHECK_PASSES_ON(FAULT_EPOLL_CTL, reasons[i],
                        pmx_epoll_modify(epoll, ends[0], EPOLLIN, data));
        CHECK_PASSES_ON(FAULT_EPOLL_CTL, reasons[i],
                        pmx_epoll_unregister(epoll, ends[0]));
        CHECK_OK(pmx_epoll_unregister(epoll, ends[0]));
    }
    CHECK_OK(pmx_epoll_close(epoll));
    close_both(ends);
}

TEST(epoll_wait_any_way)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = pmx_epoll_create();
    for (size_t i = 0; i < ERRORS; i++) {
        int error = errors[i];
        CHECK_PASSES_ON(FAULT_EPOLL_PWAIT, error,
                        pmx_epoll_wait(epoll, &event, 1, 0, NULL));
        CHECK_PASSES_ON(FAULT_EPOLL_PWAIT, error,
                        pmx_epoll_wait(epoll, &event, 1, -1, NULL));
        CHECK_PASSES_ON(FAULT_EPOLL_PWAIT2, error,
                        pmx_epoll_wait(epoll, &event, 1, 1 * MS, NULL));
    }
    CHECK_OK(pmx_epoll_close(epoll));
}

/* The handle is gone though close has failed; the harness counts descriptors. */
TEST(epoll_close)
{
    for (size_t i = 0; i < ERRORS; i++) {
        long live_before = fault_live_blocks();
        struct pmx_epoll *epoll = pmx_epoll_create();
        CHECK(epoll);
        CHECK_PASSES_ON(FAULT_CLOSE, errors[i], pmx_epoll_close(epoll));
        CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
}

/* From here on the library waits without epoll_pwait2. */
static struct pmx_epoll *epoll_without_pwait2(int reason)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = pmx_epoll_create();
    CHECK(epoll);
    fault_arm(FAULT_EPOLL_PWAIT2, 1, reason);
    CHECK_RETURNS(pmx_epoll_wait(epoll, &event, 1, 1, NULL), 0);
    CHECK(fault_disarm());
    CHECK_EQ_INT(fault_calls(FAULT_PPOLL), 1);
    return epoll;
}

static void remembers_refusal(int reason)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = epoll_without_pwait2(reason);
    CHECK_RETURNS(pmx_epoll_wait(epoll, &event, 1, 1, NULL), 0);
    CHECK_EQ_INT(fault_calls(FAULT_EPOLL_PWAIT2), 1);
    CHECK_EQ_INT(fault_calls(FAULT_PPOLL), 2);
    CHECK_OK(pmx_epoll_close(epoll));
}

TEST(missing_pwait2_is_asked_once)
{
    remembers_refusal(ENOSYS);
}

TEST(forbidden_pwait2_is_asked_once)
{
    remembers_refusal(EPERM);
}

TEST(errors_without_pwait2)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = epoll_without_pwait2(ENOSYS);
    for (size_t i = 0; i < ERRORS; i++) {
        int error = errors[i];
        CHECK_PASSES_ON(FAULT_PPOLL, error,
                        pmx_epoll_wait(epoll, &event, 1, TOO_LONG, NULL));
        CHECK_PASSES_ON(FAULT_EPOLL_WAIT, error,
                        pmx_epoll_wait(epoll, &event, 1, TOO_LONG, NULL));
    }
    CHECK_OK(pmx_epoll_close(epoll));
}

/*
 * An event that poll has seen and another thread has taken: the first ppoll
 * finds a byte, which is gone when it returns; the second one may find one.
 */
static struct {
    int pipe[2];
    bool another;
    int64_t timeouts_ns[3]; /* of the calls, from 1 */
} thief;

static void steal(int call, bool before, const struct timespec *timeout)
{
    CHECK(call <= 2);
    thief.timeouts_ns[call] = timeout->tv_sec * S + timeout->tv_nsec;
    if (call == 1 && before)
        write_byte(thief.pipe[1]);
    if (call == 1 && !before)
        read_byte(thief.pipe[0]);
    if (call == 2 && before && thief.another)
        write_byte(thief.pipe[1]);
}

static int wait_with_thief(bool another, int64_t timeout_ns)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = epoll_without_pwait2(ENOSYS);
    make_pipe(thief.pipe);
    thief.another = another;
    CHECK_OK(pmx_epoll_register(epoll, thief.pipe[0], EPOLLIN, (epoll_data_t){0}));
    fault_arm(FAULT_NONE, 0, 0);
    fault_around_ppoll(steal);
    int64_t start = now_ns();
    int count = CHECK_OK(pmx_epoll_wait(epoll, &event, 1, timeout_ns, NULL));
    CHECK(count == 1 || now_ns() - start >= timeout_ns);
    CHECK_EQ_INT(fault_calls(FAULT_PPOLL), 2);
    CHECK(thief.timeouts_ns[2] < thief.timeouts_ns[1]);
    fault_around_ppoll(NULL);
    CHECK_OK(pmx_epoll_close(epoll));
    close_both(thief.pipe);
    return count;
}

TEST(stolen_event_is_not_the_end)
{
    CHECK_EQ_INT(wait_with_thief(true, TOO_LONG), 1);
}

TEST(stolen_event_does_not_change_the_time)
{
    CHECK_EQ_INT(wait_with_thief(false, 30 * MS), 0);
}

/* A constructor that fails half-way: what it undoes does not hide why. */
TEST(first_error_is_told)
{
    fault_arm(FAULT_ALLOCATION, 1, ENOMEM);
    fault_smear_errno(EDOM);
    CHECK_NULL_ERRNO(pmx_epoll_create(), ENOMEM);
    CHECK(fault_disarm());
}
