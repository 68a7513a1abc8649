/*
 * Children that end all at once, for who measures how their ends are told.
 */
#ifndef POLYMUX_BENCH_CHILDREN_H
#define POLYMUX_BENCH_CHILDREN_H

#include <sys/types.h>

enum { CHILDREN = 100, CHILD_STATUS = 7 << 8 };

/* They run; `gate` keeps them from ending. */
struct children {
    pid_t pids[CHILDREN];
    int gate;
};

void children_start(struct children *children);

/* Each has ended when this returns, with CHILD_STATUS, and was not waited for. */
void children_end(const struct children *children);

/* Waits for them. */
void children_reap(const struct children *children);

#endif
