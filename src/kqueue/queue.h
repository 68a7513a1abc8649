/*
 * The inside of a queue, for the core alone.
 *
 * A queue is reached through doors: each is one open descriptor of it, and any
 * number of handles share a door. The queue goes when its last door closes; its
 * memory when the last handle does.
 *
 * Locks: a queue's, then one of a queue nested in it; then the registry's,
 * under which no other is taken. No lock is held during a sleep.
 */
#ifndef PMX_KQUEUE_QUEUE_H
#define PMX_KQUEUE_QUEUE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/epoch.h"
#include "../base/intmap.h"
#include "../base/list.h"
#include "filter.h"
#include "source.h"

/* Filters are numbered from -1 down. */
enum { PMX__FILTERS = 13 };

struct pmx__queue {
    struct pmx__queue_base base; /* first of all */
    pthread_mutex_t lock;
    pthread_cond_t left;  /* a thread has left a door that closes */
    uint32_t epoch;       /* of the process that made it */
    unsigned doors_count; /* registry: doors that exist, closed ones included */

    /* The rest belongs to the lock, and so does base. */
    struct pmx__list doors; /* open ones */
    struct pmx__list done;  /* collected by this call, and still ready */
    unsigned news;          /* counts knotes that pmx__queue_count() found first */
    bool passed_over;       /* the source, since the line filled the room */
    unsigned closing;       /* doors that wait for their threads */
    struct pmx__intmap named[PMX__FILTERS]; /* ident -> knote, of others */
};

struct pmx__door {
    struct pmx__queue *queue;
    int fd;

    struct pmx__list link; /* lock: in queue->doors while it is open */
    atomic_bool open;      /* lock, to write */
    unsigned threads;      /* lock: inside, awake or asleep */

    unsigned handles; /* registry */
    unsigned table;
    struct pmx__list registered;
};

struct pmx_kqueue {
    struct pmx__door *door;
    atomic_bool shut; /* by this handle */
};

/* queue.c */

/* A queue without a door; *fd is to be its first. NULL with errno. */
struct pmx__queue *pmx__queue_new(int *fd);

/* Whether the queue belongs to this process, and not to one before a fork. */
static inline bool pmx__queue_is_ours(const struct pmx__queue *queue)
{
    return queue->epoch == pmx__epoch();
}

/* Makes the descriptor tell the truth about the line. Before every unlock. */
static inline void pmx__queue_settle(struct pmx__queue *queue)
{
    bool pending = !pmx__list_empty(&queue->base.ready);
    if ((pending || queue->closing || queue->base.shown) && queue->base.source)
        pmx__source_show(queue, pending, queue->closing);
}

/* Frees a queue that no door leads to. */
void pmx__queue_free(struct pmx__queue *queue);

/* Opens and registers a door to a queue, which is locked or new; it has one
 * handle. NULL when out of memory. *displaced as of pmx__registry_add(). */
struct pmx__door *pmx__door_open(struct pmx__queue *queue, int fd,
                                 struct pmx__door **displaced);

/* Enters an open door and locks its queue: 0 or -EBADF. */
static inline int pmx__door_enter(struct pmx__door *door)
{
    if (!pmx__queue_is_ours(door->queue))
        return -EBADF;
    pthread_mutex_lock(&door->queue->lock);
    if (!door->open) {
        pthread_mutex_unlock(&door->queue->lock);
        return -EBADF;
    }
    door->threads++;
    return 0;
}

/* The opposite. */
static inline void pmx__door_leave(struct pmx__door *door)
{
    door->threads--;
    if (!door->open && !door->threads)
        pthread_cond_broadcast(&door->queue->left);
    pmx__queue_settle(door->queue);
    pthread_mutex_unlock(&door->queue->lock);
}

/*
 * Closes the door and its descriptor, after its threads have left; the queue
 * goes with its last door. 0, or -EBADF where it or its descriptor had been
 * closed before. In the child of a fork nothing but the copies of the
 * descriptors is closed.
 */
int pmx__door_close(struct pmx__door *door);

/* kevent.c: how many of the knotes in line can be collected. */
int64_t pmx__queue_count(struct pmx__queue *queue);

#endif
