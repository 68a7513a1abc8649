/*
 * Closing what other threads may be using: a lease counts the calls under way
 * on a handle and knows whether it is closed. Closed at once means that new
 * calls are refused; the handle itself goes when the last call has ended, so
 * that none of them ever works on a descriptor number of somebody else.
 *
 * The calls of other threads do not exist in the child of a fork: there the
 * count starts again at zero.
 */
#ifndef PMX_EXT_LEASE_H
#define PMX_EXT_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bit 0: closed. Bits 1 to 31: users. Bits 32 to 63: how many forks this
 * process was away from the first when they were counted. Starts as 0. */
struct lease {
    _Atomic(uint64_t) state;
};

#define LEASE_CLOSED UINT64_C(1)
#define LEASE_USER   UINT64_C(2)

/* Starts to watch for forks. Returns 0, or -1 with errno. */
int lease_prepare(void);

/* Whether it is closed. */
bool lease_is_closed(struct lease *lease);

/* Starts a use; false when closed. */
bool lease_take(struct lease *lease);

/* Ends a use; true if it was the last of a closed lease: free the handle. */
bool lease_give(struct lease *lease);

/* Closes; true if it was open and nobody uses it: free the handle. */
bool lease_close(struct lease *lease);

/* Closes, during a use of the caller's own, which goes on; true if it was open. */
bool lease_revoke(struct lease *lease);

#endif
