/*
 * <sys/devpoll.h> of Solaris, for sources that are written for it. Stands on
 * <polymux/devpoll.h>; the functions are in libpolymux-compat, and this header
 * is found with `pkg-config --cflags polymux-compat` alone.
 *
 * There is no device. What a program does with it, it does through four
 * functions here, which know the device and hand everything else to the
 * system. In C, macros of the system's names call them, so that sources
 * compile as they are:
 *
 *     int set = open("/dev/poll", O_RDWR);
 *     write(set, &pollfd, sizeof(pollfd));
 *     ioctl(set, DP_POLL, &dvpoll);
 *     close(set);
 *
 * The macros rename the four words wherever they stand behind this header; a
 * struct that was declared before it and has a member `write`, say, is not
 * understood after it: include this header first, or define
 * POLYMUX_DEVPOLL_NO_MACROS and call the functions. In C++, where methods of the
 * library have such names, there are macros only where POLYMUX_DEVPOLL_MACROS is
 * defined.
 *
 * What the device does not do here: duplicates (dup(2)) of its descriptor are
 * nothing, writev(2) and openat(2) do not know it, and of the Linux patches of
 * old there is no DP_ALLOC: it is not defined.
 */
#ifndef POLYMUX_COMPAT_SYS_DEVPOLL_H
#define POLYMUX_COMPAT_SYS_DEVPOLL_H

/* All that declares what the macros rename comes first. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <polymux/devpoll.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pollfd pollfd_t;

/* In the events of a written entry: the descriptor is to be watched no more. */
#ifndef POLLREMOVE
#define POLLREMOVE 0x1000
#endif

/*
 * The argument of DP_POLL and DP_PPOLL.
 *
 * dp_fds      where the answers are stored
 * dp_nfds     how many there is room for; with 0 the call only sleeps
 * dp_timeout  milliseconds, negative for no limit
 * dp_setp     DP_PPOLL: the signal mask during the wait, or NULL
 */
typedef struct dvpoll {
    struct pollfd *dp_fds;
    nfds_t dp_nfds;
    int dp_timeout;
    sigset_t *dp_setp;
} dvpoll_t;

/*
 * Requests of ioctl(2).
 *
 * DP_POLL, DP_PPOLL  wait: the number of answers, 0 when the time is over
 * DP_ISPOLLED        of a struct pollfd: 1, with what its fd is watched for in
 *                    revents; or 0
 */
#define DPIOC       (0xD0 << 8)
#define DP_POLL     (DPIOC | 1)
#define DP_ISPOLLED (DPIOC | 2)
#define DP_PPOLL    (DPIOC | 3)

/*
 * open(2). Of "/dev/poll": a new, empty set, close-on-exec where flags has
 * O_CLOEXEC; -1 with EMFILE, ENFILE, ENOMEM or ENOSPC.
 */
PMX_API int pmx_compat_open(const char *path, int flags, ...);

/*
 * write(2). To a set: entries of struct pollfd, which add their events to those
 * that their fd is watched for or, with POLLREMOVE, take it out of the set; one
 * with a negative fd is skipped. Returns size, or -1 with
 *   EACCES  the set is the parent's, before a fork
 *   EFAULT  entries is NULL
 *   EINVAL  size is not that of so many entries; fd is the set's
 *   ELOOP, ENOMEM, ENOSPC  as pmx_devpoll_register(); what stands before the
 *           entry is done
 */
PMX_API ssize_t pmx_compat_write(int fd, const void *entries, size_t size);

/* pwrite(2); the same, wherever in the set. */
PMX_API ssize_t pmx_compat_pwrite(int fd, const void *entries, size_t size,
                                  int64_t offset);

/*
 * ioctl(2). Of a set: the requests above, none of them a cancellation point; -1
 * with
 *   EACCES  the set is the parent's, before a fork
 *   EFAULT  the argument or dp_fds is NULL
 *   EINTR   a signal handler ran while nothing was ready
 */
PMX_API int pmx_compat_ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) ? defined(POLYMUX_DEVPOLL_MACROS) \
                         : !defined(POLYMUX_DEVPOLL_NO_MACROS)
#undef open
#undef write
#undef pwrite
#undef ioctl
#define open   pmx_compat_open
#define write  pmx_compat_write
#define pwrite pmx_compat_pwrite
#define ioctl  pmx_compat_ioctl
#endif

#endif
