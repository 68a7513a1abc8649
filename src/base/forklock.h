/*
 * A lock that survives fork(2) without pthread_atfork(3): the child's first
 * thread that comes makes it new.
 */
#ifndef PMX_BASE_FORKLOCK_H
#define PMX_BASE_FORKLOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct pmx__forklock {
    pthread_mutex_t mutex;
    _Atomic(uint32_t) epoch;     /* that the lock is good for */
    _Atomic(uint32_t) preparing; /* that a thread makes it good for */
};

#define PMX__FORKLOCK_INIT              \
    {                                   \
        PTHREAD_MUTEX_INITIALIZER, 0, 0 \
    }

/*
 * Takes the lock. In the child of a fork, where another thread held it in that
 * moment, lost() is called once before: what the lock protects may be half
 * changed, and its owner is not there any more.
 */
void pmx__forklock_lock(struct pmx__forklock *lock, void (*lost)(void));

void pmx__forklock_unlock(struct pmx__forklock *lock);

#endif
