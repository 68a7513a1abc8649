/*
 * A map from 64-bit integers to non-zero words: open addressing with linear
 * probing, one allocation, no tombstones. A zeroed struct is an empty map.
 */
#ifndef PMX_BASE_INTMAP_H
#define PMX_BASE_INTMAP_H

#include <stddef.h>
#include <stdint.h>

struct pmx__intmap {
    struct pmx__intmap_slot *slots; /* 1 << bits of them; NULL while bits is 0 */
    size_t count;
    unsigned bits;
};

/* The value of key, 0 if there is none. */
uintptr_t pmx__intmap_get(const struct pmx__intmap *map, uint64_t key);

/*
 * Sets the value of key, new or not; value is not 0. Returns 0, or -ENOMEM
 * with the map as it was. A key that is there already never needs memory.
 */
int pmx__intmap_put(struct pmx__intmap *map, uint64_t key, uintptr_t value);

/* Removes key if it is there. */
void pmx__intmap_remove(struct pmx__intmap *map, uint64_t key);

/* Removes every key and keeps the memory. */
void pmx__intmap_clear(struct pmx__intmap *map);

/* Frees the memory; the map is empty and usable afterwards. */
void pmx__intmap_free(struct pmx__intmap *map);

#endif
