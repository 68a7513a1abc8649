/*
 * One inotify instance of a queue: see inotify.h. Stands on inotify(7), which
 * takes a file by name: /proc/thread-self/fd/N is the name of the very inode
 * that descriptor N holds, renamed, replaced or removed as it may be.
 *
 * The kernel has one watch for each inode of an instance, so listeners of one
 * inode share it. It drops the watch when the last name goes, though a
 * descriptor may hold the inode for long; then the watch is made anew.
 */
#include "inotify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/intmap.h"
#include "../../base/result.h"
#include "../filter.h"
#include "set.h"

/* A file that is listened to. */
struct pmx__inode {
    int watch;             /* inotify's, from 1 on; 0: there is none any more */
    struct pmx__list link; /* in the instance's */
    struct pmx__list listeners;
};

struct inotify {
    struct pmx__watch watch;    /* of the instance, in the queue's set */
    unsigned wakers;            /* listeners that somebody has to wake up for */
    struct pmx__list inodes;    /* all of them */
    struct pmx__intmap watches; /* watch -> struct pmx__inode */
};

/* Room for many events; a name belongs to those of directories. */
enum { BUFFER_SIZE = 4096 };

static struct inotify *inotify_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_FILE);
}

static struct pmx__inode *inode_of(const struct inotify *inotify, int watch)
{
    return (struct pmx__inode *)pmx__intmap_get(&inotify->watches, (uint64_t)watch);
}

static struct pmx__listener *listener_of(struct pmx__list *link)
{
    return pmx__list_entry(link, struct pmx__listener, link);
}

/*
 * Events.
 */

/*
 * What an inode is watched for that nobody listens to for now. The watch stays,
 * as there might be none left afterwards.
 */
enum { IDLE = IN_DELETE_SELF };

static const char *name_of(const struct pmx__listener *listener)
{
    return listener->above ? ".." : "";
}

/* Watches a listener's file for mask; for that as well with IN_MASK_ADD. Returns
 * the watch, or -errno. */
static int watch_file(const struct inotify *inotify,
                      const struct pmx__listener *listener, uint32_t mask)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/thread-self/fd/%d%s", listener->fd,
             listener->above ? "/.." : "");
    return pmx__syscall(inotify_add_watch(inotify->watch.fd, path, mask | IDLE));
}

static uint32_t mask_of(const struct pmx__inode *inode)
{
    uint32_t mask = 0;
    for (struct pmx__list *at = inode->listeners.next; at != &inode->listeners;
         at = at->next)
        mask |= listener_of(at)->mask;
    return mask;
}

static void tell(struct pmx__queue *queue, const struct pmx__inode *inode,
                 const struct inotify_event *event)
{
    struct pmx__list *next;
    for (struct pmx__list *at = inode->listeners.next; at != &inode->listeners;
         at = next) {
        next = at->next;
        struct pmx__listener *listener = listener_of(at);
        if ((listener->mask | PMX__UNSEEN) & event->mask)
            listener->notice(queue, listener, event);
    }
}

/* The watch is the inode's from now on. 0 or -ENOMEM. */
static int set_watch(struct inotify *inotify, struct pmx__inode *inode, int watch)
{
    uintptr_t *place = pmx__intmap_need(&inotify->watches, (uint64_t)watch);
    if (!place)
        return -ENOMEM;
    *place = (uintptr_t)inode;
    inode->watch = watch;
    return 0;
}

static void forget_watch(struct inotify *inotify, struct pmx__inode *inode)
{
    if (inode->watch)
        pmx__intmap_remove(&inotify->watches, (uint64_t)inode->watch);
    inode->watch = 0;
}

static void free_inode(struct pmx__inode *inode)
{
    pmx__list_remove(&inode->link);
    free(inode);
}

/* Two took the file for two, since its first watch had gone unnoticed. */
static void merge(struct inotify *inotify, struct pmx__inode *inode,
                  struct pmx__inode *other)
{
    while (!pmx__list_empty(&inode->listeners)) {
        struct pmx__list *link = inode->listeners.next;
        pmx__list_remove(link);
        pmx__list_append(&other->listeners, link);
        listener_of(link)->inode = other;
    }
    forget_watch(inotify, inode);
    free_inode(inode);
}

/* The file's watch is another one than before. */
static struct pmx__inode *take_watch(struct inotify *inotify, struct pmx__inode *inode,
                                     int watch)
{
    struct pmx__inode *other = inode_of(inotify, watch);
    forget_watch(inotify, inode);
    if (other)
        merge(inotify, inode, other);
    else if (set_watch(inotify, inode, watch) < 0)
        inotify_rm_watch(inotify->watch.fd, watch);
    return other ? other : inode;
}

/* Sets the watch to what the listeners want, by the name of one that has the
 * file open; makes it anew if it is gone. 0 or -errno; *inode may become another
 * one, which its listeners are at then. */
