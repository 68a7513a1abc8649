/*
 * A new epoll set in the place of an old one, to be rid of items that nothing
 * else removes.
 */
#ifndef PMX_KQUEUE_LINUX_REBUILD_H
#define PMX_KQUEUE_LINUX_REBUILD_H

struct pmx__queue;

/* Replaces one of the queue's sets, under all its numbers. 0, or -errno with
 * all as it was. */
int pmx__rebuild(struct pmx__queue *queue, int set);

#endif
