/*
 * Changes in, events out. The one file that knows what EV_* flags mean: a
 * filter says whether there is something, here is decided what becomes of it.
 */
#include <polymux/kqueue.h>

#include <fcntl.h>
#include <limits.h>

#include "../base/result.h"
#include "filter.h"
#include "knote.h"
#include "queue.h"
#include "source.h"
#include "wait.h"

/* What of a change is kept in the knote, and shown in its events. */
#define KEPT                                                                  \
    ((uint16_t) ~(EV_SYSFLAGS | EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE | \
                  EV_FORCEONESHOT | EV_KEEPUDATA))

/*
 * Changes.
 */

static struct pmx__knote model_of(const struct pmx_kevent *change)
{
    return (struct pmx__knote){
        .ident = change->ident,
        .udata = change->udata,
        .ext = {change->ext[2], change->ext[3]},
        .data = change->data,
        .fflags = change->fflags,
        .flags = change->flags & KEPT,
        .once = change->flags & EV_ONESHOT,
        .clears = change->flags & EV_CLEAR,
        .enabled = !(change->flags & EV_DISABLE),
    };
}

/* EV_ADD of a knote that does not exist. A receipt shows no fflags then. */
static int add(struct pmx__queue *queue, const struct pmx__filter *filter,
               struct pmx_kevent *change)
{
    struct pmx__knote model = model_of(change), *knote;
    if (filter->descriptor && pmx__knote_first(queue, (int)change->ident))
        pmx__knote_forget(queue, (int)change->ident);
    int result = pmx__knote_add(queue, filter, &model, &knote);
    if (result < 0)
        return result;
    knote->stays = !knote->once && !knote->clears && !(knote->flags & EV_DISPATCH);
    change->fflags = 0;
    return 0;
}

/* A change that names no knote and makes none. */
static int miss(const struct pmx__filter *filter, uintptr_t ident)
{
    bool is_closed = filter->descriptor && fcntl((int)ident, F_GETFD) < 0;
    return is_closed ? -EBADF : -ENOENT;
}

static void force(struct pmx__queue *queue, struct pmx__knote *knote)
{
    knote->once = true;
    knote->stays = false;
    knote->flags |= EV_ONESHOT;
    knote->forced = true;
    pmx__knote_raise(queue, knote);
}

static void disable(struct pmx__queue *queue, struct pmx__knote *knote)
{
    knote->enabled = false;
    pmx__knote_lower(knote);
    if (knote->filter->disarm)
        knote->filter->disarm(queue, knote);
}

static int touch_filter(struct pmx__queue *queue, struct pmx__knote *knote,
                        const struct pmx_kevent *change)
{
    struct pmx__touch touch = {
        .data = change->data,
        .fflags = change->fflags,
        .add = change->flags & EV_ADD,
        .reset = change->flags & EV_CLEAR,
    };
    if (knote->filter->touch)
        return knote->filter->touch(queue, knote, &touch);
    knote->data = touch.data;
    knote->fflags = touch.fflags;
    return 0;
}

/* The knote looks again, as it does after any change while it is enabled. */
static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (knote->forced)
        pmx__knote_raise(queue, knote);
    return knote->filter->arm(queue, knote);
}

/* The filter could not do it: all else is as it was. */
static int undo(struct pmx__knote *knote, const struct pmx__knote *before, int result)
{
    struct pmx__list ready = knote->ready;
    *knote = *before;
    knote->ready = ready;
    if (!knote->enabled)
        pmx__knote_lower(knote);
    return result;
}

static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx_kevent *change)
{
    const struct pmx__knote before = *knote;
    int result = touch_filter(queue, knote, change);
    if (result < 0)
        return result;
    if (!(change->flags & EV_KEEPUDATA))
        knote->udata = change->udata;
    if (change->flags & EV_FORCEONESHOT)
        force(queue, knote);
    if (change->flags & EV_DISABLE)
        disable(queue, knote);
    if (change->flags & EV_ENABLE)
        knote->enabled = true;
    if (knote->enabled)
        result = arm(queue, knote);
    return result < 0 ? undo(knote, &before, result) : 0;
}

/*
 * Whether a change enables or disables what epoll and its like watch. Programs do
 * so all the time, to descriptors that they know; so it makes no system call of
 * its own, not even to verify that the descriptor is the knote's.
 */
static bool is_switch(const struct pmx__filter *filter, unsigned flags)
{
    unsigned more = EV_ADD | EV_DELETE;
    return filter->sourced && flags & (EV_ENABLE | EV_DISABLE) && !(flags & more);
}

static int change_existing(struct pmx__queue *queue, struct pmx__knote *knote,
                           const struct pmx_kevent *change)
{
    if (change->flags & EV_DELETE)
        return pmx__knote_delete(queue, knote);
    if (knote->filter->verify && !is_switch(knote->filter, change->flags)) {
        int result = knote->filter->verify(queue, knote);
        if (result < 0)
            return result;
    }
    return touch(queue, knote, change);
}

