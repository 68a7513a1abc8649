/*
 * /dev/poll of <sys/devpoll.h>, on <polymux/devpoll.h>: five system calls that
 * know the device, and are themselves for everything else.
 */
#define POLYMUX_DEVPOLL_NO_MACROS
#include <sys/devpoll.h>

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/cancel.h"
#include "../base/result.h"
#include "numbers.h"
#include "room.h"

struct set {
    struct pmx_devpoll *devpoll;
    struct pmx__room_place place;
};

static void *create(void)
{
    struct set *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    set->devpoll = pmx_devpoll_create();
    if (!set->devpoll) {
        int error = errno;
        free(set);
        errno = error;
        return NULL;
    }
    pmx__room_place_init(&set->place);
    return set;
}

static int descriptor(void *handle)
{
    const struct set *set = handle;
    return pmx_devpoll_fd(set->devpoll);
}

static int check(void *handle)
{
    const struct set *set = handle;
    return pmx_devpoll_check(set->devpoll);
}

static void finish(void *handle)
{
    struct set *set = handle;
    pmx_devpoll_close(set->devpoll);
    pmx__room_place_destroy(&set->place);
    free(set);
}

/* Whether this process may use the set: 0 or -EACCES. */
static int enter(const struct set *set)
{
    short events;
    return pmx__syscall(pmx_devpoll_query(set->devpoll, -1, &events));
}

static const struct pmx__kind sets = {
    .create = create,
    .fd = descriptor,
    .check = check,
    .close = finish,
};

/*
 * open(2).
 */

int pmx_compat_open(const char *path, int flags, ...)
{
    if (!path)
        return pmx__result(-EFAULT, 0);
    if (strcmp(path, "/dev/poll") == 0)
        return pmx__numbers_make(&sets, flags & O_CLOEXEC);
    mode_t mode = 0;
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return open(path, flags, mode);
}

/*
 * write(2).
 */

static int apply(struct pmx_devpoll *devpoll, const struct pollfd *entry)
{
    if (entry->fd < 0)
        return 0;
    if (entry->events == POLLREMOVE)
        return pmx__syscall(pmx_devpoll_unregister(devpoll, entry->fd));
    return pmx__syscall(pmx_devpoll_register(devpoll, entry->fd, entry->events));
}

static int apply_all(const struct set *set, const char *entries, size_t size)
{
    struct pollfd entry;
    if (size % sizeof(entry))
        return -EINVAL;
    if (size && !entries)
        return -EFAULT;
    int result = enter(set); /* there might be no entry that would tell */
    for (size_t at = 0; at < size && result >= 0; at += sizeof(entry)) {
        memcpy(&entry, entries + at, sizeof(entry));
        result = apply(set->devpoll, &entry);
    }
    return result;
}

static ssize_t write_to(struct pmx__number *set, const void *entries, size_t size)
{
    int saved = errno;
    int result = apply_all(set->handle, entries, size);
    pmx__number_release(set);
    return pmx__result(result, saved) < 0 ? -1 : (ssize_t)size;
}

ssize_t pmx_compat_write(int fd, const void *entries, size_t size)
{
    struct pmx__number *set = pmx__number_still_at(fd, &sets);
    return set ? write_to(set, entries, size) : write(fd, entries, size);
}

ssize_t pmx_compat_pwrite(int fd, const void *entries, size_t size, int64_t offset)
{
    struct pmx__number *set = pmx__number_still_at(fd, &sets);
    return set ? write_to(set, entries, size) : pwrite(fd, entries, size, offset);
}

/*
 * ioctl(2).
 */

static int64_t nanoseconds(int milliseconds)
{
    return milliseconds < 0 ? PMX_FOREVER : INT64_C(1000000) * milliseconds;
}

static int only_sleep(int milliseconds, const sigset_t *sigmask)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return ppoll(NULL, 0, milliseconds < 0 ? NULL : &time, sigmask);
}

