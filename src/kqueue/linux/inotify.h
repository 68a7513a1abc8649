/*
 * What happens to files: one inotify instance for all filters of a queue, and
 * one watch in it for all knotes and descriptors of one inode.
 */
#ifndef PMX_KQUEUE_LINUX_INOTIFY_H
#define PMX_KQUEUE_LINUX_INOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/list.h"
#include "identity.h"

struct pmx__queue;
struct pmx__inode;

/* Somebody who wants to hear of a file; embedded in a filter's knote. */
struct pmx__listener {
    int fd;                        /* may be closed by now */
    struct pmx__identity identity; /* of the file that fd was */
    uint32_t mask;                 /* IN_* */

    /* The queue is locked; no listener may be removed in here. events are of
     * the mask, or all of it where the kernel has lost count. */
    void (*notice)(struct pmx__queue *queue, struct pmx__listener *listener,
                   uint32_t events);

    struct pmx__inode *inode; /* inotify.c's */
    struct pmx__list link;
};

/*
 * Begins to listen to the file that listener->fd is, by whatever name or none.
 * 0; -EMFILE or -ENFILE for want of a descriptor or an inotify instance,
 * -ENOSPC for want of a watch, -ENOMEM, -EACCES where the file's permissions
 * do not let the process read it.
 */
int pmx__inotify_add(struct pmx__queue *queue, struct pmx__listener *listener);

/* Listens to mask from now on, with neither a watch more nor one less. 0, or
 * -errno with nothing changed; to listen to nothing never fails. */
int pmx__inotify_change(struct pmx__queue *queue, struct pmx__listener *listener,
                        uint32_t mask);

/* Ends it; the descriptor may have been closed before. */
void pmx__inotify_remove(struct pmx__queue *queue, struct pmx__listener *listener);

/* The queue goes with all its listeners. */
void pmx__inotify_shut(struct pmx__queue *queue, bool ours);

#endif
