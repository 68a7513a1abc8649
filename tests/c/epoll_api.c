/* The library's epoll and the kernel's, see epoll_api.h. */
#include "epoll_api.h"

#include <polymux/epoll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"
#include "support.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static void *pmx_create(void)
{
    struct pmx_epoll *epoll = pmx_epoll_create();
    CHECK(epoll);
    return epoll;
}

static void *enosys_create(void)
{
    refuse_epoll_pwait2(ENOSYS);
    return pmx_create();
}

static void *eperm_create(void)
{
    refuse_epoll_pwait2(EPERM);
    return pmx_create();
}

static int pmx_close(void *epoll)
{
    return pmx_epoll_close(epoll);
}

static int pmx_fd(void *epoll)
{
    return pmx_epoll_fd(epoll);
}

static int pmx_ctl(void *epoll, int operation, int fd, uint32_t events, uint64_t data)
{
    if (operation == EPOLL_CTL_ADD)
        return pmx_epoll_register(epoll, fd, events, (epoll_data_t){.u64 = data});
    if (operation == EPOLL_CTL_MOD)
        return pmx_epoll_modify(epoll, fd, events, (epoll_data_t){.u64 = data});
    return pmx_epoll_unregister(epoll, fd);
}

static int pmx_wait(void *epoll, struct epoll_event *events, int maxevents,
                    int64_t timeout_ns, const sigset_t *sigmask)
{
    return pmx_epoll_wait(epoll, events, maxevents, timeout_ns, sigmask);
}

static void *kernel_create(void)
{
    syscall(SYS_epoll_pwait2, -1, NULL, 0, NULL, NULL, (size_t)0);
    if (errno == ENOSYS)
        SKIP("epoll_pwait2: %s", "not in this kernel, or not known to valgrind");
    int *epoll = malloc(sizeof(*epoll));
    CHECK(epoll);
    *epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    return epoll;
}

static int kernel_fd(void *epoll)
{
    return *(int *)epoll;
}

static int kernel_close(void *epoll)
{
    int fd = kernel_fd(epoll);
    free(epoll);
    return close(fd);
}

static int kernel_ctl(void *epoll, int operation, int fd, uint32_t events,
                      uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(kernel_fd(epoll), operation, fd, &event);
}

static int kernel_wait(void *epoll, struct epoll_event *events, int maxevents,
                       int64_t timeout_ns, const sigset_t *sigmask)
{
    struct timespec ts = {timeout_ns / S, timeout_ns % S};
    return (int)syscall(SYS_epoll_pwait2, kernel_fd(epoll), events, maxevents,
                        timeout_ns < 0 ? NULL : &ts, sigmask, (size_t)_NSIG / 8);
}

const struct epoll_api epoll_apis[EPOLL_APIS] = {
    {"pmx", pmx_create, pmx_close, pmx_fd, pmx_ctl, pmx_wait},
    {"pmx-enosys", enosys_create, pmx_close, pmx_fd, pmx_ctl, pmx_wait},
    {"pmx-eperm", eperm_create, pmx_close, pmx_fd, pmx_ctl, pmx_wait},
    {"kernel", kernel_create, kernel_close, kernel_fd, kernel_ctl, kernel_wait},
};