static int wait_into(struct pollfd *answers, const struct set *set,
                     const struct dvpoll *dvpoll, const sigset_t *sigmask)
{
    int count = dvpoll->dp_nfds < INT_MAX ? (int)dvpoll->dp_nfds : INT_MAX;
    return pmx_devpoll_wait(set->devpoll, answers, count,
                            nanoseconds(dvpoll->dp_timeout), sigmask);
}

static int wait_into_room(struct set *set, const struct dvpoll *dvpoll,
                          const sigset_t *sigmask)
{
    struct pmx__room *room = pmx__room_hold(&set->place);
    int result;
    if (!room)
        result = pmx__result(-EFAULT, 0);
    else if (dvpoll->dp_nfds > room->count)
        result = pmx__result(-EINVAL, 0);
    else
        result = wait_into(room->answers, set, dvpoll, sigmask);
    pmx__room_release(room);
    return result;
}

static int wait_for(struct set *set, const struct dvpoll *dvpoll,
                    const sigset_t *sigmask)
{
    int result = enter(set);
    if (result < 0)
        return pmx__result(result, 0);
    if (dvpoll->dp_nfds == 0)
        return only_sleep(dvpoll->dp_timeout, sigmask);
    if (!dvpoll->dp_fds)
        return wait_into_room(set, dvpoll, sigmask);
    return wait_into(dvpoll->dp_fds, set, dvpoll, sigmask);
}

static int request(struct set *set, unsigned long number, void *argument)
{
    const struct dvpoll *dvpoll = argument;
    struct pollfd *entry = argument;
    if (!argument)
        return pmx__result(-EFAULT, 0);
    if (number == DP_ISPOLLED)
        return pmx_devpoll_query(set->devpoll, entry->fd, &entry->revents);
    return wait_for(set, dvpoll, number == DP_PPOLL ? dvpoll->dp_setp : NULL);
}

/* DP_ALLOC, DP_FREE: an argument that is no pointer, or none. */
static int request_room(struct set *set, unsigned long number, int count)
{
    int saved = errno;
    int result = enter(set);
    if (result == 0 && number == DP_ALLOC)
        result = pmx__room_make(&set->place, count);
    else if (result == 0)
        result = pmx__room_drop(&set->place);
    return pmx__result(result, saved);
}

static bool is_of_room(unsigned long number)
{
    return number == DP_ALLOC || number == DP_FREE;
}

static bool is_ours(unsigned long number)
{
    return number == DP_POLL || number == DP_PPOLL || number == DP_ISPOLLED ||
           is_of_room(number);
}

/* No cancellation point: who is cancelled in the handle takes its lock along. */
int pmx_compat_ioctl(int fd, unsigned long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct pmx__number *set = is_ours(number) ? pmx__number_still_at(fd, &sets) : NULL;
    if (!set)
        return ioctl(fd, number, argument);
    int cancel = pmx__cancel_off();
    int result = is_of_room(number)
                     ? request_room(set->handle, number, (int)(intptr_t)argument)
                     : request(set->handle, number, argument);
    pmx__number_release(set);
    pmx__cancel_as(cancel);
    return result;
}

/*
 * mmap(2).
 */

static void *map_room(struct set *set, const struct pmx__mapping *wanted)
{
    void *mapped = MAP_FAILED;
    int saved = errno;
    int result = enter(set);
    if (result == 0)
        result = pmx__room_map(&set->place, wanted, &mapped);
    (void)pmx__result(result, saved);
    return mapped;
}

/* A mapping without a file has no use for the descriptor. */
static struct pmx__number *mapped_set(int fd, int flags)
{
    return flags & MAP_ANONYMOUS ? NULL : pmx__number_still_at(fd, &sets);
}

void *pmx_compat_mmap(void *address, size_t length, int protection, int flags, int fd,
                      int64_t offset)
{
    const struct pmx__mapping wanted = {address, length, protection, flags, offset};
    struct pmx__number *set = mapped_set(fd, flags);
    if (!set)
        return mmap(address, length, protection, flags, fd, offset);
    void *mapped = map_room(set->handle, &wanted);
    pmx__number_release(set);
    return mapped;
}
