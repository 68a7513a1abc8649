/* The table behind a /dev/poll handle: see watches.h. */
#include "watches.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8

struct pmx__watch *pmx__watches_find(const struct pmx__watches *table, int fd)
{
    uintptr_t place = pmx__intmap_get(&table->places, (uint64_t)fd);
    return place ? &table->all[place - 1] : NULL;
}

static int reserve_record(struct pmx__watches *table)
{
    if (table->count < table->capacity)
        return 0;
    size_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    struct pmx__watch *all = reallocarray(table->all, capacity, sizeof(*all));
    if (!all)
        return -ENOMEM;
    table->all = all;
    table->capacity = capacity;
    return 0;
}

int pmx__watches_reserve(struct pmx__watches *table)
{
    struct pmx__intmap *places = &table->places;
    if (places->count == places->limit && pmx__intmap_grow(places) < 0)
        return -ENOMEM;
    return reserve_record(table);
}

/* Stores a record whose descriptor is in the map. */
static void place(struct pmx__watches *table, size_t at, const struct pmx__watch *watch)
{
    table->all[at] = *watch;
    pmx__intmap_probe(&table->places, (uint64_t)watch->fd)->value = at + 1;
}

static void append(struct pmx__watches *table, const struct pmx__watch *watch)
{
    assert(table->all && table->count < table->capacity);
    table->all[table->count++] = *watch;
    *pmx__intmap_need(&table->places, (uint64_t)watch->fd) = table->count;
}

static void swap(struct pmx__watches *table, size_t a, size_t b)
{
    struct pmx__watch first = table->all[a], second = table->all[b];
    place(table, a, &second);
    place(table, b, &first);
}

/* Moves the record over the border between the two parts. */
static void set_standing(struct pmx__watches *table, int fd, bool stands)
{
    size_t at = (size_t)(pmx__watches_find(table, fd) - table->all);
    if (stands && at >= table->standing)
        swap(table, at, table->standing++);
    else if (!stands && at < table->standing)
        swap(table, at, --table->standing);
}

void pmx__watches_put(struct pmx__watches *table, const struct pmx__watch *watch,
                      bool stands)
{
    struct pmx__watch *old = pmx__watches_find(table, watch->fd);
    if (old)
        *old = *watch;
    else
        append(table, watch);
    set_standing(table, watch->fd, stands);
}

void pmx__watches_remove(struct pmx__watches *table, int fd)
{
    if (!pmx__watches_find(table, fd))
        return;
    set_standing(table, fd, false);
    struct pmx__watch *watch = pmx__watches_find(table, fd);
    size_t at = (size_t)(watch - table->all);
    struct pmx__watch last = table->all[--table->count];
    if (at != table->count)
        place(table, at, &last);
    pmx__intmap_remove(&table->places, (uint64_t)fd);
}

void pmx__watches_free(struct pmx__watches *table)
{
    free(table->all);
    pmx__intmap_free(&table->places);
    *table = (struct pmx__watches){0};
}
