/* A map from integers to words: see intmap.h. Stands on calloc alone. */
#include "intmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BITS 4

static size_t slot_count(const struct pmx__intmap *map)
{
    return map->bits ? (size_t)1 << map->bits : 0;
}

int pmx__intmap_grow(struct pmx__intmap *map)
{
    struct pmx__intmap bigger = {.bits = map->bits ? map->bits + 1 : FIRST_BITS};
    size_t slots = (size_t)1 << bigger.bits;
    bigger.slots = calloc(slots, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < slot_count(map); i++)
        if (map->slots[i].value)
            *pmx__intmap_probe(&bigger, map->slots[i].key) = map->slots[i];
    bigger.count = map->count;
    bigger.limit = slots / 4 * 3;
    free(map->slots);
    *map = bigger;
    return 0;
}

/*
 * Closes the gap that a removal leaves: whatever follows in the same run and
 * could not be found across the gap moves into it, which leaves a new gap.
 */
static void close_gap(struct pmx__intmap *map, size_t gap)
{
    size_t mask = slot_count(map) - 1;
    for (size_t at = (gap + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        size_t home = pmx__intmap_home(map, map->slots[at].key);
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
    struct pmx__intmap_slot *slot = pmx__intmap_probe(map, key);
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

void pmx__intmap_clear_from(struct pmx__intmap *map, uint64_t key)
{
    size_t mask = slot_count(map) - 1;
    for (size_t at = pmx__intmap_home(map, key); map->slots[at].value;
         at = (at + 1) & mask) {
        map->slots[at].value = 0;
        map->count--;
    }
}

void pmx__intmap_free(struct pmx__intmap *map)
{
    free(map->slots);
    *map = (struct pmx__intmap){0};
}
