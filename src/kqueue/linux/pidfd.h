/*
 * Processes by descriptor: whether one has ended, and how. A pidfd stays with
 * its process whatever becomes of the number.
 */
#ifndef PMX_KQUEUE_LINUX_PIDFD_H
#define PMX_KQUEUE_LINUX_PIDFD_H

#include <stdbool.h>
#include <stdint.h>

/* The pidfd of a process, which may be a zombie. -ESRCH where there is none,
 * -EOPNOTSUPP where the kernel has no pidfds, -EMFILE, -ENFILE, -ENOMEM. */
int pmx__pidfd_open(uintptr_t pid);

/* Whether the process has ended, all of its threads. */
bool pmx__pidfd_has_ended(int pidfd);

/* Whether the process has lost its first thread, or is no more. */
bool pmx__pidfd_has_lost_leader(int pidfd);

/*
 * How a process that has ended did: 1 with *status as wait(2) gives it, left as
 * it was where this kernel tells nobody, or had released the process already when
 * the pidfd was opened; 0 if the kernel tells no sooner than the parent has waited
 * for it.
 */
int pmx__pidfd_status(int pidfd, int *status);

#endif
