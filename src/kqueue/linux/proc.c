/*
 * EVFILT_PROC: what processes do, children or not. The end of a process shows in
 * a pidfd (pidfd.h), one of each knote, which a number given out again never
 * deceives; forks and executions are announced (connector.h) while somebody
 * wants to know.
 *
 * A process tracked through a fork may have come and gone before it can be
 * looked at. Then the announcement of its exit is all that there is; and where
 * the number has another owner by now, that is what tells the two apart.
 */
#include <polymux/kqueue.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../filter.h"
#include "connector.h"
#include "filters.h"
#include "pidfd.h"
#include "set.h"

enum { ANNOUNCED = NOTE_FORK | NOTE_EXEC | NOTE_TRACK };

struct process {
    struct pmx__knote knote;
    struct pmx__watch watch; /* of the pidfd, which is -1 after the end */
    struct pmx__asker asker; /* of the connector */
    struct pmx__list link;   /* in the queue's */
    uint32_t fired;          /* notes not collected yet */
    int status;              /* of the end, or what was announced of it; or 0 */
    pid_t parent;            /* whose fork made it, to be told; or 0 */
    bool is_watched : 1;     /* while it is enabled */
    bool has_ended : 1;      /* and nothing can follow */
    bool awaits_status : 1;  /* it ended; how will be known when it was reaped */
};

static struct process *process_of(struct pmx__knote *knote)
{
    return (struct process *)(void *)knote;
}

static struct process *process_at(struct pmx__asker *asker)
{
    return pmx__list_entry(asker, struct process, asker);
}

/*
 * The pidfd.
 */

static int watch(struct pmx__queue *queue, struct process *process)
{
    if (process->is_watched || process->watch.fd < 0)
        return 0;
    int result = pmx__set_watch(queue, &process->watch);
    process->is_watched = result == 0;
    return result;
}

static void unwatch(struct pmx__queue *queue, struct process *process)
{
    if (process->is_watched)
        pmx__set_unwatch(queue, &process->watch);
    process->is_watched = false;
}

static void close_pidfd(struct pmx__queue *queue, struct process *process)
{
    unwatch(queue, process);
    if (process->watch.fd >= 0)
        close(process->watch.fd);
    process->watch.fd = -1;
}

/*
 * What happens.
 */

static void fire(struct pmx__queue *queue, struct process *process, uint32_t note)
{
    process->fired |= process->knote.fflags & note;
    if (process->fired)
        pmx__set_raise(queue, &process->knote);
}

/* The end. A knote for which nothing has happened is in line to be dropped. */
static void finish(struct pmx__queue *queue, struct process *process, int status)
{
    close_pidfd(queue, process);
    pmx__connector_remove(queue, &process->asker);
    process->has_ended = true;
    process->status = status;
    if (!process->awaits_status)
        process->fired |= process->knote.fflags & NOTE_EXIT;
    process->awaits_status = false;
    pmx__set_raise(queue, &process->knote);
}

/* Others are told of a process's being reaped whatever they ask for. */
static void await_status(struct pmx__queue *queue, struct process *process)
{
    if (process->awaits_status)
        return;
    process->awaits_status = true;
    process->fired |= NOTE_EXIT;
    if (process->is_watched)
        (void)pmx__set_rewatch(queue, &process->watch, 0);
}

static void end(struct pmx__queue *queue, struct process *process)
{
    int status = process->status;
    bool is_wanted = process->knote.fflags & NOTE_EXIT || process->awaits_status;
    if (!is_wanted || pmx__pidfd_status(process->watch.fd, &status))
        finish(queue, process, status);
    else
        await_status(queue, process);
}

static void look_at_end(struct pmx__queue *queue, struct process *process)
{
    if (process->watch.fd >= 0 && pmx__pidfd_has_ended(process->watch.fd))
        end(queue, process);
}

/* What a process did before its end was announced before it ended. */
static void look(struct pmx__queue *queue, struct process *process)
{
    if (process->asker.asks)
        pmx__connector_read(queue);
    look_at_end(queue, process);
}

static void notice(struct pmx__queue *queue, struct pmx__watch *at, uint32_t events)
{
    struct process *process = pmx__list_entry(at, struct process, watch);
    (void)events;
    if (process->asker.asks)
        pmx__connector_read(queue);
    if (process->watch.fd >= 0)
        end(queue, process);
}

/*
 * What is announced.
 */

/* Told to whoever tracks, asked for or not. */
static void fail_to_track(struct pmx__queue *queue, struct process *process)
{
    process->fired |= NOTE_TRACKERR;
    pmx__set_raise(queue, &process->knote);
}

static void track(struct pmx__queue *queue, struct process *process, pid_t child)
{
    struct pmx__knote *made;
    int result = pmx__knote_copy(queue, &process->knote, (uintptr_t)child, &made);
    if (result < 0) {
        fail_to_track(queue, process);
        return;
    }
    process_of(made)->parent = (pid_t)process->knote.ident;
    pmx__set_raise(queue, made);
}

static void forked(struct pmx__queue *queue, struct pmx__asker *asker, pid_t child)
{
    struct process *process = process_at(asker);
    fire(queue, process, NOTE_FORK);
    if (process->knote.fflags & NOTE_TRACK)
        track(queue, process, child);
}

static void executed(struct pmx__queue *queue, struct pmx__asker *asker)
{
    fire(queue, process_at(asker), NOTE_EXEC);
}

/*
 * The process has gone, unless others of its threads live on. One that can be
 * found alive, first thread and all, is another one, with the same number.
 */
