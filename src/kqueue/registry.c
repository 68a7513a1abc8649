/*
 * Descriptors and their queues: see registry.h. One table for the process,
 * under a lock that is the last to be taken. After a fork the child still knows
 * which numbers belonged to queues, to say that they are dead; if another
 * thread was at the table in that moment, it begins with an empty one.
 */
#include "registry.h"

#include <stdlib.h>

#include "../base/fdtable.h"
#include "../base/forklock.h"
#include "../base/result.h"
#include "queue.h"
#include "source.h"

static struct pmx__forklock lock = PMX__FORKLOCK_INIT;
static struct pmx__fdtable by_number;
static struct pmx__list doors = {&doors, &doors};
static unsigned table; /* counts the tables that were given up */

static void begin_anew(void)
{
    by_number = (struct pmx__fdtable){0};
    pmx__list_init(&doors);
    table++;
}

static void lock_registry(void)
{
    pmx__forklock_lock(&lock, begin_anew);
}

static void unlock_registry(void)
{
    pmx__forklock_unlock(&lock);
}

int pmx__registry_add(struct pmx__door *door, struct pmx__door **displaced)
{
    lock_registry();
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
    unlock_registry();
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
    lock_registry();
    remove_locked(door);
    unlock_registry();
}

struct pmx__door *pmx__registry_at(int fd)
{
    lock_registry();
    struct pmx__door *door = pmx__fdtable_get(&by_number, fd);
    if (door)
        door->handles++;
    unlock_registry();
    return door;
}

/* A door that is registered is open, and its queue has a source. */
static bool leads_to(const struct pmx__door *door, int fd)
{
    return pmx__source_is(door->queue->source, fd);
}

bool pmx__registry_leads_to(int fd)
{
    lock_registry();
    const struct pmx__door *door = pmx__fdtable_get(&by_number, fd);
    bool result = door && pmx__queue_is_ours(door->queue) && leads_to(door, fd);
    unlock_registry();
    return result;
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
    lock_registry();
    struct pmx__door *door = search(fd);
    if (door)
        door->handles++;
    unlock_registry();
    return door;
}

void pmx__registry_release(struct pmx__door *door)
{
    struct pmx__queue *queue = door->queue;
    lock_registry();
    bool last_handle = --door->handles == 0;
    bool last_door = last_handle && --queue->doors_count == 0;
    if (last_handle) /* one that a child could not close may be here still */
        remove_locked(door);
    unlock_registry();
    if (last_handle)
        free(door);
    if (last_door)
        pmx__queue_free(queue);
}
