/*
 * EVFILT_TIMER: units, periods, times of day, counts, arming anew. No test
 * says how late a timer may be; none may be early.
 */
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "queue.h"

static int set(struct pmx_kqueue *queue, unsigned flags, uint32_t unit, int64_t data)
{
    return apply(queue, entry(1, EVFILT_TIMER, flags, unit, data, NULL));
}

static struct pmx_kqueue *open_timer(unsigned flags, uint32_t unit, int64_t data)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_RETURNS(set(queue, EV_ADD | flags, unit, data), 0);
    return queue;
}

/* Sleeps until this moment of now_ns(), outside of any queue. */
static void sleep_until(int64_t moment_ns)
{
    struct timespec moment = {.tv_sec = moment_ns / S, .tv_nsec = moment_ns % S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL) == EINTR)
        continue;
}

struct unit {
    const char *name;
    uint32_t fflags;
    int64_t data;
    int64_t ns; /* what that is */
};

static const struct unit units[] = {
    {"default", 0, 20, 20 * MS},
    {"milliseconds", NOTE_MSECONDS, 20, 20 * MS},
    {"seconds", NOTE_SECONDS, 1, 1 * S},
    {"microseconds", NOTE_USECONDS, 20000, 20 * MS},
    {"nanoseconds", NOTE_NSECONDS, 20000000, 20 * MS},
};

