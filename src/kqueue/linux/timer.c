/*
 * EVFILT_TIMER: one alarm clock for all timers of a queue. Stands on the
 * queue's alarm (set.h) and a heap of those timers that wait for a moment.
 *
 * A timer that has expired, or is disabled, needs no clock: how often it has
 * expired is computed when somebody asks, from when it began and its period.
 * So a timer that nobody collects wakes nobody up.
 *
 * NOTE_ABSTIME is a time of the wall clock. It is converted when the timer is
 * armed and, since the clock may be set back, looked at again when it expires;
 * it is never early. A clock that is set forward makes it late.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <polymux/kqueue.h>

#include "../../base/deadline.h"
#include "../../base/heap.h"
#include "../filter.h"
#include "filters.h"
#include "set.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

enum { UNITS = NOTE_SECONDS | NOTE_MSECONDS | NOTE_USECONDS | NOTE_NSECONDS };

/* When a timer expires. */
struct schedule {
    int64_t next;   /* a deadline; PMX__NEVER after the last time */
    int64_t period; /* 0: once */
    int64_t wall;   /* the time since the Epoch that next stands for; 0: none */
};

struct timer {
    struct pmx__knote knote;
    struct pmx__heap_item item; /* in the heap while it waits for `next` */
    struct schedule schedule;
    int64_t count; /* expired, and not collected yet */
    int error;     /* of an EV_ADD that was wrong; 0 for none */
};

/* A queue's timers. */
struct timers {
    struct pmx__heap heap; /* with room for all of them */
    size_t count;
    int64_t alarm; /* what the queue's alarm is set to */
};

static struct timer *timer_of(struct pmx__knote *knote)
{
    return (struct timer *)knote;
}

static struct timers *timers_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_TIMER);
}

/*
 * Schedules.
 */

static int64_t now_ns(void)
{
    return pmx__deadline_in(0);
}

static int64_t wall_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* The sum of two numbers that are not negative, PMX__NEVER if it is too large. */
static int64_t add(int64_t one, int64_t other)
{
    int64_t sum;
    return __builtin_add_overflow(one, other, &sum) ? PMX__NEVER : sum;
}

/* Nanoseconds in a unit; 0 if it is more than one, or none that there is. */
static int64_t unit_ns(uint32_t fflags)
{
    switch (fflags & ~(uint32_t)NOTE_ABSTIME) {
    case NOTE_SECONDS:
        return NS_PER_S;
    case 0:
    case NOTE_MSECONDS:
        return NS_PER_MS;
    case NOTE_USECONDS:
        return NS_PER_US;
    case NOTE_NSECONDS:
        return 1;
    default:
        return 0;
    }
}

/* The deadline that a time of the wall clock is, as things are. */
static int64_t deadline_of_wall(int64_t wall)
{
    int64_t left = wall - wall_now_ns();
    return add(now_ns(), left > 0 ? left : 0);
}

/* What data and fflags of an EV_ADD ask for. 0 or -EINVAL. */
static int make_schedule(int64_t data, uint32_t fflags, bool once, int64_t now,
                         struct schedule *schedule)
{
    int64_t unit = unit_ns(fflags), ns;
    if (unit == 0 || data < 0)
        return -EINVAL;
    if (data == 0 && !once)
        data = 1;
    if (__builtin_mul_overflow(data, unit, &ns))
        ns = PMX__NEVER;
    if (fflags & NOTE_ABSTIME)
        *schedule = (struct schedule){.next = deadline_of_wall(ns), .wall = ns};
    else
        *schedule = (struct schedule){.next = add(now, ns), .period = once ? 0 : ns};
    return 0;
}

/* How often the schedule has expired by now; its next time is after now then. */
static int64_t expire(struct schedule *schedule, int64_t now)
{
    if (schedule->next > now)
        return 0;
    if (schedule->wall && wall_now_ns() < schedule->wall) {
        schedule->next = deadline_of_wall(schedule->wall);
        return 0;
    }
    if (!schedule->period) {
        schedule->next = PMX__NEVER;
        return 1;
    }
    int64_t more = (now - schedule->next) / schedule->period;
    schedule->next = add(schedule->next + more * schedule->period, schedule->period);
    return more + 1;
}

/*
 * The heap and the alarm.
 */

static void due(struct pmx__queue *queue);

/* Sets the alarm for the timer that is first now. */
static int set_alarm(struct pmx__queue *queue, struct timers *timers)
{
    int64_t first = pmx__heap_first_key(&timers->heap, PMX__NEVER);
    if (first == timers->alarm)
        return 0;
    int result = pmx__set_alarm(queue, first, due);
    if (result >= 0)
        timers->alarm = first;
    return result;
}

/* Stops waiting for a timer's moment; the alarm for a later one cannot fail. */
static void leave(struct pmx__queue *queue, struct timers *timers, struct timer *timer)
{
    if (!pmx__heap_has(&timer->item))
        return;
    pmx__heap_remove(&timers->heap, &timer->item);
    int result = set_alarm(queue, timers);
    assert(result >= 0);
    (void)result;
}

