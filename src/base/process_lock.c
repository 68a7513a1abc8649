/* A lock of a process: see process_lock.h. Stands on epoch.h to notice forks. */
#include "process_lock.h"

#include <sched.h>

#include "epoch.h"

static void adopt(struct pmx__process_lock *lock, uint32_t now)
{
    uint32_t before = lock->epoch, expected = before;
    if (before == now)
        return;
    if (atomic_compare_exchange_strong(&lock->preparing, &expected, now)) {
        if (before) {
            pthread_mutex_init(&lock->mutex, NULL);
            lock->renew();
        }
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
