/*
 * EVFILT_SIGNAL: how often signals were sent to this process. It only looks:
 * what a signal does stays as it is (disposition.h). A queue is woken by an
 * eventfd when a handler has counted one (deliveries.h), and by a signalfd that
 * nobody reads when one that is blocked has become pending.
 */
#include <polymux/kqueue.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../../base/epoch.h"
#include "../../base/result.h"
#include "../filter.h"
#include "deliveries.h"
#include "disposition.h"
#include "filters.h"
#include "set.h"

struct signal {
    struct pmx__knote knote;
    uint64_t seen;      /* deliveries that are no news */
    uint64_t collected; /* deliveries at the last look */
};

/* A queue's signals. */
struct signals {
    struct pmx__watch counted; /* of the eventfd */
    struct pmx__watch blocked; /* of the signalfd */
    struct pmx__ear *ear;
    struct signal *knotes[PMX__SIGNALS + 1];
    uint64_t watched; /* those with knotes */
    uint64_t enabled; /* those whose knotes are enabled */
    uint32_t epoch;   /* of the process whose signals they are */
};

static struct signal *signal_of(struct pmx__knote *knote)
{
    return (struct signal *)(void *)knote;
}

static struct signals *signals_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_SIGNAL);
}

/* Any number may be asked for; these can happen. */
static bool can_happen(const struct pmx__knote *knote)
{
    return knote->ident >= 1 && knote->ident <= PMX__SIGNALS &&
           knote->ident != SIGKILL && knote->ident != SIGSTOP;
}

static int number_of(const struct pmx__knote *knote)
{
    return (int)knote->ident;
}

/*
 * News.
 */

static uint64_t news_of(const struct signal *signal)
{
    return pmx__deliveries_of(number_of(&signal->knote)) - signal->seen;
}

static void raise_all(struct pmx__queue *queue, struct signals *signals)
{
    for (int number = 1; number <= PMX__SIGNALS; number++) {
        struct signal *signal = signals->knotes[number];
        if (signal && news_of(signal))
            pmx__set_raise(queue, &signal->knote);
    }
}

static void hear(struct pmx__queue *queue, struct signals *signals)
{
    eventfd_t value;
    eventfd_read(signals->counted.fd, &value);
    raise_all(queue, signals);
}

static void notice_counted(struct pmx__queue *queue, struct pmx__watch *watch,
                           uint32_t events)
{
    (void)events;
    hear(queue, pmx__list_entry(watch, struct signals, counted));
}

static void notice_blocked(struct pmx__queue *queue, struct pmx__watch *watch,
                           uint32_t events)
{
    struct signals *signals = pmx__list_entry(watch, struct signals, blocked);
    (void)events;
    pmx__deliveries_look(signals->watched);
    raise_all(queue, signals);
}

/* Before a wait. */
static void look(struct pmx__queue *queue)
{
    struct signals *signals = signals_of(queue);
    pmx__disposition_renew(signals->watched);
    pmx__deliveries_look(signals->watched);
}

/* Listens to the knotes that are enabled; what others have left is taken out, so
 * that the queue does not show it. */
static void tune(struct pmx__queue *queue, struct signals *signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number <= PMX__SIGNALS; number++)
        if (signals->enabled & pmx__signal_bit(number))
            sigaddset(&set, number);
    signalfd(signals->blocked.fd, &set, 0);
    pmx__ear_tune(signals->ear, signals->enabled);
    pmx__set_look(queue, signals->watched ? look : NULL);
    hear(queue, signals);
}

static void set_enabled(struct pmx__queue *queue, const struct pmx__knote *knote,
                        bool enabled)
{
    struct signals *signals = signals_of(queue);
    uint64_t bit = pmx__signal_bit(number_of(knote));
    if (!(signals->enabled & bit) == !enabled)
        return;
    signals->enabled ^= bit;
    tune(queue, signals);
}

/*
 * A queue's state.
 */

static int watch_new(struct pmx__queue *queue, struct pmx__watch *watch, int fd)
{
    if (fd < 0)
        return fd;
    watch->fd = fd;
    int result = pmx__set_watch(queue, watch);
    if (result < 0)
        close(fd);
    return result;
}

static void unwatch(struct pmx__queue *queue, struct pmx__watch *watch)
{
    pmx__set_unwatch(queue, watch);
    close(watch->fd);
}

