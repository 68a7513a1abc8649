/*
 * New sets for old: see rebuild.h. The new set gets what is wanted of the old
 * one, then its numbers. Threads asleep in the old one wake up and find their
 * way; edges that were past show once more. An epoll set that the queue was
 * nested in has lost it, though: it knew the old set. Hence the last resort.
 */
#include "rebuild.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../../base/result.h"
#include "../source.h"
#include "item.h"
#include "source.h"

static int add(int set, int fd, uint64_t tag)
{
    return fd < 0 ? 0 : pmx__source_ctl(set, EPOLL_CTL_ADD, fd, EPOLLIN, tag);
}

static int add_own(const struct pmx__source *source, int set)
{
    int result = add(set, source->wake, PMX__TAG_WAKE);
    if (result == 0)
        result = add(set, source->side, PMX__TAG_SIDE);
    if (result == 0)
        result = add(set, source->timer, PMX__TAG_TIMER);
    return result;
}

static int add_watches(const struct pmx__source *source, int set)
{
    const struct pmx__intmap *map = &source->watches;
    size_t slots = map->bits ? (size_t)1 << map->bits : 0;
    for (size_t i = 0; i < slots; i++) {
        const struct pmx__watch *watch = (struct pmx__watch *)map->slots[i].value;
        int result = watch ? pmx__set_add_watch(set, watch) : 0;
        if (result < 0)
            return result;
    }
    return 0;
}

static int fill_main(struct pmx__queue *queue, int set)
{
    const struct pmx__source *source = pmx__queue_source(queue);
    int result = add_own(source, set);
    if (result == 0)
        result = add_watches(source, set);
    if (result == 0)
        result = pmx__items_copy(queue, false, set);
    return result;
}

static int replace_main(struct pmx__queue *queue, int set)
{
    struct pmx__source *source = pmx__queue_source(queue);
    int result = fill_main(queue, set);
    if (result < 0)
        return result;
    source->leaving = source->sleepers;
    source->era++;
    bool shown = pmx__base_of(queue)->shown;
    pmx__source_show(queue, false, shown); /* in the old set, which goes */
    pmx__queue_replace(queue, set);
    return 0;
}

static int replace_side(struct pmx__queue *queue, int set)
{
    struct pmx__source *source = pmx__queue_source(queue);
    int result = pmx__items_copy(queue, true, set);
    if (result == 0)
        result = add(source->fd, set, PMX__TAG_SIDE);
    if (result < 0)
        return result;
    pmx__source_ctl(source->fd, EPOLL_CTL_DEL, source->side, 0, 0);
    close(source->side);
    source->side = set;
    return 0;
}

int pmx__rebuild(struct pmx__queue *queue, int set)
{
    bool is_side = set == pmx__queue_source(queue)->side;
    int fresh = pmx__syscall(epoll_create1(EPOLL_CLOEXEC));
    if (fresh < 0)
        return fresh;
    int result = is_side ? replace_side(queue, fresh) : replace_main(queue, fresh);
    if (result < 0 || !is_side)
        close(fresh);
    return result;
}
