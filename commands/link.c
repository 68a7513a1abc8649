/*
 * link:IF: a network interface can pass packets. The queue tells of interfaces
 * that there are; one that is to come is looked for again and again.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>

#include "backoff.h"
#include "condition.h"
#include "kinds.h"

/* Not in a header that can be included beside <linux/if.h>. */
extern unsigned if_nametoindex(const char *name);

struct link {
    char name[IFNAMSIZ];
    unsigned index; /* which is watched; 0: there is none */
    bool up;
    struct backoff backoff;
};

static bool parse(struct condition *condition)
{
    struct link *link = condition->state;
    size_t length = strlen(condition->argument);
    if (length >= sizeof(link->name) || strpbrk(condition->argument, "/ "))
        return false;
    memcpy(link->name, condition->argument, length);
    return true;
}

/* In the terms of EVFILT_NETDEV, to which the answer is compared. */
static bool is_up(const char *name)
{
    const unsigned up = IFF_RUNNING | IFF_LOWER_UP;
    struct ifaddrs *all, *at;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (at = all; at && !found; at = at->ifa_next)
        found = strcmp(at->ifa_name, name) == 0 && (at->ifa_flags & up) == up;
    freeifaddrs(all);
    return found;
}

static int await_interface(struct condition *condition, struct link *link)
{
    if (link->backoff.next_ns == 0)
        condition_tell(condition, "no such interface yet, retried " BACKOFF_WORDS);
    return backoff_wait(&link->backoff, condition);
}

/* Watches the interface of the name, if there is one, then looks at it. */
static int look(struct condition *condition, struct link *link)
{
    unsigned index = if_nametoindex(link->name);
    int result = index ? condition_watch(condition, index, EVFILT_NETDEV, EV_CLEAR,
                                         NOTE_LINKUP | NOTE_LINKDOWN, 0)
                       : -ENXIO;
    if (result == -ENXIO)
        return await_interface(condition, link);
    if (result < 0)
        return condition_complain(condition, "cannot be waited for: %s",
                                  strerror(-result));
    condition_tell(condition, "EVFILT_NETDEV on interface %u", index);
    link->index = index;
    link->backoff.next_ns = 0;
    link->up = is_up(link->name);
    if (link->up)
        condition_fire(condition, "up", "is up");
    return 0;
}

static int begin(struct condition *condition)
{
    return look(condition, condition->state);
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    struct link *link = condition->state;
    if (event->filter == EVFILT_TIMER)
        return look(condition, link);
    if (event->fflags & NOTE_LINKINV) {
        condition_unwatch(condition, event->ident, EVFILT_NETDEV);
        link->index = 0;
        link->up = false;
        return look(condition, link);
    }
    if (event->fflags & NOTE_LINKUP && (!link->up || event->fflags & NOTE_LINKDOWN))
        condition_fire(condition, "up", "is up");
    link->up = event->data == NOTE_LINKUP;
    return 0;
}

static void end(struct condition *condition)
{
    const struct link *link = condition->state;
    condition_unset_timer(condition);
    if (link->index)
        condition_unwatch(condition, link->index, EVFILT_NETDEV);
}

const struct kind kind_link = {
    .name = "link",
    .needs = "the name of a network interface, as in link:eth0",
    .size = sizeof(struct link),
    .single = true,
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = end,
};
