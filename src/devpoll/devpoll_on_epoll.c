/*
 * /dev/poll, on the kernel's epoll(7).
 *
 * Every descriptor is registered with EPOLLONESHOT: an event disarms it, and
 * arming it again makes it level-triggered and tells, in the same system call,
 * whether its number still stands for the file that was registered. epoll
 * alone would go on with a closed descriptor as long as a duplicate of it is
 * open anywhere, and could not be stopped; here it stays disarmed.
 *
 * What epoll does not take is kept in the first part of the table and looked
 * at by every wait: files that are always ready, and numbers that are not
 * open. While there are any, an eventfd in the epoll set, the beacon, makes the
 * set readable; so a sleep is always one ppoll(2) of the set, which takes
 * nothing out of it, and whatever looks or changes holds the lock.
 */
#include <polymux/devpoll.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/deadline.h"
#include "../base/result.h"
#include "watches.h"

/* Masks of poll(2) are handed to epoll and back as they are. */
_Static_assert(POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT &&
                   POLLERR == EPOLLERR && POLLHUP == EPOLLHUP &&
                   POLLRDNORM == EPOLLRDNORM && POLLRDBAND == EPOLLRDBAND &&
                   POLLWRNORM == EPOLLWRNORM && POLLWRBAND == EPOLLWRBAND &&
                   POLLRDHUP == EPOLLRDHUP,
               "poll(2) and epoll(7) share their event bits");

/* What poll(2) says of a file that cannot be waited for. */
#define ALWAYS_READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

#define BEACON_TOKEN UINT64_MAX
#define FD_BITS      31 /* of a token; above them the number of the registration */

#define BATCH 128

struct pmx_devpoll {
    pid_t owner; /* the process that may use the handle */
    int epoll;
    int beacon;
    pthread_mutex_t lock; /* of what follows, and of taking from the epoll set */
    bool beacon_lit;
    bool turn; /* of those that stand to have the odd place */
    size_t next_standing;
    uint64_t round; /* of visits to those that stand */
    uint64_t registrations;
    struct pmx__watches watches;
};

static int control(const struct pmx_devpoll *devpoll, int operation, int fd,
                   uint32_t events, uint64_t token)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = token};
    return pmx__syscall(epoll_ctl(devpoll->epoll, operation, fd, &event));
}

/* The beacon is there from the start: opened later it might take the very number
 * that is registered as one that is not open. */
static int open_beacon(struct pmx_devpoll *devpoll)
{
    devpoll->beacon = pmx__syscall(eventfd(1, EFD_CLOEXEC));
    if (devpoll->beacon < 0)
        return devpoll->beacon;
    int result = control(devpoll, EPOLL_CTL_ADD, devpoll->beacon, 0, BEACON_TOKEN);
    if (result < 0)
        close(devpoll->beacon);
    return result;
}

static int open_descriptors(struct pmx_devpoll *devpoll)
{
    devpoll->epoll = pmx__syscall(epoll_create1(EPOLL_CLOEXEC));
    if (devpoll->epoll < 0)
        return devpoll->epoll;
    int result = open_beacon(devpoll);
    if (result < 0)
        close(devpoll->epoll);
    return result;
}

struct pmx_devpoll *pmx_devpoll_create(void)
{
    struct pmx_devpoll *devpoll = calloc(1, sizeof(*devpoll));
    if (!devpoll)
        return NULL;
    int saved = errno;
    int result = open_descriptors(devpoll);
    if (result < 0) {
        free(devpoll);
        devpoll = NULL;
    } else {
        devpoll->owner = getpid();
        pthread_mutex_init(&devpoll->lock, NULL);
    }
    (void)pmx__result(result, saved);
    return devpoll;
}

int pmx_devpoll_fd(const struct pmx_devpoll *devpoll)
{
    return devpoll->epoll;
}

