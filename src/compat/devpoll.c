/*
 * /dev/poll of <sys/devpoll.h>, on <polymux/devpoll.h>: four system calls that
 * know the device, and are themselves for everything else.
 */
#define POLYMUX_DEVPOLL_NO_MACROS
#include <sys/devpoll.h>

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "../base/cancel.h"
#include "../base/result.h"
#include "numbers.h"

static void *create(void)
{
    return pmx_devpoll_create();
}

static int descriptor(void *handle)
{
    return pmx_devpoll_fd(handle);
}

static int check(void *handle)
{
    return pmx_devpoll_check(handle);
}

static void finish(void *handle)
{
    pmx_devpoll_close(handle);
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

static int apply_all(struct pmx_devpoll *devpoll, const char *entries, size_t size)
{
    struct pollfd entry;
    short events;
    if (size % sizeof(entry))
        return -EINVAL;
    if (size && !entries)
        return -EFAULT;
    /* that this process may: there might be no entry that would tell */
    int result = pmx__syscall(pmx_devpoll_query(devpoll, -1, &events));
    for (size_t at = 0; at < size && result >= 0; at += sizeof(entry)) {
        memcpy(&entry, entries + at, sizeof(entry));
        result = apply(devpoll, &entry);
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

static int wait_for(struct pmx_devpoll *devpoll, const struct dvpoll *dvpoll,
                    const sigset_t *sigmask)
{
    short events;
    if (pmx_devpoll_query(devpoll, -1, &events) < 0)
        return -1;
    if (dvpoll->dp_nfds == 0)
        return only_sleep(dvpoll->dp_timeout, sigmask);
    if (!dvpoll->dp_fds)
        return pmx__result(-EFAULT, 0);
    int room = dvpoll->dp_nfds < INT_MAX ? (int)dvpoll->dp_nfds : INT_MAX;
    return pmx_devpoll_wait(devpoll, dvpoll->dp_fds, room,
                            nanoseconds(dvpoll->dp_timeout), sigmask);
}

static int request(struct pmx_devpoll *devpoll, unsigned long number, void *argument)
{
    const struct dvpoll *dvpoll = argument;
    struct pollfd *entry = argument;
    if (!argument)
        return pmx__result(-EFAULT, 0);
    if (number == DP_ISPOLLED)
        return pmx_devpoll_query(devpoll, entry->fd, &entry->revents);
    return wait_for(devpoll, dvpoll, number == DP_PPOLL ? dvpoll->dp_setp : NULL);
}

static bool is_ours(unsigned long number)
{
    return number == DP_POLL || number == DP_PPOLL || number == DP_ISPOLLED;
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
    int result = request(set->handle, number, argument);
    pmx__number_release(set);
    pmx__cancel_as(cancel);
    return result;
}
