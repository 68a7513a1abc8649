/*
 * <sys/devpoll.h> of Solaris, for sources that are written for it. Stands on
 * <polymux/devpoll.h>; the functions are in libpolymux-compat, and this header
 * is found with `pkg-config --cflags polymux-compat` alone.
 *
 * There is no device. What a program does with it, it does through five
 * functions here, which know the device and hand everything else to the
 * system. In C, macros of the system's names call them, so that sources
 * compile as they are:
 *
 *     int set = open("/dev/poll", O_RDWR);
 *     write(set, &pollfd, sizeof(pollfd));
 *     ioctl(set, DP_POLL, &dvpoll);
 *     close(set);
 *
 * The macros rename the five words wherever they stand behind this header; a
 * struct that was declared before it and has a member `write`, say, is not
 * understood after it: include this header first, or define
 * POLYMUX_DEVPOLL_NO_MACROS and call the functions. In C++, where methods of the
 * library have such names, there are macros only where POLYMUX_DEVPOLL_MACROS is
 * defined.
 *
 * The patches that gave Linux the device in 2000 could put the answers where the
 * program has them mapped, and so does this one:
 *
 *     ioctl(set, DP_ALLOC, count);
 *     answers = mmap(0, DP_MMAP_SIZE(count), PROT_READ | PROT_WRITE, MAP_SHARED,
 *                    set, 0);
 *     dvpoll.dp_fds = NULL;
 *     ioctl(set, DP_POLL, &dvpoll);
 *
 * What the device does not do here: duplicates (dup(2)) of its descriptor are
 * nothing, and writev(2) and openat(2) do not know it.
 */
#ifndef POLYMUX_COMPAT_SYS_DEVPOLL_H
#define POLYMUX_COMPAT_SYS_DEVPOLL_H

/* All that declares what the macros rename comes first. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
 * dp_fds      where the answers are stored; NULL: in the room of DP_ALLOC
 * dp_nfds     how many are stored at most; with 0 the call only sleeps
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
 *
 * Of the patches for Linux, with their numbers, and not of Solaris:
 *
 * DP_ALLOC  makes room in the set for so many answers, an int: 0. mmap(2) shows
 *           it to the program, and a wait whose dp_fds is NULL fills it from its
 *           beginning. The set has one room: instead of one that was never mapped
 *           there is a new one, one that was is to be freed first. Threads that
 *           wait share it, each writes over what another one has found
 * DP_FREE   gives the room up, as closing the set does: 0. What the program has
 *           mapped stays its own until munmap(2); no later wait fills it
 *
 * DP_MMAP_SIZE(n)  the bytes of n answers
 */
#define DPIOC       (0xD0 << 8)
#define DP_POLL     (DPIOC | 1)
#define DP_ISPOLLED (DPIOC | 2)
#define DP_PPOLL    (DPIOC | 3)
#define DP_ALLOC    _IOR('P', 1, int)
#define DP_FREE     _IO('P', 3)

#define DP_MMAP_SIZE(n) ((n) * sizeof(struct pollfd))

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
 *   EFAULT  the argument is NULL; dp_fds is, and there is no room in the set
 *   EINTR   a signal handler ran while nothing was ready
 *   EINVAL  dp_fds is NULL, and dp_nfds more than the room is for; DP_ALLOC:
 *           the number is not greater than 0; DP_FREE: there is no room
 *   ENOMEM
 *   EPERM   DP_ALLOC: the room that there is was mapped
 */
PMX_API int pmx_compat_ioctl(int fd, unsigned long request, ...);

/*
 * mmap(2). Of a set: its room, from the beginning, as often as is wanted. Of flags
 * MAP_SHARED is demanded, MAP_FIXED and MAP_FIXED_NOREPLACE are heeded.
 * MAP_ANONYMOUS is the system's, whatever fd is. Returns MAP_FAILED with
 *   EACCES  the set is the parent's, before a fork
 *   EINVAL  there is no room; length is 0, or more than the room's in whole pages;
 *           not MAP_SHARED; offset is not 0
 *   and what the system says of address, length and protection
 */
PMX_API void *pmx_compat_mmap(void *address, size_t length, int protection, int flags,
                              int fd, int64_t offset);

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) ? defined(POLYMUX_DEVPOLL_MACROS) \
                         : !defined(POLYMUX_DEVPOLL_NO_MACROS)
#undef open
#undef write
#undef pwrite
#undef ioctl
#undef mmap
#define open   pmx_compat_open
#define write  pmx_compat_write
#define pwrite pmx_compat_pwrite
#define ioctl  pmx_compat_ioctl
#define mmap   pmx_compat_mmap
#endif

#endif
