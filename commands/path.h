/*
 * A path that is watched: who is told of whatever may change what it names. The
 * directory in which its last name is, or is missed, tells of names; those on
 * the way tell when they are moved. So it goes down as directories appear, and
 * up again when they go.
 */
#ifndef COMMANDS_PATH_H
#define COMMANDS_PATH_H

#include <stdbool.h>

#include "backoff.h"
#include "trail.h"

struct condition;
struct pmx_kevent;

struct path {
    struct trail trail;
    char told[PATH_MAX]; /* the place that -v has told of */
    struct backoff backoff;
    bool is_blind; /* the kernel does not tell: looked at again by timers */
};

/* Watches, then looks. 1 if the condition's path names something, 0 if not, in
 * path->trail.found what; -1 when it has complained. */
int path_look(struct path *path, struct condition *condition);

/* Whether an event of the condition may be one of the path, and so to be looked
 * at. Most that happens in a directory is about other names. */
bool path_concerns(const struct path *path, const struct pmx_kevent *event);

void path_end(struct path *path, struct condition *condition);

#endif