/* Takes the lock, which in a child of fork might be held by nobody for ever. */
static int enter(struct pmx_devpoll *devpoll)
{
    if (devpoll->owner != getpid())
        return -EACCES;
    pthread_mutex_lock(&devpoll->lock);
    return 0;
}

static void leave(struct pmx_devpoll *devpoll)
{
    pthread_mutex_unlock(&devpoll->lock);
}

/*
 * The set in which the beacon is. It stays as it is; only the child of a fork,
 * which does not know how it is in the parent's set, lights it: the parent looks
 * for nothing then.
 */
static int check(struct pmx_devpoll *devpoll)
{
    bool ours = enter(devpoll) == 0;
    uint32_t events = !ours || devpoll->beacon_lit ? EPOLLIN : 0;
    int result = control(devpoll, EPOLL_CTL_MOD, devpoll->beacon, events, BEACON_TOKEN);
    if (ours)
        leave(devpoll);
    return result < 0 ? -EBADF : 0;
}

int pmx_devpoll_check(struct pmx_devpoll *devpoll)
{
    int saved = errno;
    return pmx__result(check(devpoll), saved);
}

int pmx_devpoll_close(struct pmx_devpoll *devpoll)
{
    if (!devpoll)
        return 0;
    int saved = errno;
    int result = check(devpoll);
    if (result == 0)
        result = pmx__syscall(close(devpoll->epoll));
    close(devpoll->beacon);
    pthread_mutex_destroy(&devpoll->lock);
    pmx__watches_free(&devpoll->watches);
    free(devpoll);
    return pmx__result(result, saved);
}

static int control_watch(const struct pmx_devpoll *devpoll, int operation,
                         const struct pmx__watch *watch)
{
    return control(devpoll, operation, watch->fd, (unsigned short)watch->events,
                   watch->token);
}

/* Whether an operation on a watched descriptor failed because its number is
 * closed (EBADF) or stands for another file: one that the set does not have,
 * one that epoll refuses, or the set itself. */
static bool is_gone(int result)
{
    return result == -EBADF || result == -ENOENT || result == -EPERM ||
           result == -EINVAL;
}

static int set_beacon(struct pmx_devpoll *devpoll, bool lit)
{
    if (devpoll->beacon_lit == lit)
        return 0;
    int result = control(devpoll, EPOLL_CTL_MOD, devpoll->beacon, lit ? EPOLLIN : 0,
                         BEACON_TOKEN);
    if (result == 0)
        devpoll->beacon_lit = lit;
    return result;
}

/* What a watch says without being asked by the kernel. */
static short standing_events(const struct pmx__watch *watch)
{
    if (watch->kind == PMX__WATCH_CLOSED)
        return POLLNVAL;
    return watch->kind == PMX__WATCH_FILE ? watch->events & ALWAYS_READY : 0;
}

/* After a change that cannot be taken back. A beacon that cannot be put out is
 * out after the next wait; one that cannot be lit is tried again then. */
static void adjust_beacon(struct pmx_devpoll *devpoll)
{
    (void)set_beacon(devpoll, devpoll->watches.standing > 0);
}

static int keep_watch(struct pmx_devpoll *devpoll, const struct pmx__watch *watch)
{
    bool stands = standing_events(watch);
    int result = stands ? set_beacon(devpoll, true) : 0;
    if (result < 0)
        return result;
    pmx__watches_put(&devpoll->watches, watch, stands);
    adjust_beacon(devpoll);
    return 0;
}

static void drop_watch(struct pmx_devpoll *devpoll, int fd)
{
    pmx__watches_remove(&devpoll->watches, fd);
    adjust_beacon(devpoll);
}

/* Notes which file it is, as far as that can be told. */
static int identify_file(struct pmx__watch *watch)
{
    struct stat status;
    int result = pmx__syscall(fstat(watch->fd, &status));
    if (result < 0)
        return result;
    watch->kind = PMX__WATCH_FILE;
    watch->device = status.st_dev;
    watch->inode = status.st_ino;
    return 0;
}

