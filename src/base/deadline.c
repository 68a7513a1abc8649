/* Time limits, on the monotonic clock: see deadline.h. */
#include "deadline.h"

#define NS_PER_S 1000000000

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t pmx__deadline_in(int64_t timeout_ns)
{
    if (timeout_ns < 0)
        return PMX__NEVER;
    int64_t deadline;
    if (__builtin_add_overflow(now_ns(), timeout_ns, &deadline))
        return PMX__NEVER;
    return deadline;
}

int64_t pmx__deadline_left(int64_t deadline)
{
    if (deadline == PMX__NEVER)
        return -1;
    int64_t left = deadline - now_ns();
    return left > 0 ? left : 0;
}

struct timespec *pmx__timeout_timespec(int64_t timeout_ns, struct timespec *ts)
{
    if (timeout_ns < 0)
        return NULL;
    ts->tv_sec = timeout_ns / NS_PER_S;
    ts->tv_nsec = timeout_ns % NS_PER_S;
    return ts;
}
