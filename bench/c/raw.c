/*
 * The floor: the system calls themselves, linked to nothing but libc. The
 * sets are built before the clock starts; select(2) alone destroys its
 * question, so its copy is part of each call.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

#define WORD_BITS (8 * (int)sizeof(fd_mask))

static int milliseconds(int64_t timeout_ns)
{
    return timeout_ns < 0 ? -1 : (int)(timeout_ns / 1000000);
}

static struct timespec timespec_of(int64_t timeout_ns)
{
    return (struct timespec){.tv_sec = timeout_ns / 1000000000,
                             .tv_nsec = timeout_ns % 1000000000};
}

static struct pollfd *poll_set(const struct task *task)
{
    struct pollfd *set = calloc((size_t)task->watched, sizeof(*set));
    require(set, "calloc");
    for (int i = 0; i < task->watched; i++)
        set[i] = (struct pollfd){.fd = task->fds[i], .events = POLLIN};
    return set;
}

static int64_t run_poll(const struct task *task)
{
    struct pollfd *set = poll_set(task);
    int timeout = milliseconds(task->timeout_ns);
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(poll(set, (nfds_t)task->watched, timeout) == task->ready, "poll");
    int64_t took = now_ns() - began;
    free(set);
    return took;
}

static int64_t run_ppoll(const struct task *task)
{
    struct pollfd *set = poll_set(task);
    struct timespec timeout = timespec_of(task->timeout_ns);
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(ppoll(set, (nfds_t)task->watched, &timeout, NULL) == task->ready,
                "ppoll");
    int64_t took = now_ns() - began;
    free(set);
    return took;
}

/* Bitmaps as long as the highest descriptor needs, not FD_SETSIZE. */
static fd_mask *select_set(const struct task *task, size_t size)
{
    fd_mask *set = calloc(1, size);
    require(set, "calloc");
    for (int i = 0; i < task->watched; i++)
        set[task->fds[i] / WORD_BITS] |= (fd_mask)(1UL << (task->fds[i] % WORD_BITS));
    return set;
}

static int64_t run_select(const struct task *task)
{
    int highest = task->fds[task->watched - 1];
    size_t size = ((size_t)highest / WORD_BITS + 1) * sizeof(fd_mask);
    fd_mask *asked = select_set(task, size);
    fd_mask *answer = malloc(size);
    require(answer, "malloc");
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++) {
        struct timeval left = {.tv_sec = task->timeout_ns / 1000000000};
        memcpy(answer, asked, size);
        int ready = select(highest + 1, (fd_set *)answer, NULL, NULL,
                           task->timeout_ns < 0 ? NULL : &left);
        require(ready == task->ready, "select");
    }
    int64_t took = now_ns() - began;
    free(answer);
    free(asked);
    return took;
}

struct interest {
    int epoll_fd;
    int capacity;
    struct epoll_event *events;
};

static struct interest interest_open(const struct task *task)
{
    struct interest interest = {
        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
        .capacity = task->watched,
        .events = calloc((size_t)task->watched, sizeof(struct epoll_event)),
    };
    require(interest.epoll_fd >= 0 && interest.events, "epoll_create1");
    for (int i = 0; i < task->watched; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = task->fds[i]};
        require(epoll_ctl(interest.epoll_fd, EPOLL_CTL_ADD, task->fds[i], &event) == 0,
                "epoll_ctl");
    }
    return interest;
}

static void interest_close(struct interest *interest)
{
    close(interest->epoll_fd);
    free(interest->events);
}

static int64_t run_epoll(const struct task *task)
{
    struct interest interest = interest_open(task);
    int timeout = milliseconds(task->timeout_ns);
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(epoll_wait(interest.epoll_fd, interest.events, interest.capacity,
                           timeout) == task->ready,
                "epoll_wait");
    int64_t took = now_ns() - began;
    interest_close(&interest);
    return took;
}

static int64_t run_epoll_pwait2(const struct task *task)
{
    struct interest interest = interest_open(task);
    struct timespec timeout = timespec_of(task->timeout_ns);
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++)
        require(syscall(SYS_epoll_pwait2, interest.epoll_fd, interest.events,
                        interest.capacity, &timeout, NULL, (size_t)8) == task->ready,
                "epoll_pwait2");
    int64_t took = now_ns() - began;
    interest_close(&interest);
    return took;
}

/* Removes and adds the last descriptor of the set. */
static int64_t run_epoll_ctl(const struct task *task)
{
    struct interest interest = interest_open(task);
    int fd = task->fds[task->watched - 1];
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++) {
        require(epoll_ctl(interest.epoll_fd, EPOLL_CTL_DEL, fd, &event) == 0, "del");
        require(epoll_ctl(interest.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "add");
    }
    int64_t took = now_ns() - began;
    interest_close(&interest);
    return took;
}

/* An inotify instance with all files in an epoll set, as a program has it that
 * waits for other things as well. */
struct notices {
    int epoll_fd;
    int inotify_fd;
};

static struct notices notices_open(const int *files, int count)
{
    struct notices notices = {epoll_create1(EPOLL_CLOEXEC),
                              inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    struct epoll_event event = {.events = EPOLLIN};
    require(epoll_ctl(notices.epoll_fd, EPOLL_CTL_ADD, notices.inotify_fd, &event) == 0,
            "inotify_init1");
    for (int i = 0; i < count; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", files[i]);
        require(inotify_add_watch(notices.inotify_fd, path, IN_MODIFY) == i + 1,
                "inotify_add_watch");
    }
    return notices;
}

static void notices_close(const struct notices *notices)
{
    close(notices->inotify_fd);
    close(notices->epoll_fd);
}

/* Reads all events; each makes a program look at the size of its file. */
static int notices_read(const struct notices *notices, const int *files)
{
    _Alignas(struct inotify_event) char buffer[4096];
    int count = 0;
    ssize_t size = read(notices->inotify_fd, buffer, sizeof(buffer));
    const struct inotify_event *event;
    for (char *at = buffer; at < buffer + size; at += sizeof(*event) + event->len) {
        struct stat status;
        event = (const struct inotify_event *)(void *)at;
        require(fstat(files[event->wd - 1], &status) == 0 && status.st_size == 1,
                "fstat");
        count++;
    }
    return count;
}

static int64_t run_vnode(const struct task *task)
{
    int count = task->watched, *files = open_files(count);
    struct notices notices = notices_open(files, count);
    struct epoll_event event;
    int timeout = milliseconds(task->timeout_ns);
    int64_t began = now_ns();
    for (long i = 0; i < task->loops; i++) {
        write_files(files, count);
        for (int left = count; left > 0; left -= notices_read(&notices, files))
            require(epoll_wait(notices.epoll_fd, &event, 1, timeout) == 1,
                    "epoll_wait");
    }
    int64_t took = now_ns() - began;
    notices_close(&notices);
    close_files(files, count);
    return took;
}

static const struct scenario scenarios[] = {
    {"poll", run_poll, false},
    {"ppoll", run_ppoll, false},
    {"select", run_select, false},
    {"epoll", run_epoll, false},
    {"epoll_pwait2", run_epoll_pwait2, false},
    {"epoll_ctl", run_epoll_ctl, false},
    {"vnode", run_vnode, false},
    {NULL, NULL, false},
};

int main(void)
{
    return serve(scenarios);
}
