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
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../../base/deadline.h"
#include "../../base/epoll_wait.h"
#include "../../base/result.h"
#include "../source.h"
#include "item.h"
#include "source.h"

/* As many events as one system call brings, and one of the side set. */
enum { BATCH = 256, SIDE_BATCH = 64 };

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

/* Calls due() if it is time: whether it was. */
static bool ring(struct pmx__queue *queue)
{
    struct pmx__source *source = pmx__queue_source(queue);
    if (source->alarm == PMX__NEVER || pmx__deadline_left(source->alarm) > 0)
        return false;
    source->alarm = PMX__NEVER;
    source->due(queue);
    if (source->alarm == PMX__NEVER)
        show_alarm(source); /* which stops the timer, and empties it */
    return true;
}

/* The shorter one of a timeout and the time to the alarm. */
static int64_t sleep_limit(const struct pmx__source *source, int64_t timeout_ns)
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
void pmx__source_show(struct pmx__source *source, bool pending, bool urgent)
{
    uint64_t value = 1;
    bool readable = urgent || source->leaving || (pending && is_looked_at(source));
    if (source->shown == readable)
        return;
    long call = readable ? SYS_write : SYS_read;
    syscall(call, source->wake, &value, sizeof(value));
    source->shown = readable;
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

/*
 * Waiting.
 */

static enum pmx__news notice_watch(struct pmx__queue *queue, uint32_t id,
                                   uint32_t events)
{
    struct pmx__source *source = pmx__queue_source(queue);
    struct pmx__watch *watch =
        (struct pmx__watch *)pmx__intmap_get(&source->watches, id);
    if (!watch)
        return PMX__NEWS_NONE;
    watch->notice(queue, watch, events);
    source->wanted--; /* for what that has raised, which is one knote at least */
    return PMX__NEWS;
}

/* What is wanted of the side set, in one round of its items, without sleeping. */
static enum pmx__news notice_side(struct pmx__queue *queue)
{
    struct epoll_event events[SIDE_BATCH];
    const struct pmx__source *source = pmx__queue_source(queue);
    enum pmx__news most = PMX__NEWS_NONE;
    int count = 0;
    for (int64_t left = source->items; source->wanted > 0 && left > 0; left -= count) {
        int set = source->side;
        int max = source->wanted < SIDE_BATCH ? source->wanted : SIDE_BATCH;
        count = epoll_wait(set, events, max, 0);
        for (int i = 0; i < count; i++) {
            enum pmx__news news =
                pmx__item_notice(queue, set, events[i].data.u64, events[i].events);
            most = news > most ? news : most;
        }
        if (count < max)
            break;
    }
    return most;
}

static enum pmx__news notice(struct pmx__queue *queue, const struct epoll_event *event)
{
    uint64_t tag = event->data.u64;
    if (tag >> 32)
        return pmx__item_notice(queue, pmx__queue_source(queue)->fd, tag,
                                event->events);
    switch (tag) {
    case PMX__TAG_WAKE:
    case PMX__TAG_TIMER: /* every wait looks at the clock */
        return PMX__NEWS_NONE;
    case PMX__TAG_SIDE:
        return notice_side(queue);
    default:
        return notice_watch(queue, (uint32_t)tag - PMX__TAG_WATCH, event->events);
    }
}

/* What events one system call brought. */
struct batch {
    struct epoll_event events[BATCH];
    int max;
    int count;
    enum pmx__news most; /* that came of one of them */
};

static void notice_batch(struct pmx__queue *queue, struct batch *batch)
{
    batch->most = PMX__NEWS_NONE;
    for (int i = 0; i < batch->count; i++) {
        enum pmx__news news = notice(queue, &batch->events[i]);
        batch->most = news > batch->most ? news : batch->most;
    }
}

/* -EINVAL: the number has been closed and is not even an epoll set now. */
static int wait_result(int result)
{
    return result == -EINVAL ? -EBADF : result;
}

/* A thread asleep, and the set it sleeps in. */
struct sleeper {
    struct pmx__queue *queue;
    const struct pmx__wait *wait;
    unsigned era;
};

static void fall_asleep(struct sleeper *sleeper)
{
    struct pmx__source *source = pmx__queue_source(sleeper->queue);
    sleeper->era = source->era;
    source->sleepers++;
    pmx__queue_unlock(sleeper->queue);
}

static void wake_up(const struct sleeper *sleeper)
{
    pmx__queue_lock(sleeper->queue);
    struct pmx__source *source = pmx__queue_source(sleeper->queue);
    source->sleepers--;
    if (source->era != sleeper->era)
        source->leaving--;
}

/* The thread is cancelled asleep. */
static void die(void *argument)
{
    const struct sleeper *sleeper = argument;
    wake_up(sleeper);
    pmx__door_leave(sleeper->wait->door);
}

static int sleep_unlocked(struct pmx__queue *queue, struct pmx__wait *wait,
                          struct batch *batch)
{
    struct sleeper sleeper = {.queue = queue, .wait = wait};
    int64_t limit = sleep_limit(pmx__queue_source(queue), wait->timeout_ns);
    fall_asleep(&sleeper);
    pthread_cleanup_push(die, &sleeper);
    pmx__unshield(wait);
    batch->count =
        pmx__epoll_wait(wait->fd, batch->events, batch->max, limit, wait->sigmask);
    pmx__shield(wait);
    pthread_cleanup_pop(0);
    wake_up(&sleeper);
    return batch->count;
}

static int look(const struct pmx__wait *wait, struct batch *batch)
{
    return pmx__epoll_wait(wait->fd, batch->events, batch->max, 0, wait->sigmask);
}

/* No more than is wanted, so that the sets keep their order, and what is new. */
static int take(struct pmx__queue *queue, struct pmx__wait *wait, bool may_sleep,
                struct batch *batch)
{
    int wanted = pmx__queue_source(queue)->wanted;
    batch->max = wanted < BATCH ? wanted : BATCH;
    if (!may_sleep)
        pmx__shield(wait);
    batch->count = may_sleep ? sleep_unlocked(queue, wait, batch) : look(wait, batch);
    batch->count = wait_result(batch->count);
    return batch->count;
}

/*
 * Asks again while there may be more: for more than one call brings, or where
 * other things took the room of what is wanted: closed descriptors, our own,
 * knotes in line already. After one round of all items nothing is new.
 */
static bool drain(struct pmx__queue *queue, struct pmx__wait *wait, struct batch *batch)
{
    const struct pmx__source *source = pmx__queue_source(queue);
    int64_t left = (int64_t)source->items + PMX__TAG_WATCH - batch->count;
    bool news = batch->most;
    while (batch->count == batch->max && source->wanted > 0 &&
           (left > 0 || batch->most == PMX__NEWS_OLD)) {
        if (take(queue, wait, false, batch) <= 0)
            break;
        notice_batch(queue, batch);
        left -= batch->count;
        news |= batch->most != PMX__NEWS_NONE;
    }
    return news;
}

/* As many as there is room for; more than there are would come twice. */
static int wanted_now(const struct pmx__source *source, int room)
{
    int items = (int)source->items + 1;
    return room < items ? room : items;
}

int pmx__source_wait(struct pmx__queue *queue, struct pmx__wait *wait)
{
    struct pmx__source *source = pmx__queue_source(queue);
    if (source->look)
        source->look(queue);
    bool is_time = ring(queue);
    bool may_sleep = wait->timeout_ns && !is_time;
    if (!may_sleep && !source->items)
        return is_time;
    struct batch batch;
    source->wanted = wanted_now(source, wait->room);
    int count = take(queue, wait, may_sleep, &batch);
    if (count < 0)
        return count;
    source->wanted = wanted_now(source, wait->room); /* others may have been here */
    notice_batch(queue, &batch);
    bool news = drain(queue, wait, &batch);
    is_time |= ring(queue);
    return is_time || news;
}
