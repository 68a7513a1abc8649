/*
 * <sys/event.h> of the BSDs, for sources that are written for it: names,
 * numbers, layout and behaviour are FreeBSD's. Stands on <polymux/kqueue.h>;
 * the functions are in libpolymux-compat, and this header is found with
 * `pkg-config --cflags polymux-compat` alone.
 *
 * A queue is a plain descriptor: it is closed by close(2), duplicated by
 * dup(2), and dead (EBADF) in the child of a fork. Any number of threads may
 * use it at once. What is different from FreeBSD:
 *
 * - close(2) does not wake a thread that waits on the queue. What the queue
 *   had is given back at the next call of kqueue(), or while other queues are
 *   used.
 * - A queue does not survive execve(2): its descriptor does, empty.
 * - kqueuex(KQUEUE_CPONFORK) is refused.
 */
#ifndef POLYMUX_COMPAT_SYS_EVENT_H
#define POLYMUX_COMPAT_SYS_EVENT_H

#include <polymux/kqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A change or an event, of 64 bytes: see struct pmx_kevent. */
struct kevent {
    uintptr_t ident;
    short filter;
    unsigned short flags;
    unsigned int fflags;
    int64_t data;
    void *udata;
    uint64_t ext[4];
};

#define EVFILT_SYSCOUNT 13

/* Fills a struct kevent; ext becomes 0. Each argument is evaluated once. */
#define EV_SET(kevp, ident, filter, flags, fflags, data, udata)                        \
    pmx_kevent_set((struct pmx_kevent *)(kevp), (uintptr_t)(ident), (int16_t)(filter), \
                   (uint16_t)(flags), (uint32_t)(fflags), (int64_t)(data),             \
                   (void *)(udata))

/* Flags of kqueuex(). */
#define KQUEUE_CLOEXEC  0x00000001u
#define KQUEUE_CPONFORK 0x00000002u /* refused */

struct timespec;

/*
 * A new queue: its descriptor, or -1 with EMFILE, ENFILE or ENOMEM. It is not
 * close-on-exec.
 */
PMX_API int kqueue(void);

/* The same with the flags of open(2): O_CLOEXEC, or -1 with EINVAL. */
PMX_API int kqueue1(int flags);

/* The same with KQUEUE_CLOEXEC; -1 with EINVAL for other flags. */
PMX_API int kqueuex(unsigned int flags);

/*
 * Applies changes, then collects events: see pmx_kqueue_control() for what
 * happens, and its errors. A timeout of NULL has no limit, nor has one of more
 * seconds than 64 bits of nanoseconds hold. A negative one, and one with too
 * many nanoseconds, is EINVAL where events would be collected: after the
 * changes. -1 with EBADF where kq is not open or was the parent's before a
 * fork, with EINVAL where it is not a queue.
 */
PMX_API int kevent(int kq, const struct kevent *changelist, int nchanges,
                   struct kevent *eventlist, int nevents,
                   const struct timespec *timeout);

#ifdef __cplusplus
}
#endif

#endif
