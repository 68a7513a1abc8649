/*
 * What every wait of the library promises in the same words (api.h): time,
 * signals, errno, cancellation. Each test runs against each kind of wait, in
 * all the ways the library has of doing it, and against the system calls
 * themselves.
 */
#include "waiters.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* Sleeps on nothing that will happen; returns how long. */
static int64_t sleep_out(const struct waiter *waiter, int64_t timeout_ns)
{
    int ends[2];
    make_pipe(ends);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    int64_t start = now_ns();
    CHECK_RETURNS(waiter_wait(waiter, handle, timeout_ns, NULL), 0);
    int64_t slept = now_ns() - start;
    waiter_close(waiter, handle);
    close_both(ends);
    return slept;
}

TEST_EACH(never_wakes_early, const struct waiter *waiter, waiters)
{
    static const int64_t timeouts[] = {1,       999,        20 * US,       200 * US,
                                       1 * MS,  1001 * US,  1999999,       15 * MS,
                                       50 * MS, 50500 * US, 1 * S + 1 * US};
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
        CHECK_GE_INT(sleep_out(waiter, timeouts[i]), timeouts[i]);
}

/*
 * A wait rounded up to milliseconds takes at least one each time. A noisy
 * machine delays some waits, not all of a thousand.
 */
TEST_EACH(does_not_round_to_milliseconds, const struct waiter *waiter, waiters)
{
    int64_t shortest = INT64_MAX;
    for (int i = 0; i < 1000 && shortest >= 1 * MS; i++) {
        int64_t slept = sleep_out(waiter, 20 * US);
        shortest = slept < shortest ? slept : shortest;
    }
    CHECK(shortest < 1 * MS);
}

TEST_EACH(zero_returns_at_once, const struct waiter *waiter, waiters)
{
    CHECK(sleep_out(waiter, 0) < TOO_LONG);
}

TEST_EACH(ready_before_the_wait, const struct waiter *waiter, waiters)
{
    static const int64_t timeouts[] = {0, 1, TOO_LONG, -1};
    int ends[2];
    make_pipe(ends);
    write_byte(ends[1]);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
        CHECK_RETURNS(waiter_wait(waiter, handle, timeouts[i], NULL), 1);
    read_byte(ends[0]);
    CHECK_RETURNS(waiter_wait(waiter, handle, 0, NULL), 0);
    waiter_close(waiter, handle);
    close_both(ends);
}

static void wake_by_thread(const struct waiter *waiter, int64_t timeout_ns)
{
    int ends[2];
    struct nudge nudge;
    make_pipe(ends);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    nudge_start(&nudge, 0, ends[1]);
    CHECK_RETURNS(waiter_wait(waiter, handle, timeout_ns, NULL), 1);
    nudge_join(&nudge);
    waiter_close(waiter, handle);
    close_both(ends);
}

TEST_EACH(negative_waits_without_limit, const struct waiter *waiter, waiters)
{
    wake_by_thread(waiter, -1);
    wake_by_thread(waiter, -2 * S);
    wake_by_thread(waiter, INT64_MIN);
}

TEST_EACH(longest_timeout, const struct waiter *waiter, waiters)
{
    wake_by_thread(waiter, INT64_MAX);
    wake_by_thread(waiter, INT64_MAX - 1);
}

TEST_EACH(woken_within_the_time, const struct waiter *waiter, waiters)
{
    wake_by_thread(waiter, TOO_LONG);
}

TEST_EACH(woken_by_another_process, const struct waiter *waiter, waiters)
{
    int ends[2];
    make_pipe(ends);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    pid_t child = fork();
    if (child == 0) {
        await_sleep(getppid(), getppid());
        write_byte(ends[1]);
        _exit(0);
    }
    CHECK_RETURNS(waiter_wait(waiter, handle, -1, NULL), 1);
    join_process(child);
    waiter_close(waiter, handle);
    close_both(ends);
}

TEST_EACH(watching_nothing_sleeps, const struct waiter *waiter, waiters)
{
    void *handle = waiter_open(waiter);
    int64_t start = now_ns();
    CHECK_RETURNS(waiter_wait(waiter, handle, 20 * MS, NULL), 0);
    CHECK_GE_INT(now_ns() - start, 20 * MS);
    CHECK_RETURNS(waiter_wait(waiter, handle, 0, NULL), 0);
    waiter_close(waiter, handle);
}

static void interrupt(const struct waiter *waiter, int64_t timeout_ns, int flags)
{
    struct nudge nudge;
    int before = signals_counted();
    count_signal(SIGUSR1, flags);
    void *handle = waiter_open(waiter);
    nudge_start(&nudge, SIGUSR1, -1);
    CHECK_ERRNO(waiter_wait(waiter, handle, timeout_ns, NULL), EINTR);
    nudge_join(&nudge);
    CHECK_EQ_INT(signals_counted() - before, 1);
    CHECK_RETURNS(waiter_wait(waiter, handle, 0, NULL), 0);
    waiter_close(waiter, handle);
}

TEST_EACH(handler_interrupts, const struct waiter *waiter, waiters)
{
    interrupt(waiter, TOO_LONG, 0);
    interrupt(waiter, -1, 0);
}

