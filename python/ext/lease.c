/* Closing what other threads may be using: see lease.h. */
#include "lease.h"

#include <errno.h>
#include <pthread.h>

static atomic_uint forks;

static void count_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static int prepare_result;

static void prepare(void)
{
    prepare_result = pthread_atfork(NULL, NULL, count_fork);
}

/* Interpreters of one process share the count. */
int lease_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    errno = prepare_result;
    return prepare_result ? -1 : 0;
}

/* The state without the users of a process that this one was forked from. */
static uint64_t here(uint64_t state)
{
    uint64_t now = (uint64_t)atomic_load_explicit(&forks, memory_order_relaxed) << 32;
    return state >> 32 == now >> 32 ? state : now | (state & LEASE_CLOSED);
}

bool lease_is_closed(struct lease *lease)
{
    return atomic_load(&lease->state) & LEASE_CLOSED;
}

bool lease_take(struct lease *lease)
{
    uint64_t state = atomic_load(&lease->state);
    do {
        if (state & LEASE_CLOSED)
            return false;
    } while (
        !atomic_compare_exchange_weak(&lease->state, &state, here(state) + LEASE_USER));
    return true;
}

bool lease_give(struct lease *lease)
{
    uint64_t state = atomic_fetch_sub(&lease->state, LEASE_USER);
    return (uint32_t)state == (LEASE_CLOSED | LEASE_USER);
}

bool lease_close(struct lease *lease)
{
    uint64_t state = atomic_load(&lease->state);
    while (!atomic_compare_exchange_weak(&lease->state, &state,
                                         here(state) | LEASE_CLOSED))
        ;
    return (uint32_t)here(state) == 0;
}

bool lease_revoke(struct lease *lease)
{
    return !(atomic_fetch_or(&lease->state, LEASE_CLOSED) & LEASE_CLOSED);
}
