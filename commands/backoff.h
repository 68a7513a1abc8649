/*
 * Trying again where the kernel tells nobody: soon at first, then less and less
 * often, by the condition's timer.
 */
#ifndef COMMANDS_BACKOFF_H
#define COMMANDS_BACKOFF_H

#include <stdint.h>

struct condition;

struct backoff {
    int64_t next_ns; /* 0 before the first time */
};

/* Sets the condition's timer for the next try. 0, or -1 when it has complained. */
int backoff_wait(struct backoff *backoff, struct condition *condition);

/* The most that lies between two tries, in words. */
#define BACKOFF_WORDS "by timers of 10 ms to 1 s"

#endif
