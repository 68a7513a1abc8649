/* select as the library has it and as the kernel has it, behind one table. */
#ifndef TESTS_SELECT_API_H
#define TESTS_SELECT_API_H

#include <signal.h>
#include <stdint.h>

struct select_api {
    const char *name;
    void *(*create)(void);
    void (*free)(void *set);
    int (*add)(void *set, int fd, unsigned interest);
    int (*remove)(void *set, int fd, unsigned interest);
    void (*clear)(void *set);
    int (*wait)(void *set, int64_t timeout_ns, const sigset_t *sigmask);
    unsigned (*ready)(void *set, int fd);
};

/* In order: pmx, kernel. The kernel's takes descriptors below 1024. */
enum { SELECT_PMX, SELECT_KERNEL, SELECT_APIS };
extern const struct select_api select_apis[SELECT_APIS];

#endif
