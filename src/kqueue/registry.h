/*
 * Which descriptor of this process leads to which queue. A number that was
 * closed and used again is never mistaken for the queue it once was.
 */
#ifndef PMX_KQUEUE_REGISTRY_H
#define PMX_KQUEUE_REGISTRY_H

#include <stdbool.h>

struct pmx__door;
struct pmx__queue;

/* Registers a new door, with one handle. 0 or -ENOMEM. *displaced is the door
 * that had the number, which must have been closed unseen, with one handle
 * added to it; NULL if there is none. */
int pmx__registry_add(struct pmx__door *door, struct pmx__door **displaced);

/* The door is closed: its number means nothing any more. */
void pmx__registry_remove(struct pmx__door *door);

/* The door of fd, with one handle added; NULL if there is none. */
struct pmx__door *pmx__registry_at(int fd);

/* A door to the queue that fd is a descriptor of, which need not be the door
 * with that number; with one handle added. NULL if there is none. */
struct pmx__door *pmx__registry_search(int fd);

/* Takes a handle away; with the last one the door is freed, and with the last
 * door the queue. */
void pmx__registry_release(struct pmx__door *door);

#endif
