/*
 * No thread is cancelled inside the library but in a sleep: who is cancelled
 * elsewhere would take a lock along.
 */
#ifndef PMX_BASE_CANCEL_H
#define PMX_BASE_CANCEL_H

#include <pthread.h>

/* Shields the thread; returns what it was, for pmx__cancel_as(). */
static inline int pmx__cancel_off(void)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void pmx__cancel_as(int before)
{
    pthread_setcancelstate(before, NULL);
}

#endif
