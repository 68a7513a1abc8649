/* A map from integers to words: see intmap.h. Stands on malloc alone. */
#include "intmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pmx__intmap_slot {
    uint64_t key;
    uintptr_t value; /* 0: the slot is free */
};

#define FIRST_BITS 4

static size_t slot_count(const struct pmx__intmap *map)
{
    return map->bits ? (size_t)1 << map->bits : 0;
}

/* Multiplicative hashing: neighbouring descriptors spread over the table. */
static size_t home_of(const struct pmx__intmap *map, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - map->bits));
}

static size_t next_slot(const struct pmx__intmap *map, size_t slot)
{
    return (slot + 1) & (slot_count(map) - 1);
}

/* Where key is, or the free slot where it would go. There is always one. */
static struct pmx__intmap_slot *probe(const struct pmx__intmap *map, uint64_t key)
{
    size_t at = home_of(map, key);
    while (map->slots[at].value && map->slots[at].key != key)
        at = next_slot(map, at);
    return &map->slots[at];
}

uintptr_t pmx__intmap_get(const struct pmx__intmap *map, uint64_t key)
{
    return map->count ? probe(map, key)->value : 0;
}

static int grow(struct pmx__intmap *map)
{
    struct pmx__intmap bigger = {.bits = map->bits ? map->bits + 1 : FIRST_BITS};
    bigger.slots = calloc(slot_count(&bigger), sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < slot_count(map); i++)
        if (map->slots[i].value)
            *probe(&bigger, map->slots[i].key) = map->slots[i];
    bigger.count = map->count;
    free(map->slots);
    *map = bigger;
    return 0;
}

int pmx__intmap_put(struct pmx__intmap *map, uint64_t key, uintptr_t value)
{
    if (pmx__intmap_get(map, key)) {
        probe(map, key)->value = value;
        return 0;
    }
    if ((map->count + 1) * 4 > slot_count(map) * 3) {
        int result = grow(map);
        if (result < 0)
            return result;
    }
    *probe(map, key) = (struct pmx__intmap_slot){key, value};
    map->count++;
    return 0;
}

/*
 * Closes the gap that a removal leaves: whatever follows in the same run and
 * could not be found across the gap moves into it, which leaves a new gap.
 */
static void close_gap(struct pmx__intmap *map, size_t gap)
{
    size_t mask = slot_count(map) - 1;
    for (size_t at = next_slot(map, gap); map->slots[at].value;
         at = next_slot(map, at)) {
        size_t home = home_of(map, map->slots[at].key);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            map->slots[gap] = map->slots[at];
            map->slots[at].value = 0;
            gap = at;
        }
    }
}

void pmx__intmap_remove(struct pmx__intmap *map, uint64_t key)
{
    if (!map->count)
        return;
    struct pmx__intmap_slot *slot = probe(map, key);
    if (!slot->value)
        return;
    slot->value = 0;
    map->count--;
    close_gap(map, (size_t)(slot - map->slots));
}

void pmx__intmap_clear(struct pmx__intmap *map)
{
    if (map->count)
        memset(map->slots, 0, slot_count(map) * sizeof(*map->slots));
    map->count = 0;
}

void pmx__intmap_free(struct pmx__intmap *map)
{
    free(map->slots);
    *map = (struct pmx__intmap){0};
}