/* 0, or -ENOENT if the number is closed or stands for another file. */
static int check_file(const struct pmx__watch *watch)
{
    struct pmx__watch now = *watch;
    int result = identify_file(&now);
    if (result == 0)
        return now.device == watch->device && now.inode == watch->inode ? 0 : -ENOENT;
    return result == -EBADF ? -ENOENT : 0; /* a file in trouble is still there */
}

/* Hands the watch to the kernel, if that takes it, and finds out its kind. */
static int start_watch(struct pmx_devpoll *devpoll, struct pmx__watch *watch)
{
    watch->kind = PMX__WATCH_KERNEL;
    watch->token = devpoll->registrations++ << FD_BITS | (unsigned)watch->fd;
    int result = control_watch(devpoll, EPOLL_CTL_ADD, watch);
    if (result == -EEXIST) /* the file was here before under this number */
        result = control_watch(devpoll, EPOLL_CTL_MOD, watch);
    if (result == -EPERM)
        result = identify_file(watch);
    if (result != -EBADF)
        return result;
    watch->kind = PMX__WATCH_CLOSED;
    return 0;
}

/* Applies a new mask; fails as is_gone() tells where the watch is no more. */
static int change_watch(struct pmx_devpoll *devpoll, const struct pmx__watch *watch,
                        short events)
{
    struct pmx__watch changed = *watch;
    changed.events = events;
    int result = 0;
    if (watch->kind == PMX__WATCH_KERNEL)
        result = control_watch(devpoll, EPOLL_CTL_MOD, &changed);
    else if (watch->kind == PMX__WATCH_FILE)
        result = check_file(watch);
    else
        result = start_watch(devpoll, &changed);
    return result < 0 ? result : keep_watch(devpoll, &changed);
}

static int add_watch(struct pmx_devpoll *devpoll, int fd, short events)
{
    struct pmx__watch fresh = {.fd = fd, .events = events};
    int result = pmx__watches_reserve(&devpoll->watches);
    if (result == 0)
        result = start_watch(devpoll, &fresh);
    return result < 0 ? result : keep_watch(devpoll, &fresh);
}

/* kept: which bits of the mask the descriptor has stay in it. */
static int watch_locked(struct pmx_devpoll *devpoll, int fd, short events, short kept)
{
    if (fd < 0)
        return -EBADF;
    if (fd == devpoll->beacon)
        return -EINVAL;
    const struct pmx__watch *old = pmx__watches_find(&devpoll->watches, fd);
    if (!old)
        return add_watch(devpoll, fd, events);
    int result = change_watch(devpoll, old, (short)(events | (old->events & kept)));
    return is_gone(result) ? add_watch(devpoll, fd, events) : result;
}

static int watch_descriptor(struct pmx_devpoll *devpoll, int fd, short events,
                            short kept)
{
    int result = enter(devpoll);
    if (result < 0)
        return result;
    result = watch_locked(devpoll, fd, events, kept);
    leave(devpoll);
    return result;
}

int pmx_devpoll_register(struct pmx_devpoll *devpoll, int fd, short events)
{
    int saved = errno;
    return pmx__result(watch_descriptor(devpoll, fd, events, -1), saved);
}

int pmx_devpoll_modify(struct pmx_devpoll *devpoll, int fd, short events)
{
    int saved = errno;
    return pmx__result(watch_descriptor(devpoll, fd, events, 0), saved);
}

static int unregister_locked(struct pmx_devpoll *devpoll, int fd)
{
    const struct pmx__watch *watch = pmx__watches_find(&devpoll->watches, fd);
    if (!watch)
        return 0;
    int result = 0;
    if (watch->kind == PMX__WATCH_KERNEL)
        result = control_watch(devpoll, EPOLL_CTL_DEL, watch);
    if (result < 0 && !is_gone(result))
        return result;
    drop_watch(devpoll, fd);
    return 0;
}

