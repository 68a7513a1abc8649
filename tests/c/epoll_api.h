/* epoll as the library has it and as the kernel has it, behind one table. */
#ifndef TESTS_EPOLL_API_H
#define TESTS_EPOLL_API_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

struct epoll_api {
    const char *name;
    void *(*create)(void);
    int (*close)(void *epoll);
    int (*fd)(void *epoll);
    int (*ctl)(void *epoll, int operation, int fd, uint32_t events, uint64_t data);
    int (*wait)(void *epoll, struct epoll_event *events, int maxevents,
                int64_t timeout_ns, const sigset_t *sigmask);
};

/* In order: pmx, pmx without epoll_pwait2 (ENOSYS, EPERM), kernel. */
enum { EPOLL_PMX, EPOLL_PMX_ENOSYS, EPOLL_PMX_EPERM, EPOLL_KERNEL, EPOLL_APIS };
extern const struct epoll_api epoll_apis[EPOLL_APIS];

#endif
