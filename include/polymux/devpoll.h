/*
 * /dev/poll: a set of descriptors that is kept, with poll(2)'s masks, waited
 * on at the cost of what is active and not of what is registered.
 *
 *     struct pollfd ready[64];
 *     struct pmx_devpoll *devpoll = pmx_devpoll_create();
 *     pmx_devpoll_register(devpoll, fd, POLLIN);
 *     int count = pmx_devpoll_wait(devpoll, ready, 64, 1000000, NULL);
 *     for (int i = 0; i < count; i++)
 *         handle(ready[i].fd, ready[i].revents);
 *     pmx_devpoll_close(devpoll);
 *
 * Readiness is level-triggered and, descriptor by descriptor, what poll(2)
 * would say; files that are always ready, such as regular ones, are reported
 * as such.
 *
 * Closed descriptors: remove a descriptor before closing it. One that is closed
 * all the same is watched no longer, also where a duplicate of it lives on:
 * nothing is reported under its number, whatever that comes to stand for,
 * until it is registered anew, with no trace of the mask it had. Two things
 * cannot be told: that a file which is always ready was opened once more under
 * the same number; and which one is meant where dup2(2) puts files under one
 * number by turns that were all registered under it and none of them removed.
 * A number that is not open when it is registered is reported
 * with POLLNVAL until it is open, and watched from then on.
 *
 * Threads: any number of threads may register, change and wait at once; what
 * is ready is reported to all that wait. Closing while another thread is inside
 * a call is an error of the caller. Fork: in the child every call but
 * pmx_devpoll_fd(), pmx_devpoll_check(), pmx_devpoll_count(), which gives 0, and
 * pmx_devpoll_close() fails with EACCES; closing there leaves the parent's
 * handle as it is.
 *
 * Source of the semantics: poll(7D) of Solaris, poll(2) of Linux.
 */
#ifndef POLYMUX_DEVPOLL_H
#define POLYMUX_DEVPOLL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/select.h> /* sigset_t, under every standard */

#include <polymux/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pmx_devpoll;

/*
 * A new, empty set. It has two descriptors, close-on-exec. Close it with
 * pmx_devpoll_close(). NULL with EMFILE, ENFILE, ENOMEM or ENOSPC.
 */
PMX_API struct pmx_devpoll *pmx_devpoll_create(void);

/*
 * Closes its descriptors and frees the handle, which is gone also when the
 * call fails. Registered descriptors are not closed. NULL is allowed. Returns
 * 0, or -1 with the errno of close(2); EBADF says that somebody else has
 * closed the one of pmx_devpoll_fd(), whose number is then left alone.
 */
PMX_API int pmx_devpoll_close(struct pmx_devpoll *devpoll);

/*
 * A descriptor that poll(2), select(2) and epoll(7) find readable while a wait
 * would not sleep, and now and then for nothing: follow it with a wait of
 * timeout 0. It belongs to the handle; do not close it, nor wait on it in any
 * other way.
 */
PMX_API int pmx_devpoll_fd(const struct pmx_devpoll *devpoll);

/*
 * Whether that descriptor is open still and the handle's, also in the child of
 * a fork: 0, or -1 with EBADF where it was closed behind the library's back,
 * whatever its number stands for now.
 */
PMX_API int pmx_devpoll_check(struct pmx_devpoll *devpoll);

/*
 * Watches fd for events, a combination of POLL* of <poll.h>, in addition to
 * those it is watched for already.
 *
 * Returns 0, also for a descriptor that is not open, or -1 with
 *   EACCES  this process is a child of the one that made the handle
 *   EBADF   fd is negative
 *   EINVAL  fd belongs to the handle
 *   ELOOP   handles and epoll instances would form a loop or nest too deeply
 *   ENOMEM
 *   ENOSPC  /proc/sys/fs/epoll/max_user_watches is reached
 */
PMX_API int pmx_devpoll_register(struct pmx_devpoll *devpoll, int fd, short events);

/*
 * Watches fd for exactly these events, whether it is registered or not: what
 * removing and registering does, in one step. Returns as
 * pmx_devpoll_register().
 */
PMX_API int pmx_devpoll_modify(struct pmx_devpoll *devpoll, int fd, short events);

/*
 * Removes fd (POLLREMOVE), which may be closed already. Returns 0, also if it
 * is not registered, or -1 with EACCES.
 */
PMX_API int pmx_devpoll_unregister(struct pmx_devpoll *devpoll, int fd);

/*
 * Whether fd is watched (DP_ISPOLLED). Returns 1 and stores in *events what it
 * is watched for; 0 and leaves *events alone if it is not, or is not any more
 * because it was closed; -1 with EACCES.
 */
PMX_API int pmx_devpoll_query(struct pmx_devpoll *devpoll, int fd, short *events);

/*
 * The number of registered descriptors, those included that were closed and
 * not removed: at most so many are ready at once.
 */
PMX_API size_t pmx_devpoll_count(struct pmx_devpoll *devpoll);

/*
 * Waits until a registered descriptor has an event (DP_POLL, DP_PPOLL).
 *
 * ready       where up to maxready answers are stored: the descriptor, what it
 *             is watched for (events) and what it has (revents)
 * maxready    greater than 0; where more are ready, waits that follow take
 *             turns so that each is reported
 * timeout_ns  nanoseconds; 0 does not sleep, negative has no limit
 * sigmask     the signal mask during the wait, or NULL
 *
 * Returns the number of answers; 0 when the time is over. An empty set is
 * legal and sleeps. On error returns -1 with
 *   EACCES  this process is a child of the one that made the handle
 *   EBADF   the descriptor was closed behind the handle
 *   EINTR   a signal handler ran
 *   EINVAL  maxready is not greater than 0
 *   ENOMEM, ENOSPC, ELOOP  a number that was not open when it was registered is
 *           open now, and cannot be watched
 */
PMX_API int pmx_devpoll_wait(struct pmx_devpoll *devpoll, struct pollfd *ready,
                             int maxready, int64_t timeout_ns, const sigset_t *sigmask);

#ifdef __cplusplus
}
#endif

#endif
