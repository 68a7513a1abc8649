/*
 * Every allocation and system call fails once while signals, processes and
 * requests begin to be watched: the change fails as a whole, and works when it
 * is made again; or it has worked.
 */
#include <aio.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kqueue/queue.h"
#include "fault.h"

struct cause {
    enum fault_site site;
    int error;
};

static const struct cause causes[] = {
    {FAULT_ALLOCATION, ENOMEM}, {FAULT_EPOLL_CTL, ENOSPC}, {FAULT_EVENTFD, EMFILE},
    {FAULT_SOCKET, EMFILE},     {FAULT_SEND, ENOMEM},      {FAULT_READLINK, ENOMEM},
    {FAULT_OPEN, EMFILE},       {FAULT_IOCTL, ENOTTY},
};

/* A knote to be made; it happens when told to, once. */
struct watcher {
    const char *name;
    int (*add)(struct pmx_kqueue *queue);
    void (*begin)(void);
    void (*raise)(void);
    void (*end)(void);
    int16_t filter;
};

static pid_t child;
static uintptr_t ident;

static void begin_signal(void)
{
    ident = SIGUSR1;
    count_signal(SIGUSR1, 0);
}

static int add_signal(struct pmx_kqueue *queue)
{
    return change(queue, ident, EVFILT_SIGNAL, EV_ADD);
}

static void send_signal(void)
{
    CHECK_OK(raise(SIGUSR1));
}

static void end_nothing(void)
{
}

static void begin_process(void)
{
    child = CHECK_OK(fork());
    if (child == 0)
        for (;;)
            pause();
    ident = (uintptr_t)child;
}

static int add_process(struct pmx_kqueue *queue)
{
    return apply(queue, entry(ident, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL));
}

static int add_tracked(struct pmx_kqueue *queue)
{
    return apply(queue,
                 entry(ident, EVFILT_PROC, EV_ADD, NOTE_EXIT | NOTE_TRACK, 0, NULL));
}

static void kill_process(void)
{
    CHECK_OK(kill(child, SIGKILL));
}

static void end_process(void)
{
    CHECK_EQ_INT(waitpid(child, NULL, 0), child);
}

#ifndef __SANITIZE_THREAD__ /* which does not survive the C library's threads */
static struct aiocb request;
static int file;

static void begin_request(void)
{
    file = make_disk_file();
    request = (struct aiocb){.aio_fildes = file};
    ident = (uintptr_t)&request;
}

static int add_request(struct pmx_kqueue *queue)
{
    return pmx_kqueue_aio(queue, &request, 0, NULL);
}

static void submit_request(void)
{
    CHECK_OK(aio_fsync(O_SYNC, &request));
}

static void end_request(void)
{
    CHECK_OK(close(file));
}
#endif

static const struct watcher watchers[] = {
    {"signal", add_signal, begin_signal, send_signal, end_nothing, EVFILT_SIGNAL},
    {"process", add_process, begin_process, kill_process, end_process, EVFILT_PROC},
    {"tracked", add_tracked, begin_process, kill_process, end_process, EVFILT_PROC},
#ifndef __SANITIZE_THREAD__
    {"request", add_request, begin_request, submit_request, end_request, EVFILT_AIO},
#endif
};

/* What the kernel refuses to tell is not for want of anything. */
static bool is_expected(int error, const struct cause *cause)
{
    return error == cause->error || error == EOPNOTSUPP;
}

static void add_under(const struct watcher *watcher, struct pmx_kqueue *queue,
                      const struct cause *cause, int nth, bool *struck)
{
    fault_arm(cause->site, nth, cause->error);
    int result = watcher->add(queue), error = errno;
    *struck = fault_disarm();
    if (result == 0)
        return;
    CHECK(*struck && is_expected(error, cause));
    CHECK_ERRNO(change(queue, ident, watcher->filter, EV_DELETE), ENOENT);
    CHECK_OK(watcher->add(queue));
}

static bool play(const struct watcher *watcher, const struct cause *cause, int nth)
{
    bool struck;
    watcher->begin();
    struct pmx_kqueue *queue = open_queue();
    CONTEXT("call %d of site %d fails", nth, (int)cause->site);
    add_under(watcher, queue, cause, nth, &struck);
    CHECK_QUIET(queue);
    watcher->raise();
    struct pmx_kevent event = take(queue);
    CHECK_EQ_UINT(event.ident, ident);
    CHECK_EQ_INT(event.filter, watcher->filter);
    CHECK_QUIET(queue);
    close_queue(queue);
    watcher->end();
    return struck;
}

/* The first time makes what a process has once. */
TEST_EACH(add, const struct watcher *watcher, watchers)
{
    static const struct cause none = {FAULT_NONE, 0};
    play(watcher, &none, 1);
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        long live_before = fault_live_blocks();
        for (int nth = 1; play(watcher, &causes[i], nth); nth++)
            CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
}
