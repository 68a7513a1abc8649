/* Timeouts: Python numbers to nanoseconds, as the standard module reads them. */
#ifndef PMX_EXT_TIMEOUT_H
#define PMX_EXT_TIMEOUT_H

#include "module.h"

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/*
 * Converts a number of units of unit_ns nanoseconds to nanoseconds, rounding
 * away from zero, so that no wait is shorter than asked. None is forever (-1).
 * wrong_type is the message of the TypeError up to 3.14. Returns false with
 * TypeError, ValueError (NaN) or OverflowError.
 */
bool as_timeout(PyObject *object, int64_t unit_ns, const char *wrong_type,
                int64_t *timeout_ns);

/* Whether a number of milliseconds fits a C int, as poll(2) and epoll_wait(2)
 * take it. False with OverflowError. */
bool check_milliseconds(int64_t ms);

/* Milliseconds as poll(2) gets them: a negative fraction counts as -1. */
int64_t round_away_from_zero(int64_t timeout_ns);

/* Milliseconds as epoll_wait(2) gets them: a negative fraction counts as 0. */
int64_t round_up(int64_t timeout_ns);

#endif
