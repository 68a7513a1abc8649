/*
 * What a /dev/poll handle watches, and what is ready of it, over the kernel's
 * epoll(7). Knows nothing of threads, processes and time.
 *
 * Every descriptor is registered with EPOLLONESHOT: an event disarms it, and
 * arming it again makes it level-triggered and tells, in the same system call,
 * whether its number still stands for the file that was registered. epoll
 * alone would go on with a closed descriptor as long as a duplicate of it is
 * open anywhere, and could not be stopped; here it stays disarmed.
 *
 * What epoll does not take is kept in the first part of the table and looked
 * at by every wait: files that are always ready, and numbers that are not
 * open. While there are any, an eventfd in the epoll set, the beacon, makes the
 * set readable.
 *
 * Functions return >= 0 or -errno.
 */
#ifndef PMX_DEVPOLL_INTEREST_H
#define PMX_DEVPOLL_INTEREST_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "watches.h"

struct pmx__interest {
    int epoll; /* readable while something may be ready */
    int beacon;
    bool beacon_lit;
    bool turn; /* of those that stand to have the odd place */
    size_t next_standing;
    uint64_t round; /* of visits to those that stand */
    uint64_t registrations;
    struct pmx__watches watches;
};

/* Opens the descriptors of a zeroed set. */
int pmx__interest_open(struct pmx__interest *set);

/*
 * Whether the set's number still is the set's: 0 or -EBADF. Nothing changes but,
 * where this process does not know how the beacon is (it is a child, and the set
 * its parent's), that the beacon is lit: somebody looks for nothing.
 */
int pmx__interest_check(const struct pmx__interest *set, bool is_known);

/* Frees everything, also when close(2) fails; a number that is not the set's any
 * more (is_known as above) stays open. */
int pmx__interest_close(struct pmx__interest *set, bool is_known);

/* Watches fd for events and for those of its old ones that are in kept. */
int pmx__interest_watch(struct pmx__interest *set, int fd, short events, short kept);

/* Removes fd if it is there. */
int pmx__interest_remove(struct pmx__interest *set, int fd);

/* Whether fd is watched: 1, and for what; 0 if not. */
int pmx__interest_query(struct pmx__interest *set, int fd, short *events);

/* Stores up to room answers; room is greater than 0. Returns how many. */
int pmx__interest_collect(struct pmx__interest *set, struct pollfd *ready, int room);

#endif
