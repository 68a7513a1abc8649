/*
 * Rounds of waiting and collecting: see wait.h. What it means to collect a knote
 * is kevent.c's, how to sleep the source's.
 */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <polymux/kqueue.h>

#include "../base/deadline.h"
#include "filter.h"
#include "queue.h"
#include "source.h"

static bool hold(struct pmx__knote *knote)
{
    bool was_held = knote->held;
    knote->held = true;
    return was_held;
}

static bool hold_at(struct pmx__list *at)
{
    return hold(pmx__list_entry(at, struct pmx__knote, ready));
}

/* The line as a wait finds it, as far as the room goes: those beyond have to wait. */
struct line {
    int length;
    bool has_edge; /* one that the system tells of once, and may have told again */
};

/*
 * All in line are held, also those beyond the room, whose turn may come early. What
 * was raised since the line was held last stands at its ends, so that each knote is
 * met once.
 */
static struct line hold_line(struct pmx__queue *queue, int room)
{
    struct line line = {0};
    struct pmx__list *ready = &queue->base.ready, *at = ready->next;
    for (; at != ready && line.length < room; at = at->next, line.length++) {
        struct pmx__knote *knote = pmx__list_entry(at, struct pmx__knote, ready);
        hold(knote);
        line.has_edge |= knote->clears && knote->filter->sourced;
    }
    while (at != ready && !hold_at(at))
        at = at->next;
    for (at = ready->previous; at != ready && !hold_at(at);)
        at = at->previous;
    return line;
}

/* Sends to the end of a line those that stay raised by themselves. */
static void send_behind(struct pmx__queue *queue, struct pmx__list *line)
{
    struct pmx__list *next, *at = queue->base.ready.next;
    for (; at != &queue->base.ready; at = next) {
        next = at->next;
        if (pmx__list_entry(at, struct pmx__knote, ready)->filter->sourced)
            continue;
        pmx__list_remove(at);
        pmx__list_append(line, at);
    }
}

/* The line steps aside, for what the system raises to stand in front of it. */
static int wait_aside(struct pmx__queue *queue, struct pmx__wait *wait)
{
    struct pmx__list aside;
    pmx__list_init(&aside);
    pmx__list_move(&queue->base.ready, &aside);
    int result = pmx__source_wait(queue, wait);
    send_behind(queue, &aside);
    pmx__list_move(&aside, &queue->base.ready);
    return result;
}

/* A line that fills the room has every second turn. */
static int take_turns(struct pmx__queue *queue, struct pmx__wait *wait)
{
    queue->passed_over = !queue->passed_over;
    return queue->passed_over ? 0 : wait_aside(queue, wait);
}

/*
 * Waits for as many as there is room for behind those in line, and not one more:
 * a knote that clears must not stand in line while something new about it is
 * in store, or it would come twice. Where one does, as more was raised at once
 * than there was room for, all that is in store has to come in line.
 */
static int gather_behind(struct pmx__queue *queue, struct pmx__wait *wait, int room)
{
    struct line line = hold_line(queue, room);
    bool is_full = line.length == room;
    wait->timeout_ns = 0;
    wait->room = is_full ? room : room - line.length;
    if (line.has_edge)
        wait->room = INT_MAX;
    else if (is_full)
        return take_turns(queue, wait);
    return pmx__source_wait(queue, wait);
}

static int gather(struct pmx__queue *queue, struct pmx__wait *wait, int64_t left)
{
    int room = wait->capacity - wait->count;
    if (!pmx__list_empty(&queue->base.ready))
        return gather_behind(queue, wait, room);
    wait->room = room;
    wait->timeout_ns = left;
    return pmx__source_wait(queue, wait);
}

/* One wait, and the collection after it. */
struct round {
    bool missed; /* something was not ready after all */
    bool idle;   /* there was nothing to look at */
};

/* 0 or -errno; what was collected counts in any case. */
static int collect_round(struct pmx__queue *queue, struct pmx__wait *wait, int64_t left,
                         struct round *round)
{
    bool is_line = !pmx__list_empty(&queue->base.ready);
    int waited = gather(queue, wait, left);
    if (waited == -EINTR && wait->door->open) /* what has happened comes first */
        gather(queue, wait, 0);
    *round = (struct round){.idle = !waited && !is_line};
    if (!wait->door->open) {
        wait->count = 0;
        return -EBADF;
    }
    if (!pmx__list_empty(&queue->base.ready)) {
        pmx__shield(wait);
        round->missed = pmx__collect_line(queue, wait);
    }
    return waited < 0 ? waited : 0;
}

/* Fills the room that something missing has left. */
static void collect_rest(struct pmx__queue *queue, struct pmx__wait *wait)
{
    struct round round = {.missed = true};
    while (round.missed && wait->count < wait->capacity)
        if (collect_round(queue, wait, 0, &round) < 0)
            break;
}

/* What is left of a time limit after a round. */
static int64_t time_left(int64_t timeout_ns, int64_t deadline)
{
    return timeout_ns ? pmx__deadline_left(deadline) : 0;
}

int pmx__wait_collect(struct pmx__queue *queue, struct pmx__wait *wait)
{
    int64_t left = wait->timeout_ns;
    int64_t deadline = left > 0 ? pmx__deadline_in(left) : PMX__NEVER;
    for (;;) {
        struct round round;
        int result = collect_round(queue, wait, left, &round);
        if (wait->count && round.missed)
            collect_rest(queue, wait);
        if (wait->count)
            return wait->count;
        if (result < 0 || (!left && round.idle))
            return result;
        left = time_left(left, deadline);
    }
}
