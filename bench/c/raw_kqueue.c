/*
 * The jobs of kqueue.c on the system calls that are there without it: epoll, a
 * timerfd for each timer, an eventfd for a user event, a pidfd for each process.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "harness.h"

/* As many events as a program would make room for. */
enum { ROOM = 100 };

/* Longer than a measurement. */
#define LONG_NS INT64_C(60000000000)

/* P_PIDFD, younger than the headers of some C libraries. */
#define WHOSE_PIDFD ((idtype_t)3)

static void ctl(int epoll_fd, int operation, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    require(epoll_ctl(epoll_fd, operation, fd, &event) == 0, "epoll_ctl");
}

static int epoll_open(void)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    require(epoll_fd >= 0, "epoll_create1");
    return epoll_fd;
}

static int epoll_over(const struct task *task)
{
    int epoll_fd = epoll_open();
    for (int i = 0; i < task->watched; i++)
        ctl(epoll_fd, EPOLL_CTL_ADD, task->fds[i]);
    return epoll_fd;
}

/* What is ready, and how much there is to read. */
static void collect(int epoll_fd, struct epoll_event *events, const struct task *task)
{
    int timeout = (int)(task->timeout_ns / 1000000), bytes;
    int count = epoll_wait(epoll_fd, events, task->watched, timeout);
    require(count == task->ready, "epoll_wait");
    for (int i = 0; i < count; i++)
        require(ioctl(events[i].data.fd, FIONREAD, &bytes) == 0 && bytes > 0,
                "FIONREAD");
}

static int64_t run_collect(const struct task *task)
{
    int epoll_fd = epoll_over(task);
    struct epoll_event *events = calloc((size_t)task->watched, sizeof(*events));
    require(events, "calloc");
    collect(epoll_fd, events, task);
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++)
        collect(epoll_fd, events, task);
    int64_t took = busy_ns() - began;
    free(events);
    close(epoll_fd);
    return took;
}

/* Two changes of the last descriptor. */
static int64_t run_changes(const struct task *task, int first, int second)
{
    int epoll_fd = epoll_over(task), fd = task->fds[task->watched - 1];
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++) {
        ctl(epoll_fd, first, fd);
        ctl(epoll_fd, second, fd);
    }
    int64_t took = busy_ns() - began;
    close(epoll_fd);
    return took;
}

static int64_t run_register(const struct task *task)
{
    return run_changes(task, EPOLL_CTL_DEL, EPOLL_CTL_ADD);
}

static int64_t run_switch(const struct task *task)
{
    return run_changes(task, EPOLL_CTL_MOD, EPOLL_CTL_MOD);
}

/* A connection's life with one event. */
static int64_t run_brief(const struct task *task)
{
    int epoll_fd = epoll_open(), fd = task->fds[0];
    struct epoll_event event;
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++) {
        ctl(epoll_fd, EPOLL_CTL_ADD, fd);
        collect(epoll_fd, &event, task);
        ctl(epoll_fd, EPOLL_CTL_DEL, fd);
    }
    int64_t took = busy_ns() - began;
    close(epoll_fd);
    return took;
}

/*
 * Timers.
 */

static int timers[CROWD];

static int open_timer(int epoll_fd, int64_t after_ns)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct itimerspec spec = {.it_value = {.tv_sec = after_ns / 1000000000,
                                           .tv_nsec = after_ns % 1000000000}};
    require(fd >= 0 && timerfd_settime(fd, 0, &spec, NULL) == 0, "timerfd");
    ctl(epoll_fd, EPOLL_CTL_ADD, fd);
    return fd;
}

static int64_t start_timers(int epoll_fd, int64_t after_ns)
{
    int64_t began = busy_ns();
    for (int i = 0; i < CROWD; i++)
        timers[i] = open_timer(epoll_fd, after_ns + moment_ns(i));
    return busy_ns() - began;
}

static int64_t register_timers(void)
{
    int epoll_fd = epoll_open();
    int64_t took = start_timers(epoll_fd, LONG_NS);
    for (int i = 0; i < CROWD; i++)
        close(timers[i]);
    close(epoll_fd);
    return took;
}

