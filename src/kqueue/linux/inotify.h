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

struct inotify_event;
struct pmx__queue;
struct pmx__inode;

/* What listeners are told of besides what they asked for: something that they
 * asked for may have happened unseen. */
#define PMX__UNSEEN ((uint32_t)(IN_Q_OVERFLOW | IN_IGNORED))

/* Somebody who wants to hear of a file; embedded in a filter's knote. */
struct pmx__listener {
    int fd;                        /* may be closed by now */
    bool above;                    /* of the directory that fd, also one, is in */
    bool quiet;                    /* what it hears need not wake anybody */
    struct pmx__identity identity; /* of the file that fd was, or that is above */
    uint32_t mask;                 /* IN_* */

    /* The queue is locked; no listener may be added or removed in here. The
     * event has something of the mask, or of PMX__UNSEEN; it has a name where it
     * is about what is in a directory. */
    void (*notice)(struct pmx__queue *queue, struct pmx__listener *listener,
                   const struct inotify_event *event);

    struct pmx__inode *inode; /* inotify.c's */
    struct pmx__list link;
};

/*
 * Begins to listen to the file that listener->fd is, by whatever name or none,
 * or to the directory above it. What has happened before is not told. Drops the
 * knotes of other descriptors that listened to it and were closed.
 * 0; -EMFILE or -ENFILE for want of a descriptor or an inotify instance,
 * -ENOSPC for want of a watch, -ENOMEM, -EACCES where the file's permissions
 * do not let the process read it.
 */
int pmx__inotify_add(struct pmx__queue *queue, struct pmx__listener *listener);

/* Listens to mask from now on, with neither a watch more nor one less. 0, or
 * -errno with nothing changed; to listen to nothing never fails. */
int pmx__inotify_change(struct pmx__queue *queue, struct pmx__listener *listener,
                        uint32_t mask);

/* Whether what it hears has to wake somebody. 0; -errno for want of memory. */
int pmx__inotify_hush(struct pmx__queue *queue, struct pmx__listener *listener,
                      bool quiet);

/* Tells all that has happened until now. There has been a listener. */
void pmx__inotify_catch_up(struct pmx__queue *queue);

/* Ends it; the descriptor may have been closed before. */
void pmx__inotify_remove(struct pmx__queue *queue, struct pmx__listener *listener);

/* The queue goes with all its listeners. */
void pmx__inotify_shut(struct pmx__queue *queue, bool ours);

#endif
