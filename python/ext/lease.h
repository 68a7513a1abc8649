/*
 * Closing what other threads may be using: a lease counts the calls under way
 * on a handle and knows whether it is closed. Closed at once means that new
 * calls are refused; the handle itself goes when the last call has ended, so
 * that none of them ever works on a descriptor number of somebody else.
 */
#ifndef PMX_EXT_LEASE_H
#define PMX_EXT_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>

/* Twice the number of users, plus 1 when closed. Starts as 0: open, unused. */
struct lease {
    atomic_uint state;
};

static inline bool lease_is_closed(struct lease *lease)
{
    return atomic_load(&lease->state) & 1;
}

/* Starts a use; false when closed. */
static inline bool lease_take(struct lease *lease)
{
    unsigned state = atomic_load(&lease->state);
    do {
        if (state & 1)
            return false;
    } while (!atomic_compare_exchange_weak(&lease->state, &state, state + 2));
    return true;
}

/* Ends a use; true if it was the last of a closed lease: free the handle. */
static inline bool lease_give(struct lease *lease)
{
    return atomic_fetch_sub(&lease->state, 2) == 3;
}

/* Closes; true if it was open and nobody uses it: free the handle. */
static inline bool lease_close(struct lease *lease)
{
    return atomic_fetch_or(&lease->state, 1) == 0;
}

#endif
