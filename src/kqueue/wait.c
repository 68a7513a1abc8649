/*
 * Rounds of waiting and collecting: see wait.h. What it means to collect a knote
 * is kevent.c's, how to sleep the source's.
 */
#include "wait.h"

#include <errno.h>
#include <polymux/kqueue.h>

#include "../base/deadline.h"
#include "filter.h"
#include "queue.h"
#include "source.h"

static bool hold(struct pmx__list *at)
{
    struct pmx__knote *knote = pmx__list_entry(at, struct pmx__knote, ready);
    bool was_held = knote->held;
    knote->held = true;
    return was_held;
}

/*
 * How many stand in line, at most limit. All of them are held, also those behind,
 * whose turn may come early. What was raised since the line was held last stands
 * at its ends, so that each knote is met once.
 */
static int hold_line(struct pmx__queue *queue, int limit)
{
    struct pmx__list *line = &queue->base.ready, *at = line->next;
    int length = 0;
    for (; at != line && length < limit; at = at->next, length++)
        hold(at);
    while (at != line && !hold(at))
        at = at->next;
    for (at = line->previous; at != line && !hold(at);)
        at = at->previous;
    return length;
}

/* The line steps aside, for what the source raises to stand in front of it. */
static int wait_aside(struct pmx__queue *queue, struct pmx__wait *wait)
{
    struct pmx__list aside;
    pmx__list_init(&aside);
    pmx__list_move(&queue->base.ready, &aside);
    int result = pmx__source_wait(queue, wait);
    pmx__list_move(&aside, &queue->base.ready);
    return result;
}

/*
 * Waits for as many as there is room for behind those in line, and not one more:
 * a knote that clears must not stand in line while something new about it is
 * in store. A line that fills the room has every second turn.
 */
static int gather(struct pmx__queue *queue, struct pmx__wait *wait, int room,
                  int64_t left)
{
    int length = pmx__list_empty(&queue->base.ready) ? 0 : hold_line(queue, room);
    wait->room = room - length;
    wait->timeout_ns = length ? 0 : left;
    if (wait->room)
        return pmx__source_wait(queue, wait);
    queue->passed_over = !queue->passed_over;
    wait->room = room;
    return queue->passed_over ? 0 : wait_aside(queue, wait);
}

/* One wait, and the collection after it. */
struct round {
    int count;
    bool missed; /* something was not ready after all */
    bool idle;   /* there was nothing to look at */
};

/* 0 or -errno; what was collected counts in any case. */
static int collect_round(struct pmx__queue *queue, struct pmx_kevent *events, int room,
                         struct pmx__wait *wait, int64_t left, struct round *round)
{
    bool is_line = !pmx__list_empty(&queue->base.ready);
    int waited = gather(queue, wait, room, left);
    if (waited == -EINTR && wait->door->open) /* what has happened comes first */
        gather(queue, wait, room, 0);
    *round = (struct round){0};
    if (!wait->door->open)
        return -EBADF;
    pmx__shield(wait);
    round->count = pmx__collect_line(queue, events, room, &round->missed);
    round->idle = !waited && !is_line;
    return waited < 0 ? waited : 0;
}

/* Fills the room that something missing has left: at most so many events. */
static int collect_rest(struct pmx__queue *queue, struct pmx_kevent *events, int room,
                        struct pmx__wait *wait)
{
    struct round round = {.missed = true};
    int count = 0;
    while (round.missed && count < room) {
        int result =
            collect_round(queue, events + count, room - count, wait, 0, &round);
        count += round.count;
        if (result < 0)
            break;
    }
    return count;
}

/* What is left of a time limit after a round. */
static int64_t time_left(int64_t timeout_ns, int64_t deadline)
{
    return timeout_ns ? pmx__deadline_left(deadline) : 0;
}

int pmx__wait_collect(struct pmx__queue *queue, struct pmx_kevent *events, int room,
                      struct pmx__wait *wait)
{
    int64_t left = wait->timeout_ns;
    int64_t deadline = left > 0 ? pmx__deadline_in(left) : PMX__NEVER;
    for (;;) {
        struct round round;
        int result = collect_round(queue, events, room, wait, left, &round);
        int count = round.count;
        if (count && round.missed)
            count += collect_rest(queue, events + count, room - count, wait);
        if (count)
            return count;
        if (result < 0 || (!left && round.idle))
            return result;
        left = time_left(left, deadline);
    }
}
