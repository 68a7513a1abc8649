/*
 * A growing array of struct pollfd, ready for poll(2), in the order in which
 * descriptors were added, with constant-time access by descriptor. What poll
 * and select have in common. A zeroed struct is an empty set.
 */
#ifndef PMX_BASE_POLLSET_H
#define PMX_BASE_POLLSET_H

#include <poll.h>
#include <stddef.h>

#include "intmap.h"

struct pmx__pollset {
    struct pollfd *fds; /* a removed one stays as fd -1, which poll(2) skips */
    size_t used;        /* entries of fds, removed ones included */
    size_t capacity;
    struct pmx__intmap places; /* descriptor -> index in fds, plus 1 */
};

/* The number of descriptors in the set. */
static inline size_t pmx__pollset_count(const struct pmx__pollset *set)
{
    return set->places.count;
}

/* The entry of fd, NULL if there is none; valid until the next change. */
struct pollfd *pmx__pollset_find(const struct pmx__pollset *set, int fd);

/*
 * The entry of fd, appended with no events if it is not there. fd is not
 * negative. NULL when out of memory, with the set as it was.
 */
struct pollfd *pmx__pollset_need(struct pmx__pollset *set, int fd);

/* Removes an entry that pmx__pollset_find() gave. */
void pmx__pollset_remove(struct pmx__pollset *set, struct pollfd *entry);

/* Copies the entries, removed ones left out; room for pmx__pollset_count(). */
void pmx__pollset_copy(const struct pmx__pollset *set, struct pollfd *copy);

/* Sets the answers (revents) of count entries to nothing. */
void pmx__pollfds_forget(struct pollfd *fds, size_t count);

/* Empties the set and keeps its memory. */
void pmx__pollset_clear(struct pmx__pollset *set);

/* Frees the set's memory. */
void pmx__pollset_free(struct pmx__pollset *set);

#endif
