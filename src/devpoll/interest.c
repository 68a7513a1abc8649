/* What a /dev/poll handle watches, over epoll: see interest.h. */
#include "interest.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/result.h"

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

static int control(const struct pmx__interest *set, int operation, int fd,
                   uint32_t events, uint64_t token)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.u64 = token};
    return pmx__syscall(epoll_ctl(set->epoll, operation, fd, &event));
}

/* The beacon is there from the start: opened later it might take the very number
 * that is registered as one that is not open. */
static int open_beacon(struct pmx__interest *set)
{
    set->beacon = pmx__syscall(eventfd(1, EFD_CLOEXEC));
    if (set->beacon < 0)
        return set->beacon;
    int result = control(set, EPOLL_CTL_ADD, set->beacon, 0, BEACON_TOKEN);
    if (result < 0)
        close(set->beacon);
    return result;
}

int pmx__interest_open(struct pmx__interest *set)
{
    set->epoll = pmx__syscall(epoll_create1(EPOLL_CLOEXEC));
    if (set->epoll < 0)
        return set->epoll;
    int result = open_beacon(set);
    if (result < 0)
        close(set->epoll);
    return result;
}

int pmx__interest_check(const struct pmx__interest *set, bool is_known)
{
    uint32_t events = set->beacon_lit || !is_known ? EPOLLIN : 0;
    int result = control(set, EPOLL_CTL_MOD, set->beacon, events, BEACON_TOKEN);
    return result < 0 ? -EBADF : 0;
}

int pmx__interest_close(struct pmx__interest *set, bool is_known)
{
    int result = pmx__interest_check(set, is_known);
    if (result == 0)
        result = pmx__syscall(close(set->epoll));
    close(set->beacon);
    pmx__watches_free(&set->watches);
    return result;
}

