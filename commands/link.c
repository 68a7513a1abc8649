/*
 * link:IF: a network interface can pass packets. The queue tells of interfaces
 * that there are; of one that is to come, rtnetlink(7) does.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backoff.h"
#include "condition.h"
#include "kinds.h"

/* Not in a header that can be included beside <linux/if.h>. */
extern unsigned if_nametoindex(const char *name);

struct link {
    char name[IFNAMSIZ];
    unsigned index; /* which is watched; 0: there is none */
    int news;       /* a socket that tells of new ones; or -1 */
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
    link->news = -1;
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

/*
 * An interface that is to come.
 */

static int open_news(void)
{
    const struct sockaddr_nl links = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK,
    };
    int type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&links, sizeof(links)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void stop_news(struct condition *condition, struct link *link)
{
    if (link->news < 0)
        return;
    condition_unwatch(condition, (uintptr_t)link->news, EVFILT_READ);
    close(link->news);
    link->news = -1;
}

/* Whether there will be news from now on, and have been none before. */
static bool start_news(struct condition *condition, struct link *link)
{
    if (link->news >= 0)
        return false;
    link->news = open_news();
    if (link->news < 0)
        return false;
    if (condition_watch(condition, (uintptr_t)link->news, EVFILT_READ, 0, 0, 0) < 0) {
        stop_news(condition, link);
        return false;
    }
    condition_tell(condition, "no such interface yet, rtnetlink tells of new ones");
    return true;
}

/* What has changed is looked up; news may even have been lost. */
static void skip_news(const struct link *link)
{
    char byte;
    while (recv(link->news, &byte, sizeof(byte), 0) >= 0 || errno == ENOBUFS ||
           errno == EINTR)
        continue;
}

/* Where nobody may have news. */
static int retry(struct condition *condition, struct link *link)
{
    if (link->backoff.next_ns == 0)
        condition_tell(condition, "no such interface yet, retried " BACKOFF_WORDS);
    return backoff_wait(&link->backoff, condition);
}

/*
 * One that there is.
 */

static int watch(struct condition *condition, const struct link *link, unsigned *index)
{
    *index = if_nametoindex(link->name);
    if (*index == 0)
        return -ENXIO;
    return condition_watch(condition, *index, EVFILT_NETDEV, EV_CLEAR,
                           NOTE_LINKUP | NOTE_LINKDOWN, 0);
}

static void found(struct condition *condition, struct link *link, unsigned index)
{
    condition_tell(condition, "EVFILT_NETDEV on interface %u", index);
    stop_news(condition, link);
    link->index = index;
    link->backoff.next_ns = 0;
    link->up = is_up(link->name);
    if (link->up)
        condition_fire(condition, "up", "is up");
}

/* Watches the interface of the name, if there is one, then looks at it. */
static int look(struct condition *condition, struct link *link)
{
    unsigned index;
    int result = watch(condition, link, &index);
    if (result == -ENXIO && start_news(condition, link))
        result = watch(condition, link, &index); /* it may have come in between */
    if (result == -ENXIO)
        return link->news >= 0 ? 0 : retry(condition, link);
    if (result < 0)
        return condition_complain(condition, "cannot be waited for: %s",
                                  strerror(-result));
    found(condition, link, index);
    return 0;
}

static int begin(struct condition *condition)
{
    return look(condition, condition->state);
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    struct link *link = condition->state;
    if (event->filter == EVFILT_READ)
        skip_news(link);
    if (event->filter != EVFILT_NETDEV)
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
    struct link *link = condition->state;
    condition_unset_timer(condition);
    stop_news(condition, link);
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
