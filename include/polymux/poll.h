/*
 * poll(2) with a set that is kept.
 *
 * A struct pmx_poll remembers descriptors and their event masks in the order
 * of registration. Registering, changing and removing one costs constant
 * time; a wait hands the whole set to the kernel and is as expensive as
 * poll(2) is.
 *
 *     struct pmx_poll *set = pmx_poll_create();
 *     pmx_poll_register(set, fd, POLLIN);
 *     if (pmx_poll_wait(set, 1000000, NULL) > 0)
 *         for (const struct pollfd *p = NULL; (p = pmx_poll_next(set, p));)
 *             handle(p->fd, p->revents);
 *     pmx_poll_free(set);
 *
 * Threads: pmx_poll_register(), pmx_poll_modify() and pmx_poll_unregister()
 * may be called from any thread, also while another one waits; the wait under
 * way does not see the change, the next one does. One thread at a time waits,
 * and it alone reads the answer with pmx_poll_next(). Fork: parent and child
 * each have their own copy; the child may use its copy if no other thread of
 * the parent was inside a call on it.
 *
 * Source of the semantics: poll(2) and ppoll(2) of Linux.
 */
#ifndef POLYMUX_POLL_H
#define POLYMUX_POLL_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/select.h> /* sigset_t, under every standard */

#include <polymux/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pmx_poll;

/* A new, empty set; free it with pmx_poll_free(). NULL with ENOMEM. */
PMX_API struct pmx_poll *pmx_poll_create(void);

/*
 * Frees the set. Descriptors in it are not closed. No thread may be inside a
 * call on it. NULL is allowed.
 */
PMX_API void pmx_poll_free(struct pmx_poll *set);

/*
 * Watches fd for events, a combination of POLL* of <poll.h>. A descriptor
 * that is registered already gets the new mask and keeps its place. The
 * descriptor need not be open: a wait reports POLLNVAL for one that is not.
 *
 * Returns 0, or -1 with
 *   EBADF   fd is negative
 *   ENOMEM
 */
PMX_API int pmx_poll_register(struct pmx_poll *set, int fd, short events);

/*
 * Changes the mask of a registered descriptor.
 * Returns 0, or -1 with ENOENT if fd is not registered.
 */
PMX_API int pmx_poll_modify(struct pmx_poll *set, int fd, short events);

/*
 * Removes a descriptor, which may be closed already.
 * Returns 0, or -1 with ENOENT if fd is not registered.
 */
PMX_API int pmx_poll_unregister(struct pmx_poll *set, int fd);

/* The number of registered descriptors. */
PMX_API size_t pmx_poll_count(struct pmx_poll *set);

/*
 * Waits until a registered descriptor has an event.
 *
 * timeout_ns  nanoseconds; 0 does not sleep, negative has no limit
 * sigmask     the signal mask during the wait, or NULL
 *
 * Returns the number of descriptors with events, POLLNVAL, POLLERR and
 * POLLHUP included; 0 when the time is over. An empty set is legal and
 * sleeps. On error returns -1 with
 *   EBUSY   another thread is waiting on this set
 *   EINTR   a signal handler ran
 *   EINVAL  more descriptors than RLIMIT_NOFILE
 *   ENOMEM
 * and then pmx_poll_next() gives nothing, except after EBUSY, where it
 * belongs to the other thread.
 */
PMX_API int pmx_poll_wait(struct pmx_poll *set, int64_t timeout_ns,
                          const sigset_t *sigmask);

/*
 * Goes on with the last wait after it ended with 0 or EINTR: as
 * pmx_poll_wait(), but for the descriptors and masks of that wait, whatever
 * was registered, modified or unregistered since.
 */
PMX_API int pmx_poll_resume(struct pmx_poll *set, int64_t timeout_ns,
                            const sigset_t *sigmask);

/*
 * Walks over the answer of the last wait in the order of registration: the
 * first descriptor with events for previous == NULL, then the one after
 * previous, NULL after the last. The result belongs to the set and is valid
 * until the next pmx_poll_wait() or pmx_poll_free().
 */
PMX_API const struct pollfd *pmx_poll_next(const struct pmx_poll *set,
                                           const struct pollfd *previous);

#ifdef __cplusplus
}
#endif

#endif
