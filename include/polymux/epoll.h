/*
 * epoll(7) with nanosecond timeouts.
 *
 * A struct pmx_epoll owns one epoll descriptor. Everything that epoll(7) says
 * of interest lists, edge triggering, nesting and closed descriptors holds;
 * events and data are the kernel's own struct epoll_event.
 *
 * Threads: any number of threads may register, change and wait at once.
 * Closing while another thread is inside a call is an error of the caller.
 * Fork: parent and child share the kernel's interest list (epoll_ctl(2),
 * NOTES), so a change in the child is a change in the parent.
 *
 * Source of the semantics: epoll(7), epoll_create1(2), epoll_ctl(2),
 * epoll_wait(2) of Linux.
 */
#ifndef POLYMUX_EPOLL_H
#define POLYMUX_EPOLL_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h> /* sigset_t, under every standard */

#include <polymux/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pmx_epoll;

/*
 * A new epoll instance, close-on-exec. Close it with pmx_epoll_close().
 * NULL with EMFILE, ENFILE or ENOMEM.
 */
PMX_API struct pmx_epoll *pmx_epoll_create(void);

/*
 * A handle over an existing epoll descriptor. After success the handle owns
 * fd and closes it; after failure the caller still does. Whether fd is an
 * epoll descriptor shows in the first use. NULL with EBADF (fd is negative)
 * or ENOMEM.
 */
PMX_API struct pmx_epoll *pmx_epoll_from_fd(int fd);

/*
 * Closes the descriptor and frees the handle, which is gone also when the
 * call fails. NULL is allowed. Returns 0, or -1 with the errno of close(2);
 * EBADF says that somebody else has closed the descriptor.
 */
PMX_API int pmx_epoll_close(struct pmx_epoll *epoll);

/*
 * The epoll descriptor: pollable, nestable in poll, select and other epoll
 * instances. It belongs to the handle; do not close it.
 */
PMX_API int pmx_epoll_fd(const struct pmx_epoll *epoll);

/*
 * Adds fd to the interest list (EPOLL_CTL_ADD). events is a combination of
 * EPOLL* of <sys/epoll.h>; data comes back with each event.
 *
 * Returns 0, or -1 with
 *   EBADF   fd is not open
 *   EEXIST  fd is in the list already
 *   EINVAL  fd is this epoll instance, or EPOLLEXCLUSIVE is misused
 *   ELOOP   epoll instances would form a loop or nest too deeply
 *   ENOMEM
 *   ENOSPC  /proc/sys/fs/epoll/max_user_watches is reached
 *   EPERM   fd is of a kind that epoll does not take, such as a regular file
 */
PMX_API int pmx_epoll_register(struct pmx_epoll *epoll, int fd, uint32_t events,
                               epoll_data_t data);

/*
 * Changes events and data of a registered descriptor (EPOLL_CTL_MOD), and
 * re-arms one that EPOLLONESHOT has disarmed. Returns 0, or -1 with errno as
 * above; ENOENT if fd is not in the list.
 */
PMX_API int pmx_epoll_modify(struct pmx_epoll *epoll, int fd, uint32_t events,
                             epoll_data_t data);

/*
 * Removes fd from the interest list (EPOLL_CTL_DEL).
 * Returns 0, or -1 with EBADF (fd is closed) or ENOENT (not in the list).
 */
PMX_API int pmx_epoll_unregister(struct pmx_epoll *epoll, int fd);

/*
 * Waits for events.
 *
 * events      where up to maxevents events are stored
 * maxevents   greater than 0
 * timeout_ns  nanoseconds; 0 does not sleep, negative has no limit. Exact
 *             also on kernels without epoll_pwait2(2).
 * sigmask     the signal mask during the wait, or NULL
 *
 * Returns the number of events stored; 0 when the time is over. On error
 * returns -1 with
 *   EBADF   the descriptor was closed behind the handle
 *   EFAULT  events is not writable memory
 *   EINTR   a signal handler ran
 *   EINVAL  the descriptor is no epoll, or maxevents is out of range
 */
PMX_API int pmx_epoll_wait(struct pmx_epoll *epoll, struct epoll_event *events,
                           int maxevents, int64_t timeout_ns, const sigset_t *sigmask);

#ifdef __cplusplus
}
#endif

#endif
