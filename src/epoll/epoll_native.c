/* epoll, on the kernel's own; nanosecond timeouts come from base/epoll_wait.c. */
#include <polymux/epoll.h>

#include <stdlib.h>
#include <unistd.h>

#include "../base/epoll_wait.h"
#include "../base/result.h"

struct pmx_epoll {
    int fd;
};

struct pmx_epoll *pmx_epoll_from_fd(int fd)
{
    if (fd < 0) {
        errno = EBADF;
        return NULL;
    }
    struct pmx_epoll *epoll = malloc(sizeof(*epoll));
    if (epoll)
        epoll->fd = fd;
    return epoll;
}

struct pmx_epoll *pmx_epoll_create(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct pmx_epoll *epoll = pmx_epoll_from_fd(fd);
    if (!epoll) {
        close(fd);
        errno = ENOMEM;
    }
    return epoll;
}

int pmx_epoll_close(struct pmx_epoll *epoll)
{
    if (!epoll)
        return 0;
    int fd = epoll->fd;
    free(epoll);
    return close(fd);
}

int pmx_epoll_fd(const struct pmx_epoll *epoll)
{
    return epoll->fd;
}

int pmx_epoll_register(struct pmx_epoll *epoll, int fd, uint32_t events,
                       epoll_data_t data)
{
    struct epoll_event event = {.events = events, .data = data};
    return epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event);
}

int pmx_epoll_modify(struct pmx_epoll *epoll, int fd, uint32_t events,
                     epoll_data_t data)
{
    struct epoll_event event = {.events = events, .data = data};
    return epoll_ctl(epoll->fd, EPOLL_CTL_MOD, fd, &event);
}

int pmx_epoll_unregister(struct pmx_epoll *epoll, int fd)
{
    /* Kernels before 2.6.9 asked for an event here; no kernel reads it. */
    struct epoll_event event = {0};
    return epoll_ctl(epoll->fd, EPOLL_CTL_DEL, fd, &event);
}

int pmx_epoll_wait(struct pmx_epoll *epoll, struct epoll_event *events, int maxevents,
                   int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    return pmx__result(
        pmx__epoll_wait(epoll->fd, events, maxevents, timeout_ns, sigmask), saved);
}
