/*
 * A wait on a queue's epoll set: see ../source.h. One or more epoll_wait(2), of
 * which the first may sleep, with the queue unlocked; what they bring is noticed
 * event by event.
 */
#include <pthread.h>

#include "../../base/deadline.h"
#include "../../base/epoll_wait.h"
#include "../../base/result.h"
#include "../source.h"
#include "item.h"
#include "source.h"

/* As many events as one system call brings, and one of the side set. */
enum { BATCH = 256, SIDE_BATCH = 64 };

static enum pmx__news notice_watch(struct pmx__queue *queue, uint32_t id,
                                   uint32_t events)
{
    const struct pmx__intmap *watches = &pmx__queue_source(queue)->watches;
    struct pmx__watch *watch = (struct pmx__watch *)pmx__intmap_get(watches, id);
    if (!watch)
        return PMX__NEWS_NONE;
    watch->notice(queue, watch, events);
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
        count = pmx__epoll_look(set, events, max, NULL);
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

/* Collects at once what can be, from the first event on: how many. */
static int collect_batch(struct pmx__queue *queue, const struct batch *batch,
                         struct pmx__wait *wait)
{
    int count = 0;
    while (count < batch->count && pmx__wait_is_open(queue, wait)) {
        const struct epoll_event *event = &batch->events[count];
        if (!pmx__item_collect_bytes(queue, event->data.u64, event->events, wait))
            break;
        count++;
    }
    pmx__queue_source(queue)->wanted -= count;
    return count;
}

static void notice_batch(struct pmx__queue *queue, struct batch *batch,
                         struct pmx__wait *wait)
{
    int collected = collect_batch(queue, batch, wait);
    batch->most = collected ? PMX__NEWS : PMX__NEWS_NONE;
    if (collected < batch->count)
        pmx__shield(wait);
    for (int i = collected; i < batch->count; i++) {
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
    pmx__door_left(sleeper->wait->door);
}

static int sleep_unlocked(struct pmx__queue *queue, struct pmx__wait *wait,
                          struct batch *batch)
{
    struct sleeper sleeper = {.queue = queue, .wait = wait};
    int64_t limit = pmx__source_limit(pmx__queue_source(queue), wait->timeout_ns);
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
    return pmx__epoll_look(wait->fd, batch->events, batch->max, wait->sigmask);
}

/* No more than is wanted, so that the sets keep their order, and what is new. */
static int take(struct pmx__queue *queue, struct pmx__wait *wait, bool may_sleep,
                struct batch *batch)
{
    int wanted = pmx__queue_source(queue)->wanted;
    batch->max = wanted < BATCH ? wanted : BATCH;
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
        notice_batch(queue, batch, wait);
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

static bool ring(struct pmx__queue *queue)
{
    return pmx__queue_source(queue)->alarm != PMX__NEVER && pmx__source_ring(queue);
}

int pmx__source_wait(struct pmx__queue *queue, struct pmx__wait *wait)
{
    struct pmx__source *source = pmx__queue_source(queue);
    if (source->look) {
        pmx__shield(wait);
        source->look(queue);
    }
    bool is_time = ring(queue);
    bool may_sleep = wait->timeout_ns && !is_time;
    if (!may_sleep && !source->items)
        return is_time;
    struct batch batch;
    source->wanted = wanted_now(source, wait->room);
    int count = take(queue, wait, may_sleep, &batch);
    if (count < 0)
        return count;
    if (may_sleep) /* others may have been here */
        source->wanted = wanted_now(source, wait->room);
    notice_batch(queue, &batch, wait);
    bool news = count == batch.max && source->wanted > 0 ? drain(queue, wait, &batch)
                                                         : batch.most;
    is_time |= ring(queue);
    return is_time || news;
}
