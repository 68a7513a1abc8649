/* Descriptors in the epoll set: see item.h. Stands on epoll_ctl(2). */
#include "item.h"

#include <errno.h>

#include "../source.h"
#include "evict.h"
#include "filters.h"
#include "rebuild.h"
#include "source.h"

/* Of pmx__item.armed. */
enum { IN = 1, OUT = 2, EDGE = 4 };

/* What the end of a stream shows beside what was asked for. */
#define ENDS ((uint32_t)(EPOLLERR | EPOLLHUP))

#define READS  ((uint32_t)(EPOLLIN | EPOLLRDHUP))
#define WRITES ((uint32_t)EPOLLOUT)

static int set_of(const struct pmx__queue *queue, const struct pmx__item *item)
{
    const struct pmx__source *source = pmx__queue_source(queue);
    return item->side ? source->side : source->fd;
}

static int ctl_in(int set, const struct pmx__item *item, int operation, unsigned armed)
{
    int fd = (int)item->knote.ident;
    uint32_t events = (armed & IN ? READS : 0) | (armed & OUT ? WRITES : 0) |
                      (armed & EDGE ? (uint32_t)EPOLLET : 0);
    return pmx__source_ctl(set, operation, fd, events, pmx__tag(item->generation, fd));
}

static int ctl(const struct pmx__queue *queue, const struct pmx__item *item,
               int operation, unsigned armed)
{
    return ctl_in(set_of(queue, item), item, operation, armed);
}

/* The knote of the other filter on the same descriptor, or NULL. */
static struct pmx__item *twin(const struct pmx__queue *queue,
                              const struct pmx__item *item)
{
    const struct pmx__filter *other = item->writes ? &pmx__fd_read : &pmx__fd_write;
    struct pmx__knote *at = pmx__knote_first(queue, (int)item->knote.ident);
    while (at && at->filter != other)
        at = at->next;
    return at ? pmx__item_of(at) : NULL;
}

/* The knote that shares the item in the set, or NULL. */
static struct pmx__item *sharer(const struct pmx__queue *queue,
                                const struct pmx__item *item)
{
    struct pmx__item *other = twin(queue, item);
    return other && other->generation == item->generation ? other : NULL;
}

static unsigned direction(const struct pmx__item *item)
{
    if (!item || !item->knote.enabled)
        return 0;
    return item->writes ? OUT : IN;
}

static bool is_quiet(const struct pmx__item *item)
{
    return !item || !item->knote.enabled || item->hushed;
}

/* An item set to nothing still reports its end, but as an edge only once. */
static unsigned wanted(const struct pmx__item *item, const struct pmx__item *other)
{
    unsigned armed = direction(item) | direction(other);
    bool is_edge = item->knote.clears || (is_quiet(item) && is_quiet(other));
    return is_edge ? armed | EDGE : armed;
}

/* Sets the item to what these two want. */
static int set(struct pmx__queue *queue, struct pmx__item *item,
               struct pmx__item *other, bool in_any_case)
{
    unsigned armed = wanted(item, other);
    if (armed == item->armed && !in_any_case)
        return 0;
    int result = ctl(queue, item, EPOLL_CTL_MOD, armed);
    if (result < 0)
        return result;
    item->armed = armed & (IN | OUT | EDGE);
    if (other)
        other->armed = item->armed;
    return 0;
}

int pmx__item_settle(struct pmx__queue *queue, struct pmx__item *item, bool in_any_case)
{
    return set(queue, item, sharer(queue, item), in_any_case);
}

static bool is_item(const struct pmx__knote *knote)
{
    return knote->filter == &pmx__fd_read || knote->filter == &pmx__fd_write;
}

/* A set does not take the same twice. */
static int ask(const struct pmx__queue *queue, const struct pmx__item *item)
{
    int result = ctl(queue, item, EPOLL_CTL_ADD, EDGE);
    if (result == -EEXIST)
        return 0;
    if (result < 0)
        return result == -EBADF ? -EBADF : -ENOENT;
    ctl(queue, item, EPOLL_CTL_DEL, 0);
    return -ENOENT;
}

