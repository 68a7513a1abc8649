/*
 * The epoll set of a queue, as the filters of Linux see it: descriptors of
 * their own in it (struct pmx__watch), the one alarm clock of the queue, and a
 * place for their state of the queue.
 */
#ifndef PMX_KQUEUE_LINUX_SET_H
#define PMX_KQUEUE_LINUX_SET_H

#include <stdint.h>

struct pmx__knote;
struct pmx__queue;

/* A descriptor of a filter's own in the set; embedded in the filter's state. */
struct pmx__watch {
    int fd;
    uint32_t events; /* EPOLL* */
    uint32_t id;     /* the set's */

    /* The queue is locked; the watch may be removed in here. */
    void (*notice)(struct pmx__queue *queue, struct pmx__watch *watch, uint32_t events);
};

/* Begins to watch watch->fd for watch->events. 0 or -errno. */
int pmx__set_watch(struct pmx__queue *queue, struct pmx__watch *watch);

/* Watches it for other events from now on, or for none. 0, or -errno with
 * nothing changed. */
int pmx__set_rewatch(struct pmx__queue *queue, struct pmx__watch *watch,
                     uint32_t events);

/* pmx__knote_raise() for what a watch tells: one knote less to look for in this
 * wait. */
void pmx__set_raise(struct pmx__queue *queue, struct pmx__knote *knote);

/* Ends it, before the descriptor is closed. */
void pmx__set_unwatch(struct pmx__queue *queue, struct pmx__watch *watch);

/*
 * Sets the alarm clock: due() is called at the deadline (base/deadline.h), or
 * soon after, with the queue locked; once. PMX__NEVER stops it. 0, or -errno
 * (-EMFILE, -ENFILE, -ENOMEM) with the clock as it was; moving it to a later
 * time never fails.
 */
int pmx__set_alarm(struct pmx__queue *queue, int64_t deadline,
                   void (*due)(struct pmx__queue *queue));

/* look() is called before every wait from now on, with the queue locked; NULL
 * ends it. For one filter. */
void pmx__set_look(struct pmx__queue *queue, void (*look)(struct pmx__queue *queue));

/* Where a filter keeps its state of a queue; NULL at first. */
enum pmx__place {
    PMX__PLACE_TIMER,
    PMX__PLACE_FILE,
    PMX__PLACE_LINK,
    PMX__PLACE_PROCESS,
    PMX__PLACE_CONNECTOR,
    PMX__PLACE_SIGNAL,
    PMX__PLACE_AIO,
    PMX__PLACES
};
void **pmx__set_place(struct pmx__queue *queue, enum pmx__place place);

#endif
