/*
 * One face for all waits: the library's interfaces, in each of the ways they
 * have of waiting, and the system calls they stand for as the oracle.
 */
#ifndef TESTS_WAITERS_H
#define TESTS_WAITERS_H

#include <signal.h>
#include <stdint.h>

/* How an interface does it; api is the table of its functions. */
struct waiter_kind {
    void *(*open)(const void *api);
    void (*watch)(const void *api, void *handle, int fd);
    int (*wait)(const void *api, void *handle, int64_t timeout_ns,
                const sigset_t *sigmask);
    void (*close)(const void *api, void *handle);
    void (*abandon)(const void *api, void *handle);
};

struct waiter {
    const char *name;
    const struct waiter_kind *kind;
    const void *api;
};

extern const struct waiter waiters[10];

/*
 * All but two: epoll-kernel stands on syscall(2), which libc does not make a
 * cancellation point; select-hung-up has memory that is lost with the thread.
 */
extern const struct waiter cancellable_waiters[8];

static inline void *waiter_open(const struct waiter *waiter)
{
    return waiter->kind->open(waiter->api);
}

/* From now on a wait ends when fd is readable. */
static inline void waiter_watch(const struct waiter *waiter, void *handle, int fd)
{
    waiter->kind->watch(waiter->api, handle, fd);
}

static inline int waiter_wait(const struct waiter *waiter, void *handle,
                              int64_t timeout_ns, const sigset_t *sigmask)
{
    return waiter->kind->wait(waiter->api, handle, timeout_ns, sigmask);
}

static inline void waiter_close(const struct waiter *waiter, void *handle)
{
    waiter->kind->close(waiter->api, handle);
}

/* Gives back descriptors but no memory, and uses no handle of the library. */
static inline void waiter_abandon(const struct waiter *waiter, void *handle)
{
    waiter->kind->abandon(waiter->api, handle);
}

#endif
