/*
 * Items of the epoll set that cannot be reached any more: their descriptor was
 * closed, or its number given to another file, while a duplicate of it lives on
 * and keeps the item alive under the old number.
 */
#ifndef PMX_KQUEUE_LINUX_EVICT_H
#define PMX_KQUEUE_LINUX_EVICT_H

#include <stdbool.h>

struct pmx__queue;

/* Removes an item with the number fd that is not fd's from a set of the queue.
 * Whether there was one and it is gone. */
bool pmx__evict(struct pmx__queue *queue, int set, int fd);

#endif
