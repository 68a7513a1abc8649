/*
 * Knotes: see knote.h and filter.h. Those of a descriptor form a chain, found in
 * a table of descriptors; all others are found in a map for each filter.
 */
#include "knote.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "queue.h"

static struct pmx__intmap *map_of(struct pmx__queue *queue,
                                  const struct pmx__filter *filter)
{
    assert(filter->number < 0 && filter->number >= -PMX__FILTERS);
    return &queue->named[-filter->number - 1];
}

int pmx__knote_next_fd(const struct pmx__queue *queue, int fd)
{
    return pmx__fdtable_next(&queue->base.descriptors, fd);
}

static int insert(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (!knote->filter->descriptor) {
        uintptr_t *place = pmx__intmap_need(map_of(queue, knote->filter), knote->ident);
        if (!place)
            return -ENOMEM;
        *place = (uintptr_t)knote;
        return 0;
    }
    void **place = pmx__fdtable_need(&queue->base.descriptors, (int)knote->ident);
    if (!place)
        return -ENOMEM;
    knote->next = *place;
    *place = knote;
    return 0;
}

static void unlink_from_chain(struct pmx__queue *queue, const struct pmx__knote *knote)
{
    struct pmx__knote *at = pmx__knote_first(queue, (int)knote->ident);
    if (at == knote) {
        *pmx__fdtable_need(&queue->base.descriptors, (int)knote->ident) = knote->next;
        return;
    }
    while (at->next != knote)
        at = at->next;
    at->next = knote->next;
}

/* Takes the knote out of everything and frees it. */
static void discard(struct pmx__queue *queue, struct pmx__knote *knote)
{
    pmx__knote_lower(knote);
    if (knote->filter->descriptor)
        unlink_from_chain(queue, knote);
    else
        pmx__intmap_remove(map_of(queue, knote->filter), knote->ident);
    free(knote);
}

static int add(struct pmx__queue *queue, const struct pmx__filter *filter,
               const struct pmx__knote *model, struct pmx__knote **made)
{
    struct pmx__knote *knote = calloc(1, filter->size);
    if (!knote)
        return -ENOMEM;
    *knote = *model;
    knote->filter = filter;
    knote->next = NULL;
    pmx__list_init(&knote->ready);
    if (insert(queue, knote) < 0) {
        free(knote);
        return -ENOMEM;
    }
    int result = filter->attach(queue, knote);
    if (result < 0)
        discard(queue, knote);
    *made = knote;
    return result;
}

int pmx__knote_add(struct pmx__queue *queue, const struct pmx__filter *filter,
                   const struct pmx__knote *model, struct pmx__knote **made)
{
    int result = add(queue, filter, model, made);
    while (result == -EPERM && filter->next) {
        filter = filter->next;
        result = add(queue, filter, model, made);
    }
    return result == -EPERM ? -ENODEV : result;
}

int pmx__knote_copy(struct pmx__queue *queue, const struct pmx__knote *knote,
                    uintptr_t ident, struct pmx__knote **made)
{
    struct pmx__knote model = *knote;
    if (pmx__knote_find(queue, knote->filter, ident))
        return -EEXIST;
    model.ident = ident;
    model.enabled = true;
    model.own = true;
    model.forced = model.counted = model.held = false;
    return pmx__knote_add(queue, knote->filter, &model, made);
}

int pmx__knote_delete(struct pmx__queue *queue, struct pmx__knote *knote)
{
    int result = knote->filter->detach(queue, knote);
    if (result == 0 || result == -EBADF || result == -ENOENT)
        discard(queue, knote);
    return result;
}

void pmx__knote_drop(struct pmx__queue *queue, struct pmx__knote *knote)
{
    knote->filter->detach(queue, knote);
    discard(queue, knote);
}

int pmx__knote_forget(struct pmx__queue *queue, int fd)
{
    int left = 0;
    struct pmx__knote *next, *knote = pmx__knote_first(queue, fd);
    for (; knote; knote = next) {
        next = knote->next;
        if (knote->filter->verify && knote->filter->verify(queue, knote) >= 0)
            continue;
        left += !pmx__list_empty(&knote->ready);
        pmx__knote_drop(queue, knote);
    }
    return left;
}

static void free_chains(struct pmx__fdtable *table)
{
    for (int fd = -1; (fd = pmx__fdtable_next(table, fd + 1)) >= 0;) {
        struct pmx__knote *next, *knote = pmx__fdtable_get(table, fd);
        for (; knote; knote = next) {
            next = knote->next;
            free(knote);
        }
    }
    pmx__fdtable_free(table);
}

static void free_map(struct pmx__intmap *map)
{
    size_t slots = map->bits ? (size_t)1 << map->bits : 0;
    for (size_t i = 0; i < slots; i++)
        free((struct pmx__knote *)map->slots[i].value);
    pmx__intmap_free(map);
}

void pmx__knotes_free(struct pmx__queue *queue)
{
    pmx__list_init(&queue->base.ready);
    free_chains(&queue->base.descriptors);
    for (int i = 0; i < PMX__FILTERS; i++)
        free_map(&queue->named[i]);
}
