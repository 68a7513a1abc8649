/*
 * kqueue through libpolymux. raw_kqueue.c does the same jobs, by the same names,
 * on epoll, eventfds and timerfds, as a program would that has no kqueue.
 */
#include <malloc.h>
#include <stdlib.h>

#include <polymux/polymux.h>

#include "children.h"
#include "harness.h"

/* As many events as a program would make room for. */
enum { ROOM = 100 };

/* Longer than a measurement. */
#define LONG_NS INT64_C(60000000000)

static struct pmx_kevent change(uintptr_t ident, int filter, unsigned flags)
{
    struct pmx_kevent made;
    pmx_kevent_set(&made, ident, (int16_t)filter, (uint16_t)flags, 0, 0, NULL);
    return made;
}

static void apply(struct pmx_kqueue *kqueue, const struct pmx_kevent *changes,
                  int count)
{
    require(pmx_kqueue_control(kqueue, changes, count, NULL, 0, 0, NULL) == 0,
            "pmx_kqueue_control");
}

static struct pmx_kqueue *queue_open(void)
{
    struct pmx_kqueue *kqueue = pmx_kqueue_create();
    require(kqueue, "pmx_kqueue_create");
    return kqueue;
}

static void watch(struct pmx_kqueue *kqueue, const struct task *task)
{
    for (int i = 0; i < task->watched; i++) {
        struct pmx_kevent add = change((uintptr_t)task->fds[i], EVFILT_READ, EV_ADD);
        apply(kqueue, &add, 1);
    }
}

static void collect(struct pmx_kqueue *kqueue, struct pmx_kevent *events,
                    const struct task *task)
{
    require(pmx_kqueue_control(kqueue, NULL, 0, events, task->watched, task->timeout_ns,
                               NULL) == task->ready,
            "pmx_kqueue_control");
}

static int64_t run_collect(const struct task *task)
{
    struct pmx_kqueue *kqueue = queue_open();
    struct pmx_kevent *events = calloc((size_t)task->watched, sizeof(*events));
    require(events, "calloc");
    watch(kqueue, task);
    collect(kqueue, events, task); /* the first time is not like the others */
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++)
        collect(kqueue, events, task);
    int64_t took = busy_ns() - began;
    free(events);
    pmx_kqueue_close(kqueue);
    return took;
}

/* Two changes of the last descriptor, so many in each call. */
static int64_t run_changes(const struct task *task, unsigned first, unsigned second,
                           int at_once)
{
    struct pmx_kqueue *kqueue = queue_open();
    uintptr_t fd = (uintptr_t)task->fds[task->watched - 1];
    struct pmx_kevent changes[] = {change(fd, EVFILT_READ, first),
                                   change(fd, EVFILT_READ, second)};
    watch(kqueue, task);
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++)
        for (int done = 0; done < 2; done += at_once)
            apply(kqueue, changes + done, at_once);
    int64_t took = busy_ns() - began;
    pmx_kqueue_close(kqueue);
    return took;
}

static int64_t run_register(const struct task *task)
{
    return run_changes(task, EV_DELETE, EV_ADD, 1);
}

static int64_t run_register_at_once(const struct task *task)
{
    return run_changes(task, EV_DELETE, EV_ADD, 2);
}

static int64_t run_switch(const struct task *task)
{
    return run_changes(task, EV_DISABLE, EV_ENABLE, 1);
}

static int64_t run_switch_at_once(const struct task *task)
{
    return run_changes(task, EV_DISABLE, EV_ENABLE, 2);
}

/* A connection's life with one event. */
static int64_t run_brief(const struct task *task)
{
    struct pmx_kqueue *kqueue = queue_open();
    uintptr_t fd = (uintptr_t)task->fds[0];
    struct pmx_kevent add = change(fd, EVFILT_READ, EV_ADD), event;
    struct pmx_kevent end = change(fd, EVFILT_READ, EV_DELETE);
    int64_t began = busy_ns();
    for (long i = 0; i < task->loops; i++) {
        apply(kqueue, &add, 1);
        collect(kqueue, &event, task);
        apply(kqueue, &end, 1);
    }
    int64_t took = busy_ns() - began;
    pmx_kqueue_close(kqueue);
    return took;
}

/*
 * Timers.
 */

/* One-shot timers that expire after so long, one by one; in no order. */
static int64_t start_timers(struct pmx_kqueue *kqueue, int64_t after_ns)
{
    struct pmx_kevent add = change(0, EVFILT_TIMER, EV_ADD | EV_ONESHOT);
    int64_t began = busy_ns();
    add.fflags = NOTE_NSECONDS;
    for (int i = 0; i < CROWD; i++) {
        add.ident = (uintptr_t)i;
        add.data = after_ns + moment_ns(i);
        apply(kqueue, &add, 1);
    }
    return busy_ns() - began;
}

