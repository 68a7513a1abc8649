/*
 * A lock over what a process has once. It survives fork(2) without
 * pthread_atfork(3): the first thread of the child that comes makes it new,
 * though a thread may have held it that the child does not have.
 */
#ifndef PMX_BASE_PROCESS_LOCK_H
#define PMX_BASE_PROCESS_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pmx__process_lock {
    pthread_mutex_t mutex;
    void (*renew)(bool was_held);
    _Atomic(uint32_t) epoch;     /* that the lock is good for */
    _Atomic(uint32_t) preparing; /* that a thread makes it good for */
};

/*
 * A static one. In the child of a fork, renew() is called once before the lock
 * is taken there first. If the lock was held in the moment of the fork, what it
 * protects may be half changed, and nobody is there to complete it.
 */
#define PMX__PROCESS_LOCK(renew_)                              \
    {                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .renew = (renew_), \
    }

void pmx__process_lock_take(struct pmx__process_lock *lock);
void pmx__process_lock_release(struct pmx__process_lock *lock);

#endif