int pmx__item_verify(struct pmx__queue *queue, struct pmx__item *item)
{
    struct pmx__source *source = pmx__queue_source(queue);
    int result = ask(queue, item);
    bool was_trusted = pmx__item_is_trusted(queue, item);
    if (result < 0 && was_trusted)
        source->doubts++;
    else if (result == 0)
        item->trust = source->doubts & PMX__TRUST;
    return result;
}

/* Calls visit() for every item, until it returns an error. */
static int visit_all(struct pmx__queue *queue, int set,
                     int (*visit)(struct pmx__queue *, struct pmx__item *, int set))
{
    int result = 0;
    for (int fd = -1; (fd = pmx__knote_next_fd(queue, fd + 1)) >= 0;)
        for (struct pmx__knote *at = pmx__knote_first(queue, fd); at; at = at->next)
            if (is_item(at) && result >= 0)
                result = visit(queue, pmx__item_of(at), set);
    return result;
}

static int settle_one(struct pmx__queue *queue, struct pmx__item *item, int set)
{
    (void)set;
    pmx__item_settle(queue, item, false);
    return 0;
}

void pmx__items_settle(struct pmx__queue *queue)
{
    visit_all(queue, -1, settle_one);
}

/* Only what still is what it was; of two that share an item the second one
 * finds it there. */
static int copy_one(struct pmx__queue *queue, struct pmx__item *item, int set)
{
    if (pmx__item_verify(queue, item) < 0)
        return 0;
    int result = ctl_in(set, item, EPOLL_CTL_ADD, item->armed);
    return result == -EEXIST || result == -EBADF ? 0 : result;
}

static int copy_first(struct pmx__queue *queue, struct pmx__item *item, int set)
{
    return item->side ? 0 : copy_one(queue, item, set);
}

static int copy_second(struct pmx__queue *queue, struct pmx__item *item, int set)
{
    return item->side ? copy_one(queue, item, set) : 0;
}

int pmx__items_copy(struct pmx__queue *queue, bool side, int set)
{
    return visit_all(queue, set, side ? copy_second : copy_first);
}

static uint32_t next_generation(struct pmx__source *source)
{
    source->generation += source->generation == UINT32_MAX ? 2 : 1;
    return source->generation;
}

/* Where the set has the descriptor already, it was closed and came back, by
 * dup2(2) of a duplicate, and nobody saw it: the item is as good as new. */
static int enter(struct pmx__queue *queue, struct pmx__item *item)
{
    item->generation = next_generation(pmx__queue_source(queue));
    item->trust = pmx__queue_source(queue)->doubts & PMX__TRUST;
    item->armed = wanted(item, NULL) & (IN | OUT | EDGE);
    int result = ctl(queue, item, EPOLL_CTL_ADD, item->armed);
    if (result == -EEXIST)
        result = ctl(queue, item, EPOLL_CTL_MOD, item->armed);
    return result == -ELOOP ? -EINVAL : result; /* queues within queues */
}

static int share(struct pmx__queue *queue, struct pmx__item *item,
                 struct pmx__item *other)
{
    item->generation = other->generation;
    item->armed = other->armed;
    item->trust = other->trust;
    return set(queue, item, other, true);
}

static bool can_share(const struct pmx__item *item, const struct pmx__item *other)
{
    return !item->knote.clears && !other->knote.clears && !other->side;
}

static int place(struct pmx__queue *queue, struct pmx__item *item)
{
    struct pmx__item *other = twin(queue, item);
    if (!other || other->side)
        return enter(queue, item);
    if (can_share(item, other))
        return share(queue, item, other);
    item->side = true;
    int result = pmx__source_need_side(pmx__queue_source(queue));
    return result < 0 ? result : enter(queue, item);
}

int pmx__item_add(struct pmx__queue *queue, struct pmx__item *item)
{
    int result = place(queue, item);
    if (result == 0)
        pmx__queue_source(queue)->items++;
    return result;
}

/* Takes it out of the set, or leaves it to the knote that shares it. */
static int leave(struct pmx__queue *queue, struct pmx__item *item)
{
    struct pmx__item *other = sharer(queue, item);
    return other ? set(queue, other, NULL, true) : ctl(queue, item, EPOLL_CTL_DEL, 0);
}

