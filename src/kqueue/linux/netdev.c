/*
 * EVFILT_NETDEV: the link of a network interface, known by its index. It is up
 * while the interface can pass packets: set up, and with a carrier.
 *
 * Stands on rtnetlink(7): one socket tells of all interfaces of its network
 * namespace, that of the thread which makes the queue's first such knote. An
 * interface that is asked for is told of in the same way.
 */
#include <polymux/kqueue.h>

#include <limits.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/list.h"
#include "../../base/result.h"
#include "../filter.h"
#include "filters.h"
#include "set.h"

/* All knotes of a queue on interfaces; exists while there are any. */
struct links {
    struct pmx__watch watch; /* of the socket */
    struct pmx__list netdevs;
    unsigned wakers; /* knotes that are enabled */
    bool lost;       /* so are messages: all have to be asked for */
};

struct netdev {
    struct pmx__knote knote;
    struct pmx__list link; /* in the links */
    bool wakes;            /* counted among the wakers */
    uint32_t state;        /* the NOTE_LINK* that holds; 0: not known yet */
    uint32_t seen;         /* those that were wanted and have come */
};

/* All that is of interest in a message; the rest is cut off. The number of a
 * question, and so of its answer, is the interface's index. */
struct message {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        int error;
    };
};

/* How often messages may get lost while asking what was lost. */
enum { ROUNDS = 8 };

static struct netdev *netdev_of(struct pmx__knote *knote)
{
    return (struct netdev *)(void *)knote;
}

static struct links *links_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_LINK);
}

/*
 * States.
 */

/* A new interface is said to run before it is known to have a carrier. */
static uint32_t state_of(unsigned flags)
{
    unsigned up = IFF_RUNNING | IFF_LOWER_UP;
    return (flags & up) == up ? NOTE_LINKUP : NOTE_LINKDOWN;
}

/* An interface that is gone does not come back; its index may. */
static void set_state(struct pmx__queue *queue, struct netdev *netdev, uint32_t state)
{
    uint32_t before = netdev->state;
    if (before == state || before == NOTE_LINKINV)
        return;
    netdev->state = state;
    if (!before)
        return;
    netdev->seen |= state & netdev->knote.fflags;
    if (netdev->seen || state == NOTE_LINKINV)
        pmx__set_raise(queue, &netdev->knote);
}

static void set_state_of(struct pmx__queue *queue, const struct links *links,
                         int64_t index, uint32_t state)
{
    for (struct pmx__list *at = links->netdevs.next; at != &links->netdevs;
         at = at->next) {
        struct netdev *netdev = pmx__list_entry(at, struct netdev, link);
        if (netdev->knote.ident == (uintptr_t)index)
            set_state(queue, netdev, state);
    }
}

/*
 * Messages.
 */

/* Bridges and others send messages of their own families, about ports. */
static void take(struct pmx__queue *queue, const struct links *links,
                 const struct message *message)
{
    const struct ifinfomsg *link = &message->link;
    int type = message->header.nlmsg_type;
    if (type == NLMSG_ERROR && message->error == -ENODEV)
        set_state_of(queue, links, message->header.nlmsg_seq, NOTE_LINKINV);
    else if (type == RTM_NEWLINK && link->ifi_family == AF_UNSPEC)
        set_state_of(queue, links, link->ifi_index, state_of(link->ifi_flags));
    else if (type == RTM_DELLINK && link->ifi_family == AF_UNSPEC)
        set_state_of(queue, links, link->ifi_index, NOTE_LINKINV);
}

/* A message of the kernel: its size; 0 for one that is none; or -errno. */
static int receive(const struct links *links, struct message *message)
{
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof(from);
    int result = pmx__syscall((int)recvfrom(links->watch.fd, message, sizeof(*message),
                                            0, (struct sockaddr *)&from, &size));
    return result == sizeof(*message) && from.nl_pid ? 0 : result;
}

static void drain(struct pmx__queue *queue, struct links *links)
{
    struct message message;
    int result;
    while ((result = receive(links, &message)) >= 0 || result == -ENOBUFS) {
        if (result == sizeof(message))
            take(queue, links, &message);
        links->lost |= result == -ENOBUFS;
    }
}

/* Asks for an interface and takes the answer, which comes at once, behind what
 * stands in line. */
static int ask(struct pmx__queue *queue, struct links *links, uintptr_t index)
{
    struct message question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = RTM_GETLINK,
                   .nlmsg_flags = NLM_F_REQUEST,
                   .nlmsg_seq = (uint32_t)index},
        .link = {.ifi_index = (int)index},
    };
    int result =
        pmx__syscall((int)send(links->watch.fd, &question, sizeof(question), 0));
    drain(queue, links);
    return result < 0 ? result : 0;
}

/* Where messages were lost, those that were left are history: it is asked how
 * things are. */
static void catch_up(struct pmx__queue *queue, struct links *links)
{
    drain(queue, links);
    for (int round = 0; links->lost && round < ROUNDS; round++) {
        links->lost = false;
        for (struct pmx__list *at = links->netdevs.next; at != &links->netdevs;
             at = at->next)
            if (ask(queue, links,
                    pmx__list_entry(at, struct netdev, link)->knote.ident) < 0)
                links->lost = true;
    }
}

