/*
 * epoll_wait with nanosecond timeouts. Stands on epoll_pwait2(2) of Linux
 * 5.11; where that is missing (ENOSYS) or a sandbox refuses it (EPERM), on
 * ppoll(2) of the epoll descriptor, which has the same resolution.
 */
#include "epoll_wait.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "deadline.h"
#include "result.h"

/* One number on every architecture; older headers do not have it. */
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static atomic_bool pwait2_refused;

/* syscall(2) is no cancellation point: it is made one as libc makes its own,
 * by asynchronous cancellation around the one system call. */
static int wait_pwait2(int fd, struct epoll_event *events, int maxevents,
                       int64_t timeout_ns, const sigset_t *sigmask)
{
    struct timespec ts;
    const struct timespec *timeout = pmx__timeout_timespec(timeout_ns, &ts);
    int before;
    /* NOLINTNEXTLINE(cert-pos47-c): one system call, nothing is held */
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    long count = syscall(SYS_epoll_pwait2, fd, events, maxevents, timeout, sigmask,
                         (size_t)_NSIG / 8);
    int result = pmx__syscall((int)count);
    pthread_setcanceltype(before, NULL);
    return result;
}

/* An event that ppoll saw may be gone, to another thread: then sleep on. */
static int wait_ppoll(int fd, struct epoll_event *events, int maxevents,
                      int64_t timeout_ns, const sigset_t *sigmask)
{
    int64_t deadline = pmx__deadline_in(timeout_ns);
    for (;;) {
        int count = pmx__syscall(epoll_wait(fd, events, maxevents, 0));
        if (count != 0)
            return count;
        struct pollfd epoll = {.fd = fd, .events = POLLIN};
        struct timespec ts;
        int64_t left = pmx__deadline_left(deadline);
        int ready =
            pmx__syscall(ppoll(&epoll, 1, pmx__timeout_timespec(left, &ts), sigmask));
        if (ready <= 0)
            return ready;
    }
}

/* Not inlined: a thread that is cancelled in a wait without limit leaves nothing
 * of this on the stack, where an address sanitizer would stumble over it. */
__attribute__((noinline)) static int wait_limited(int fd, struct epoll_event *events,
                                                  int maxevents, int64_t timeout_ns,
                                                  const sigset_t *sigmask)
{
    if (!atomic_load_explicit(&pwait2_refused, memory_order_relaxed)) {
        int count = wait_pwait2(fd, events, maxevents, timeout_ns, sigmask);
        if (count != -ENOSYS && count != -EPERM)
            return count;
        atomic_store_explicit(&pwait2_refused, true, memory_order_relaxed);
    }
    return wait_ppoll(fd, events, maxevents, timeout_ns, sigmask);
}

int pmx__epoll_wait(int fd, struct epoll_event *events, int maxevents,
                    int64_t timeout_ns, const sigset_t *sigmask)
{
    if (timeout_ns > 0)
        return wait_limited(fd, events, maxevents, timeout_ns, sigmask);
    int forever_or_not = timeout_ns < 0 ? -1 : 0;
    return pmx__syscall(epoll_pwait(fd, events, maxevents, forever_or_not, sigmask));
}

int pmx__epoll_look(int fd, struct epoll_event *events, int maxevents,
                    const sigset_t *sigmask)
{
    long count =
        syscall(SYS_epoll_pwait, fd, events, maxevents, 0, sigmask, (size_t)_NSIG / 8);
    return pmx__syscall((int)count);
}