/* One that has expired is of no use any more. */
static void end_timer(int fd)
{
    uint64_t expired;
    require(read(fd, &expired, sizeof(expired)) == sizeof(expired), "read");
    close(fd);
}

/* All have expired when the clock starts. */
static int64_t collect_timers(void)
{
    int epoll_fd = epoll_open();
    struct epoll_event events[ROOM];
    start_timers(epoll_fd, 1);
    sleep_past_moments();
    int64_t began = busy_ns();
    for (int left = CROWD, count; left > 0; left -= count) {
        count = epoll_wait(epoll_fd, events, ROOM, 0);
        require(count > 0, "epoll_wait");
        for (int i = 0; i < count; i++)
            end_timer(events[i].data.fd);
    }
    int64_t took = busy_ns() - began;
    close(epoll_fd);
    return took;
}

static int64_t run_timer_register(const struct task *task)
{
    return in_crowds(task, CROWD, register_timers);
}

static int64_t run_timer_collect(const struct task *task)
{
    return in_crowds(task, CROWD, collect_timers);
}

/* One thread that tells itself something. */
static int64_t run_user(const struct task *task)
{
    int epoll_fd = epoll_open(), fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    require(fd >= 0, "eventfd");
    ctl(epoll_fd, EPOLL_CTL_ADD, fd);
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++) {
        struct epoll_event event;
        uint64_t value = 1;
        require(write(fd, &value, sizeof(value)) == sizeof(value), "write");
        require(epoll_wait(epoll_fd, &event, 1, 0) == 1, "epoll_wait");
        require(read(fd, &value, sizeof(value)) == sizeof(value), "read");
    }
    int64_t took = busy_ns() - began;
    close(fd);
    close(epoll_fd);
    return took;
}

/*
 * Processes.
 */

static int64_t watch_children(int epoll_fd, const struct children *children)
{
    int64_t began = busy_ns();
    for (int i = 0; i < CHILDREN; i++) {
        int pidfd = (int)syscall(SYS_pidfd_open, children->pids[i], 0);
        require(pidfd >= 0, "pidfd_open");
        ctl(epoll_fd, EPOLL_CTL_ADD, pidfd);
    }
    return busy_ns() - began;
}

/* It leaves the set before it is closed: a later child's copy would keep it. */
static int end_of_child(int epoll_fd, int pidfd)
{
    siginfo_t info;
    require(waitid(WHOSE_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT) == 0, "waitid");
    ctl(epoll_fd, EPOLL_CTL_DEL, pidfd);
    close(pidfd);
    return info.si_status << 8;
}

/* With the status of each, one in a call. */
static int64_t collect_children(int epoll_fd)
{
    struct epoll_event event;
    int64_t began = busy_ns();
    for (int i = 0; i < CHILDREN; i++)
        require(epoll_wait(epoll_fd, &event, 1, 0) == 1 &&
                    end_of_child(epoll_fd, event.data.fd) == CHILD_STATUS,
                "epoll_wait");
    return busy_ns() - began;
}

/* They end between the two, while the clock stands. */
static int64_t follow_children(void)
{
    struct children children;
    int epoll_fd = epoll_open();
    children_start(&children);
    int64_t took = watch_children(epoll_fd, &children);
    children_end(&children);
    took += collect_children(epoll_fd);
    children_reap(&children);
    close(epoll_fd);
    return took;
}

static int64_t run_process(const struct task *task)
{
    return in_crowds(task, CHILDREN, follow_children);
}

static const struct scenario scenarios[] = {
    {"collect", run_collect, true},
    {"brief", run_brief, true},
    {"register", run_register, true},
    {"switch", run_switch, true},
    {"timer_register", run_timer_register, false},
    {"timer_collect", run_timer_collect, false},
    {"user", run_user, false},
    {"process", run_process, false},
    {NULL, NULL, false},
};

int main(void)
{
    return serve(scenarios);
}
