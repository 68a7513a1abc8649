/* The knotes of a queue: lifetime, and lookup by (filter, ident). */
#ifndef PMX_KQUEUE_KNOTE_H
#define PMX_KQUEUE_KNOTE_H

#include <stdint.h>

#include "filter.h"
#include "queue.h"

/* The knote, or NULL. ident is a possible descriptor if the filter's is one. */
static inline struct pmx__knote *pmx__knote_find(const struct pmx__queue *queue,
                                                 const struct pmx__filter *filter,
                                                 uintptr_t ident)
{
    if (!filter->descriptor) {
        const struct pmx__intmap *map = &queue->named[-filter->number - 1];
        return (struct pmx__knote *)pmx__intmap_get(map, ident);
    }
    struct pmx__knote *knote = pmx__knote_first(queue, (int)ident);
    while (knote && knote->filter->number != filter->number)
        knote = knote->next;
    return knote;
}

/*
 * Makes and attaches a knote that does not exist; what the caller decides about
 * it is in *model. 0 with *made, or -errno.
 */
int pmx__knote_add(struct pmx__queue *queue, const struct pmx__filter *filter,
                   const struct pmx__knote *model, struct pmx__knote **made);

/* Detaches and frees a knote. 0, or -EBADF or -ENOENT as detach, which frees it as
 * well; after any other -errno it is as it was. */
int pmx__knote_delete(struct pmx__queue *queue, struct pmx__knote *knote);

/* The same where it has to go in any case. */
void pmx__knote_drop(struct pmx__queue *queue, struct pmx__knote *knote);

/* Frees all knotes of a queue that goes, without detach. */
void pmx__knotes_free(struct pmx__queue *queue);

#endif
