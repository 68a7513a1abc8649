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
    if (reserve_one(set) < 0)
        return NULL;
    uintptr_t *place = pmx__intmap_need(&set->places, (uint64_t)fd);
    if (!place)
        return NULL;
    if (!*place) {
        set->fds[set->used++] = (struct pollfd){.fd = fd};
        *place = set->used;
    }
    return &set->fds[*place - 1];
}

/* Moves the entries together over the removed ones. */
static void compact(struct pmx__pollset *set)
{
    size_t to = 0;
    for (size_t from = 0; from < set->used; from++) {
        if (set->fds[from].fd < 0)
            continue;
        set->fds[to] = set->fds[from];
        to++;
        pmx__intmap_probe(&set->places, (uint64_t)set->fds[to - 1].fd)->value = to;
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
    if (pmx__intmap_is_sparse(&set->places))
        for (size_t i = 0; i < set->used; i++)
            pmx__intmap_clear_from(&set->places, (uint64_t)set->fds[i].fd);
    else
        pmx__intmap_clear(&set->places);
    set->used = 0;
}

void pmx__pollset_free(struct pmx__pollset *set)
{
    free(set->fds);
    pmx__intmap_free(&set->places);
}
