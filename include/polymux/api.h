/*
 * What all of libpolymux's interfaces share. Every public header includes
 * this one; a program includes <polymux/polymux.h> or the interface it wants.
 *
 * Errors
 *   As system calls: a function returns -1 (a constructor NULL) and sets
 *   errno; after success errno is what it was before the call. A failed call
 *   changes nothing and leaks nothing. Passing NULL where a handle is asked
 *   for is a bug of the caller and undefined, as in libc; free and close
 *   functions alone accept it.
 *
 * Time
 *   A timeout is a count of nanoseconds: negative waits without limit
 *   (PMX_FOREVER), 0 does not sleep, anything else sleeps at least that long
 *   on CLOCK_MONOTONIC unless something becomes ready. It is never rounded to
 *   milliseconds. The kernel may add its timer slack (prctl(2),
 *   PR_SET_TIMERSLACK).
 *
 * Signals
 *   A wait that a signal handler interrupts fails with EINTR; it is never
 *   restarted, SA_RESTART or not (signal(7)). Where a function takes a signal
 *   mask, the mask is in force exactly while the function waits, changed
 *   atomically with the start and the end of the sleep (pselect(2)); NULL
 *   leaves the thread's mask alone.
 *
 * Threads
 *   Different handles may be used by different threads at will. What may be
 *   done with one handle by several threads at once stands with each
 *   interface. The library starts no threads, and no call returns or sleeps with
 *   one of the library's locks held.
 *
 * Fork
 *   What a handle becomes in the child of fork(2) stands with each interface.
 *   The library installs no pthread_atfork(3) handlers.
 *
 * Cancellation
 *   Waiting functions are cancellation points; a thread must not be cancelled
 *   (pthread_cancel(3)) inside one and the handle be used afterwards.
 */
#ifndef POLYMUX_API_H
#define POLYMUX_API_H

#include <polymux/version.h>

#define PMX_API __attribute__((visibility("default")))

/* A timeout that never ends. Any negative number means the same. */
#define PMX_FOREVER (-1)

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library in use, as PMX_VERSION writes it. The string is
 * static. Any thread, any time; also between fork(2) and execve(2).
 */
PMX_API const char *pmx_version(void);

#ifdef __cplusplus
}
#endif

#endif
