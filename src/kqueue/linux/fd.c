/*
 * EVFILT_READ and EVFILT_WRITE on what epoll takes: sockets, pipes, terminals,
 * counters, other queues. item.c keeps the descriptors in the epoll set,
 * object.c says what there is to read or write.
 */
#include <polymux/kqueue.h>

#include <errno.h>

#include "../filter.h"
#include "../source.h"
#include "filters.h"
#include "item.h"
#include "object.h"

static int attach_read(struct pmx__queue *queue, struct pmx__knote *knote)
{
    return pmx__item_add(queue, pmx__item_of(knote));
}

static int attach_write(struct pmx__queue *queue, struct pmx__knote *knote)
{
    int fd = (int)knote->ident, result = pmx__object_write_refusal(fd);
    if (result < 0 && (result != -EINVAL || pmx__queue_is_at(fd)))
        return result;
    pmx__item_of(knote)->writes = true;
    return pmx__item_add(queue, pmx__item_of(knote));
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    return pmx__item_remove(queue, pmx__item_of(knote));
}

static int verify(struct pmx__queue *queue, struct pmx__knote *knote)
{
    return pmx__item_verify(queue, pmx__item_of(knote));
}

/* What is level-triggered tells by itself; of an edge that is past the set tells
 * again when it is set again. */
static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct pmx__item *item = pmx__item_of(knote);
    item->news = 0;
    if (!pmx__list_empty(&knote->ready))
        return 0;
    return knote->clears ? pmx__item_settle(queue, item, true)
                         : pmx__item_unhush(queue, item);
}

/* Others must not see the descriptor readable for a knote that is disabled. */
static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (pmx__source_observed(pmx__queue_source(queue)))
        pmx__item_settle(queue, pmx__item_of(knote), false);
}

/* 0, or -EBADF: nothing of a kind that epoll takes is there any more. */
static int find_kind(struct pmx__queue *queue, struct pmx__item *item)
{
    int kind = pmx__object_kind((int)item->knote.ident);
    if (kind >= 0 && !pmx__object_has_poll(kind))
        kind = verify(queue, &item->knote) < 0 ? -EBADF : PMX__OBJECT_POLLABLE;
    if (kind >= 0)
        item->kind = (unsigned)(kind + 1) & 31;
    return kind < 0 ? kind : 0;
}

/* Of a queue's news: 1 to 127; 0 is what a knote has that never looked. */
static unsigned short_news(unsigned news)
{
    return news % 127 + 1;
}

/*
 * Into a queue in this queue: whether it is ready, or -ENOENT if it is no queue.
 * For a knote that clears, more of the same is nothing new: not before the inner
 * queue has been asked.
 */
static int look_into(struct pmx__item *item, struct pmx__report *report)
{
    unsigned news;
    if (!pmx__queue_nested((int)item->knote.ident, &report->data, &news))
        return -ENOENT;
    bool is_new = !item->knote.clears || item->news != short_news(news);
    item->news = short_news(news) & 127;
    return report->data > 0 && is_new;
}

/* Whether it is ready, or -EBADF. */
static int look(struct pmx__item *item, struct pmx__report *report)
{
    int fd = (int)item->knote.ident, kind = (int)item->kind - 1;
    uint32_t events = pmx__item_seen(item);
    bool has_lowat = item->knote.fflags & NOTE_LOWAT;
    int64_t lowat = item->knote.data;
    if (kind == PMX__OBJECT_EPOLL && !item->writes) {
        int result = look_into(item, report);
        if (result != -ENOENT)
            return result;
    }
    return item->writes ? pmx__object_write(kind, fd, events, has_lowat, lowat, report)
                        : pmx__object_read(kind, fd, events, has_lowat, lowat, report);
}

/*
 * Whether an event is believed to be its number's, unless there is a reason for
 * doubt. That there is something to read is most of what happens, and one system
 * call more than the one that counts it would be felt. A queue is never trusted:
 * to count it is to lock it, and its number may have become this queue's own.
 */
static bool is_trusted(const struct pmx__item *item)
{
    return pmx__item_seen(item) == EPOLLIN && item->kind != PMX__OBJECT_EPOLL + 1;
}

/* Whether what FIONREAD says of it is what collect would report. */
static bool has_but_bytes(const struct pmx__queue *queue, const struct pmx__item *item)
{
    const struct pmx__knote *knote = &item->knote;
    return knote->stays && knote->enabled && pmx__list_empty(&knote->ready) &&
           !(knote->fflags & NOTE_LOWAT) && !item->hushed && item->kind &&
           pmx__object_counts_bytes((int)item->kind - 1) &&
           pmx__item_is_trusted(queue, item);
}

bool pmx__item_collect_bytes(struct pmx__queue *queue, uint64_t tag, uint32_t events,
                             struct pmx__wait *wait)
{
    int fd = (int)(uint32_t)tag;
    struct pmx__knote *knote = pmx__knote_first(queue, fd);
    if (events != EPOLLIN || !knote || knote->next || knote->filter != &pmx__fd_read)
        return false;
    const struct pmx__item *item = pmx__item_of(knote);
    if (item->generation != tag >> 32 || !has_but_bytes(queue, item))
        return false;
    int64_t bytes = pmx__object_bytes(fd);
    if (bytes <= 0)
        return false;
    pmx__collect_bytes(queue, knote, bytes, wait);
    return true;
}

/* A false alarm is not to come again until something changes. */
static int settle_alarm(struct pmx__queue *queue, struct pmx__item *item, bool ready)
{
    if (!ready)
        return pmx__item_hush(queue, item);
    return item->hushed ? pmx__item_unhush(queue, item) : 0;
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    struct pmx__item *item = pmx__item_of(knote);
    item->seen = knote->held ? 0 : item->seen;
    bool trusted = is_trusted(item);
    int result = item->kind ? 0 : find_kind(queue, item);
    if (result == 0)
        result = trusted ? pmx__item_doubt(queue, item) : verify(queue, knote);
    int ready = result < 0 ? result : look(item, report);
    if (trusted && (ready == 0 || report->eof)) /* not what epoll said: of whom? */
        ready = verify(queue, knote) < 0 ? -EBADF : ready;
    item->seen = 0;
    if (ready >= 0 && settle_alarm(queue, item, ready) == 0)
        return ready;
    item->kind = 0;
    return -EBADF;
}

const struct pmx__filter pmx__fd_read = {
    .number = EVFILT_READ,
    .descriptor = true,
    .sourced = true,
    .size = sizeof(struct pmx__item),
    .next = &pmx__file_read,
    .attach = attach_read,
    .detach = detach,
    .verify = verify,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
};

const struct pmx__filter pmx__fd_write = {
    .number = EVFILT_WRITE,
    .descriptor = true,
    .sourced = true,
    .size = sizeof(struct pmx__item),
    .next = &pmx__file_write,
    .attach = attach_write,
    .detach = detach,
    .verify = verify,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
};