static void exited(struct pmx__queue *queue, struct pmx__asker *asker, int status)
{
    struct process *process = process_at(asker);
    int pidfd = process->watch.fd;
    process->status = status; /* of its first thread, should nobody tell another */
    bool is_other = pidfd < 0 || (process->knote.own && !pmx__pidfd_has_ended(pidfd) &&
                                  !pmx__pidfd_has_lost_leader(pidfd));
    if (is_other || process->awaits_status)
        finish(queue, process, status);
    else
        look_at_end(queue, process);
}

/* What may have happened is told; what followed a fork is lost. */
static void lost(struct pmx__queue *queue, struct pmx__asker *asker)
{
    struct process *process = process_at(asker);
    fire(queue, process, NOTE_FORK | NOTE_EXEC);
    if (!asker->tracks)
        return;
    fail_to_track(queue, process);
    if (process->watch.fd < 0)
        finish(queue, process, 0);
}

/* Asks for what these notes need, and for no more. */
static int ask(struct pmx__queue *queue, struct process *process, uint32_t fflags)
{
    struct pmx__asker *asker = &process->asker;
    bool tracks = fflags & NOTE_TRACK, asks = fflags & ANNOUNCED;
    if (process->has_ended || (asker->asks == asks && asker->tracks == tracks))
        return 0;
    if (asks)
        return pmx__connector_ask(queue, asker, tracks);
    pmx__connector_remove(queue, asker);
    return 0;
}

/*
 * The filter.
 */

static struct pmx__list *processes_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_PROCESS);
}

static int need_processes(struct pmx__queue *queue)
{
    void **place = pmx__set_place(queue, PMX__PLACE_PROCESS);
    if (!*place) {
        *place = malloc(sizeof(struct pmx__list));
        if (!*place)
            return -ENOMEM;
        pmx__list_init(*place);
    }
    return 0;
}

/* A process that was announced may have gone; its exit is announced as well. */
static int open_pidfd(struct process *process)
{
    int pidfd = pmx__pidfd_open(process->knote.ident);
    process->watch = (struct pmx__watch){
        .fd = pidfd < 0 ? -1 : pidfd, .events = EPOLLIN, .notice = notice};
    if (pidfd == -ESRCH && process->knote.own)
        return 0;
    if (pidfd < 0)
        return pidfd;
    bool is_late = !process->knote.own && !(process->knote.fflags & NOTE_EXIT);
    return is_late && pmx__pidfd_has_ended(pidfd) ? -ESRCH : 0;
}

static int begin(struct pmx__queue *queue, struct process *process)
{
    process->asker = (struct pmx__asker){
        .pid = (pid_t)process->knote.ident,
        .heeds = process->knote.enabled,
        .forked = forked,
        .executed = executed,
        .exited = exited,
        .lost = lost,
    };
    int result = ask(queue, process, process->knote.fflags);
    if (result == 0)
        result = open_pidfd(process);
    if (result == 0 && process->knote.enabled)
        result = watch(queue, process);
    return result;
}

static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct process *process = process_of(knote);
    int result = need_processes(queue);
    if (result < 0)
        return result;
    process->watch.fd = -1;
    knote->clears = true;
    result = begin(queue, process);
    if (result < 0) {
        close_pidfd(queue, process);
        pmx__connector_remove(queue, &process->asker);
        return result;
    }
    pmx__list_append(processes_of(queue), &process->link);
    return 0;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct process *process = process_of(knote);
    close_pidfd(queue, process);
    pmx__connector_remove(queue, &process->asker);
    pmx__list_remove(&process->link);
    return 0;
}

/* What has happened by now happened to the notes as they were. */
static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *change)
{
    struct process *process = process_of(knote);
    look(queue, process);
    int result = ask(queue, process, change->fflags);
    if (result < 0)
        return result;
    knote->fflags = change->fflags;
    knote->data = change->data;
    return 0;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct process *process = process_of(knote);
    int result = watch(queue, process);
    pmx__connector_heed(queue, &process->asker, true);
    if (process->fired || process->has_ended || process->parent)
        pmx__knote_raise(queue, knote);
    return result;
}

static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct process *process = process_of(knote);
    unwatch(queue, process);
    pmx__connector_heed(queue, &process->asker, false);
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    const struct process *process = process_of(knote);
    if (process->parent) {
        *report = (struct pmx__report){
            .data = process->parent, .fflags = NOTE_CHILD, .apart = true};
        return 1;
    }
    if (process->awaits_status)
        return 0;
    report->eof = process->has_ended;
    report->last = process->has_ended;
    report->fflags = process->fired;
    report->data = process->fired & NOTE_EXIT ? process->status : 0;
    return process->fired != 0;
}

static void clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    struct process *process = process_of(knote);
    if (process->parent)
        process->parent = 0;
    else
        process->fired = 0;
}

static void shut(struct pmx__queue *queue, bool ours)
{
    struct pmx__list *processes = processes_of(queue);
    pmx__connector_shut(queue, ours);
    if (!processes)
        return;
    for (struct pmx__list *at = processes->next; ours && at != processes;
         at = at->next) {
        const struct process *process = pmx__list_entry(at, struct process, link);
        if (process->watch.fd >= 0)
            close(process->watch.fd);
    }
    free(processes);
    *pmx__set_place(queue, PMX__PLACE_PROCESS) = NULL;
}

const struct pmx__filter pmx__proc = {
    .number = EVFILT_PROC,
    .size = sizeof(struct process),
    .attach = attach,
    .detach = detach,
    .touch = touch,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .clear = clear,
    .shut = shut,
};
