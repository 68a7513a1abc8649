/*
 * The source of wake-ups on Linux: see ../source.h. An epoll set is both the
 * descriptor that callers hold and where threads sleep. In it are the
 * descriptors that are watched (item.c, and watches of filters) and two of its
 * own:
 *
 * wake, an eventfd, shows what stands in line without a descriptor's doing. It
 * is readable exactly while something stands there and somebody looks: a thread
 * asleep, or whoever was given the descriptor. So a program that raises events
 * and collects them itself pays nothing for it.
 *
 * timer, a timerfd, shows the alarm under the same condition; a thread that
 * goes to sleep limits its sleep by the alarm it finds.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../../base/deadline.h"
#include "../../base/result.h"
#include "../source.h"
#include "item.h"
#include "source.h"

int pmx__source_ctl(int set, int operation, int fd, uint32_t events, uint64_t tag)
{
    struct epoll_event event = {.events = events, .data.u64 = tag};
    return pmx__syscall(epoll_ctl(set, operation, fd, &event));
}

/*
 * Opening and closing.
 */

static int open_wake(struct pmx__source *source)
{
    source->wake = pmx__syscall(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (source->wake < 0)
        return source->wake;
    int result = pmx__source_ctl(source->fd, EPOLL_CTL_ADD, source->wake, EPOLLIN,
                                 PMX__TAG_WAKE);
    if (result < 0)
        close(source->wake);
    return result;
}

static int open_set(struct pmx__source *source)
{
    source->fd = pmx__syscall(epoll_create1(EPOLL_CLOEXEC));
    if (source->fd < 0)
        return source->fd;
    int result = open_wake(source);
    if (result < 0)
        close(source->fd);
    return result;
}

int pmx__source_open(struct pmx__source **source, int *fd)
{
    struct pmx__source *made = calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    made->side = -1;
    made->timer = -1;
    made->alarm = PMX__NEVER;
    int result = open_set(made);
    if (result < 0) {
        free(made);
        return result;
    }
    *source = made;
    *fd = made->fd;
    return 0;
}

static void close_own(const struct pmx__source *source)
{
    close(source->wake);
    if (source->side >= 0)
        close(source->side);
    if (source->timer >= 0)
        close(source->timer);
}

void pmx__source_close(struct pmx__source *source, bool ours)
{
    if (ours)
        close_own(source);
    pmx__intmap_free(&source->watches);
    free(source);
}

/* The set in which wake is: to set it there once more changes nothing. */
bool pmx__source_is(const struct pmx__source *source, int fd)
{
    return !pmx__source_ctl(fd, EPOLL_CTL_MOD, source->wake, EPOLLIN, PMX__TAG_WAKE);
}

void pmx__source_use(struct pmx__source *source, int fd)
{
    source->fd = fd;
}

/* A set of level-triggered members shows itself as long as it has to. */
int pmx__source_need_side(struct pmx__source *source)
{
    if (source->side >= 0)
        return 0;
    int side = pmx__syscall(epoll_create1(EPOLL_CLOEXEC));
    if (side < 0)
        return side;
    int result =
        pmx__source_ctl(source->fd, EPOLL_CTL_ADD, side, EPOLLIN, PMX__TAG_SIDE);
    if (result < 0)
        close(side);
    else
        source->side = side;
    return result;
}

/*
 * The alarm.
 */

static bool is_looked_at(const struct pmx__source *source)
{
    return source->observed || source->sleepers;
}

/* timerfd_settime(2) fails for no reason that could be ours. */
static void set_timer(struct pmx__source *source, int64_t deadline)
{
    struct itimerspec spec = {0};
    if (deadline != PMX__NEVER) /* where zero would mean never */
        pmx__timeout_timespec(deadline > 0 ? deadline : 1, &spec.it_value);
    int result = timerfd_settime(source->timer, TFD_TIMER_ABSTIME, &spec, NULL);
    assert(result == 0);
    (void)result;
    source->ticking = deadline != PMX__NEVER;
}

static void show_alarm(struct pmx__source *source)
{
    bool has_alarm = source->alarm != PMX__NEVER;
    if (source->ticking || (has_alarm && is_looked_at(source)))
        set_timer(source, source->alarm);
}

static int need_timer(struct pmx__source *source)
{
    if (source->timer >= 0)
        return 0;
    int timer =
        pmx__syscall(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (timer < 0)
        return timer;
    int result =
        pmx__source_ctl(source->fd, EPOLL_CTL_ADD, timer, EPOLLIN, PMX__TAG_TIMER);
    if (result < 0)
        close(timer);
    else
        source->timer = timer;
    return result;
}

int pmx__set_alarm(struct pmx__queue *queue, int64_t deadline,
                   void (*due)(struct pmx__queue *queue))
{
    struct pmx__source *source = pmx__queue_source(queue);
    int result = deadline == PMX__NEVER ? 0 : need_timer(source);
    if (result < 0)
        return result;
    source->alarm = deadline;
    source->due = due;
    show_alarm(source);
    return 0;
}

bool pmx__source_ring(struct pmx__queue *queue)
{
    struct pmx__source *source = pmx__queue_source(queue);
    if (pmx__deadline_left(source->alarm) > 0)
        return false;
    source->alarm = PMX__NEVER;
    source->due(queue);
    if (source->alarm == PMX__NEVER)
        show_alarm(source); /* which stops the timer, and empties it */
    return true;
}

int64_t pmx__source_limit(const struct pmx__source *source, int64_t timeout_ns)
{
    int64_t left = pmx__deadline_left(source->alarm);
    if (left < 0 || timeout_ns < 0)
        return left < 0 ? timeout_ns : left;
    return left < timeout_ns ? left : timeout_ns;
}

/*
 * Showing.
 */

/*
 * An eventfd that counts to one blocks neither writers nor readers. These are no
 * cancellation points, as read(2) and write(2) of the C library are.
 */
void pmx__source_show(struct pmx__queue *queue, bool pending, bool urgent)
{
    struct pmx__queue_base *base = pmx__base_of(queue);
    const struct pmx__source *source = base->source;
    uint64_t value = 1;
    bool readable = urgent || source->leaving || (pending && is_looked_at(source));
    if (base->shown == readable)
        return;
    long call = readable ? SYS_write : SYS_read;
    syscall(call, source->wake, &value, sizeof(value));
    base->shown = readable;
}

bool pmx__source_observed(const struct pmx__source *source)
{
    return source->observed;
}

void pmx__source_observe(struct pmx__queue *queue)
{
    struct pmx__source *source = pmx__queue_source(queue);
    if (source->observed)
        return;
    source->observed = true;
    show_alarm(source);
    pmx__items_settle(queue);
}

/*
 * Watches and places of filters.
 */

int pmx__set_add_watch(int set, const struct pmx__watch *watch)
{
    uint64_t tag = pmx__tag(0, (int)(PMX__TAG_WATCH + watch->id));
    return pmx__source_ctl(set, EPOLL_CTL_ADD, watch->fd, watch->events, tag);
}

int pmx__set_watch(struct pmx__queue *queue, struct pmx__watch *watch)
{
    struct pmx__source *source = pmx__queue_source(queue);
    uint32_t id = source->last_watch + 1;
    uintptr_t *place = pmx__intmap_need(&source->watches, id);
    if (!place)
        return -ENOMEM;
    *place = (uintptr_t)watch;
    watch->id = id;
    int result = pmx__set_add_watch(source->fd, watch);
    if (result < 0) {
        pmx__intmap_remove(&source->watches, id);
        return result;
    }
    source->last_watch = id;
    source->items++;
    return 0;
}

int pmx__set_rewatch(struct pmx__queue *queue, struct pmx__watch *watch,
                     uint32_t events)
{
    struct pmx__source *source = pmx__queue_source(queue);
    uint64_t tag = pmx__tag(0, (int)(PMX__TAG_WATCH + watch->id));
    int result = pmx__source_ctl(source->fd, EPOLL_CTL_MOD, watch->fd, events, tag);
    if (result == 0)
        watch->events = events;
    return result;
}

void pmx__set_raise(struct pmx__queue *queue, struct pmx__knote *knote)
{
    bool is_news = knote->enabled && pmx__list_empty(&knote->ready);
    pmx__queue_source(queue)->wanted -= is_news;
    pmx__knote_raise(queue, knote);
}

void pmx__set_unwatch(struct pmx__queue *queue, struct pmx__watch *watch)
{
    struct pmx__source *source = pmx__queue_source(queue);
    pmx__source_ctl(source->fd, EPOLL_CTL_DEL, watch->fd, 0, 0);
    pmx__intmap_remove(&source->watches, watch->id);
    source->items--;
}

void pmx__set_look(struct pmx__queue *queue, void (*look)(struct pmx__queue *queue))
{
    pmx__queue_source(queue)->look = look;
}

void **pmx__set_place(struct pmx__queue *queue, enum pmx__place place)
{
    return &pmx__queue_source(queue)->places[place];
}