static int settle(struct inotify *inotify, struct pmx__inode **inode)
{
    struct pmx__list *listeners = &(*inode)->listeners;
    for (struct pmx__list *at = listeners->next; at != listeners; at = at->next) {
        const struct pmx__listener *listener = listener_of(at);
        if (pmx__identity_verify(&listener->identity, listener->fd, name_of(listener),
                                 NULL) < 0)
            continue;
        int watch = watch_file(inotify, listener, mask_of(*inode));
        if (watch > 0 && watch != (*inode)->watch)
            *inode = take_watch(inotify, *inode, watch);
        return watch < 0 ? watch : 0;
    }
    return 0;
}

/* The kernel has dropped the watch, and may have missed something since. */
static void renew(struct pmx__queue *queue, struct inotify *inotify,
                  struct pmx__inode *inode, const struct inotify_event *event)
{
    forget_watch(inotify, inode);
    settle(inotify, &inode);
    tell(queue, inode, event);
}

/* What has been lost may be that a watch was dropped. */
static void renew_all(struct pmx__queue *queue, struct inotify *inotify,
                      const struct inotify_event *event)
{
    struct pmx__list *next;
    for (struct pmx__list *at = inotify->inodes.next; at != &inotify->inodes;
         at = next) {
        next = at->next;
        struct pmx__inode *inode = pmx__list_entry(at, struct pmx__inode, link);
        settle(inotify, &inode);
        tell(queue, inode, event);
    }
}

static void take(struct pmx__queue *queue, struct inotify *inotify,
                 const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        renew_all(queue, inotify, event);
        return;
    }
    struct pmx__inode *inode = inode_of(inotify, event->wd);
    if (inode && event->mask & IN_IGNORED)
        renew(queue, inotify, inode, event);
    else if (inode)
        tell(queue, inode, event);
}

/* Tells all that the instance has to say. Where there would have been room for
 * another event, that was all. */