TEST_EACH(handler_interrupts_despite_restart, const struct waiter *waiter, waiters)
{
    interrupt(waiter, TOO_LONG, SA_RESTART);
    interrupt(waiter, -1, SA_RESTART);
}

TEST_EACH(ignored_signal_does_not_interrupt, const struct waiter *waiter, waiters)
{
    int ends[2];
    struct nudge nudge;
    make_pipe(ends);
    signal(SIGUSR1, SIG_IGN);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    nudge_start(&nudge, SIGUSR1, ends[1]);
    CHECK_RETURNS(waiter_wait(waiter, handle, TOO_LONG, NULL), 1);
    nudge_join(&nudge);
    waiter_close(waiter, handle);
    close_both(ends);
}

/* Blocked outside, open inside: a pending signal comes during the wait. */
static void open_mask(const struct waiter *waiter, int64_t timeout_ns)
{
    int before = signals_counted();
    sigset_t open = mask_of(0);
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ_INT(signals_counted(), before);
    void *handle = waiter_open(waiter);
    CHECK_ERRNO(waiter_wait(waiter, handle, timeout_ns, &open), EINTR);
    CHECK_EQ_INT(signals_counted(), before + 1);
    CHECK(signal_is_blocked(SIGUSR1));
    waiter_close(waiter, handle);
}

TEST_EACH(open_mask_lets_a_pending_signal_in, const struct waiter *waiter, waiters)
{
    open_mask(waiter, TOO_LONG);
    open_mask(waiter, -1);
}

TEST_EACH(open_mask_lets_a_coming_signal_in, const struct waiter *waiter, waiters)
{
    struct nudge nudge;
    sigset_t open = mask_of(0);
    count_signal(SIGUSR1, SA_RESTART);
    block_signal(SIGUSR1);
    void *handle = waiter_open(waiter);
    nudge_start(&nudge, SIGUSR1, -1);
    CHECK_ERRNO(waiter_wait(waiter, handle, TOO_LONG, &open), EINTR);
    nudge_join(&nudge);
    CHECK_EQ_INT(signals_counted(), 1);
    CHECK(signal_is_blocked(SIGUSR1));
    waiter_close(waiter, handle);
}

/* Open outside, blocked inside: a signal during the wait comes after it. */
TEST_EACH(closed_mask_holds_a_signal_back, const struct waiter *waiter, waiters)
{
    int ends[2];
    struct nudge nudge;
    sigset_t blocking = mask_of(SIGUSR1);
    make_pipe(ends);
    count_signal(SIGUSR1, 0);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    nudge_start(&nudge, SIGUSR1, ends[1]);
    CHECK_RETURNS(waiter_wait(waiter, handle, TOO_LONG, &blocking), 1);
    nudge_join(&nudge);
    CHECK_EQ_INT(signals_counted(), 1);
    CHECK(!signal_is_blocked(SIGUSR1));
    waiter_close(waiter, handle);
    close_both(ends);
}

TEST_EACH(no_mask_leaves_the_mask_alone, const struct waiter *waiter, waiters)
{
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    void *handle = waiter_open(waiter);
    CHECK_RETURNS(waiter_wait(waiter, handle, 5 * MS, NULL), 0);
    CHECK_RETURNS(waiter_wait(waiter, handle, 0, NULL), 0);
    CHECK_EQ_INT(signals_counted(), 0);
    waiter_close(waiter, handle);
}

/* Ready descriptors are reported, not lost to a pending signal. */
TEST_EACH(ready_wins_over_a_pending_signal, const struct waiter *waiter, waiters)
{
    int ends[2];
    sigset_t open = mask_of(0);
    make_pipe(ends);
    write_byte(ends[1]);
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    raise(SIGUSR1);
    void *handle = waiter_open(waiter);
    waiter_watch(waiter, handle, ends[0]);
    CHECK_RETURNS(waiter_wait(waiter, handle, TOO_LONG, &open), 1);
    CHECK(signal_is_blocked(SIGUSR1));
    waiter_close(waiter, handle);
    close_both(ends);
}

struct sleeper {
    const struct waiter *waiter;
    void *handle;
    int64_t timeout_ns;
    _Atomic pid_t thread;
};

static void *wait_in_vain(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->thread = gettid();
    waiter_wait(sleeper->waiter, sleeper->handle, sleeper->timeout_ns, NULL);
    return NULL;
}

/* The handle stays reachable and is not used again, as api.h demands. */
static void cancel(const struct waiter *waiter, int64_t timeout_ns)
{
    static struct sleeper sleepers[2];
    struct sleeper *sleeper = &sleepers[timeout_ns < 0];
    *sleeper = (struct sleeper){waiter, waiter_open(waiter), timeout_ns, 0};
    pthread_t thread = start_thread(wait_in_vain, sleeper);
    while (!sleeper->thread)
        sched_yield();
    await_sleep(getpid(), sleeper->thread);
    CHECK_EQ_INT(pthread_cancel(thread), 0);
    CHECK_EQ_PTR(join_thread(thread), PTHREAD_CANCELED);
    waiter_abandon(waiter, sleeper->handle);
}

TEST_EACH(is_a_cancellation_point, const struct waiter *waiter, cancellable_waiters)
{
#if defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
    SKIP("gcc's AddressSanitizer aborts on the stack of a cancelled thread");
#endif
    cancel(waiter, -1);
    cancel(waiter, TOO_LONG);
}