static void notice(struct pmx__queue *queue, struct pmx__watch *watch, uint32_t events)
{
    (void)events;
    catch_up(queue, pmx__list_entry(watch, struct links, watch));
}

/*
 * The socket.
 */

static int open_socket(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = pmx__syscall(socket(AF_NETLINK, type, NETLINK_ROUTE));
    if (fd < 0)
        return fd;
    int result =
        pmx__syscall(bind(fd, (const struct sockaddr *)&address, sizeof(address)));
    if (result < 0)
        close(fd);
    return result < 0 ? result : fd;
}

static int open_links(struct pmx__queue *queue, struct links *links)
{
    int fd = open_socket();
    if (fd < 0)
        return fd;
    links->watch = (struct pmx__watch){.fd = fd, .notice = notice};
    pmx__list_init(&links->netdevs);
    int result = pmx__set_watch(queue, &links->watch);
    if (result < 0)
        close(fd);
    return result;
}

static int need_links(struct pmx__queue *queue, struct links **links)
{
    void **place = pmx__set_place(queue, PMX__PLACE_LINK);
    if (!*place) {
        struct links *fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
            return -ENOMEM;
        int result = open_links(queue, fresh);
        if (result < 0) {
            free(fresh);
            return result;
        }
        *place = fresh;
    }
    *links = *place;
    return 0;
}

static void free_links(struct pmx__queue *queue, struct links *links)
{
    free(links);
    *pmx__set_place(queue, PMX__PLACE_LINK) = NULL;
}

/* Gives the socket back with the last knote. */
static void release_links(struct pmx__queue *queue, struct links *links)
{
    if (!pmx__list_empty(&links->netdevs))
        return;
    pmx__set_unwatch(queue, &links->watch);
    close(links->watch.fd);
    free_links(queue, links);
}

/* The socket shows in the set while some knote is enabled. 0 or -errno. */
static int set_wakes(struct pmx__queue *queue, struct netdev *netdev, bool wakes)
{
    struct links *links = links_of(queue);
    if (netdev->wakes == wakes)
        return 0;
    unsigned wakers = wakes ? links->wakers + 1 : links->wakers - 1;
    uint32_t events = wakers ? EPOLLIN : 0;
    if (events != links->watch.events) {
        int result = pmx__set_rewatch(queue, &links->watch, events);
        if (result < 0 && wakes)
            return result;
    }
    links->wakers = wakers;
    netdev->wakes = wakes;
    return 0;
}

/*
 * The filter.
 */

/* An interface that there is not is a device that there is not. */
static int begin(struct pmx__queue *queue, struct links *links, struct netdev *netdev)
{
    uintptr_t index = netdev->knote.ident;
    int result = index > 0 && index <= INT_MAX ? ask(queue, links, index) : -ENXIO;
    if (result < 0)
        return result;
    if (netdev->state == NOTE_LINKINV)
        return -ENXIO;
    if (!netdev->state)
        return -ENOBUFS;
    return netdev->knote.enabled ? set_wakes(queue, netdev, true) : 0;
}

static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct netdev *netdev = netdev_of(knote);
    struct links *links;
    int result = need_links(queue, &links);
    if (result < 0)
        return result;
    catch_up(queue, links); /* what was before is not this knote's */
    pmx__list_append(&links->netdevs, &netdev->link);
    result = begin(queue, links, netdev);
    if (result < 0) {
        pmx__list_remove(&netdev->link);
        release_links(queue, links);
    }
    return result;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct netdev *netdev = netdev_of(knote);
    set_wakes(queue, netdev, false);
    pmx__list_remove(&netdev->link);
    release_links(queue, links_of(queue));
    return 0;
}

/* What has happened until now was for those notes that were wanted then. */
static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *change)
{
    catch_up(queue, links_of(queue));
    knote->data = change->data;
    knote->fflags = change->fflags;
    return 0;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct netdev *netdev = netdev_of(knote);
    int result = set_wakes(queue, netdev, true);
    if (result == 0 && (netdev->seen || netdev->state == NOTE_LINKINV))
        pmx__set_raise(queue, knote);
    return result;
}

static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    set_wakes(queue, netdev_of(knote), false);
}

/* The interface's end is the knote's, and told whatever was wanted. */
static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    const struct netdev *netdev = netdev_of(knote);
    bool is_gone = netdev->state == NOTE_LINKINV;
    report->fflags = netdev->seen | (is_gone ? NOTE_LINKINV : 0);
    report->data = netdev->state;
    report->eof = is_gone;
    report->last = is_gone;
    return report->fflags != 0;
}

static void clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    netdev_of(knote)->seen = 0;
}

static void shut(struct pmx__queue *queue, bool ours)
{
    struct links *links = links_of(queue);
    if (!links)
        return;
    if (ours) /* the set goes as well; after a fork it still is the parent's */
        close(links->watch.fd);
    free_links(queue, links);
}

const struct pmx__filter pmx__netdev = {
    .number = EVFILT_NETDEV,
    .size = sizeof(struct netdev),
    .attach = attach,
    .detach = detach,
    .touch = touch,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .clear = clear,
    .shut = shut,
};
