/* Waiting, with signals and the GIL: see wait.h. */
#include "wait.h"

#include <errno.h>
#include <time.h>

#include "timeout.h"

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t deadline_in(int64_t timeout_ns)
{
    int64_t deadline;
    if (timeout_ns < 0 || __builtin_add_overflow(now_ns(), timeout_ns, &deadline))
        return INT64_MAX;
    return deadline;
}

/* Nanoseconds to sleep: -1 without limit, 0 when the time is over. */
static int64_t time_left(int64_t deadline)
{
    if (deadline == INT64_MAX)
        return -1;
    int64_t left = deadline - now_ns();
    return left > 0 ? left : 0;
}

/* After a failed wait: 0 if it may go on, -1 with an exception. */
static int handle_error(void)
{
    if (errno == EINTR)
        return PyErr_CheckSignals();
    (void)raise_errno();
    return -1;
}

static int sleep_for_events(wait_function wait, void *waiter, int64_t timeout_ns)
{
    int64_t deadline = deadline_in(timeout_ns);
    do {
        int count;
        Py_BEGIN_ALLOW_THREADS
        count = wait(waiter, timeout_ns);
        Py_END_ALLOW_THREADS
        if (count >= 0)
            return count;
        if (handle_error() < 0)
            return -1;
        timeout_ns = time_left(deadline);
    } while (timeout_ns != 0);
    return 0;
}

int wait_for_events(wait_function wait, void *waiter, int64_t timeout_ns,
                    bool long_scan)
{
    if (!long_scan) {
        int count = wait(waiter, 0);
        if (count > 0)
            return count;
        if (count < 0 && handle_error() < 0)
            return -1;
        if (timeout_ns == 0)
            return 0;
    }
    return sleep_for_events(wait, waiter, timeout_ns);
}
