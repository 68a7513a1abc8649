/* An ordered, growing array of struct pollfd: see pollset.h. */
#include "pollset.h"

#include <stdlib.h>

#define FIRST_CAPACITY 8

struct pollfd *pmx__pollset_find(const struct pmx__pollset *set, int fd)
{
    uintptr_t place = pmx__intmap_get(&set->places, (uint64_t)fd);
    return place ? &set->fds[place - 1] : NULL;
}

static int reserve_one(struct pmx__pollset *set)
{
    if (set->used < set->capacity)
        return 0;
    size_t capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
    struct pollfd *fds = reallocarray(set->fds, capacity, sizeof(*fds));
    if (!fds)
        return -1;
    set->fds = fds;
    set->capacity = capacity;
    return 0;
}

struct pollfd *pmx__pollset_need(struct pmx__pollset *set, int fd)
{
    struct pollfd *entry = pmx__pollset_find(set, fd);
    if (entry)
        return entry;
    if (reserve_one(set) < 0)
        return NULL;
    if (pmx__intmap_put(&set->places, (uint64_t)fd, set->used + 1) < 0)
        return NULL;
    entry = &set->fds[set->used++];
    *entry = (struct pollfd){.fd = fd};
    return entry;
}

/* Moves the entries together over the removed ones. Their keys are all there,
 * so the map needs no memory. */
static void compact(struct pmx__pollset *set)
{
    size_t to = 0;
    for (size_t from = 0; from < set->used; from++) {
        if (set->fds[from].fd < 0)
            continue;
        set->fds[to] = set->fds[from];
        to++;
        (void)pmx__intmap_put(&set->places, (uint64_t)set->fds[to - 1].fd, to);
    }
    set->used = to;
}

void pmx__pollset_remove(struct pmx__pollset *set, struct pollfd *entry)
{
    pmx__intmap_remove(&set->places, (uint64_t)entry->fd);
    *entry = (struct pollfd){.fd = -1};
    if (set->used > FIRST_CAPACITY && pmx__pollset_count(set) < set->used / 2)
        compact(set);
}

void pmx__pollset_copy(const struct pmx__pollset *set, struct pollfd *copy)
{
    for (size_t i = 0; i < set->used; i++)
        if (set->fds[i].fd >= 0)
            *copy++ = set->fds[i];
}

void pmx__pollfds_forget(struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fds[i].revents = 0;
}

void pmx__pollset_clear(struct pmx__pollset *set)
{
    pmx__intmap_clear(&set->places);
    set->used = 0;
}

void pmx__pollset_free(struct pmx__pollset *set)
{
    free(set->fds);
    pmx__intmap_free(&set->places);
}
