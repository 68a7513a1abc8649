/*
 * select(2) without FD_SETSIZE.
 *
 * A struct pmx_select is a set of descriptors, each with the classes of
 * readiness it is watched for. It grows as needed: any descriptor number and
 * any count. pmx_select_wait() leaves the question standing and keeps the
 * answer beside it, so nothing is refilled between waits:
 *
 *     struct pmx_select *set = pmx_select_create();
 *     pmx_select_add(set, fd, PMX_SELECT_READ);
 *     while (pmx_select_wait(set, PMX_FOREVER, NULL) > 0)
 *         if (pmx_select_ready(set, fd) & PMX_SELECT_READ)
 *             consume(fd);
 *     pmx_select_free(set);
 *
 * Threads: a set belongs to one thread at a time. Fork: a set is plain
 * memory; parent and child each have their own copy.
 *
 * Source of the semantics: select(2) of Linux, POSIX.1-2017 pselect().
 */
#ifndef POLYMUX_SELECT_H
#define POLYMUX_SELECT_H

#include <stdint.h>
#include <sys/select.h> /* sigset_t, under every standard */

#include <polymux/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The classes of readiness. On Linux they are these conditions of poll(2):
 *   READ    POLLIN POLLRDNORM POLLRDBAND POLLHUP POLLERR
 *   WRITE   POLLOUT POLLWRNORM POLLWRBAND POLLERR
 *   EXCEPT  POLLPRI
 * so the end of a stream is readable, and a hang-up alone is not writable.
 */
#define PMX_SELECT_READ   1u
#define PMX_SELECT_WRITE  2u
#define PMX_SELECT_EXCEPT 4u

struct pmx_select;

/*
 * A new, empty set; free it with pmx_select_free(). NULL with ENOMEM.
 */
PMX_API struct pmx_select *pmx_select_create(void);

/* Frees the set. Descriptors in it are not closed. NULL is allowed. */
PMX_API void pmx_select_free(struct pmx_select *set);

/*
 * Watches fd for the classes in interest too (FD_SET). The classes it is
 * watched for already stay. The descriptor need not be open before the wait.
 *
 * Returns 0, or -1 with
 *   EBADF   fd is negative
 *   EINVAL  interest has no class, or an unknown bit
 *   ENOMEM
 */
PMX_API int pmx_select_add(struct pmx_select *set, int fd, unsigned interest);

/*
 * Stops watching fd for the classes in interest (FD_CLR). Removing what is
 * not there does nothing. Returns 0, or -1 with EINVAL for interest as above.
 */
PMX_API int pmx_select_remove(struct pmx_select *set, int fd, unsigned interest);

/* Empties the set (FD_ZERO) and keeps its memory for the next use. */
PMX_API void pmx_select_clear(struct pmx_select *set);

/*
 * Waits until a descriptor is ready in a class it is watched for.
 *
 * timeout_ns  nanoseconds; 0 does not sleep, negative has no limit
 * sigmask     the signal mask during the wait, or NULL
 *
 * Returns the number of (descriptor, class) pairs ready, as select(2) counts
 * them; 0 when the time is over. Ask pmx_select_ready() for each descriptor.
 * An empty set is legal and sleeps. On error returns -1 with
 *   EBADF   a descriptor in the set is not open, whatever its number
 *   EINTR   a signal handler ran
 *   ENOMEM
 * and then nothing counts as ready.
 */
PMX_API int pmx_select_wait(struct pmx_select *set, int64_t timeout_ns,
                            const sigset_t *sigmask);

/*
 * The classes in which fd was ready at the last wait (FD_ISSET): a
 * combination of PMX_SELECT_*, 0 for a descriptor that was not ready or is
 * not in the set. Constant time.
 */
PMX_API unsigned pmx_select_ready(struct pmx_select *set, int fd);

#ifdef __cplusplus
}
#endif

#endif
