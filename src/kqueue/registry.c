/*
 * Descriptors and their queues: see registry.h. One table for the process,
 * under a lock that is the last to be taken. After a fork the child still knows
 * which numbers belonged to queues, to say that they are dead; if another
 * thread was at the table in that moment, it begins with an empty one.
 */
#include "registry.h"

#include <stdlib.h>

#include "../base/fdtable.h"
#include "../base/process_lock.h"
#include "../base/result.h"
#include "queue.h"
#include "source.h"

static void renew(bool was_held);

static struct pmx__process_lock lock = PMX__PROCESS_LOCK(renew);
static struct pmx__fdtable by_number;
static struct pmx__list doors = {&doors, &doors};
static unsigned table; /* counts the tables that were given up */

static void renew(bool was_held)
{
    if (!was_held)
        return;
    by_number = (struct pmx__fdtable){0};
    pmx__list_init(&doors);
    table++;
}

int pmx__registry_add(struct pmx__door *door, struct pmx__door **displaced)
{
    pmx__process_lock_take(&lock);
    void **place = pmx__fdtable_need(&by_number, door->fd);
    if (place) {
        *displaced = *place;
        if (*displaced)
            (*displaced)->handles++;
        *place = door;
        door->handles = 1;
        door->table = table;
        door->queue->doors_count++;
        pmx__list_append(&doors, &door->registered);
    }
    pmx__process_lock_release(&lock);
    return place ? 0 : -ENOMEM;
}

static void remove_locked(struct pmx__door *door)
{
    if (door->table != table)
        return;
    pmx__list_remove(&door->registered);
    if (pmx__fdtable_get(&by_number, door->fd) == door)
        *pmx__fdtable_need(&by_number, door->fd) = NULL;
}

void pmx__registry_remove(struct pmx__door *door)
{
    pmx__process_lock_take(&lock);
    remove_locked(door);
    pmx__process_lock_release(&lock);
}

struct pmx__door *pmx__registry_at(int fd)
{
    pmx__process_lock_take(&lock);
    struct pmx__door *door = pmx__fdtable_get(&by_number, fd);
    if (door)
        door->handles++;
    pmx__process_lock_release(&lock);
    return door;
}

/* A door that is registered is open, and its queue has a source. */
static bool leads_to(const struct pmx__door *door, int fd)
{
    return pmx__source_is(door->queue->base.source, fd);
}

static struct pmx__door *search(int fd)
{
    struct pmx__door *door = pmx__fdtable_get(&by_number, fd);
    if (door && leads_to(door, fd))
        return door;
    for (struct pmx__list *at = doors.next; at != &doors; at = at->next) {
        door = pmx__list_entry(at, struct pmx__door, registered);
        if (leads_to(door, fd))
            return door;
    }
    return NULL;
}

struct pmx__door *pmx__registry_search(int fd)
{
    pmx__process_lock_take(&lock);
    struct pmx__door *door = search(fd);
    if (door)
        door->handles++;
    pmx__process_lock_release(&lock);
    return door;
}

void pmx__registry_release(struct pmx__door *door)
{
    struct pmx__queue *queue = door->queue;
    pmx__process_lock_take(&lock);
    bool last_handle = --door->handles == 0;
    bool last_door = last_handle && --queue->doors_count == 0;
    if (last_handle) /* one that a child could not close may be here still */
        remove_locked(door);
    pmx__process_lock_release(&lock);
    if (last_handle)
        free(door);
    if (last_door)
        pmx__queue_free(queue);
}
