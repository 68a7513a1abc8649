/*
 * A map from 64-bit integers to non-zero words: open addressing with linear
 * probing, one allocation, no tombstones. A zeroed struct is an empty map.
 *
 * Looking up and adding are inline: they are most of what a select() over many
 * descriptors does outside the kernel.
 */
#ifndef PMX_BASE_INTMAP_H
#define PMX_BASE_INTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pmx__intmap_slot {
    uint64_t key;
    uintptr_t value; /* 0: the slot is free */
};

struct pmx__intmap {
    struct pmx__intmap_slot *slots; /* 1 << bits of them; NULL while bits is 0 */
    size_t count;
    size_t limit; /* of count, for these slots: there is always a free one */
    unsigned bits;
};

/* The slot where the search for key begins. Multiplicative hashing spreads
 * neighbouring keys over the table. */
static inline size_t pmx__intmap_home(const struct pmx__intmap *map, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - map->bits));
}

/* Where key is, or the free slot where it would go. The map has slots. */
static inline struct pmx__intmap_slot *pmx__intmap_probe(const struct pmx__intmap *map,
                                                         uint64_t key)
{
    size_t mask = ((size_t)1 << map->bits) - 1;
    size_t at = pmx__intmap_home(map, key);
    while (map->slots[at].value && map->slots[at].key != key)
        at = (at + 1) & mask;
    return &map->slots[at];
}

/* The value of key, 0 if there is none. */
static inline uintptr_t pmx__intmap_get(const struct pmx__intmap *map, uint64_t key)
{
    return map->count ? pmx__intmap_probe(map, key)->value : 0;
}

/* Doubles the number of slots. Returns 0, or -ENOMEM with the map as it was. */
int pmx__intmap_grow(struct pmx__intmap *map);

/*
 * The place of key's value, 0 in it if the key is new; the caller stores a
 * value that is not 0 before the next call. NULL when out of memory, with the
 * map as it was.
 */
static inline uintptr_t *pmx__intmap_need(struct pmx__intmap *map, uint64_t key)
{
    if (map->count == map->limit && pmx__intmap_grow(map) < 0)
        return NULL;
    struct pmx__intmap_slot *slot = pmx__intmap_probe(map, key);
    if (!slot->value) {
        slot->key = key;
        map->count++;
    }
    return &slot->value;
}

/* Removes key if it is there. */
void pmx__intmap_remove(struct pmx__intmap *map, uint64_t key);

/* Removes every key and keeps the memory. */
void pmx__intmap_clear(struct pmx__intmap *map);

/*
 * Removes key and whatever stands between it and the next free slot. Where the
 * keys are known and few, doing this for each of them empties the map without
 * a walk over all its slots; in between, the map is good for nothing else.
 */
void pmx__intmap_clear_from(struct pmx__intmap *map, uint64_t key);

/* Whether the slots are many more than the keys in them. */
static inline bool pmx__intmap_is_sparse(const struct pmx__intmap *map)
{
    return map->count < map->limit / 8;
}

/* Frees the memory; the map is empty and usable afterwards. */
void pmx__intmap_free(struct pmx__intmap *map);

#endif
