/*
 * A binary heap of members that carry their own place in it, so that any of
 * them can be taken out. Keys are 64-bit integers, the least of them first;
 * members of equal keys leave in the order in which they came. A zeroed struct
 * is an empty heap.
 */
#ifndef PMX_BASE_HEAP_H
#define PMX_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A member; zeroed, it is in no heap. */
struct pmx__heap_item {
    size_t place; /* its slot's index, plus 1 */
};

/* Keys are beside one another, for the processor's cache. */
struct pmx__heap_slot {
    int64_t key;
    uint64_t turn; /* decides between equal keys */
    struct pmx__heap_item *item;
};

struct pmx__heap {
    struct pmx__heap_slot *slots;
    size_t count;
    size_t capacity;
    uint64_t turns;
};

/* The struct of this type whose member is at item. */
#define pmx__heap_entry(item, type, member) \
    ((type *)(void *)((char *)(item)-offsetof(type, member)))

/* Makes room for `capacity` items in all. 0, or -ENOMEM with nothing changed. */
int pmx__heap_reserve(struct pmx__heap *heap, size_t capacity);

/* Adds an item that is in no heap. There is room for it. */
void pmx__heap_push(struct pmx__heap *heap, struct pmx__heap_item *item, int64_t key);

/* Takes an item out; nothing happens where it is in no heap. */
void pmx__heap_remove(struct pmx__heap *heap, struct pmx__heap_item *item);

static inline bool pmx__heap_has(const struct pmx__heap_item *item)
{
    return item->place != 0;
}

/* The item of the least key, NULL if there is none. */
static inline struct pmx__heap_item *pmx__heap_first(const struct pmx__heap *heap)
{
    return heap->count ? heap->slots[0].item : NULL;
}

/* The least key; `otherwise` if there is none. */
static inline int64_t pmx__heap_first_key(const struct pmx__heap *heap,
                                          int64_t otherwise)
{
    return heap->count ? heap->slots[0].key : otherwise;
}

/* Frees the memory; the heap is empty and usable afterwards, its items are not
 * touched. */
void pmx__heap_free(struct pmx__heap *heap);

#endif