/* The descriptor was closed since; what is there now is another one. */
static int change_stale(struct pmx__queue *queue, const struct pmx__filter *filter,
                        struct pmx_kevent *change)
{
    pmx__knote_forget(queue, (int)change->ident);
    return change->flags & EV_ADD ? add(queue, filter, change) : -ENOENT;
}

static int change_of_filter(struct pmx__queue *queue, const struct pmx__filter *filter,
                            struct pmx_kevent *change)
{
    if (filter->descriptor && change->ident > INT_MAX)
        return -EBADF;
    struct pmx__knote *knote = pmx__knote_find(queue, filter, change->ident);
    if (!knote)
        return change->flags & EV_ADD ? add(queue, filter, change)
                                      : miss(filter, change->ident);
    int result = change_existing(queue, knote, change);
    if (filter->descriptor && result == -ENOENT)
        return change_stale(queue, filter, change);
    if (filter->descriptor && result == -EBADF)
        pmx__knote_forget(queue, (int)change->ident);
    return result;
}

static int apply(struct pmx__queue *queue, struct pmx_kevent *change,
                 struct pmx__wait *wait)
{
    const struct pmx__filter *filter;
    unsigned both = EV_ENABLE | EV_DISABLE;
    if ((change->flags & both) == both)
        return -EINVAL;
    int result = pmx__filter_find(change->filter, &filter);
    if (result < 0)
        return result;
    if (change->flags & EV_ADD && change->flags & EV_KEEPUDATA)
        return -EINVAL;
    if (filter->descriptor && !is_switch(filter, change->flags))
        pmx__shield(wait);
    return change_of_filter(queue, filter, change);
}

/* Whether there was room for the answer to a change. */
static bool answer(struct pmx__wait *wait, const struct pmx_kevent *change, int result)
{
    if (wait->count == wait->capacity)
        return false;
    struct pmx_kevent *event = &wait->events[wait->count++];
    *event = *change;
    event->flags = EV_ERROR;
    event->data = -result;
    return true;
}

/* Ends with the first change for whose answer there is no room: *full, and what
 * came of that change is returned. */
static int apply_all(struct pmx__queue *queue, const struct pmx_kevent *changes,
                     int count, struct pmx__wait *wait, bool *full)
{
    for (int i = 0; i < count; i++) {
        struct pmx_kevent change = changes[i]; /* the array may be that of answers */
        if (change.filter == 0)
            continue;
        change.flags &= (uint16_t)~EV_SYSFLAGS;
        int result = apply(queue, &change, wait);
        if (result == 0 && !(change.flags & EV_RECEIPT))
            continue;
        *full = !answer(wait, &change, result);
        if (*full)
            return result;
    }
    return 0;
}

/*
 * Events.
 */

static void fill(struct pmx_kevent *event, const struct pmx__knote *knote,
                 const struct pmx__report *report)
{
    unsigned flags = knote->flags;
    flags |= knote->clears ? EV_CLEAR : 0;
    flags |= report->last || report->apart ? EV_ONESHOT : 0;
    flags |= report->eof ? EV_EOF : 0;
    flags |= report->error ? EV_ERROR : 0;
    *event = (struct pmx_kevent){
        .ident = knote->ident,
        .filter = knote->filter->number,
        .flags = (uint16_t)flags,
        .fflags = report->fflags,
        .data = report->data,
        .udata = knote->udata,
        .ext = {0, 0, knote->ext[0], knote->ext[1]},
    };
}

/* Its last event, if the descriptor turns out to be its own still. */
static int collect_last(struct pmx__queue *queue, struct pmx__knote *knote)
{
    int result = pmx__knote_delete(queue, knote);
    if (result < 0 && result != -EBADF && result != -ENOENT)
        pmx__knote_drop(queue, knote);
    return result != -EBADF && result != -ENOENT;
}

void pmx__collect_bytes(struct pmx__queue *queue, struct pmx__knote *knote,
                        int64_t bytes, struct pmx__wait *wait)
{
    const struct pmx__report report = {.data = bytes};
    knote->counted = false;
    fill(&wait->events[wait->count++], knote, &report);
    pmx__list_append(&queue->done, &knote->ready);
}

/* What becomes of a knote that was collected; it stands in line no more. */
static void follow_up(struct pmx__queue *queue, struct pmx__knote *knote, bool apart)
{
    if (knote->clears && knote->filter->clear)
        knote->filter->clear(queue, knote);
    if (knote->flags & EV_DISPATCH && !apart)
        disable(queue, knote);
    else if (!knote->clears || apart)
        pmx__list_append(&queue->done, &knote->ready);
}