static int control_watch(const struct pmx__interest *set, int operation,
                         const struct pmx__watch *watch)
{
    return control(set, operation, watch->fd, (unsigned short)watch->events,
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

static int set_beacon(struct pmx__interest *set, bool lit)
{
    if (set->beacon_lit == lit)
        return 0;
    int result =
        control(set, EPOLL_CTL_MOD, set->beacon, lit ? EPOLLIN : 0, BEACON_TOKEN);
    if (result == 0)
        set->beacon_lit = lit;
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
static void adjust_beacon(struct pmx__interest *set)
{
    (void)set_beacon(set, set->watches.standing > 0);
}

static int keep_watch(struct pmx__interest *set, const struct pmx__watch *watch)
{
    bool stands = standing_events(watch);
    int result = stands ? set_beacon(set, true) : 0;
    if (result < 0)
        return result;
    pmx__watches_put(&set->watches, watch, stands);
    adjust_beacon(set);
    return 0;
}

static void drop_watch(struct pmx__interest *set, int fd)
{
    pmx__watches_remove(&set->watches, fd);
    adjust_beacon(set);
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
static int start_watch(struct pmx__interest *set, struct pmx__watch *watch)
{
    watch->kind = PMX__WATCH_KERNEL;
    watch->token = set->registrations++ << FD_BITS | (unsigned)watch->fd;
    int result = control_watch(set, EPOLL_CTL_ADD, watch);
    if (result == -EEXIST) /* the file was here before under this number */
        result = control_watch(set, EPOLL_CTL_MOD, watch);
    if (result == -EPERM)
        result = identify_file(watch);
    if (result != -EBADF)
        return result;
    watch->kind = PMX__WATCH_CLOSED;
    return 0;
}

/* Applies a new mask; fails as is_gone() tells where the watch is no more. */
static int change_watch(struct pmx__interest *set, const struct pmx__watch *watch,
                        short events)
{
    struct pmx__watch changed = *watch;
    changed.events = events;
    int result = 0;
    if (watch->kind == PMX__WATCH_KERNEL)
        result = control_watch(set, EPOLL_CTL_MOD, &changed);
    else if (watch->kind == PMX__WATCH_FILE)
        result = check_file(watch);
    else
        result = start_watch(set, &changed);
    return result < 0 ? result : keep_watch(set, &changed);
}

static int add_watch(struct pmx__interest *set, int fd, short events)
{
    struct pmx__watch fresh = {.fd = fd, .events = events};
    int result = pmx__watches_reserve(&set->watches);
    if (result == 0)
        result = start_watch(set, &fresh);
    return result < 0 ? result : keep_watch(set, &fresh);
}

int pmx__interest_watch(struct pmx__interest *set, int fd, short events, short kept)
{
    if (fd < 0)
        return -EBADF;
    if (fd == set->beacon)
        return -EINVAL;
    const struct pmx__watch *old = pmx__watches_find(&set->watches, fd);
    if (!old)
        return add_watch(set, fd, events);
    int result = change_watch(set, old, (short)(events | (old->events & kept)));
    return is_gone(result) ? add_watch(set, fd, events) : result;
}

int pmx__interest_remove(struct pmx__interest *set, int fd)
{
    const struct pmx__watch *watch = pmx__watches_find(&set->watches, fd);
    if (!watch)
        return 0;
    int result = 0;
    if (watch->kind == PMX__WATCH_KERNEL)
        result = control_watch(set, EPOLL_CTL_DEL, watch);
    if (result < 0 && !is_gone(result))
        return result;
    drop_watch(set, fd);
    return 0;
}

/* Whether the watch is still of the file it was registered for. Arming what is
 * armed changes nothing. */
static int check_watch(const struct pmx__interest *set, const struct pmx__watch *watch)
{
    if (watch->kind == PMX__WATCH_KERNEL)
        return control_watch(set, EPOLL_CTL_MOD, watch);
    return watch->kind == PMX__WATCH_FILE ? check_file(watch) : 0;
}

int pmx__interest_query(struct pmx__interest *set, int fd, short *events)
{
    const struct pmx__watch *watch = pmx__watches_find(&set->watches, fd);
    if (!watch)
        return 0;
    int result = check_watch(set, watch);
    if (is_gone(result)) {
        drop_watch(set, fd);
        return 0;
    }
    if (result < 0)
        return result;
    *events = watch->events;
    return 1;
}

/* What a wait has found so far. */
struct answers {
    struct pollfd *all;
    int count;
    int room;
};

/* Looks at one that stands; returns whether there is an answer, or -errno. */
static int visit(struct pmx__interest *set, const struct pmx__watch *watch,
                 struct pollfd *answer)
{
    struct pmx__watch now = *watch;
    int result =
        now.kind == PMX__WATCH_FILE ? check_file(&now) : start_watch(set, &now);
    if (result == -ENOENT) {
        drop_watch(set, now.fd);
        return 0;
    }
    if (result < 0)
        return result;
    short revents = standing_events(&now);
    pmx__watches_put(&set->watches, &now, revents);
    *answer = (struct pollfd){now.fd, now.events, revents};
    return revents != 0;
}

/*
 * Visits in turn until there are limit answers, or all that *left counts have
 * been visited. Another one moves into the place of one that stands no longer;
 * it may have had its visit in this round.
 */
static int add_standing(struct pmx__interest *set, struct answers *answers, int limit,
                        size_t *left)
{
    const struct pmx__watches *watches = &set->watches;
    while (*left > 0 && answers->count < limit) {
        if (set->next_standing >= watches->standing)
            set->next_standing = 0;
        struct pmx__watch *watch = &watches->all[set->next_standing];
        size_t standing = watches->standing;
        if (watch->round != set->round) {
            watch->round = set->round;
            --*left;
            int result = visit(set, watch, &answers->all[answers->count]);
            if (result < 0)
                return result;
            answers->count += result;
        }
        set->next_standing += standing == watches->standing;
    }
    return 0;
}

/* Events of registrations that are over are left to their rest. */
static int take(struct pmx__interest *set, const struct epoll_event *event,
                struct pollfd *answer)
{
    uint64_t token = event->data.u64;
    if (token == BEACON_TOKEN) {
        set->beacon_lit = false;
        return 0;
    }
    int fd = (int)(token & ((UINT64_C(1) << FD_BITS) - 1));
    const struct pmx__watch *watch = pmx__watches_find(&set->watches, fd);
    if (!watch || watch->kind != PMX__WATCH_KERNEL || watch->token != token)
        return 0;
    *answer = (struct pollfd){fd, watch->events, (short)event->events};
    return 1;
}

/* Takes what the kernel has, which disarms it: nothing comes twice. */
static int add_events(struct pmx__interest *set, struct answers *answers)
{
    struct epoll_event batch[BATCH];
    int taken = 0, wanted = 0;
    do {
        int room = answers->room - answers->count;
        wanted = room < BATCH ? room : BATCH;
        if (wanted == 0)
            return 0;
        taken = pmx__syscall(epoll_wait(set->epoll, batch, wanted, 0));
        for (int i = 0; i < taken; i++)
            answers->count += take(set, &batch[i], &answers->all[answers->count]);
    } while (taken == wanted);
    return taken < 0 ? taken : 0;
}

/* Arms the descriptor of an answer again; false if the answer is of a file
 * that is not under this number any more. */
static bool rearm(struct pmx__interest *set, const struct pollfd *answer)
{
    struct pmx__watch *watch = pmx__watches_find(&set->watches, answer->fd);
    if (watch->kind != PMX__WATCH_KERNEL)
        return true;
    int result = control_watch(set, EPOLL_CTL_MOD, watch);
    if (is_gone(result)) {
        drop_watch(set, answer->fd);
        return false;
    }
    if (result < 0) { /* then the next wait tries */
        struct pmx__watch lapsed = *watch;
        lapsed.kind = PMX__WATCH_CLOSED;
        pmx__watches_put(&set->watches, &lapsed, true);
    }
    return true;
}

static void rearm_all(struct pmx__interest *set, struct answers *answers)
{
    int kept = 0;
    for (int i = 0; i < answers->count; i++)
        if (rearm(set, &answers->all[i]))
            answers->all[kept++] = answers->all[i];
    answers->count = kept;
}

/*
 * Both kinds: first, so that none starves, no more than share of those that
 * stand, and more of them in the room that is left at the end. Some of those
 * may be with the kernel then, their numbers being open by now.
 */
static int collect(struct pmx__interest *set, struct answers *answers, int share)
{
    size_t left = set->watches.standing;
    set->round++;
    int result = add_standing(set, answers, share, &left);
    if (result == 0)
        result = add_events(set, answers);
    uint64_t registrations = set->registrations;
    if (result == 0)
        result = add_standing(set, answers, answers->room, &left);
    if (result == 0 && registrations != set->registrations)
        result = add_events(set, answers);
    rearm_all(set, answers);
    return result < 0 ? result : answers->count;
}

int pmx__interest_collect(struct pmx__interest *set, struct pollfd *ready, int room)
{
    struct answers answers = {ready, 0, room};
    set->turn = !set->turn;
    int result = collect(set, &answers, room / 2 + (room % 2 && set->turn));
    adjust_beacon(set);
    return result;
}
