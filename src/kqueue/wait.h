/* Waiting until there is something to collect, and for whom there is room. */
#ifndef PMX_KQUEUE_WAIT_H
#define PMX_KQUEUE_WAIT_H

#include <stdbool.h>

struct pmx__queue;
struct pmx__wait;

/*
 * Waits for events and collects them, as many as there is room for. A wake-up
 * may come to nothing, since a knote is only looked at when it is collected, and
 * because of other threads. Returns their number, 0 when the time is over, or
 * -errno.
 */
int pmx__wait_collect(struct pmx__queue *queue, struct pmx__wait *wait);

/* kevent.c: collects what stands in line, each knote once: whether something was
 * not ready after all. */
bool pmx__collect_line(struct pmx__queue *queue, struct pmx__wait *wait);

#endif