static int watch_blocked(struct pmx__queue *queue, struct signals *signals)
{
    sigset_t none;
    sigemptyset(&none);
    int fd = pmx__syscall(signalfd(-1, &none, SFD_CLOEXEC | SFD_NONBLOCK));
    signals->blocked = (struct pmx__watch){.events = EPOLLIN | (uint32_t)EPOLLET,
                                           .notice = notice_blocked};
    return watch_new(queue, &signals->blocked, fd);
}

static int watch_counted(struct pmx__queue *queue, struct signals *signals)
{
    int fd = pmx__syscall(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    signals->counted = (struct pmx__watch){.events = EPOLLIN, .notice = notice_counted};
    return watch_new(queue, &signals->counted, fd);
}

static int begin(struct pmx__queue *queue, struct signals *signals)
{
    pmx__disposition_prepare();
    int result = watch_counted(queue, signals);
    if (result < 0)
        return result;
    result = watch_blocked(queue, signals);
    if (result < 0) {
        unwatch(queue, &signals->counted);
        return result;
    }
    signals->ear = pmx__ear_open(signals->counted.fd);
    if (!signals->ear) {
        unwatch(queue, &signals->blocked);
        unwatch(queue, &signals->counted);
        return -ENOMEM;
    }
    return 0;
}

static int need_signals(struct pmx__queue *queue)
{
    void **place = pmx__set_place(queue, PMX__PLACE_SIGNAL);
    if (*place)
        return 0;
    struct signals *fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    fresh->epoch = pmx__epoch();
    int result = begin(queue, fresh);
    if (result < 0)
        free(fresh);
    else
        *place = fresh;
    return result;
}

/*
 * The filter.
 */

static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct signal *signal = signal_of(knote);
    knote->clears = true;
    if (!can_happen(knote))
        return 0;
    int number = number_of(knote), result = need_signals(queue);
    if (result < 0)
        return result;
    struct signals *signals = signals_of(queue);
    pmx__deliveries_look(pmx__signal_bit(number)); /* what is pending is no news */
    signal->seen = pmx__deliveries_of(number);
    pmx__disposition_watch(number);
    signals->knotes[number] = signal;
    signals->watched |= pmx__signal_bit(number);
    pmx__set_look(queue, look);
    set_enabled(queue, knote, knote->enabled);
    return 0;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (!can_happen(knote))
        return 0;
    struct signals *signals = signals_of(queue);
    int number = number_of(knote);
    signals->knotes[number] = NULL;
    signals->watched &= ~pmx__signal_bit(number);
    signals->enabled &= ~pmx__signal_bit(number);
    tune(queue, signals);
    pmx__disposition_unwatch(number);
    return 0;
}

static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *change)
{
    (void)queue;
    knote->fflags = change->fflags;
    knote->data = change->data;
    return 0;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (!can_happen(knote))
        return 0;
    set_enabled(queue, knote, true);
    pmx__deliveries_look(pmx__signal_bit(number_of(knote)));
    if (news_of(signal_of(knote)))
        pmx__knote_raise(queue, knote);
    return 0;
}

static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (can_happen(knote))
        set_enabled(queue, knote, false);
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    struct signal *signal = signal_of(knote);
    if (!can_happen(knote))
        return 0;
    signal->collected = pmx__deliveries_of(number_of(knote));
    report->data = (int64_t)(signal->collected - signal->seen);
    return report->data > 0;
}

static void clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    signal_of(knote)->seen = signal_of(knote)->collected;
}

/* In the child of a fork there is nothing to put back: nobody counts there. */
static void give_up(struct signals *signals)
{
    pmx__ear_close(signals->ear);
    for (int number = 1; number <= PMX__SIGNALS; number++)
        if (signals->knotes[number])
            pmx__disposition_unwatch(number);
}

static void shut(struct pmx__queue *queue, bool ours)
{
    struct signals *signals = signals_of(queue);
    if (!signals)
        return;
    if (signals->epoch == pmx__epoch())
        give_up(signals);
    if (ours) {
        close(signals->counted.fd);
        close(signals->blocked.fd);
    }
    free(signals);
    *pmx__set_place(queue, PMX__PLACE_SIGNAL) = NULL;
}

const struct pmx__filter pmx__signal = {
    .number = EVFILT_SIGNAL,
    .size = sizeof(struct signal),
    .attach = attach,
    .detach = detach,
    .touch = touch,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .clear = clear,
    .shut = shut,
};
