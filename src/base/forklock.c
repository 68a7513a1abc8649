/* A lock that survives forks: see forklock.h. Stands on epoch.c. */
#include "forklock.h"

#include <sched.h>

#include "epoch.h"

/* The child's first call. A lock that is taken has lost its owner. */
static void renew(struct pmx__forklock *lock, void (*lost)(void))
{
    if (pthread_mutex_trylock(&lock->mutex) == 0)
        pthread_mutex_unlock(&lock->mutex);
    else
        lost();
    pthread_mutex_init(&lock->mutex, NULL);
}

static void adopt(struct pmx__forklock *lock, uint32_t now, void (*lost)(void))
{
    uint32_t before = atomic_load(&lock->epoch);
    if (before == now)
        return;
    uint32_t expected = before;
    if (atomic_compare_exchange_strong(&lock->preparing, &expected, now)) {
        if (before)
            renew(lock, lost);
        atomic_store(&lock->epoch, now);
    }
    while (atomic_load(&lock->epoch) != now) /* for the few steps of another thread */
        sched_yield();
}

void pmx__forklock_lock(struct pmx__forklock *lock, void (*lost)(void))
{
    adopt(lock, pmx__epoch(), lost);
    pthread_mutex_lock(&lock->mutex);
}

void pmx__forklock_unlock(struct pmx__forklock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}
