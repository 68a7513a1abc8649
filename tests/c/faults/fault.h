/*
 * Failing allocations and system calls, on command. The program links the
 * static library with --wrap (ld(1)) for every function here, so each call of
 * the library passes through fault.c first.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <time.h>

enum fault_site {
    FAULT_NONE,
    FAULT_ALLOCATION, /* malloc, calloc, realloc, reallocarray */
    FAULT_PPOLL,
    FAULT_PSELECT,
    FAULT_EPOLL_CREATE1,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EPOLL_PWAIT,
    FAULT_EPOLL_PWAIT2, /* through libc or through syscall(2) */
    FAULT_FCNTL,
    FAULT_CLOSE, /* closes, and fails all the same, as Linux does */
    FAULT_EVENTFD,
    FAULT_TIMERFD_CREATE,
    FAULT_TIMERFD_SETTIME,
    FAULT_INOTIFY_INIT1,
    FAULT_INOTIFY_ADD_WATCH,
    FAULT_SOCKET,
    FAULT_SEND,
    FAULT_RECV,
    FAULT_GETSOCKOPT,
    FAULT_IOCTL,
    FAULT_FSTAT,
    FAULT_LSEEK,
    FAULT_OPEN,
    FAULT_READLINK,
    FAULT_MMAP,
    FAULT_MREMAP,
    FAULT_MPROTECT,
    FAULT_SITES
};

/* The nth call from now on fails with this errno; forgets calls counted. */
void fault_arm(enum fault_site site, int nth, int error);

/* Back to normal; true if the call that was to fail has been made. */
bool fault_disarm(void);

/* For what stands between the library and libc: whether this call fails. */
bool fault_strikes(enum fault_site site);

/* How many calls there were since fault_arm(). */
int fault_calls(enum fault_site site);

/* A close that succeeds leaves this in errno, as it may; 0 for nothing. */
void fault_smear_errno(int error);

/* Blocks allocated and not freed. */
long fault_live_blocks(void);

/* Called before and after each ppoll(2), which are counted from 1. */
typedef void fault_hook(int call, bool before, const struct timespec *timeout);
void fault_around_ppoll(fault_hook *hook);

#endif
