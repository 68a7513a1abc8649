/* Waiting on an epoll descriptor with nanosecond timeouts, on any kernel. */
#ifndef PMX_BASE_EPOLL_WAIT_H
#define PMX_BASE_EPOLL_WAIT_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>

/* As pmx_epoll_wait(), on a descriptor; returns -errno on error. */
int pmx__epoll_wait(int fd, struct epoll_event *events, int maxevents,
                    int64_t timeout_ns, const sigset_t *sigmask);

/* The same with a timeout of 0, but no cancellation point. */
int pmx__epoll_look(int fd, struct epoll_event *events, int maxevents,
                    const sigset_t *sigmask);

#endif
