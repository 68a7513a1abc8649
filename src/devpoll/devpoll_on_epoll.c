/*
 * /dev/poll, on the kernel's epoll(7).
 *
 * interest.c knows what is watched. Here are the handle, its lock and process,
 * and time: a sleep is one ppoll(2) of the epoll set, which takes nothing out of
 * it, and whatever looks or changes holds the lock.
 */
#include <polymux/devpoll.h>

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "../base/result.h"
#include "interest.h"

struct pmx_devpoll {
    pid_t owner; /* the process that may use the handle */
    pthread_mutex_t lock;
    struct pmx__interest interest;
};

struct pmx_devpoll *pmx_devpoll_create(void)
{
    struct pmx_devpoll *devpoll = calloc(1, sizeof(*devpoll));
    if (!devpoll)
        return NULL;
    int saved = errno;
    int result = pmx__interest_open(&devpoll->interest);
    if (result < 0) {
        free(devpoll);
        devpoll = NULL;
    } else {
        devpoll->owner = getpid();
        pthread_mutex_init(&devpoll->lock, NULL);
    }
    (void)pmx__result(result, saved);
    return devpoll;
}

int pmx_devpoll_fd(const struct pmx_devpoll *devpoll)
{
    return devpoll->interest.epoll;
}

static bool is_ours(const struct pmx_devpoll *devpoll)
{
    return devpoll->owner == getpid();
}

/* Takes the lock, which in a child of fork might be held by nobody for ever. */
static int enter(struct pmx_devpoll *devpoll)
{
    if (!is_ours(devpoll))
        return -EACCES;
    pthread_mutex_lock(&devpoll->lock);
    return 0;
}

static void leave(struct pmx_devpoll *devpoll)
{
    pthread_mutex_unlock(&devpoll->lock);
}

static int check(struct pmx_devpoll *devpoll)
{
    if (enter(devpoll) < 0)
        return pmx__interest_check(&devpoll->interest, false);
    int result = pmx__interest_check(&devpoll->interest, true);
    leave(devpoll);
    return result;
}

int pmx_devpoll_check(struct pmx_devpoll *devpoll)
{
    int saved = errno;
    return pmx__result(check(devpoll), saved);
}

int pmx_devpoll_close(struct pmx_devpoll *devpoll)
{
    if (!devpoll)
        return 0;
    int saved = errno;
    int result = pmx__interest_close(&devpoll->interest, is_ours(devpoll));
    pthread_mutex_destroy(&devpoll->lock);
    free(devpoll);
    return pmx__result(result, saved);
}

/* kept: which bits of the mask the descriptor has stay in it. */
static int watch_descriptor(struct pmx_devpoll *devpoll, int fd, short events,
                            short kept)
{
    int result = enter(devpoll);
    if (result < 0)
        return result;
    result = pmx__interest_watch(&devpoll->interest, fd, events, kept);
    leave(devpoll);
    return result;
}

int pmx_devpoll_register(struct pmx_devpoll *devpoll, int fd, short events)
{
    int saved = errno;
    return pmx__result(watch_descriptor(devpoll, fd, events, -1), saved);
}

int pmx_devpoll_modify(struct pmx_devpoll *devpoll, int fd, short events)
{
    int saved = errno;
    return pmx__result(watch_descriptor(devpoll, fd, events, 0), saved);
}

int pmx_devpoll_unregister(struct pmx_devpoll *devpoll, int fd)
{
    int saved = errno;
    int result = enter(devpoll);
    if (result == 0) {
        result = pmx__interest_remove(&devpoll->interest, fd);
        leave(devpoll);
    }
    return pmx__result(result, saved);
}

int pmx_devpoll_query(struct pmx_devpoll *devpoll, int fd, short *events)
{
    int saved = errno;
    int result = enter(devpoll);
    if (result == 0) {
        result = pmx__interest_query(&devpoll->interest, fd, events);
        leave(devpoll);
    }
    return pmx__result(result, saved);
}

size_t pmx_devpoll_count(struct pmx_devpoll *devpoll)
{
    if (enter(devpoll) < 0)
        return 0;
    size_t count = devpoll->interest.watches.count;
    leave(devpoll);
    return count;
}

static int look(struct pmx_devpoll *devpoll, struct pollfd *ready, int room)
{
    int result = enter(devpoll);
    if (result < 0)
        return result;
    result = pmx__interest_collect(&devpoll->interest, ready, room);
    leave(devpoll);
    return result;
}

/* Sleeps until there may be something; 0 when the time is over. */
static int sleep_until(const struct pmx_devpoll *devpoll, int64_t deadline,
                       const sigset_t *sigmask)
{
    struct pollfd set = {.fd = devpoll->interest.epoll, .events = POLLIN};
    struct timespec ts;
    int64_t left = pmx__deadline_left(deadline);
    return pmx__syscall(ppoll(&set, 1, pmx__timeout_timespec(left, &ts), sigmask));
}

static int wait_ready(struct pmx_devpoll *devpoll, struct pollfd *ready, int maxready,
                      int64_t timeout_ns, const sigset_t *sigmask)
{
    if (maxready <= 0)
        return -EINVAL;
    int count = look(devpoll, ready, maxready);
    if (count != 0 || timeout_ns == 0)
        return count;
    int64_t deadline = pmx__deadline_in(timeout_ns);
    while ((count = sleep_until(devpoll, deadline, sigmask)) > 0) {
        count = look(devpoll, ready, maxready);
        if (count != 0)
            break;
    }
    return count;
}

int pmx_devpoll_wait(struct pmx_devpoll *devpoll, struct pollfd *ready, int maxready,
                     int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    return pmx__result(wait_ready(devpoll, ready, maxready, timeout_ns, sigmask),
                       saved);
}
