/*
 * poll with a kept set, on the kernel's ppoll(2).
 *
 * What is registered (asked) and what the kernel works on (scan) are two
 * arrays: a wait copies the first into the second where it has changed and
 * then sleeps without the lock, so other threads may register meanwhile.
 */
#include <polymux/poll.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../base/deadline.h"
#include "../base/pollset.h"
#include "../base/result.h"

struct pmx_poll {
    pthread_mutex_t lock;      /* of asked, stale and waiting */
    struct pmx__pollset asked; /* what is registered */
    bool stale;                /* scan is older than asked */
    bool waiting;              /* scan belongs to a thread inside a wait */
    struct pollfd *scan;
    size_t scanned; /* entries of scan */
    size_t scan_capacity;
};

struct pmx_poll *pmx_poll_create(void)
{
    struct pmx_poll *set = calloc(1, sizeof(*set));
    if (set)
        pthread_mutex_init(&set->lock, NULL);
    return set;
}

void pmx_poll_free(struct pmx_poll *set)
{
    if (!set)
        return;
    pthread_mutex_destroy(&set->lock);
    pmx__pollset_free(&set->asked);
    free(set->scan);
    free(set);
}

static int set_events(struct pmx_poll *set, struct pollfd *entry, short events)
{
    entry->events = events;
    set->stale = true;
    return 0;
}

static int register_locked(struct pmx_poll *set, int fd, short events)
{
    if (fd < 0)
        return -EBADF;
    struct pollfd *entry = pmx__pollset_need(&set->asked, fd);
    return entry ? set_events(set, entry, events) : -ENOMEM;
}

static int modify_locked(struct pmx_poll *set, int fd, short events)
{
    struct pollfd *entry = pmx__pollset_find(&set->asked, fd);
    return entry ? set_events(set, entry, events) : -ENOENT;
}

static int unregister_locked(struct pmx_poll *set, int fd)
{
    struct pollfd *entry = pmx__pollset_find(&set->asked, fd);
    if (!entry)
        return -ENOENT;
    pmx__pollset_remove(&set->asked, entry);
    set->stale = true;
    return 0;
}

int pmx_poll_register(struct pmx_poll *set, int fd, short events)
{
    int saved = errno;
    pthread_mutex_lock(&set->lock);
    int result = register_locked(set, fd, events);
    pthread_mutex_unlock(&set->lock);
    return pmx__result(result, saved);
}

int pmx_poll_modify(struct pmx_poll *set, int fd, short events)
{
    int saved = errno;
    pthread_mutex_lock(&set->lock);
    int result = modify_locked(set, fd, events);
    pthread_mutex_unlock(&set->lock);
    return pmx__result(result, saved);
}

int pmx_poll_unregister(struct pmx_poll *set, int fd)
{
    int saved = errno;
    pthread_mutex_lock(&set->lock);
    int result = unregister_locked(set, fd);
    pthread_mutex_unlock(&set->lock);
    return pmx__result(result, saved);
}

size_t pmx_poll_count(struct pmx_poll *set)
{
    pthread_mutex_lock(&set->lock);
    size_t count = pmx__pollset_count(&set->asked);
    pthread_mutex_unlock(&set->lock);
    return count;
}

static int refresh_scan(struct pmx_poll *set)
{
    size_t count = pmx__pollset_count(&set->asked);
    set->scanned = 0; /* the answer of the wait before ends here */
    if (count > set->scan_capacity) {
        struct pollfd *scan =
            reallocarray(set->scan, set->asked.capacity, sizeof(*scan));
        if (!scan)
            return -ENOMEM;
        set->scan = scan;
        set->scan_capacity = set->asked.capacity;
    }
    pmx__pollset_copy(&set->asked, set->scan);
    set->scanned = count;
    set->stale = false;
    return 0;
}

static int begin_wait(struct pmx_poll *set, bool refresh)
{
    int result = -EBUSY;
    pthread_mutex_lock(&set->lock);
    if (!set->waiting) {
        result = refresh && set->stale ? refresh_scan(set) : 0;
        set->waiting = result == 0;
    }
    pthread_mutex_unlock(&set->lock);
    return result;
}

static void end_wait(struct pmx_poll *set)
{
    pthread_mutex_lock(&set->lock);
    set->waiting = false;
    pthread_mutex_unlock(&set->lock);
}

static int wait_scan(struct pmx_poll *set, bool refresh, int64_t timeout_ns,
                     const sigset_t *sigmask)
{
    int result = begin_wait(set, refresh);
    if (result < 0)
        return result;
    struct timespec ts;
    result = pmx__syscall(ppoll(set->scan, set->scanned,
                                pmx__timeout_timespec(timeout_ns, &ts), sigmask));
    if (result < 0) /* which leaves the answers of the wait before it */
        pmx__pollfds_forget(set->scan, set->scanned);
    end_wait(set);
    return result;
}

int pmx_poll_wait(struct pmx_poll *set, int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    return pmx__result(wait_scan(set, true, timeout_ns, sigmask), saved);
}

int pmx_poll_resume(struct pmx_poll *set, int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    return pmx__result(wait_scan(set, false, timeout_ns, sigmask), saved);
}

const struct pollfd *pmx_poll_next(const struct pmx_poll *set,
                                   const struct pollfd *previous)
{
    size_t next = previous ? (size_t)(previous - set->scan) + 1 : 0;
    while (next < set->scanned && !set->scan[next].revents)
        next++;
    return next < set->scanned ? &set->scan[next] : NULL;
}
