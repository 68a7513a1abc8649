/*
 * The results of poll and epoll are (descriptor, events) tuples, and from one
 * call to the next mostly the same ones. A pair cache keeps the tuples it made
 * and gives them out again: a direct-mapped table by descriptor. A zeroed
 * struct is an empty cache; it has one user at a time.
 */
#ifndef PMX_EXT_PAIRS_H
#define PMX_EXT_PAIRS_H

#include "module.h"

struct pair_cache {
    struct pair *slots;
    size_t count; /* a power of two, or 0 */
};

/* Makes the cache large enough for count pairs, within reason. */
void pair_cache_reserve(struct pair_cache *cache, size_t count);

/* The tuple (fd, events): a new reference, or NULL with MemoryError. */
PyObject *pair_cache_get(struct pair_cache *cache, int fd, unsigned events);

/* Forgets all tuples and frees the memory. */
void pair_cache_free(struct pair_cache *cache);

#endif
