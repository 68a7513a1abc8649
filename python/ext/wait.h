/*
 * The waiting that all interfaces share: the GIL is kept while a wait does not
 * sleep, and a wait that a signal interrupts goes on (PEP 475).
 */
#ifndef PMX_EXT_WAIT_H
#define PMX_EXT_WAIT_H

#include "module.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One wait of libpolymux on whatever waiter is: returns the number of events,
 * or -1 with errno. Called with and without the GIL.
 */
typedef int (*wait_function)(void *waiter, int64_t timeout_ns);

/* A scan of more descriptors than this takes long enough to let others run. */
#define LONG_SCAN 1000

/*
 * Waits: first without sleeping and with the GIL, unless long_scan says that
 * this alone takes long; then asleep and without it. A negative timeout has no
 * limit. Signal handlers run when a signal interrupts the sleep; then the wait
 * goes on for the time that is left.
 *
 * Returns the number of events, 0 when the time is over, or -1 with an exception:
 * that of a signal handler, MemoryError for ENOMEM, OSError for other errors.
 */
int wait_for_events(wait_function wait, void *waiter, int64_t timeout_ns,
                    bool long_scan);

#endif
