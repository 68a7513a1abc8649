/* A heap of members that know their place: see heap.h. Stands on realloc alone. */
#include "heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

int pmx__heap_reserve(struct pmx__heap *heap, size_t capacity)
{
    if (capacity <= heap->capacity)
        return 0;
    size_t roomy = heap->capacity ? heap->capacity * 2 : FIRST_CAPACITY;
    if (roomy < capacity)
        roomy = capacity;
    struct pmx__heap_slot *slots =
        reallocarray(heap->slots, roomy, sizeof(*heap->slots));
    if (!slots)
        return -ENOMEM;
    heap->slots = slots;
    heap->capacity = roomy;
    return 0;
}

static bool is_before(const struct pmx__heap_slot *one,
                      const struct pmx__heap_slot *other)
{
    return one->key != other->key ? one->key < other->key : one->turn < other->turn;
}

static void put(struct pmx__heap *heap, size_t at, struct pmx__heap_slot slot)
{
    heap->slots[at] = slot;
    slot.item->place = at + 1;
}

/* Puts slot where it belongs between the gap `at` and the root. */
static void rise(struct pmx__heap *heap, size_t at, struct pmx__heap_slot slot)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!is_before(&slot, &heap->slots[parent]))
            break;
        put(heap, at, heap->slots[parent]);
        at = parent;
    }
    put(heap, at, slot);
}

static size_t first_child(const struct pmx__heap *heap, size_t at)
{
    size_t left = 2 * at + 1, right = left + 1;
    bool is_right =
        right < heap->count && is_before(&heap->slots[right], &heap->slots[left]);
    return is_right ? right : left;
}

/*
 * Fills the gap `at` with slot, which comes from the end and mostly belongs
 * there: the gap goes all the way down first, then slot rises from there.
 */
static void refill(struct pmx__heap *heap, size_t at, struct pmx__heap_slot slot)
{
    while (2 * at + 1 < heap->count) {
        size_t child = first_child(heap, at);
        put(heap, at, heap->slots[child]);
        at = child;
    }
    rise(heap, at, slot);
}

void pmx__heap_push(struct pmx__heap *heap, struct pmx__heap_item *item, int64_t key)
{
    assert(!pmx__heap_has(item));
    assert(heap->count < heap->capacity);
    struct pmx__heap_slot slot = {.key = key, .turn = heap->turns++, .item = item};
    rise(heap, heap->count++, slot);
}

void pmx__heap_remove(struct pmx__heap *heap, struct pmx__heap_item *item)
{
    if (!pmx__heap_has(item))
        return;
    size_t at = item->place - 1;
    item->place = 0;
    heap->count--;
    if (at < heap->count)
        refill(heap, at, heap->slots[heap->count]);
}

void pmx__heap_free(struct pmx__heap *heap)
{
    free(heap->slots);
    *heap = (struct pmx__heap){0};
}
