/*
 * What a /dev/poll handle watches: an array of records, with constant-time
 * access by descriptor, whose first part are the standing ones, those that the
 * kernel does not watch and that have something to say at every wait. Stands
 * on libc alone. A zeroed struct is an empty table.
 */
#ifndef PMX_DEVPOLL_WATCHES_H
#define PMX_DEVPOLL_WATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/intmap.h"

enum pmx__watch_kind {
    PMX__WATCH_KERNEL, /* an epoll set has it */
    PMX__WATCH_FILE,   /* epoll refuses it, poll(2) finds it always ready */
    PMX__WATCH_CLOSED, /* its number was not open when last looked at */
};

struct pmx__watch {
    int fd;
    short events;
    enum pmx__watch_kind kind;
    uint64_t token; /* which registration of this number it is */
    uint64_t round; /* of one that stands: when it was looked at last */
    dev_t device;   /* of a file: */
    ino_t inode;    /* which one */
};

struct pmx__watches {
    struct pmx__watch *all; /* the standing ones first */
    size_t count;
    size_t standing;
    size_t capacity;
    struct pmx__intmap places; /* descriptor -> index in all, plus 1 */
};

/* The record of fd, NULL if there is none; valid until the next change. */
struct pmx__watch *pmx__watches_find(const struct pmx__watches *table, int fd);

/* Makes sure that the next put succeeds. Returns 0 or -ENOMEM. */
int pmx__watches_reserve(struct pmx__watches *table);

/*
 * Stores a copy of the record in place of the one with its fd; if there is
 * none, room for it has been reserved.
 */
void pmx__watches_put(struct pmx__watches *table, const struct pmx__watch *watch,
                      bool stands);

/* Removes the record of fd if there is one. */
void pmx__watches_remove(struct pmx__watches *table, int fd);

/* Frees the table's memory. */
void pmx__watches_free(struct pmx__watches *table);

#endif