/* What is left of a closed descriptor must be noticed where it cannot be
 * removed, so the set is not empty then. */
int pmx__item_remove(struct pmx__queue *queue, struct pmx__item *item)
{
    int result = leave(queue, item), rest = result;
    if (result == -EBADF || result == -ENOENT)
        rest = pmx__evict(set_of(queue, item), (int)item->knote.ident);
    if (rest == 0 || rest == -ENOENT)
        pmx__queue_source(queue)->items--;
    return result;
}

/* The knote that shares the item is not ready either if the event was not its. */
int pmx__item_hush(struct pmx__queue *queue, struct pmx__item *item)
{
    struct pmx__item *other = sharer(queue, item);
    if (item->hushed || item->knote.clears)
        return 0;
    item->hushed = true;
    if (other && pmx__list_empty(&other->knote.ready))
        other->hushed = true;
    return set(queue, item, other, false);
}

int pmx__item_unhush(struct pmx__queue *queue, struct pmx__item *item)
{
    item->hushed = false;
    if (item->armed == direction(item)) /* as far as the other knote matters */
        return 0;
    return pmx__item_settle(queue, item, false);
}

/*
 * A disabled knote's event: from now on the set does not tell of it. Until here
 * nothing was done about it, since most are enabled again before they fire. An
 * edge needs nothing; to be enabled is to look again. -EBADF or -ENOENT where
 * the descriptor was closed.
 */
static int silence(struct pmx__queue *queue, struct pmx__item *item)
{
    return pmx__item_settle(queue, item, false);
}

static int notice_one(struct pmx__queue *queue, struct pmx__item *item, uint32_t events)
{
    uint32_t own = events & (ENDS | (item->writes ? WRITES : READS));
    if (!own)
        return 0;
    if (!item->knote.enabled)
        return silence(queue, item);
    item->seen = (own & 31) | (own & EPOLLRDHUP ? 32 : 0);
    pmx__queue_source(queue)->wanted -= pmx__list_empty(&item->knote.ready);
    pmx__knote_raise(queue, &item->knote);
    return 0;
}

/* The first item from this knote of its descriptor on that has the generation. */
static struct pmx__item *find(struct pmx__knote *at, uint32_t generation)
{
    while (at && !(is_item(at) && pmx__item_of(at)->generation == generation))
        at = at->next;
    return at ? pmx__item_of(at) : NULL;
}

/*
 * An event of an item that no knote has: another thread removed it meanwhile,
 * or it is of a descriptor that was closed while a duplicate of it lives on.
 * The latter is removed, at the price of a new set if it has to be; for that it
 * must come twice.
 */
static enum pmx__news notice_stray(struct pmx__queue *queue, int set, uint64_t tag)
{
    struct pmx__source *source = pmx__queue_source(queue);
    int result = pmx__evict(set, (int)(uint32_t)tag);
    if (result != -ENOENT)
        source->doubts++;
    if (result == 0 || result == -ENOENT)
        return PMX__NEWS_OLD;
    if (source->stray == tag)
        return pmx__rebuild(queue, set) == 0 ? PMX__NEWS_OLD : PMX__NEWS_NONE;
    source->stray = tag;
    return PMX__NEWS_OLD;
}

/* The two knotes of an item, where two share it. */
static int notice_all(struct pmx__queue *queue, struct pmx__item *item, uint32_t events)
{
    uint32_t generation = item->generation;
    int result = pmx__item_doubt(queue, item);
    for (; item && result == 0; item = find(item->knote.next, generation))
        result = notice_one(queue, item, events);
    return result;
}

enum pmx__news pmx__item_notice(struct pmx__queue *queue, int set, uint64_t tag,
                                uint32_t events)
{
    int fd = (int)(uint32_t)tag;
    struct pmx__item *item = find(pmx__knote_first(queue, fd), (uint32_t)(tag >> 32));
    if (!item)
        return notice_stray(queue, set, tag);
    if (notice_all(queue, item, events) == 0)
        return PMX__NEWS;
    /* Those that leave the line have left room for others. */
    pmx__queue_source(queue)->wanted += pmx__knote_forget(queue, fd);
    return PMX__NEWS_OLD;
}
