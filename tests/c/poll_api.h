/*
 * poll with a kept set, as the library has it and in the plainest way over
 * the kernel's ppoll(2), behind one table.
 */
#ifndef TESTS_POLL_API_H
#define TESTS_POLL_API_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct poll_api {
    const char *name;
    void *(*create)(void);
    void (*free)(void *set);
    int (*add)(void *set, int fd, short events);
    int (*modify)(void *set, int fd, short events);
    int (*remove)(void *set, int fd);
    size_t (*count)(void *set);
    int (*wait)(void *set, int64_t timeout_ns, const sigset_t *sigmask);
    const struct pollfd *(*next)(void *set, const struct pollfd *previous);
};

/* In order: pmx, kernel. */
enum { POLL_PMX, POLL_KERNEL, POLL_APIS };
extern const struct poll_api poll_apis[POLL_APIS];

#endif