static int64_t register_timers(void)
{
    struct pmx_kqueue *kqueue = queue_open();
    int64_t took = start_timers(kqueue, LONG_NS);
    pmx_kqueue_close(kqueue);
    return took;
}

/* All have expired when the clock starts. */
static int64_t collect_timers(void)
{
    struct pmx_kqueue *kqueue = queue_open();
    struct pmx_kevent events[ROOM];
    start_timers(kqueue, 0);
    sleep_past_moments();
    int64_t began = busy_ns();
    for (int left = CROWD, count; left > 0; left -= count) {
        count = pmx_kqueue_control(kqueue, NULL, 0, events, ROOM, 0, NULL);
        require(count > 0, "pmx_kqueue_control");
    }
    int64_t took = busy_ns() - began;
    pmx_kqueue_close(kqueue);
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

/*
 * User events.
 */

static int64_t wake(struct pmx_kqueue *kqueue, long loops)
{
    struct pmx_kevent add = change(1, EVFILT_USER, EV_ADD | EV_CLEAR), event;
    struct pmx_kevent trigger = change(1, EVFILT_USER, 0);
    trigger.fflags = NOTE_TRIGGER;
    apply(kqueue, &add, 1);
    int64_t began = busy_ns();
    for (long i = 0; i < loops; i++) {
        apply(kqueue, &trigger, 1);
        require(pmx_kqueue_control(kqueue, NULL, 0, &event, 1, 0, NULL) == 1,
                "pmx_kqueue_control");
    }
    return busy_ns() - began;
}

static int64_t run_user(const struct task *task)
{
    struct pmx_kqueue *kqueue = queue_open();
    int64_t took = wake(kqueue, task->loops);
    pmx_kqueue_close(kqueue);
    return took;
}

/* The queue's descriptor has to show the event to others. */
static int64_t run_user_observed(const struct task *task)
{
    struct pmx_kqueue *kqueue = queue_open();
    require(pmx_kqueue_fd(kqueue) >= 0, "pmx_kqueue_fd");
    int64_t took = wake(kqueue, task->loops);
    pmx_kqueue_close(kqueue);
    return took;
}

/*
 * Processes.
 */

static int64_t watch_children(struct pmx_kqueue *kqueue,
                              const struct children *children)
{
    struct pmx_kevent add = change(0, EVFILT_PROC, EV_ADD);
    int64_t began = busy_ns();
    add.fflags = NOTE_EXIT;
    for (int i = 0; i < CHILDREN; i++) {
        add.ident = (uintptr_t)children->pids[i];
        apply(kqueue, &add, 1);
    }
    return busy_ns() - began;
}

/* With the status of each, one in a call. */
static int64_t collect_children(struct pmx_kqueue *kqueue)
{
    struct pmx_kevent event;
    int64_t began = busy_ns();
    for (int i = 0; i < CHILDREN; i++)
        require(pmx_kqueue_control(kqueue, NULL, 0, &event, 1, 0, NULL) == 1 &&
                    event.data == CHILD_STATUS,
                "pmx_kqueue_control");
    return busy_ns() - began;
}

/* They end between the two, while the clock stands. */
static int64_t follow_children(void)
{
    struct children children;
    struct pmx_kqueue *kqueue = queue_open();
    children_start(&children);
    int64_t took = watch_children(kqueue, &children);
    children_end(&children);
    took += collect_children(kqueue);
    children_reap(&children);
    pmx_kqueue_close(kqueue);
    return took;
}

static int64_t run_process(const struct task *task)
{
    return in_crowds(task, CHILDREN, follow_children);
}

/* Not a time: the bytes that all knotes take together. */
static int64_t run_bytes(const struct task *task)
{
    struct pmx_kqueue *kqueue = queue_open();
    struct mallinfo2 before = mallinfo2();
    watch(kqueue, task);
    struct mallinfo2 after = mallinfo2();
    pmx_kqueue_close(kqueue);
    return (int64_t)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd);
}

static const struct scenario scenarios[] = {
    {"collect", run_collect, true},
    {"collect_eventfds", run_collect, false},
    {"brief", run_brief, true},
    {"register", run_register, true},
    {"register_at_once", run_register_at_once, true},
    {"switch", run_switch, true},
    {"switch_at_once", run_switch_at_once, true},
    {"timer_register", run_timer_register, false},
    {"timer_collect", run_timer_collect, false},
    {"user", run_user, false},
    {"user_observed", run_user_observed, false},
    {"process", run_process, false},
    {"bytes", run_bytes, false},
    {NULL, NULL, false},
};

int main(void)
{
    return serve(scenarios);
}
