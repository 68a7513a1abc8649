/* The functions between the library and libc that make objects or ask them. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fault.h"

/* What --wrap makes of the names; no header declares them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags)
{
    return fault_strikes(FAULT_EVENTFD) ? -1 : __real_eventfd(count, flags);
}

int __real_timerfd_create(clockid_t clock, int flags);
int __wrap_timerfd_create(clockid_t clock, int flags)
{
    return fault_strikes(FAULT_TIMERFD_CREATE) ? -1
                                               : __real_timerfd_create(clock, flags);
}

int __real_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *value,
                           struct itimerspec *old)
{
    if (fault_strikes(FAULT_TIMERFD_SETTIME))
        return -1;
    return __real_timerfd_settime(fd, flags, value, old);
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags)
{
    return fault_strikes(FAULT_INOTIFY_INIT1) ? -1 : __real_inotify_init1(flags);
}

int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (fault_strikes(FAULT_INOTIFY_ADD_WATCH))
        return -1;
    return __real_inotify_add_watch(fd, path, mask);
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
    return fault_strikes(FAULT_SOCKET) ? -1 : __real_socket(family, type, protocol);
}

ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    return fault_strikes(FAULT_SEND) ? -1 : __real_send(fd, bytes, size, flags);
}

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    return fault_strikes(FAULT_RECV) ? -1 : __real_recv(fd, bytes, size, flags);
}

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    if (fault_strikes(FAULT_GETSOCKOPT))
        return -1;
    return __real_getsockopt(fd, level, name, value, size);
}

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
    return fault_strikes(FAULT_IOCTL) ? -1 : __real_ioctl(fd, request, argument);
}

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status)
{
    return fault_strikes(FAULT_FSTAT) ? -1 : __real_fstat(fd, status);
}

/* What some are called where off_t has 64 bits by choice. */
int __real_fstat64(int fd, struct stat *status);
int __wrap_fstat64(int fd, struct stat *status)
{
    return fault_strikes(FAULT_FSTAT) ? -1 : __real_fstat64(fd, status);
}

off_t __real_lseek(int fd, off_t offset, int whence);
off_t __wrap_lseek(int fd, off_t offset, int whence)
{
    return fault_strikes(FAULT_LSEEK) ? -1 : __real_lseek(fd, offset, whence);
}

off_t __real_lseek64(int fd, off_t offset, int whence);
off_t __wrap_lseek64(int fd, off_t offset, int whence)
{
    return fault_strikes(FAULT_LSEEK) ? -1 : __real_lseek64(fd, offset, whence);
}

ssize_t __real_readlink(const char *path, char *target, size_t size);
ssize_t __wrap_readlink(const char *path, char *target, size_t size)
{
    return fault_strikes(FAULT_READLINK) ? -1 : __real_readlink(path, target, size);
}

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);

static mode_t mode_of(va_list list)
{
    return va_arg(list, mode_t);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? mode_of(list) : 0;
    va_end(list);
    return fault_strikes(FAULT_OPEN) ? -1 : __real_open(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = flags & O_CREAT ? mode_of(list) : 0;
    va_end(list);
    return fault_strikes(FAULT_OPEN) ? -1 : __real_open64(path, flags, mode);
}

void *__real_mmap(void *at, size_t length, int protection, int flags, int fd,
                  off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd,
                  off_t offset)
{
    if (fault_strikes(FAULT_MMAP))
        return MAP_FAILED;
    return __real_mmap(at, length, protection, flags, fd, offset);
}

void *__real_mmap64(void *at, size_t length, int protection, int flags, int fd,
                    off_t offset);
void *__wrap_mmap64(void *at, size_t length, int protection, int flags, int fd,
                    off_t offset)
{
    if (fault_strikes(FAULT_MMAP))
        return MAP_FAILED;
    return __real_mmap64(at, length, protection, flags, fd, offset);
}

int __real_mprotect(void *at, size_t length, int protection);
int __wrap_mprotect(void *at, size_t length, int protection)
{
    return fault_strikes(FAULT_MPROTECT) ? -1 : __real_mprotect(at, length, protection);
}

void *__real_mremap(void *before, size_t old, size_t length, int flags, ...);
void *__wrap_mremap(void *before, size_t old, size_t length, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    void *at = flags & MREMAP_FIXED ? va_arg(list, void *) : NULL;
    va_end(list);
    if (fault_strikes(FAULT_MREMAP))
        return MAP_FAILED;
    return __real_mremap(before, old, length, flags, at);
}
