/*
 * A lock over what a process has once. The child of a fork finds it free, though
 * a thread may have held it that the child does not have.
 */
#ifndef PMX_BASE_PROCESS_LOCK_H
#define PMX_BASE_PROCESS_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct pmx__process_lock {
    pthread_mutex_t mutex;
    void (*renew)(void);         /* in a child, before it has the lock first */
    _Atomic(uint32_t) epoch;     /* that the lock is good for */
    _Atomic(uint32_t) preparing; /* that a thread makes it good for */
};

/* A static one. */
#define PMX__PROCESS_LOCK(renew_)                              \
    {                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .renew = (renew_), \
    }

void pmx__process_lock_take(struct pmx__process_lock *lock);
void pmx__process_lock_release(struct pmx__process_lock *lock);

#endif
