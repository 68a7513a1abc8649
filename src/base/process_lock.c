/* A lock of a process: see process_lock.h. Stands on epoch.h to notice forks. */
#include "process_lock.h"

#include <sched.h>

#include "epoch.h"

static bool is_held(pthread_mutex_t *mutex)
{
    if (pthread_mutex_trylock(mutex) != 0)
        return true;
    pthread_mutex_unlock(mutex);
    return false;
}

static void renew(struct pmx__process_lock *lock, bool was_held)
{
    pthread_mutex_init(&lock->mutex, NULL);
    lock->renew(was_held);
}

/* A fork may also come while a thread of the parent's is here: that counts as
 * holding the lock. */
static void adopt(struct pmx__process_lock *lock, uint32_t now)
{
    uint32_t before = lock->epoch;
    if (before == now)
        return;
    uint32_t preparing = lock->preparing;
    if (preparing != now &&
        atomic_compare_exchange_strong(&lock->preparing, &preparing, now)) {
        if (before)
            renew(lock, preparing != before || is_held(&lock->mutex));
        lock->epoch = now;
    }
    while (lock->epoch != now) /* for the few steps of another thread */
        sched_yield();
}

void pmx__process_lock_take(struct pmx__process_lock *lock)
{
    adopt(lock, pmx__epoch());
    pthread_mutex_lock(&lock->mutex);
}

void pmx__process_lock_release(struct pmx__process_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}
