/*
 * The handles of kqueue: made, shut and closed. Stands on queue.c, where what
 * they share lives, and on the registry.
 */
#include <polymux/kqueue.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/cancel.h"
#include "../base/result.h"
#include "queue.h"
#include "registry.h"
#include "source.h"

/*
 * The number was closed behind the library's back and given out again. In a
 * child even what the parent had beside it may be the new owner's: fork(2)
 * copies descriptors before memory, and a queue that another thread has made in
 * between is here without its descriptors.
 */
static void lose(struct pmx__door *displaced)
{
    if (!displaced)
        return;
    if (!pmx__queue_is_ours(displaced->queue))
        displaced->fd = -1;
    pmx__door_close(displaced);
    pmx__registry_release(displaced);
}

static struct pmx__door *open_first_door(void)
{
    int fd;
    struct pmx__queue *queue = pmx__queue_new(&fd);
    if (!queue)
        return NULL;
    struct pmx__door *displaced, *door = pmx__door_open(queue, fd, &displaced);
    if (!door) {
        pmx__queue_free(queue);
        close(fd);
        errno = ENOMEM;
        return NULL;
    }
    lose(displaced);
    return door;
}

struct pmx_kqueue *pmx_kqueue_create(void)
{
    int saved = errno;
    struct pmx_kqueue *kqueue = calloc(1, sizeof(*kqueue));
    if (!kqueue)
        return NULL;
    int cancel = pmx__cancel_off();
    kqueue->door = open_first_door();
    pmx__cancel_as(cancel);
    if (!kqueue->door) {
        free(kqueue);
        return NULL;
    }
    errno = saved;
    return kqueue;
}

/*
 * Another door to the queue that door leads to, for fd; the queue is locked.
 * Another thread may have been quicker.
 */
static struct pmx__door *door_for_locked(const struct pmx__door *door, int fd,
                                         struct pmx__door **displaced)
{
    struct pmx__door *same = pmx__registry_at(fd);
    if (same && same->queue == door->queue && same->open)
        return same;
    if (same)
        pmx__registry_release(same);
    return pmx__door_open(door->queue, fd, displaced);
}

static int door_for(struct pmx__door *door, int fd, struct pmx__door **made)
{
    struct pmx__door *displaced = NULL;
    int result = pmx__door_enter(door);
    if (result < 0)
        return result;
    *made = door_for_locked(door, fd, &displaced);
    pmx__door_leave(door);
    lose(displaced);
    return *made ? 0 : -ENOMEM;
}

/* The door with the number fd, which is made if fd is a duplicate; it has a
 * handle more. */
static int find_door(int fd, struct pmx__door **found)
{
    if (fcntl(fd, F_GETFD) < 0)
        return -EBADF;
    struct pmx__door *door = pmx__registry_search(fd);
    if (!door)
        return -EINVAL;
    if (door->fd == fd && pmx__queue_is_ours(door->queue)) {
        *found = door;
        return 0;
    }
    int result = door_for(door, fd, found);
    pmx__registry_release(door);
    return result;
}

struct pmx_kqueue *pmx_kqueue_from_fd(int fd)
{
    int saved = errno;
    struct pmx_kqueue *kqueue = calloc(1, sizeof(*kqueue));
    if (!kqueue)
        return NULL;
    int cancel = pmx__cancel_off();
    int result = find_door(fd, &kqueue->door);
    pmx__cancel_as(cancel);
    if (pmx__result(result, saved) < 0) {
        free(kqueue);
        return NULL;
    }
    return kqueue;
}

int pmx_kqueue_shutdown(struct pmx_kqueue *kqueue)
{
    int saved = errno;
    if (!pmx__queue_is_ours(kqueue->door->queue))
        return pmx__result(-EBADF, saved);
    if (atomic_exchange(&kqueue->shut, true))
        return 0;
    int cancel = pmx__cancel_off();
    int result = pmx__door_close(kqueue->door);
    pmx__cancel_as(cancel);
    return pmx__result(result, saved);
}

int pmx_kqueue_close(struct pmx_kqueue *kqueue)
{
    if (!kqueue)
        return 0;
    int saved = errno, cancel = pmx__cancel_off();
    int result = kqueue->shut ? 0 : pmx__door_close(kqueue->door);
    pmx__registry_release(kqueue->door);
    free(kqueue);
    pmx__cancel_as(cancel);
    return pmx__result(result, saved);
}

/* The first time, what the descriptor would show of knotes that are disabled is
 * looked at, after which it is no news. */
static void observe(struct pmx__queue *queue)
{
    if (pmx__source_observed(queue->base.source))
        return;
    pmx__source_observe(queue);
    pmx__queue_count(queue);
}

int pmx_kqueue_fd(struct pmx_kqueue *kqueue)
{
    int saved = errno, cancel = pmx__cancel_off();
    int result = pmx__door_enter(kqueue->door);
    if (result == 0) {
        observe(kqueue->door->queue);
        result = kqueue->door->fd;
        pmx__door_leave(kqueue->door);
    }
    pmx__cancel_as(cancel);
    return pmx__result(result, saved);
}

int pmx_kqueue_usable(const struct pmx_kqueue *kqueue)
{
    return kqueue->door->open && pmx__queue_is_ours(kqueue->door->queue);
}

int pmx_kqueue_check(struct pmx_kqueue *kqueue)
{
    int saved = errno, cancel = pmx__cancel_off();
    struct pmx__door *door = kqueue->door;
    int result = pmx__door_enter(door);
    if (result == 0) {
        result = pmx__source_is(door->queue->base.source, door->fd) ? 0 : -EBADF;
        pmx__door_leave(door);
    }
    pmx__cancel_as(cancel);
    return pmx__result(result, saved);
}
