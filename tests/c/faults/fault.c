/* The functions between the library and libc: see fault.h; memory and waits. */
#include "fault.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

static struct {
    enum fault_site site;
    int nth;
    int error;
    bool struck;
    int calls[FAULT_SITES];
    int smear;
    long live_blocks;
    fault_hook *ppoll_hook;
} fault;

void fault_arm(enum fault_site site, int nth, int error)
{
    fault.site = site;
    fault.nth = nth;
    fault.error = error;
    fault.struck = false;
    for (int i = 0; i < FAULT_SITES; i++)
        fault.calls[i] = 0;
}

bool fault_disarm(void)
{
    fault.site = FAULT_NONE;
    return fault.struck;
}

int fault_calls(enum fault_site site)
{
    return fault.calls[site];
}

void fault_smear_errno(int error)
{
    fault.smear = error;
}

long fault_live_blocks(void)
{
    return fault.live_blocks;
}

void fault_around_ppoll(fault_hook *hook)
{
    fault.ppoll_hook = hook;
}

bool fault_strikes(enum fault_site site)
{
    fault.calls[site]++;
    if (fault.site != site || fault.calls[site] != fault.nth)
        return false;
    fault.struck = true;
    errno = fault.error;
    return true;
}

/* A block where there was none; a block that has moved is no news. */
static void *allocated(void *block, const void *before)
{
    if (block && !before)
        fault.live_blocks++;
    return block;
}

/* What --wrap makes of the names; no header declares them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fault_strikes(FAULT_ALLOCATION) ? NULL
                                           : allocated(__real_malloc(size), NULL);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (fault_strikes(FAULT_ALLOCATION))
        return NULL;
    return allocated(__real_calloc(count, size), NULL);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    if (fault_strikes(FAULT_ALLOCATION))
        return NULL;
    bool is_new = !block;
    return allocated(__real_realloc(block, size), is_new ? NULL : &fault);
}

void *__real_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    if (fault_strikes(FAULT_ALLOCATION))
        return NULL;
    bool is_new = !block;
    return allocated(__real_reallocarray(block, count, size), is_new ? NULL : &fault);
}

void __real_free(void *block);
void __wrap_free(void *block)
{
    if (block)
        fault.live_blocks--;
    __real_free(block);
}

int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (fault_strikes(FAULT_PPOLL))
        return -1;
    if (fault.ppoll_hook)
        fault.ppoll_hook(fault.calls[FAULT_PPOLL], true, timeout);
    int ready = __real_ppoll(fds, count, timeout, mask);
    if (fault.ppoll_hook)
        fault.ppoll_hook(fault.calls[FAULT_PPOLL], false, timeout);
    return ready;
}

int __real_pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
                   const struct timespec *timeout, const sigset_t *mask);
int __wrap_pselect(int count, fd_set *readable, fd_set *writable, fd_set *exceptional,
                   const struct timespec *timeout, const sigset_t *mask)
{
    if (fault_strikes(FAULT_PSELECT))
        return -1;
    return __real_pselect(count, readable, writable, exceptional, timeout, mask);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return fault_strikes(FAULT_EPOLL_CREATE1) ? -1 : __real_epoll_create1(flags);
}

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    if (fault_strikes(FAULT_EPOLL_CTL))
        return -1;
    return __real_epoll_ctl(epoll, operation, fd, event);
}

int __real_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    if (fault_strikes(FAULT_EPOLL_WAIT))
        return -1;
    return __real_epoll_wait(epoll, events, count, timeout);
}

int __real_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
                       const sigset_t *mask);
int __wrap_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
                       const sigset_t *mask)
{
    if (fault_strikes(FAULT_EPOLL_PWAIT))
        return -1;
    return __real_epoll_pwait(epoll, events, count, timeout, mask);
}

/* Only for epoll_pwait2, which has six arguments. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long arguments[6];
    if (fault_strikes(FAULT_EPOLL_PWAIT2))
        return -1;
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    return __real_syscall(number, arguments[0], arguments[1], arguments[2],
                          arguments[3], arguments[4], arguments[5]);
}

int __real_epoll_pwait2(int epoll, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask);
int __wrap_epoll_pwait2(int epoll, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *mask)
{
    if (fault_strikes(FAULT_EPOLL_PWAIT2))
        return -1;
    return __real_epoll_pwait2(epoll, events, count, timeout, mask);
}

/* fcntl64 is what fcntl is called where off_t has 64 bits by choice. */
int __real_fcntl(int fd, int command, ...);
int __real_fcntl64(int fd, int command, ...);

static long last_argument(va_list list)
{
    return va_arg(list, long);
}

int __wrap_fcntl(int fd, int command, ...)
{
    if (fault_strikes(FAULT_FCNTL))
        return -1;
    va_list list;
    va_start(list, command);
    long argument = last_argument(list);
    va_end(list);
    return __real_fcntl(fd, command, argument);
}

int __wrap_fcntl64(int fd, int command, ...)
{
    if (fault_strikes(FAULT_FCNTL))
        return -1;
    va_list list;
    va_start(list, command);
    long argument = last_argument(list);
    va_end(list);
    return __real_fcntl64(fd, command, argument);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
    bool fails = fault_strikes(FAULT_CLOSE);
    int error = fails ? fault.error : fault.smear;
    int result = __real_close(fd);
    if (error)
        errno = error;
    return fails ? -1 : result;
}
