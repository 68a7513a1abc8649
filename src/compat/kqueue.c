/*
 * kqueue() and kevent() of <sys/event.h>, on <polymux/kqueue.h>. A queue is
 * found by its number and checked on every call, since it may be closed at any
 * time and its number be given to anything.
 *
 * A duplicate gets a handle of its own when it is first used, or when the number
 * that the queue was known by is found closed: the queue lives until none is
 * left.
 */
#include <sys/event.h>

#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "../base/result.h"
#include "copies.h"
#include "numbers.h"

/* They are the same memory, read through either. */
_Static_assert(sizeof(struct kevent) == sizeof(struct pmx_kevent), "one size");
#define SAME(member_)                                                 \
    _Static_assert(offsetof(struct kevent, member_) ==                \
                           offsetof(struct pmx_kevent, member_) &&    \
                       sizeof(((struct kevent *)0)->member_) ==       \
                           sizeof(((struct pmx_kevent *)0)->member_), \
                   "one layout")
SAME(ident);
SAME(filter);
SAME(flags);
SAME(fflags);
SAME(data);
SAME(udata);
SAME(ext);

/* Calls on one queue, after which some number is looked at. */
enum { CALLS_A_SWEEP = 64 };

static void *create(void)
{
    return pmx_kqueue_create();
}

static int descriptor(void *handle)
{
    return pmx_kqueue_fd(handle);
}

static int check(void *handle)
{
    return pmx_kqueue_check(handle);
}

static void shut(void *handle)
{
    pmx_kqueue_shutdown(handle);
}

static void finish(void *handle)
{
    pmx_kqueue_close(handle);
}

static int save_copies(void *handle);

static const struct pmx__kind queues = {
    .create = create,
    .fd = descriptor,
    .check = check,
    .forsake = save_copies,
    .shut = shut,
    .close = finish,
};

/* A handle over a descriptor owns it, and cannot be given up any more. */
static int adopt(int fd)
{
    int result = pmx__numbers_reserve(fd);
    if (result < 0)
        return result;
    struct pmx_kqueue *kqueue = pmx_kqueue_from_fd(fd);
    if (!kqueue)
        return -errno;
    pmx__numbers_put(fd, &queues, kqueue);
    return 0;
}

static int save_copy(int fd)
{
    struct pmx__number *number = pmx__number_still_at(fd, &queues);
    if (number) {
        pmx__number_release(number);
        return 0;
    }
    int result = adopt(fd);
    return result == -EINVAL || result == -EBADF ? 0 : result;
}

/* In the child of a fork there is nothing to save. */
static int save_copies(void *handle)
{
    return pmx_kqueue_usable(handle) ? pmx__each_set(save_copy) : 0;
}

static int find_locked(int fd, struct pmx__number **found)
{
    int result = pmx__numbers_verify(fd);
    *found = pmx__number_still_at(fd, &queues); /* now, or another thread was quicker */
    if (*found)
        return 0;
    if (result == 0)
        result = pmx__syscall(fcntl(fd, F_GETFD));
    if (result >= 0)
        result = adopt(fd);
    if (result == 0)
        *found = pmx__number_at(fd, &queues);
    return result;
}

static int find(int fd, struct pmx__number **found)
{
    *found = pmx__number_still_at(fd, &queues);
    if (*found)
        return 0;
    pmx__numbers_sweep();
    pmx__numbers_lock();
    int result = find_locked(fd, found);
    pmx__numbers_unlock();
    return result;
}

int kqueue(void)
{
    return pmx__numbers_make(&queues, false);
}

int kqueue1(int flags)
{
    if (flags & ~O_CLOEXEC)
        return pmx__result(-EINVAL, 0);
    return pmx__numbers_make(&queues, flags & O_CLOEXEC);
}

int kqueuex(unsigned int flags)
{
    if (flags & ~KQUEUE_CLOEXEC)
        return pmx__result(-EINVAL, 0);
    return pmx__numbers_make(&queues, flags & KQUEUE_CLOEXEC);
}

static int64_t nanoseconds(const struct timespec *timeout)
{
    const int64_t second = 1000000000;
    if (!timeout)
        return PMX_FOREVER;
    if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= second)
        return PMX_KQUEUE_NO_TIME;
    if (timeout->tv_sec >= INT64_MAX / second)
        return PMX_FOREVER;
    return timeout->tv_sec * second + timeout->tv_nsec;
}

static void sweep_now_and_then(struct pmx__number *number)
{
    unsigned call = atomic_fetch_add_explicit(&number->calls, 1, memory_order_relaxed);
    if (call % CALLS_A_SWEEP == CALLS_A_SWEEP - 1)
        pmx__numbers_sweep();
}

static void release(void *number)
{
    pmx__number_release(number);
}

int kevent(int kq, const struct kevent *changelist, int nchanges,
           struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
    int saved = errno;
    struct pmx__number *number;
    int result = find(kq, &number);
    if (result < 0)
        return pmx__result(result, saved);
    pthread_cleanup_push(release, number);
    sweep_now_and_then(number);
    errno = saved;
    result = pmx_kqueue_control(number->handle, (const struct pmx_kevent *)changelist,
                                nchanges, (struct pmx_kevent *)eventlist, nevents,
                                nanoseconds(timeout), NULL);
    pthread_cleanup_pop(1);
    return result;
}
