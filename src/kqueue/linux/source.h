/* The inside of a queue's epoll set, for the files that keep it. */
#ifndef PMX_KQUEUE_LINUX_SOURCE_H
#define PMX_KQUEUE_LINUX_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../base/intmap.h"
#include "set.h"

struct pmx__source {
    int fd;    /* the set, under the number of an open door */
    int side;  /* a set within the set, for second items of a descriptor; or -1 */
    int wake;  /* an eventfd: readable when the line has to show */
    int timer; /* a timerfd for the alarm, where a thread or others look; or -1 */
    bool observed;
    bool ticking;   /* timer is set */
    int wanted;     /* knotes to raise, in this wait */
    unsigned items; /* descriptors in the sets but our own */
    unsigned sleepers;
    unsigned leaving;    /* those in a set that was replaced */
    unsigned era;        /* counts the sets */
    uint32_t generation; /* the last one given to an item */
    unsigned doubts;     /* counts items whose descriptor was found closed */
    uint64_t stray;      /* the last tag that no item had */
    int64_t alarm;
    void (*due)(struct pmx__queue *queue);
    void (*look)(struct pmx__queue *queue); /* NULL: nobody wants to */
    struct pmx__intmap watches;             /* id -> watch */
    uint32_t last_watch;
    void *places[PMX__PLACES];
};

/*
 * What the set tells with an event, its tag: the descriptor and the generation
 * of the item, which is never 0 and tells apart what had the same number one
 * after the other. Never an address: what an old item tells must do no harm.
 * Generation 0 is for our own descriptors.
 */
enum { PMX__TAG_WAKE, PMX__TAG_SIDE, PMX__TAG_TIMER, PMX__TAG_WATCH };

static inline uint64_t pmx__tag(uint32_t generation, int fd)
{
    return (uint64_t)generation << 32 | (uint32_t)fd;
}

/* epoll_ctl(2), returning 0 or -errno. */
int pmx__source_ctl(int set, int operation, int fd, uint32_t events, uint64_t tag);

/* Adds a watch to a set. 0 or -errno. */
int pmx__set_add_watch(int set, const struct pmx__watch *watch);

/* Of a source that has an alarm: calls due() if it is time, and says whether it
 * was. */
bool pmx__source_ring(struct pmx__queue *queue);

/* The shorter one of a timeout and the time to the alarm. */
int64_t pmx__source_limit(const struct pmx__source *source, int64_t timeout_ns);

/* Makes the side set, if there is none. 0 or -errno. */
int pmx__source_need_side(struct pmx__source *source);

#endif