/* Puts a timer in line if it has expired, else into the heap. */
static void enter(struct pmx__queue *queue, struct timers *timers, struct timer *timer,
                  int64_t now)
{
    timer->count += expire(&timer->schedule, now);
    if (timer->count || timer->error)
        pmx__knote_raise(queue, &timer->knote);
    else if (timer->schedule.next != PMX__NEVER)
        pmx__heap_push(&timers->heap, &timer->item, timer->schedule.next);
}

/* The same for a timer that may be in the heap; a failure leaves it out. */
static int wait_for(struct pmx__queue *queue, struct timers *timers,
                    struct timer *timer, int64_t now)
{
    pmx__heap_remove(&timers->heap, &timer->item);
    enter(queue, timers, timer, now);
    int result = set_alarm(queue, timers);
    if (result < 0)
        pmx__heap_remove(&timers->heap, &timer->item);
    return result;
}

/* The alarm went off. Timers expire in the order of their moments. */
static void due(struct pmx__queue *queue)
{
    struct timers *timers = timers_of(queue);
    int64_t now = now_ns();
    timers->alarm = PMX__NEVER;
    while (pmx__heap_first_key(&timers->heap, PMX__NEVER) <= now) {
        struct pmx__heap_item *item = pmx__heap_first(&timers->heap);
        pmx__heap_remove(&timers->heap, item);
        enter(queue, timers, pmx__heap_entry(item, struct timer, item), now);
    }
    set_alarm(queue, timers); /* the clock that just rang is there */
}

/*
 * The filter.
 */

static int need_timers(struct pmx__queue *queue, struct timers **timers)
{
    void **place = pmx__set_place(queue, PMX__PLACE_TIMER);
    if (!*place) {
        struct timers *fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
            return -ENOMEM;
        fresh->alarm = PMX__NEVER;
        *place = fresh;
    }
    *timers = *place;
    return pmx__heap_reserve(&(*timers)->heap, (*timers)->count + 1);
}

static int timer_attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct timer *timer = timer_of(knote);
    struct timers *timers;
    int64_t now = now_ns();
    int result =
        make_schedule(knote->data, knote->fflags, knote->once, now, &timer->schedule);
    if (result < 0)
        return result;
    result = need_timers(queue, &timers);
    if (result < 0)
        return result;
    if (!(knote->fflags & NOTE_ABSTIME))
        knote->clears = true;
    if (knote->enabled)
        result = wait_for(queue, timers, timer, now);
    if (result >= 0)
        timers->count++;
    return result;
}

static int timer_detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct timers *timers = timers_of(queue);
    leave(queue, timers, timer_of(knote));
    timers->count--;
    return 0;
}

/* EV_ADD begins anew and forgets what has expired; anything else changes
 * nothing. What is wrong with the new values is for the collector to see. */
static int timer_touch(struct pmx__queue *queue, struct pmx__knote *knote,
                       const struct pmx__touch *touch)
{
    if (!touch->add)
        return 0;
    struct timer *timer = timer_of(knote);
    leave(queue, timers_of(queue), timer);
    pmx__knote_lower(knote);
    knote->data = touch->data;
    knote->fflags = touch->fflags;
    timer->count = 0;
    timer->schedule = (struct schedule){.next = PMX__NEVER};
    timer->error = -make_schedule(touch->data, touch->fflags, knote->once, now_ns(),
                                  &timer->schedule);
    return 0;
}

static int timer_arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    return wait_for(queue, timers_of(queue), timer_of(knote), now_ns());
}

static void timer_disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    leave(queue, timers_of(queue), timer_of(knote));
}

static int timer_collect(struct pmx__queue *queue, struct pmx__knote *knote,
                         struct pmx__report *report)
{
    (void)queue;
    struct timer *timer = timer_of(knote);
    if (timer->schedule.period)
        timer->count += expire(&timer->schedule, now_ns());
    report->error = timer->error;
    report->data = timer->error ? timer->error : timer->count;
    return timer->error || timer->count;
}

/* The alarm is set already, or is that of a timer which expired before. */
static void timer_clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct timer *timer = timer_of(knote);
    timer->count = 0;
    timer->error = 0;
    if (knote->enabled)
        wait_for(queue, timers_of(queue), timer, now_ns());
}

static void timer_shut(struct pmx__queue *queue, bool ours)
{
    (void)ours;
    void **place = pmx__set_place(queue, PMX__PLACE_TIMER);
    struct timers *timers = *place;
    if (!timers)
        return;
    pmx__heap_free(&timers->heap);
    free(timers);
    *place = NULL;
}

const struct pmx__filter pmx__timer = {
    .number = EVFILT_TIMER,
    .size = sizeof(struct timer),
    .attach = timer_attach,
    .detach = timer_detach,
    .touch = timer_touch,
    .arm = timer_arm,
    .disarm = timer_disarm,
    .collect = timer_collect,
    .clear = timer_clear,
    .shut = timer_shut,
};
