/* The waits of waiters.h, made of the tables of the single interfaces. */
#include "waiters.h"

#include <polymux/devpoll.h>
#include <polymux/select.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "devpoll_api.h"
#include "epoll_api.h"
#include "poll_api.h"
#include "select_api.h"
#include "support.h"

static void forget(const void *api, void *handle)
{
    (void)api;
    (void)handle;
}

static void *select_open(const void *api)
{
    return ((const struct select_api *)api)->create();
}

static void select_watch(const void *api, void *set, int fd)
{
    CHECK_OK(((const struct select_api *)api)->add(set, fd, PMX_SELECT_READ));
}

static int select_wait(const void *api, void *set, int64_t timeout_ns,
                       const sigset_t *sigmask)
{
    return ((const struct select_api *)api)->wait(set, timeout_ns, sigmask);
}

static void select_close(const void *api, void *set)
{
    ((const struct select_api *)api)->free(set);
}

static const struct waiter_kind select_kind = {select_open, select_watch, select_wait,
                                               select_close, forget};

/*
 * A select whose set has, from the start, a hang-up that nobody has asked
 * for: poll(2) would not sleep over it, so the wait goes another way.
 */
struct hung_up {
    void *set;
    int fd;
};

static void *hung_up_open(const void *api)
{
    int ends[2];
    struct hung_up *handle = malloc(sizeof(*handle));
    CHECK(handle);
    make_pipe(ends);
    CHECK_OK(close(ends[1]));
    *handle = (struct hung_up){select_open(api), ends[0]};
    CHECK_OK(pmx_select_add(handle->set, handle->fd, PMX_SELECT_WRITE));
    return handle;
}

static void hung_up_watch(const void *api, void *handle, int fd)
{
    select_watch(api, ((struct hung_up *)handle)->set, fd);
}

static int hung_up_wait(const void *api, void *handle, int64_t timeout_ns,
                        const sigset_t *sigmask)
{
    return select_wait(api, ((struct hung_up *)handle)->set, timeout_ns, sigmask);
}

static void hung_up_close(const void *api, void *handle)
{
    struct hung_up *hung_up = handle;
    select_close(api, hung_up->set);
    CHECK_OK(close(hung_up->fd));
    free(hung_up);
}

static const struct waiter_kind hung_up_kind = {hung_up_open, hung_up_watch,
                                                hung_up_wait, hung_up_close, forget};

static void *poll_open(const void *api)
{
    return ((const struct poll_api *)api)->create();
}

static void poll_watch(const void *api, void *set, int fd)
{
    CHECK_OK(((const struct poll_api *)api)->add(set, fd, POLLIN));
}

static int poll_wait(const void *api, void *set, int64_t timeout_ns,
                     const sigset_t *sigmask)
{
    return ((const struct poll_api *)api)->wait(set, timeout_ns, sigmask);
}

static void poll_close(const void *api, void *set)
{
    ((const struct poll_api *)api)->free(set);
}

static const struct waiter_kind poll_kind = {poll_open, poll_watch, poll_wait,
                                             poll_close, forget};

static void *epoll_open(const void *api)
{
    return ((const struct epoll_api *)api)->create();
}

static void epoll_watch(const void *api, void *epoll, int fd)
{
    const struct epoll_api *calls = api;
    CHECK_OK(calls->ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
}

static int epoll_wait_some(const void *api, void *epoll, int64_t timeout_ns,
                           const sigset_t *sigmask)
{
    const struct epoll_api *calls = api;
    struct epoll_event events[4];
    return calls->wait(epoll, events, 4, timeout_ns, sigmask);
}

static void epoll_close(const void *api, void *epoll)
{
    CHECK_OK(((const struct epoll_api *)api)->close(epoll));
}

static void epoll_abandon(const void *api, void *epoll)
{
    CHECK_OK(close(((const struct epoll_api *)api)->fd(epoll)));
}

static const struct waiter_kind epoll_kind = {epoll_open, epoll_watch, epoll_wait_some,
                                              epoll_close, epoll_abandon};

static void *devpoll_open_one(const void *api)
{
    (void)api;
    return devpoll_open();
}

static void devpoll_watch(const void *api, void *devpoll, int fd)
{
    (void)api;
    CHECK_OK(pmx_devpoll_register(devpoll, fd, POLLIN));
}

static int devpoll_wait(const void *api, void *devpoll, int64_t timeout_ns,
                        const sigset_t *sigmask)
{
    struct pollfd answers[4];
    (void)api;
    return pmx_devpoll_wait(devpoll, answers, 4, timeout_ns, sigmask);
}

static void devpoll_close(const void *api, void *devpoll)
{
    (void)api;
    CHECK_OK(pmx_devpoll_close(devpoll));
}

static void devpoll_abandon(const void *api, void *devpoll)
{
    (void)api;
    int fd = pmx_devpoll_fd(devpoll);
    CHECK_OK(close(fd));
    CHECK_OK(close(fd + 1)); /* the other one it has, opened right after it */
}

static const struct waiter_kind devpoll_kind = {
    devpoll_open_one, devpoll_watch, devpoll_wait, devpoll_close, devpoll_abandon};

/* clang-format off */
#define CANCELLABLE_WAITERS                                                            \
    {"select", &select_kind, &select_apis[SELECT_PMX]},                                \
    {"select-kernel", &select_kind, &select_apis[SELECT_KERNEL]},                      \
    {"poll", &poll_kind, &poll_apis[POLL_PMX]},                                        \
    {"poll-kernel", &poll_kind, &poll_apis[POLL_KERNEL]},                              \
    {"devpoll", &devpoll_kind, NULL},                                                  \
    {"epoll", &epoll_kind, &epoll_apis[EPOLL_PMX]},                                    \
    {"epoll-enosys", &epoll_kind, &epoll_apis[EPOLL_PMX_ENOSYS]},                      \
    {"epoll-eperm", &epoll_kind, &epoll_apis[EPOLL_PMX_EPERM]}
/* clang-format on */

const struct waiter cancellable_waiters[8] = {CANCELLABLE_WAITERS};

const struct waiter waiters[10] = {
    CANCELLABLE_WAITERS,
    {"epoll-kernel", &epoll_kind, &epoll_apis[EPOLL_KERNEL]},
    {"select-hung-up", &hung_up_kind, &select_apis[SELECT_PMX]},
};