/* Collects one knote out of the line: 1 if there was an event, or 0. */
static int collect_one(struct pmx__queue *queue, struct pmx__knote *knote,
                       struct pmx_kevent *event)
{
    struct pmx__report report = {0};
    pmx__knote_lower(knote);
    knote->counted = false;
    int result = knote->filter->collect(queue, knote, &report);
    if (result < 0) {
        pmx__knote_forget(queue, (int)knote->ident);
        return 0;
    }
    if (result == 0 && !knote->forced) {
        if (report.last)
            pmx__knote_drop(queue, knote);
        return 0;
    }
    fill(event, knote, &report);
    if ((knote->once || report.last) && !report.apart)
        return collect_last(queue, knote);
    follow_up(queue, knote, report.apart);
    return 1;
}

bool pmx__collect_line(struct pmx__queue *queue, struct pmx__wait *wait)
{
    bool missed = false;
    while (wait->count < wait->capacity && !pmx__list_empty(&queue->base.ready)) {
        struct pmx__knote *knote =
            pmx__list_entry(queue->base.ready.next, struct pmx__knote, ready);
        int collected = collect_one(queue, knote, &wait->events[wait->count]);
        missed |= !collected;
        wait->count += collected;
    }
    return missed;
}

/* The call is over: what is done stands in line again, behind all others, unless
 * the system will raise it by itself. */
static void settle_done(struct pmx__queue *queue)
{
    while (!pmx__list_empty(&queue->done)) {
        struct pmx__knote *knote =
            pmx__list_entry(queue->done.next, struct pmx__knote, ready);
        pmx__knote_lower(knote);
        if (!knote->filter->sourced)
            pmx__knote_raise(queue, knote);
    }
}

/*
 * Counts for a queue that this one is nested in. A knote that is ready stays in
 * line, unless the system shows it anyway.
 */
static int count_one(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct pmx__report report = {0};
    knote->held = true; /* perhaps: it may have been in line before */
    pmx__knote_lower(knote);
    int result = knote->filter->collect(queue, knote, &report);
    if (result == 0)
        result = knote->forced;
    if (result == 0)
        knote->counted = false;
    if (result < 0)
        pmx__knote_forget(queue, (int)knote->ident);
    else if (result == 0 && report.last)
        pmx__knote_drop(queue, knote);
    if (result <= 0)
        return 0;
    queue->news += !knote->counted;
    knote->counted = true;
    if (knote->clears || knote->forced || !knote->filter->sourced)
        pmx__knote_raise(queue, knote);
    return 1;
}

int64_t pmx__queue_count(struct pmx__queue *queue)
{
    struct pmx__list line;
    int64_t count = 0;
    struct pmx__door *door = pmx__list_entry(queue->doors.next, struct pmx__door, link);
    struct pmx__wait wait = {
        .door = door,
        .fd = door->fd,
        .room = INT_MAX,
        .cancel = PTHREAD_CANCEL_DISABLE, /* the thread is shielded already */
    };
    pmx__source_wait(queue, &wait);
    pmx__list_init(&line);
    pmx__list_move(&queue->base.ready, &line);
    while (!pmx__list_empty(&line))
        count += count_one(queue, pmx__list_entry(line.next, struct pmx__knote, ready));
    return count;
}

static int collect(struct pmx__queue *queue, struct pmx__wait *wait)
{
    int result = pmx__wait_collect(queue, wait);
    settle_done(queue);
    return result;
}

static int control(const struct pmx_kevent *changes, int nchanges,
                   struct pmx__wait *wait)
{
    struct pmx__queue *queue = wait->door->queue;
    bool full = false;
    if (nchanges < 0 || wait->capacity < 0)
        return -EINVAL;
    int result = apply_all(queue, changes, nchanges, wait, &full);
    if (full)
        return result;
    if (wait->count || wait->capacity == 0)
        return wait->count;
    if (wait->timeout_ns == PMX_KQUEUE_NO_TIME)
        return -EINVAL;
    return collect(queue, wait);
}

int pmx_kqueue_control(struct pmx_kqueue *kqueue, const struct pmx_kevent *changes,
                       int nchanges, struct pmx_kevent *events, int nevents,
                       int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    struct pmx__door *door = kqueue->door;
    struct pmx__wait wait = {
        .door = door,
        .fd = door->fd,
        .timeout_ns = timeout_ns,
        .sigmask = sigmask,
        .cancel = PMX__NOT_SHIELDED,
        .events = events,
        .capacity = nevents,
    };
    int result = pmx__door_enter(door);
    if (result == 0) {
        result = control(changes, nchanges, &wait);
        pmx__door_leave(door);
    }
    pmx__unshield(&wait);
    return pmx__result(result, saved);
}