/* Not before its time; CLEAR is there unasked, the unit is not echoed. */
TEST_EACH(fires_once, const struct unit *unit, units)
{
    int64_t start = now_ns();
    struct pmx_kqueue *queue = open_timer(EV_ONESHOT, unit->fflags, unit->data);
    struct pmx_kevent event = take(queue);
    CHECK_GE_INT(now_ns() - start, unit->ns);
    CHECK_EVENT(&event, 1, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    CHECK_EQ_UINT(event.fflags, 0);
    CHECK_QUIET(queue);
    CHECK_ERRNO(set(queue, EV_DELETE, 0, 0), ENOENT);
    close_queue(queue);
}

/* The counts, added up, are no more than the periods that have gone by. */
TEST_EACH(fires_again, const struct unit *unit, units)
{
    int64_t count = 0, start = now_ns();
    struct pmx_kqueue *queue = open_timer(0, unit->fflags, unit->data);
    for (int i = 0; i < 2; i++) {
        struct pmx_kevent event = take(queue);
        CHECK_EVENT(&event, 1, EVFILT_TIMER, EV_CLEAR, event.data);
        CHECK_GE_INT(event.data, 1);
        count += event.data;
        CHECK_GE_INT((now_ns() - start) / unit->ns, count);
    }
    close_queue(queue);
}

/* Periods missed are counted in one event, and the phase is kept. */
TEST(counts_what_was_missed)
{
    int64_t start = now_ns();
    struct pmx_kqueue *queue = open_timer(0, NOTE_MSECONDS, 10);
    int64_t armed = now_ns();
    sleep_until(armed + 45 * MS);
    struct pmx_kevent event = take(queue);
    CHECK_GE_INT(event.data, 4);
    CHECK_GE_INT((now_ns() - start) / (10 * MS), event.data);
    int64_t count = event.data;
    sleep_until(armed + 95 * MS);
    count += take(queue).data;
    CHECK_GE_INT(count, 9);
    CHECK_GE_INT((now_ns() - start) / (10 * MS), count);
    close_queue(queue);
}

TEST(counts_on_while_disabled)
{
    struct pmx_kqueue *queue = open_timer(EV_DISABLE, NOTE_MSECONDS, 10);
    sleep_until(now_ns() + 45 * MS);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    CHECK_OK(set(queue, EV_ENABLE, 0, 0));
    CHECK_GE_INT(take(queue).data, 4);
    close_queue(queue);
}

TEST(counts_on_while_dispatched)
{
    struct pmx_kqueue *queue = open_timer(EV_DISPATCH, NOTE_MSECONDS, 10);
    CHECK_EQ_UINT(take(queue).flags, EV_DISPATCH | EV_CLEAR);
    sleep_until(now_ns() + 45 * MS);
    CHECK_QUIET(queue);
    CHECK_OK(set(queue, EV_ENABLE | EV_DISPATCH, 0, 0));
    CHECK_GE_INT(take(queue).data, 4);
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* A one-shot that came due while disabled. */
TEST(oneshot_while_disabled)
{
    struct pmx_kqueue *queue = open_timer(EV_ONESHOT | EV_DISABLE, NOTE_MSECONDS, 5);
    sleep_until(now_ns() + 15 * MS);
    CHECK_QUIET(queue);
    CHECK_OK(set(queue, EV_ENABLE, 0, 0));
    CHECK_TAKES(queue, 1, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    CHECK_ERRNO(set(queue, EV_DELETE, 0, 0), ENOENT);
    close_queue(queue);
}

/* Another EV_ADD starts over, and what was due is forgotten. */
TEST(armed_anew)
{
    struct pmx_kqueue *queue = open_timer(0, NOTE_MSECONDS, 5);
    sleep_until(now_ns() + 30 * MS);
    check_shows(queue, true);
    CHECK_OK(set(queue, EV_ADD, NOTE_SECONDS, 86400));
    CHECK_QUIET(queue);
    check_shows(queue, false);
    int64_t start = now_ns();
    CHECK_OK(set(queue, EV_ADD, NOTE_MSECONDS, 20));
    CHECK_EQ_UINT(take(queue).flags, EV_CLEAR);
    CHECK_GE_INT(now_ns() - start, 20 * MS);
    close_queue(queue);
}

/* Touched in any other way, it runs on as it was. */
TEST(touched)
{
    static const unsigned touches[] = {0, EV_DISABLE, EV_ENABLE};
    int64_t start = now_ns();
    struct pmx_kqueue *queue = open_timer(EV_ONESHOT, NOTE_MSECONDS, 20);
    for (int i = 0; i < 3; i++)
        CHECK_RETURNS(set(queue, touches[i], NOTE_SECONDS, 86400), 0);
    CHECK_TAKES(queue, 1, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    CHECK_GE_INT(now_ns() - start, 20 * MS);
    close_queue(queue);
}

/* Observed: what is due already is not lost by being touched. */
TEST(touched_when_due)
{
    struct pmx_kqueue *queue = open_timer(0, NOTE_MSECONDS, 10);
    sleep_until(now_ns() + 35 * MS);
    CHECK_OK(set(queue, EV_ENABLE, 0, 0));
    CHECK_GE_INT(take(queue).data, 3);
    close_queue(queue);
}

TEST(period_0_is_one_unit)
{
    int64_t start = now_ns();
    struct pmx_kqueue *queue = open_timer(0, NOTE_MSECONDS, 0);
    int64_t count = take(queue).data;
    count += take(queue).data;
    CHECK_GE_INT((now_ns() - start) / MS, count);
    close_queue(queue);
}

TEST(oneshot_0_fires_at_once)
{
    struct pmx_kqueue *queue = open_timer(EV_ONESHOT, 0, 0);
    CHECK_TAKES(queue, 1, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    close_queue(queue);
}

TEST(out_of_range)
{
    static const uint32_t bad[] = {NOTE_SECONDS | NOTE_USECONDS,
                                   NOTE_MSECONDS | NOTE_NSECONDS,
                                   NOTE_SECONDS | NOTE_MSECONDS,
                                   0x20,
                                   0x8000,
                                   NOTE_ABSTIME | 0x40,
                                   UINT32_MAX};
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ_INT(answer(queue, entry(1, EVFILT_TIMER, EV_ADD, bad[i], 10, TAG(1))),
                     EINVAL);
    CHECK_ERRNO(set(queue, EV_ADD, 0, -1), EINVAL);
    CHECK_ERRNO(set(queue, EV_ADD | EV_ONESHOT, NOTE_NSECONDS, INT64_MIN), EINVAL);
    CHECK_ERRNO(set(queue, EV_ADD, NOTE_ABSTIME, -1), EINVAL);
    CHECK_ERRNO(set(queue, 0, 0, 0), ENOENT);
    close_queue(queue);
}

/* A time beyond all bounds is waited for, not overflowed into the past. */
TEST_EACH(never, const struct unit *unit, units)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_RETURNS(set(queue, EV_ADD, unit->fflags, INT64_MAX), 0);
    CHECK_QUIET(queue);
    struct pmx_kevent event;
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, 1 * MS, NULL), 0);
    close_queue(queue);
}

/* Arming anew with a bad value is no error of the call, but an event. */
TEST(armed_anew_out_of_range)
{
    struct pmx_kqueue *queue = open_timer(0, NOTE_SECONDS, 86400);
    CHECK_RETURNS(set(queue, EV_ADD, NOTE_SECONDS | NOTE_MSECONDS, 1), 0);
    struct pmx_kevent event = take(queue);
    CHECK_EQ_UINT(event.ident, 1);
    CHECK_EQ_UINT(event.flags & EV_ERROR, EV_ERROR);
    CHECK_EQ_INT(event.data, EINVAL);
    close_queue(queue);
}

static int64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * S + now.tv_nsec;
}

/* At a time of the wall clock; no CLEAR, so that it comes again and again. */
TEST(time_of_day)
{
    int64_t due = wall_clock_ns() / MS + 30;
    struct pmx_kqueue *queue = open_timer(0, NOTE_ABSTIME | NOTE_MSECONDS, due);
    CHECK_TAKES(queue, 1, EVFILT_TIMER, 0, 1);
    CHECK_GE_INT(wall_clock_ns() / MS, due);
    for (int i = 0; i < 3; i++)
        CHECK_TAKES(queue, 1, EVFILT_TIMER, 0, 1);
    CHECK_RETURNS(set(queue, EV_DELETE, 0, 0), 0);
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(time_of_day_in_the_past)
{
    struct pmx_kqueue *queue = open_timer(0, NOTE_ABSTIME | NOTE_SECONDS, 1000);
    for (int i = 0; i < 3; i++)
        CHECK_TAKES(queue, 1, EVFILT_TIMER, 0, 1);
    close_queue(queue);
}

TEST(time_of_day_once)
{
    struct pmx_kqueue *queue = open_timer(EV_CLEAR, NOTE_ABSTIME, 1);
    CHECK_TAKES(queue, 1, EVFILT_TIMER, EV_CLEAR, 1);
    CHECK_QUIET(queue);
    CHECK_OK(set(queue, EV_DELETE, 0, 0));
    close_queue(queue);
}

/* Timers come in the order of their times, not of their making. */
TEST(order_of_times)
{
    static const int times_ms[] = {15, 5, 20, 10};
    struct pmx_kqueue *queue = open_queue();
    for (unsigned i = 0; i < 4; i++)
        CHECK_OK(apply(
            queue, entry(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, times_ms[i], NULL)));
    static const uintptr_t order[] = {1, 3, 0, 2};
    sleep_until(now_ns() + 30 * MS);
    struct pmx_kevent events[ROOM];
    take_count(queue, events, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_UINT(events[i].ident, order[i]);
    close_queue(queue);
}

enum { TURNS = 200 };

/* However soon they are due again, each has its turn before another has two. */
static void check_turns(struct pmx_kqueue *queue)
{
    struct pmx_kevent event;
    bool seen[TURNS] = {false};
    sleep_until(now_ns() + MS);
    for (int i = 0; i < TURNS; i++) {
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, 0, NULL), 1);
        CHECK(!seen[event.ident]);
        seen[event.ident] = true;
    }
}

TEST(each_in_its_turn)
{
    struct pmx_kqueue *queue = open_queue();
    for (uintptr_t i = 0; i < TURNS; i++)
        CHECK_OK(apply(queue, entry(i, EVFILT_TIMER, EV_ADD, NOTE_USECONDS, 10, NULL)));
    for (int i = 0; i < 20; i++)
        check_turns(queue);
    close_queue(queue);
}

TEST(any_ident)
{
    static const uintptr_t idents[] = {0, UINTPTR_MAX, (uintptr_t)1 << 40};
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(
            apply(queue, entry(idents[i], EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 1, 0)));
        CHECK_EQ_UINT(take(queue).ident, idents[i]);
    }
    close_queue(queue);
}

