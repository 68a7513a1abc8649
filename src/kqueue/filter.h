/*
 * The contract between the core of kqueue and its filters. A filter is a table
 * of callbacks on one kind of knote; the core decides what a change means and
 * which knote is collected when, a filter only whether there is something to
 * collect.
 *
 * Every callback runs with the queue locked. A filter keeps its own state of a
 * knote in a struct that begins with struct pmx__knote, and its state of a
 * queue where the port lets it (linux/set.h); it knows no EV_* flag.
 */
#ifndef PMX_KQUEUE_FILTER_H
#define PMX_KQUEUE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/fdtable.h"
#include "../base/list.h"

/* A queue begins with this, which is all that filters and sources touch of it
 * themselves. */
struct pmx__queue_base {
    struct pmx__source *source;      /* NULL: the queue has gone */
    struct pmx__list ready;          /* knotes in line to be collected */
    bool shown;                      /* the source's: others see the queue readable */
    struct pmx__fdtable descriptors; /* fd -> its first knote */
};

struct pmx__queue;

static inline struct pmx__queue_base *pmx__base_of(const struct pmx__queue *queue)
{
    return (struct pmx__queue_base *)(void *)(uintptr_t)queue;
}

struct pmx__knote {
    struct pmx__list ready;           /* its place in the line of ready ones */
    struct pmx__knote *next;          /* another knote of the same descriptor */
    const struct pmx__filter *filter; /* never changes */
    uintptr_t ident;                  /* never changes */
    void *udata;
    uint64_t ext[2];
    int64_t data;    /* what the caller gave last */
    uint32_t fflags; /* likewise */
    uint16_t flags;  /* kevent.c's alone */

    /* For filters to read. The first two, attach may set. */
    bool once : 1;   /* collected once, then dropped */
    bool clears : 1; /* collected once for each time something happens */
    bool enabled : 1;
    bool held : 1; /* raised before this wait: what was seen then may be old */
    bool own : 1;  /* made by the library, not by a change */

    /* kevent.c's. */
    bool forced : 1;  /* to be collected whatever the filter says */
    bool counted : 1; /* a queue around this one knows that it is ready */
    bool stays : 1;   /* as it is when it is collected; for filters to read */
};

/* What a filter says of a knote that can be collected. */
struct pmx__report {
    int64_t data;
    uint32_t fflags;
    bool eof;
    bool error; /* data is an errno: what is wrong with the knote */
    bool apart; /* an event of its own, EV_ONESHOT in it; the knote stays in line */
    bool last;  /* nothing can follow: the knote is dropped, as if it were once;
                   also if there is nothing to collect */
};

/* A change to a knote that exists. */
struct pmx__touch {
    int64_t data;
    uint32_t fflags;
    bool add;   /* an EV_ADD */
    bool reset; /* what happened so far is to be forgotten */
};

/*
 * size     of the filter's knote; zeroed before attach, freed by the core
 * next     tried where attach answers -EPERM: the same filter on objects of
 *          another kind; NULL for none
 *
 * attach   begins to watch; quietly while knote->enabled is false. Validates
 *          fflags, data and ident. 0 or -errno, with nothing left behind.
 * detach   ends it. 0, or -EBADF or -ENOENT where the descriptor was closed
 *          before; after another -errno it may be called again, or the knote be
 *          freed all the same. Not called when the whole queue goes, see shut.
 * verify   NULL, or: is this knote still its descriptor's? 0; -EBADF where the
 *          number is closed, -ENOENT where it is another file's now.
 * touch    a change other than to enabled; NULL: the core replaces data and
 *          fflags. 0 or -errno with nothing changed.
 * arm      the knote was enabled, or touched while it was: look again, and
 *          pmx__knote_raise() it if it is ready. 0 or -errno as verify.
 * disarm   NULL, or: the knote was disabled. What happens from now on shows
 *          with the next arm.
 * collect  a raised knote: 1 with *report filled if it is ready, 0 if it is
 *          not, -EBADF where its descriptor was closed. Must not drop knotes.
 * clear    NULL, or: a knote that clears was collected, its account begins
 *          anew; or what it reported apart was. Level knotes stay raised by the core
 * unless `sourced`. shut     NULL, or: the queue goes with all its knotes; free the
 * filter's state of the queue. Close its descriptors only if `ours`: after a fork their
 * numbers may belong to others.
 *
 * sourced  the system itself raises a level knote again while it is ready; the
 *          core need not keep it in line.
 */
struct pmx__filter {
    int16_t number;
    bool descriptor; /* ident is one */
    bool sourced;
    size_t size;
    const struct pmx__filter *next;
    int (*attach)(struct pmx__queue *queue, struct pmx__knote *knote);
    int (*detach)(struct pmx__queue *queue, struct pmx__knote *knote);
    int (*verify)(struct pmx__queue *queue, struct pmx__knote *knote);
    int (*touch)(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *touch);
    int (*arm)(struct pmx__queue *queue, struct pmx__knote *knote);
    void (*disarm)(struct pmx__queue *queue, struct pmx__knote *knote);
    int (*collect)(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report);
    void (*clear)(struct pmx__queue *queue, struct pmx__knote *knote);
    void (*shut)(struct pmx__queue *queue, bool ours);
};

/*
 * What a port provides.
 */

/* The filter of a number. 0, -EINVAL if there is none, -ENXIO if there is one
 * that takes no knotes from kevent(). */
int pmx__filter_find(int16_t number, const struct pmx__filter **filter);

/* Calls shut of every filter. */
void pmx__filters_shut(struct pmx__queue *queue, bool ours);

/*
 * What the core provides, to callbacks and to sources of wake-ups.
 */

/* Puts a knote in line to be collected; nothing happens if it stands there, or
 * is disabled. A knote may be raised on suspicion: collect decides. */
static inline void pmx__knote_raise(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (!knote->enabled || !pmx__list_empty(&knote->ready))
        return;
    knote->held = false;
    pmx__list_append(&pmx__base_of(queue)->ready, &knote->ready);
}

/* Makes a knote of the same filter, manner, notes and udata for another ident,
 * enabled. 0 with *made, -EEXIST where there is one, or -errno. */
int pmx__knote_copy(struct pmx__queue *queue, const struct pmx__knote *knote,
                    uintptr_t ident, struct pmx__knote **made);

/* Takes a knote out of the line. */
static inline void pmx__knote_lower(struct pmx__knote *knote)
{
    pmx__list_remove(&knote->ready);
}

/* The first knote on a descriptor, NULL if there is none; the others follow by
 * knote->next. */
static inline struct pmx__knote *pmx__knote_first(const struct pmx__queue *queue,
                                                  int fd)
{
    return pmx__fdtable_get(&pmx__base_of(queue)->descriptors, fd);
}

/* The first descriptor from fd on that has knotes, or -1. */
int pmx__knote_next_fd(const struct pmx__queue *queue, int fd);

/* Drops the knotes on a descriptor that are no longer its own, as verify says:
 * how many of them stood in line. Not from callbacks of a knote of that
 * descriptor: they return -EBADF. */
int pmx__knote_forget(struct pmx__queue *queue, int fd);

#endif
