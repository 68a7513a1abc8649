/*
 * Queues and their doors: see queue.h. A door that closes waits for the threads
 * that came in through it, so no descriptor is closed that one of them is about
 * to sleep on.
 *
 * In the child of a fork a queue is a memory of the parent's: its lock may have
 * lost its owner, and its descriptors' numbers may belong to others by now.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/epoch.h"
#include "filter.h"
#include "knote.h"
#include "registry.h"
#include "source.h"

struct pmx__queue *pmx__queue_new(int *fd)
{
    struct pmx__queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    int result = pmx__source_open(&queue->base.source, fd);
    if (result < 0) {
        free(queue);
        errno = -result;
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->left, NULL);
    queue->epoch = pmx__epoch();
    pmx__list_init(&queue->doors);
    pmx__list_init(&queue->base.ready);
    pmx__list_init(&queue->done);
    return queue;
}

void pmx__queue_unlock(struct pmx__queue *queue)
{
    pmx__queue_settle(queue);
    pthread_mutex_unlock(&queue->lock);
}

void pmx__queue_lock(struct pmx__queue *queue)
{
    pthread_mutex_lock(&queue->lock);
}

/* Frees all that the queue has, with its last door. */
static void end(struct pmx__queue *queue, bool ours)
{
    pmx__filters_shut(queue, ours);
    pmx__knotes_free(queue);
    pmx__source_close(queue->base.source, ours);
    queue->base.source = NULL;
}

void pmx__queue_free(struct pmx__queue *queue)
{
    if (queue->base.source) { /* a constructor failed, or a fork came between */
        bool ours = pmx__queue_is_ours(queue);
        end(queue, ours);
    }
    pthread_cond_destroy(&queue->left);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/*
 * Doors.
 */

struct pmx__door *pmx__door_open(struct pmx__queue *queue, int fd,
                                 struct pmx__door **displaced)
{
    struct pmx__door *door = calloc(1, sizeof(*door));
    if (!door)
        return NULL;
    door->queue = queue;
    door->fd = fd;
    atomic_init(&door->open, true);
    if (pmx__registry_add(door, displaced) < 0) {
        free(door);
        return NULL;
    }
    pmx__list_append(&queue->doors, &door->link);
    return door;
}

void pmx__door_left(struct pmx__door *door)
{
    pmx__door_leave(door);
}

/* Lets nobody in any more. */
static void lock_door(struct pmx__door *door)
{
    pmx__registry_remove(door);
    door->open = false;
    pmx__list_remove(&door->link);
}

static void wait_for_threads(struct pmx__door *door)
{
    struct pmx__queue *queue = door->queue;
    queue->closing++;
    pmx__queue_settle(queue);
    while (door->threads)
        pthread_cond_wait(&queue->left, &queue->lock);
    queue->closing--;
}

/* The queue works on some open door's descriptor. */
static void move_source(struct pmx__queue *queue)
{
    if (pmx__list_empty(&queue->doors))
        return;
    struct pmx__door *other =
        pmx__list_entry(queue->doors.next, struct pmx__door, link);
    pmx__source_use(queue->base.source, other->fd);
}

static int close_locked(struct pmx__door *door)
{
    struct pmx__queue *queue = door->queue;
    if (!door->open)
        return -EBADF;
    lock_door(door);
    move_source(queue);
    wait_for_threads(door);
    bool is_open = pmx__source_is(queue->base.source, door->fd);
    if (is_open)
        close(door->fd);
    if (pmx__list_empty(&queue->doors) && !queue->closing)
        end(queue, true);
    return is_open ? 0 : -EBADF;
}

/*
 * The child's side. Descriptors are closed if the door's own still is what it
 * was: a child that closed all numbers has others behind them. What another
 * thread was changing in the moment of the fork is left alone.
 */
static int close_after_fork(struct pmx__door *door)
{
    struct pmx__queue *queue = door->queue;
    if (!door->open)
        return -EBADF;
    if (pthread_mutex_trylock(&queue->lock) != 0)
        return 0;
    lock_door(door);
    bool is_open = pmx__source_is(queue->base.source, door->fd);
    if (pmx__list_empty(&queue->doors))
        end(queue, is_open);
    if (is_open)
        close(door->fd);
    pthread_mutex_unlock(&queue->lock);
    return 0;
}

int pmx__door_close(struct pmx__door *door)
{
    if (!pmx__queue_is_ours(door->queue))
        return close_after_fork(door);
    pthread_mutex_lock(&door->queue->lock);
    int result = close_locked(door);
    pmx__queue_unlock(door->queue);
    return result;
}

void pmx__queue_replace(struct pmx__queue *queue, int fd)
{
    struct pmx__list *at = queue->doors.next;
    for (; at != &queue->doors; at = at->next) {
        const struct pmx__door *door = pmx__list_entry(at, struct pmx__door, link);
        int flags = fcntl(door->fd, F_GETFD);
        if (pmx__source_is(queue->base.source, door->fd))
            dup3(fd, door->fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    }
}

int pmx__queue_nested(int fd, int64_t *count, unsigned *news)
{
    struct pmx__door *door = pmx__registry_at(fd);
    if (!door)
        return 0;
    int result = pmx__door_enter(door);
    if (result == 0) {
        *count = pmx__queue_count(door->queue);
        *news = door->queue->news;
        pmx__door_leave(door);
    }
    pmx__registry_release(door);
    return result == 0;
}

/* Takes no lock of a queue: fd may be the caller's own. */
bool pmx__queue_is_at(int fd)
{
    struct pmx__door *door = pmx__registry_search(fd);
    if (door)
        pmx__registry_release(door);
    return door;
}