int pmx_devpoll_unregister(struct pmx_devpoll *devpoll, int fd)
{
    int saved = errno;
    int result = enter(devpoll);
    if (result == 0) {
        result = unregister_locked(devpoll, fd);
        leave(devpoll);
    }
    return pmx__result(result, saved);
}

/* Whether the watch is still of the file it was registered for. Arming what is
 * armed changes nothing. */
static int check_watch(const struct pmx_devpoll *devpoll,
                       const struct pmx__watch *watch)
{
    if (watch->kind == PMX__WATCH_KERNEL)
        return control_watch(devpoll, EPOLL_CTL_MOD, watch);
    return watch->kind == PMX__WATCH_FILE ? check_file(watch) : 0;
}

static int query_locked(struct pmx_devpoll *devpoll, int fd, short *events)
{
    const struct pmx__watch *watch = pmx__watches_find(&devpoll->watches, fd);
    if (!watch)
        return 0;
    int result = check_watch(devpoll, watch);
    if (is_gone(result)) {
        drop_watch(devpoll, fd);
        return 0;
    }
    if (result < 0)
        return result;
    *events = watch->events;
    return 1;
}

int pmx_devpoll_query(struct pmx_devpoll *devpoll, int fd, short *events)
{
    int saved = errno;
    int result = enter(devpoll);
    if (result == 0) {
        result = query_locked(devpoll, fd, events);
        leave(devpoll);
    }
    return pmx__result(result, saved);
}

size_t pmx_devpoll_count(struct pmx_devpoll *devpoll)
{
    if (enter(devpoll) < 0)
        return 0;
    size_t count = devpoll->watches.count;
    leave(devpoll);
    return count;
}

/* Looks at one that stands; returns whether there is an answer, or -errno. */
static int visit(struct pmx_devpoll *devpoll, const struct pmx__watch *watch,
                 struct pollfd *answer)
{
    struct pmx__watch now = *watch;
    int result =
        now.kind == PMX__WATCH_FILE ? check_file(&now) : start_watch(devpoll, &now);
    if (result == -ENOENT) {
        drop_watch(devpoll, now.fd);
        return 0;
    }
    if (result < 0)
        return result;
    short revents = standing_events(&now);
    pmx__watches_put(&devpoll->watches, &now, revents);
    *answer = (struct pollfd){now.fd, now.events, revents};
    return revents != 0;
}

/*
 * Visits in turn until there is no room, or all that *left counts have been
 * visited. Another one moves into the place of one that stands no longer; it
 * may have had its visit in this round.
 */
static int collect_standing(struct pmx_devpoll *devpoll, struct pollfd *ready, int room,
                            size_t *left)
{
    const struct pmx__watches *watches = &devpoll->watches;
    int count = 0;
    while (*left > 0 && count < room) {
        if (devpoll->next_standing >= watches->standing)
            devpoll->next_standing = 0;
        struct pmx__watch *watch = &watches->all[devpoll->next_standing];
        size_t standing = watches->standing;
        if (watch->round != devpoll->round) {
            watch->round = devpoll->round;
            --*left;
            int result = visit(devpoll, watch, &ready[count]);
            if (result < 0)
                return result;
            count += result;
        }
        devpoll->next_standing += standing == watches->standing;
    }
    return count;
}

/* Events of registrations that are over are left to their rest. */
static int take(struct pmx_devpoll *devpoll, const struct epoll_event *event,
                struct pollfd *answer)
{
    uint64_t token = event->data.u64;
    if (token == BEACON_TOKEN) {
        devpoll->beacon_lit = false;
        return 0;
    }
    int fd = (int)(token & ((UINT64_C(1) << FD_BITS) - 1));
    const struct pmx__watch *watch = pmx__watches_find(&devpoll->watches, fd);
    if (!watch || watch->kind != PMX__WATCH_KERNEL || watch->token != token)
        return 0;
    *answer = (struct pollfd){fd, watch->events, (short)event->events};
    return 1;
}

/* Arms the descriptor of an answer again; false if the answer is of a file
 * that is not under this number any more. */