/* A short wait for nothing does not make a timer late or lost. */
TEST(beside_a_timeout)
{
    struct pmx_kevent event;
    int64_t start = now_ns();
    struct pmx_kqueue *queue = open_timer(EV_ONESHOT, NOTE_MSECONDS, 30);
    int count = 0, calls = 0;
    for (; count == 0; calls++)
        count = CHECK_OK(pmx_kqueue_control(queue, NULL, 0, &event, 1, 1 * MS, NULL));
    CHECK_GE_INT(now_ns() - start, 30 * MS);
    CHECK_EVENT(&event, 1, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    close_queue(queue);
}

/* Each of ten thousand fires once, and on one descriptor (see resources.c). */
TEST(ten_thousand)
{
    enum { TIMERS = 10000 };
    struct random random = {1};
    struct pmx_kevent *changes = calloc(TIMERS, sizeof(*changes));
    char *seen = calloc(TIMERS, 1);
    struct pmx_kqueue *queue = open_queue();
    CHECK(changes && seen);
    for (unsigned i = 0; i < TIMERS; i++)
        changes[i] = entry(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, NOTE_USECONDS,
                           random_below(&random, 50000), NULL);
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, TIMERS, NULL, 0, 0, NULL), 0);
    for (int taken = 0, count; taken < TIMERS; taken += count) {
        count = CHECK_OK(
            pmx_kqueue_control(queue, NULL, 0, changes, TIMERS, TOO_LONG, NULL));
        for (int i = 0; i < count; i++)
            CHECK_EQ_INT(seen[changes[i].ident]++, 0);
    }
    CHECK_QUIET(queue);
    free(changes);
    free(seen);
    close_queue(queue);
}

/* Random arming and deleting: what is left fires, what is gone does not. */
TEST(arming_and_deleting)
{
    enum { TIMERS = 500, STEPS = 5000 };
    bool armed[TIMERS] = {false};
    int left = 0;
    struct random random = {7};
    struct pmx_kqueue *queue = open_queue();
    for (int step = 0; step < STEPS; step++) {
        unsigned i = random_below(&random, TIMERS);
        bool add = random_below(&random, 2);
        int64_t hours = 1 + random_below(&random, 1000);
        struct pmx_kevent wanted = entry(i, EVFILT_TIMER, add ? EV_ADD : EV_DELETE,
                                         NOTE_SECONDS, hours * 3600, NULL);
        CHECK_EQ_INT(apply(queue, wanted), add || armed[i] ? 0 : -1);
        left += add - armed[i];
        armed[i] = add;
    }
    CHECK_QUIET(queue);
    for (unsigned i = 0; i < TIMERS; i++)
        if (armed[i])
            CHECK_OK(apply(queue, entry(i, EVFILT_TIMER, EV_ADD, NOTE_ABSTIME, 1, 0)));
    static struct pmx_kevent events[TIMERS];
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, left, TOO_LONG, NULL),
                  left);
    CHECK_QUIET(queue);
    close_queue(queue);
}
