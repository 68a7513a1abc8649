/*
 * Time limits. Callers give nanoseconds to wait (negative: no limit); inside,
 * a limit that must survive several system calls is a deadline: an absolute
 * time in nanoseconds on CLOCK_MONOTONIC, PMX__NEVER for none.
 */
#ifndef PMX_BASE_DEADLINE_H
#define PMX_BASE_DEADLINE_H

#include <stdint.h>
#include <time.h>

#define PMX__NEVER INT64_MAX

/* The moment timeout_ns from now, PMX__NEVER where it is too far to tell. */
int64_t pmx__deadline_in(int64_t timeout_ns);

/* Nanoseconds from now to the deadline, at least 0; -1 for PMX__NEVER. */
int64_t pmx__deadline_left(int64_t deadline);

/* timeout_ns for a system call: fills *ts and returns it, NULL for no limit. */
struct timespec *pmx__timeout_timespec(int64_t timeout_ns, struct timespec *ts);

#endif