static bool rearm(struct pmx_devpoll *devpoll, const struct pollfd *answer)
{
    struct pmx__watch *watch = pmx__watches_find(&devpoll->watches, answer->fd);
    int result = control_watch(devpoll, EPOLL_CTL_MOD, watch);
    if (is_gone(result)) {
        drop_watch(devpoll, answer->fd);
        return false;
    }
    if (result < 0) { /* then the next wait tries */
        struct pmx__watch lapsed = *watch;
        lapsed.kind = PMX__WATCH_CLOSED;
        pmx__watches_put(&devpoll->watches, &lapsed, true);
    }
    return true;
}

static int rearm_all(struct pmx_devpoll *devpoll, struct pollfd *ready, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (rearm(devpoll, &ready[i]))
            ready[kept++] = ready[i];
    return kept;
}

/* Nothing is armed again before all is taken: so nothing is taken twice. */
static int collect_events(struct pmx_devpoll *devpoll, struct pollfd *ready, int room)
{
    struct epoll_event batch[BATCH];
    int count = 0, taken, wanted;
    do {
        wanted = room - count < BATCH ? room - count : BATCH;
        taken = wanted ? pmx__syscall(epoll_wait(devpoll->epoll, batch, wanted, 0)) : 0;
        for (int i = 0; i < taken; i++)
            count += take(devpoll, &batch[i], &ready[count]);
    } while (taken == wanted && wanted > 0);
    if (taken < 0 && count == 0)
        return taken;
    return rearm_all(devpoll, ready, count);
}

/* Both kinds: first, so that none starves, no more than share of those that
 * stand, and more of them in the room that is left at the end. */
static int collect(struct pmx_devpoll *devpoll, struct pollfd *ready, int room,
                   int share)
{
    size_t left = devpoll->watches.standing;
    devpoll->round++;
    int count = collect_standing(devpoll, ready, share, &left);
    if (count < 0)
        return count;
    int events = collect_events(devpoll, ready + count, room - count);
    if (events < 0)
        return events;
    count += events;
    int others = collect_standing(devpoll, ready + count, room - count, &left);
    return others < 0 ? others : count + others;
}

static int look(struct pmx_devpoll *devpoll, struct pollfd *ready, int room)
{
    int result = enter(devpoll);
    if (result < 0)
        return result;
    devpoll->turn = !devpoll->turn;
    result = collect(devpoll, ready, room, room / 2 + (room % 2 && devpoll->turn));
    if (result == 0) /* some that stood may be with the kernel now */
        result = collect_events(devpoll, ready, room);
    adjust_beacon(devpoll);
    leave(devpoll);
    return result;
}

/* Sleeps until there may be something; 0 when the time is over. */
static int sleep_until(const struct pmx_devpoll *devpoll, int64_t deadline,
                       const sigset_t *sigmask)
{
    struct pollfd set = {.fd = devpoll->epoll, .events = POLLIN};
    struct timespec ts;
    int64_t left = pmx__deadline_left(deadline);
    return pmx__syscall(ppoll(&set, 1, pmx__timeout_timespec(left, &ts), sigmask));
}

static int wait_ready(struct pmx_devpoll *devpoll, struct pollfd *ready, int maxready,
                      int64_t timeout_ns, const sigset_t *sigmask)
{
    if (maxready <= 0)
        return -EINVAL;
    int count = look(devpoll, ready, maxready);
    if (count != 0 || timeout_ns == 0)
        return count;
    int64_t deadline = pmx__deadline_in(timeout_ns);
    while ((count = sleep_until(devpoll, deadline, sigmask)) > 0) {
        count = look(devpoll, ready, maxready);
        if (count != 0)
            break;
    }
    return count;
}

int pmx_devpoll_wait(struct pmx_devpoll *devpoll, struct pollfd *ready, int maxready,
                     int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    return pmx__result(wait_ready(devpoll, ready, maxready, timeout_ns, sigmask),
                       saved);
}