static void drain(struct pmx__queue *queue, struct inotify *inotify)
{
    _Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
    ssize_t size;
    do {
        size = read(inotify->watch.fd, buffer, sizeof(buffer));
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (void *)(buffer + at);
            take(queue, inotify, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    } while (size >
             BUFFER_SIZE - (ssize_t)(sizeof(struct inotify_event) + NAME_MAX + 1));
}

static void notice(struct pmx__queue *queue, struct pmx__watch *watch, uint32_t events)
{
    (void)events;
    drain(queue, pmx__list_entry(watch, struct inotify, watch));
}

/*
 * Listeners.
 */

static int open_instance(struct pmx__queue *queue, struct inotify *inotify)
{
    int fd = pmx__syscall(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (fd < 0)
        return fd;
    inotify->watch = (struct pmx__watch){.fd = fd, .notice = notice};
    int result = pmx__set_watch(queue, &inotify->watch);
    if (result < 0)
        close(fd);
    return result;
}

static int need_inotify(struct pmx__queue *queue, struct inotify **inotify)
{
    void **place = pmx__set_place(queue, PMX__PLACE_FILE);
    if (!*place) {
        struct inotify *fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
            return -ENOMEM;
        int result = open_instance(queue, fresh);
        if (result < 0) {
            free(fresh);
            return result;
        }
        pmx__list_init(&fresh->inodes);
        *place = fresh;
    }
    *inotify = *place;
    return 0;
}

/* A file not listened to so far. NULL when out of memory. */
static struct pmx__inode *new_inode(struct inotify *inotify, int watch)
{
    struct pmx__inode *inode = calloc(1, sizeof(*inode));
    if (!inode || set_watch(inotify, inode, watch) < 0) {
        free(inode);
        return NULL;
    }
    pmx__list_init(&inode->link);
    pmx__list_init(&inode->listeners);
    pmx__list_append(&inotify->inodes, &inode->link);
    return inode;
}

/* The instance shows in the set while there is somebody to wake. */
static int count_waker(struct pmx__queue *queue, struct inotify *inotify,
                       const struct pmx__listener *listener, int difference)
{
    if (listener->quiet || !listener->mask)
        return 0;
    unsigned wakers = inotify->wakers + (unsigned)difference;
    uint32_t events = wakers ? EPOLLIN : 0;
    if (events != inotify->watch.events) {
        int result = pmx__set_rewatch(queue, &inotify->watch, events);
        if (result < 0 && wakers)
            return result;
    }
    inotify->wakers = wakers;
    return 0;
}

/* The watch of a file, which may be known already: 0, or -errno. */
static int join(struct inotify *inotify, struct pmx__listener *listener)
{
    int watch = watch_file(inotify, listener, listener->mask | IN_MASK_ADD);
    if (watch < 0)
        return watch;
    struct pmx__inode *inode = inode_of(inotify, watch);
    if (!inode)
        inode = new_inode(inotify, watch);
    if (!inode) {
        inotify_rm_watch(inotify->watch.fd, watch);
        return -ENOMEM;
    }
    listener->inode = inode;
    pmx__list_append(&inode->listeners, &listener->link);
    return 0;
}

/* What others do not listen to any more need not be watched for. */
static void leave(struct inotify *inotify, struct pmx__listener *listener)
{
    struct pmx__inode *inode = listener->inode;
    pmx__list_remove(&listener->link);
    if (!pmx__list_empty(&inode->listeners)) {
        settle(inotify, &inode);
        return;
    }
    if (inode->watch)
        inotify_rm_watch(inotify->watch.fd, inode->watch);
    forget_watch(inotify, inode);
    free_inode(inode);
}

/*
 * Descriptors of the listener's file that were closed since they were listened to
 * have knotes no more. Nobody says when one is closed, and what opens the file
 * later and gets its number would pass for it: so they are sought now.
 */
static void forget_closed(struct pmx__queue *queue,
                          const struct pmx__listener *listener)
{
    struct pmx__list *at = listener->inode->listeners.next;
    while (at != &listener->inode->listeners) {
        const struct pmx__listener *other = listener_of(at);
        struct statx unused;
        at = at->next;
        if (other->above || other->fd == listener->fd ||
            pmx__identity_glance(&other->identity, other->fd, &unused) == 0)
            continue;
        pmx__knote_forget(queue, other->fd);
        at = listener->inode->listeners.next; /* it may have had several */
    }
}

int pmx__inotify_add(struct pmx__queue *queue, struct pmx__listener *listener)
{
    struct inotify *inotify;
    int result =
        pmx__identity_take(&listener->identity, listener->fd, name_of(listener));
    if (result < 0)
        return result;
    result = need_inotify(queue, &inotify);
    if (result < 0)
        return result;
    drain(queue, inotify);
    result = join(inotify, listener);
    if (result < 0)
        return result;
    result = count_waker(queue, inotify, listener, 1);
    if (result < 0)
        leave(inotify, listener);
    else if (!listener->above)
        forget_closed(queue, listener);
    return result;
}

static int set_mask(struct inotify *inotify, struct pmx__listener *listener,
                    uint32_t mask)
{
    uint32_t before = listener->mask;
    struct pmx__inode *inode = listener->inode;
    listener->mask = mask;
    int result = settle(inotify, &inode);
    if (result < 0 && mask) /* to hear less cannot fail: nobody listens */
        listener->mask = before;
    return mask ? result : 0;
}

/* What is left in the instance must not show in the queue's descriptor. */
int pmx__inotify_change(struct pmx__queue *queue, struct pmx__listener *listener,
                        uint32_t mask)
{
    struct inotify *inotify = inotify_of(queue);
    if (listener->mask == mask)
        return 0;
    struct pmx__listener changed = {.mask = mask, .quiet = listener->quiet};
    int result = count_waker(queue, inotify, &changed, 1);
    if (result < 0)
        return result;
    uint32_t before = listener->mask;
    result = set_mask(inotify, listener, mask);
    if (result == 0)
        changed.mask = before;
    count_waker(queue, inotify, &changed, -1);
    drain(queue, inotify);
    return result;
}

int pmx__inotify_hush(struct pmx__queue *queue, struct pmx__listener *listener,
                      bool quiet)
{
    if (listener->quiet == quiet)
        return 0;
    struct inotify *inotify = inotify_of(queue);
    int result = count_waker(queue, inotify, listener, -1);
    listener->quiet = quiet;
    if (result == 0)
        result = count_waker(queue, inotify, listener, 1);
    if (result < 0)
        listener->quiet = !quiet;
    return result;
}

void pmx__inotify_catch_up(struct pmx__queue *queue)
{
    drain(queue, inotify_of(queue));
}

void pmx__inotify_remove(struct pmx__queue *queue, struct pmx__listener *listener)
{
    struct inotify *inotify = inotify_of(queue);
    leave(inotify, listener);
    drain(queue, inotify);
    count_waker(queue, inotify, listener, -1);
}

void pmx__inotify_shut(struct pmx__queue *queue, bool ours)
{
    struct inotify *inotify = inotify_of(queue);
    if (!inotify)
        return;
    if (ours) /* the set goes as well; after a fork it still is the parent's */
        close(inotify->watch.fd);
    struct pmx__list *next, *at = inotify->inodes.next;
    for (; at != &inotify->inodes; at = next) {
        next = at->next;
        free(pmx__list_entry(at, struct pmx__inode, link));
    }
    pmx__intmap_free(&inotify->watches);
    free(inotify);
    *pmx__set_place(queue, PMX__PLACE_FILE) = NULL;
}
