/*
 * A run of the command: its queue, its conditions, and what it was asked for.
 * One queue waits for all there is.
 */
#ifndef COMMANDS_SESSION_H
#define COMMANDS_SESSION_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct pmx_kqueue;
struct condition;

/* Exit statuses, those of timeout(1); the last that `--code` can use is before. */
enum { STATUS_TIMEOUT = 124, STATUS_TROUBLE = 125 };

struct session {
    struct pmx_kqueue *queue;
    struct options options;
    struct condition *conditions;
    int count;
    int last;            /* the index of the condition printed last */
    int64_t began;       /* CLOCK_MONOTONIC, nanoseconds */
    sigset_t given_mask; /* the signals that were blocked when we were started */
    bool all;            /* waitall */
};

/* What main() has to return. */
int command_main(int argc, char **argv, bool all);

#endif
