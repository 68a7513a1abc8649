/*
 * Descriptors in the epoll set, on behalf of the READ and WRITE knotes on them.
 *
 * An item of the set is level-triggered or edge-triggered. Two level knotes on
 * one descriptor share an item. Where one of them clears they do not, or each
 * would see the other's edges: the second one's item is in a second set, which
 * is itself an item of the first.
 */
#ifndef PMX_KQUEUE_LINUX_ITEM_H
#define PMX_KQUEUE_LINUX_ITEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "../filter.h"
#include "../source.h"
#include "source.h"

/* The bits of pmx__item.trust. */
enum { PMX__TRUST = (1 << 8) - 1 };

/* A knote of EVFILT_READ or EVFILT_WRITE. */
struct pmx__item {
    struct pmx__knote knote;
    uint32_t generation; /* of the item in the set: the same where it is shared */
    unsigned seen : 6;   /* what the last event was; 0: not known */
    unsigned kind : 5;   /* fd.c's */
    unsigned armed : 3;  /* what the item is set to */
    unsigned trust : 8;  /* what source->doubts was when it was verified */
    unsigned news : 7;   /* fd.c's */
    bool writes : 1;
    bool side : 1;   /* it is in the second set */
    bool hushed : 1; /* edges are enough for now, after a false alarm */
};

/* EPOLL*, of the last event. */
static inline uint32_t pmx__item_seen(const struct pmx__item *item)
{
    return (item->seen & 31) | (item->seen & 32 ? (uint32_t)EPOLLRDHUP : 0);
}

static inline struct pmx__item *pmx__item_of(struct pmx__knote *knote)
{
    return (struct pmx__item *)(void *)knote;
}

/* Whether no descriptor of the set was found to be closed since the item was
 * verified last. */
static inline bool pmx__item_is_trusted(const struct pmx__queue *queue,
                                        const struct pmx__item *item)
{
    return item->trust == (pmx__queue_source(queue)->doubts & PMX__TRUST);
}

/* Puts the item into the set, or into another knote's. 0 or -errno. */
int pmx__item_add(struct pmx__queue *queue, struct pmx__item *item);

/* Takes it out: 0, or -EBADF or -ENOENT where the descriptor was closed. */
int pmx__item_remove(struct pmx__queue *queue, struct pmx__item *item);

/* Whether the descriptor still is the item's: 0, or -EBADF or -ENOENT. Unlike
 * setting the item, asking raises nothing. */
int pmx__item_verify(struct pmx__queue *queue, struct pmx__item *item);

/* The same, but asks only if the item is not trusted. */
static inline int pmx__item_doubt(struct pmx__queue *queue, struct pmx__item *item)
{
    return pmx__item_is_trusted(queue, item) ? 0 : pmx__item_verify(queue, item);
}

/* Sets the item in the set to what its knotes want, if it is not, or in any
 * case. Setting it raises what is ready. 0, -EBADF or -ENOENT as above. */
int pmx__item_settle(struct pmx__queue *queue, struct pmx__item *item,
                     bool in_any_case);

/* Does so for all items. */
void pmx__items_settle(struct pmx__queue *queue);

/* Adds to another set what is in the first or the second one. Closed descriptors
 * are left out. 0 or -errno. */
int pmx__items_copy(struct pmx__queue *queue, bool side, int set);

/* The item fired but its knote is not ready: to be told of changes only. And the
 * opposite, when it is ready or looks again. */
int pmx__item_hush(struct pmx__queue *queue, struct pmx__item *item);
int pmx__item_unhush(struct pmx__queue *queue, struct pmx__item *item);

/*
 * fd.c: the most common event by the shortest way, without a cancellation point:
 * there are bytes to read, of a descriptor that has no other knote. Collects
 * them at once; false, with nothing done, if it is not that.
 */
bool pmx__item_collect_bytes(struct pmx__queue *queue, uint64_t tag, uint32_t events,
                             struct pmx__wait *wait);

/* What came of an event of the set. */
enum pmx__news {
    PMX__NEWS_NONE, /* nothing */
    PMX__NEWS,      /* a knote was raised, or silenced */
    PMX__NEWS_OLD,  /* something that does not come again, and tells nobody */
};

/* An event of the set: raises its knotes. */
enum pmx__news pmx__item_notice(struct pmx__queue *queue, int set, uint64_t tag,
                                uint32_t events);

#endif
