/*
 * The same scenarios as raw.c through libpolymux. Names are the same where
 * the work is, so that bench/run.py can put the two side by side.
 */
#include <stdlib.h>

#include <polymux/polymux.h>

#include "harness.h"

static int64_t run_poll(const struct task *task)
{
    struct pmx_poll *set = pmx_poll_create();
    require(set, "pmx_poll_create");
    for (int i = 0; i < task->watched; i++)
        require(pmx_poll_register(set, task->fds[i], POLLIN) == 0, "pmx_poll_register");
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(pmx_poll_wait(set, task->timeout_ns, NULL) == task->ready,
                "pmx_poll_wait");
    int64_t took = now_ns() - began;
    pmx_poll_free(set);
    return took;
}

static int64_t run_select(const struct task *task)
{
    struct pmx_select *set = pmx_select_create();
    require(set, "pmx_select_create");
    for (int i = 0; i < task->watched; i++)
        require(pmx_select_add(set, task->fds[i], PMX_SELECT_READ) == 0,
                "pmx_select_add");
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(pmx_select_wait(set, task->timeout_ns, NULL) == task->ready,
                "pmx_select_wait");
    int64_t took = now_ns() - began;
    pmx_select_free(set);
    return took;
}

static struct pmx_epoll *epoll_over(const struct task *task)
{
    struct pmx_epoll *epoll = pmx_epoll_create();
    require(epoll, "pmx_epoll_create");
    for (int i = 0; i < task->watched; i++) {
        epoll_data_t data = {.fd = task->fds[i]};
        require(pmx_epoll_register(epoll, task->fds[i], EPOLLIN, data) == 0,
                "pmx_epoll_register");
    }
    return epoll;
}

static int64_t run_epoll(const struct task *task)
{
    struct pmx_epoll *epoll = epoll_over(task);
    struct epoll_event *events = calloc((size_t)task->watched, sizeof(*events));
    require(events, "calloc");
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(pmx_epoll_wait(epoll, events, task->watched, task->timeout_ns, NULL) ==
                    task->ready,
                "pmx_epoll_wait");
    int64_t took = now_ns() - began;
    free(events);
    pmx_epoll_close(epoll);
    return took;
}

/* Removes and adds the last descriptor of the set. */
static int64_t run_epoll_ctl(const struct task *task)
{
    struct pmx_epoll *epoll = epoll_over(task);
    int fd = task->fds[task->watched - 1];
    epoll_data_t data = {.fd = fd};
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++) {
        require(pmx_epoll_unregister(epoll, fd) == 0, "pmx_epoll_unregister");
        require(pmx_epoll_register(epoll, fd, EPOLLIN, data) == 0,
                "pmx_epoll_register");
    }
    int64_t took = now_ns() - began;
    pmx_epoll_close(epoll);
    return took;
}

static int64_t run_devpoll(const struct task *task)
{
    struct pmx_devpoll *devpoll = pmx_devpoll_create();
    struct pollfd *ready = calloc((size_t)task->watched, sizeof(*ready));
    require(devpoll && ready, "pmx_devpoll_create");
    for (int i = 0; i < task->watched; i++)
        require(pmx_devpoll_register(devpoll, task->fds[i], POLLIN) == 0,
                "pmx_devpoll_register");
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(pmx_devpoll_wait(devpoll, ready, task->watched, task->timeout_ns,
                                 NULL) == task->ready,
                "pmx_devpoll_wait");
    int64_t took = now_ns() - began;
    free(ready);
    pmx_devpoll_close(devpoll);
    return took;
}

static const struct scenario scenarios[] = {
    {"poll", run_poll},           {"select", run_select},   {"epoll", run_epoll},
    {"epoll_ctl", run_epoll_ctl}, {"devpoll", run_devpoll}, {NULL, NULL},
};

int main(void)
{
    return serve(scenarios);
}
