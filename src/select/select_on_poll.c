/*
 * select without FD_SETSIZE, on ppoll(2).
 *
 * poll reports hang-ups and errors whether they are asked for or not; select
 * does not return for a hang-up of a descriptor that is watched for writing
 * only. Where that is all that poll has to tell, the wait goes on in
 * select_bitmap.c, on the kernel's select, which knows the difference.
 */
#include <polymux/select.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../base/deadline.h"
#include "../base/pollset.h"
#include "../base/result.h"
#include "classes.h"
#include "select_bitmap.h"

#define ALL_CLASSES (PMX_SELECT_READ | PMX_SELECT_WRITE | PMX_SELECT_EXCEPT)

struct pmx_select {
    struct pmx__pollset asked;
    size_t cursor; /* where pmx_select_ready() looks first */
};

/* The events to ask poll for, by combination of classes. */
static const short events_of[ALL_CLASSES + 1] = {
    [PMX_SELECT_READ] = PMX__READ_EVENTS,
    [PMX_SELECT_WRITE] = PMX__WRITE_EVENTS,
    [PMX_SELECT_READ | PMX_SELECT_WRITE] = PMX__READ_EVENTS | PMX__WRITE_EVENTS,
    [PMX_SELECT_EXCEPT] = PMX__EXCEPT_EVENTS,
    [PMX_SELECT_READ | PMX_SELECT_EXCEPT] = PMX__READ_EVENTS | PMX__EXCEPT_EVENTS,
    [PMX_SELECT_WRITE | PMX_SELECT_EXCEPT] = PMX__WRITE_EVENTS | PMX__EXCEPT_EVENTS,
    [ALL_CLASSES] = PMX__READ_EVENTS | PMX__WRITE_EVENTS | PMX__EXCEPT_EVENTS,
};

/* The classes that an entry was asked for and is ready in, each as the event
 * that names it. */
static short ready_events(const struct pollfd *entry)
{
    short ready = 0;
    if (entry->revents & PMX__READ_READY)
        ready |= POLLIN;
    if (entry->revents & PMX__WRITE_READY)
        ready |= POLLOUT;
    if (entry->revents & PMX__EXCEPT_READY)
        ready |= POLLPRI;
    return (short)(ready & entry->events);
}

static unsigned classes_of(short events)
{
    return (events & POLLIN ? PMX_SELECT_READ : 0) |
           (events & POLLOUT ? PMX_SELECT_WRITE : 0) |
           (events & POLLPRI ? PMX_SELECT_EXCEPT : 0);
}

struct pmx_select *pmx_select_create(void)
{
    return calloc(1, sizeof(struct pmx_select));
}

void pmx_select_free(struct pmx_select *set)
{
    if (!set)
        return;
    pmx__pollset_free(&set->asked);
    free(set);
}

static int check_interest(unsigned interest)
{
    return interest && !(interest & ~ALL_CLASSES) ? 0 : -EINVAL;
}

static int add(struct pmx_select *set, int fd, unsigned interest)
{
    if (fd < 0)
        return -EBADF;
    if (check_interest(interest) < 0)
        return -EINVAL;
    struct pollfd *entry = pmx__pollset_need(&set->asked, fd);
    if (!entry)
        return -ENOMEM;
    entry->events |= events_of[interest];
    return 0;
}

int pmx_select_add(struct pmx_select *set, int fd, unsigned interest)
{
    int saved = errno;
    return pmx__result(add(set, fd, interest), saved);
}

int pmx_select_remove(struct pmx_select *set, int fd, unsigned interest)
{
    int result = check_interest(interest);
    struct pollfd *entry = pmx__pollset_find(&set->asked, fd);
    if (result == 0 && entry) {
        entry->events &= (short)~events_of[interest];
        if (!entry->events)
            pmx__pollset_remove(&set->asked, entry);
    }
    return pmx__result(result, errno);
}

void pmx_select_clear(struct pmx_select *set)
{
    pmx__pollset_clear(&set->asked);
}

static int class_count(short events)
{
    return !!(events & POLLIN) + !!(events & POLLOUT) + !!(events & POLLPRI);
}

/*
 * Turns what poll said of the entries into the answer of select, in place.
 * Returns the number of ready pairs: 0 where poll had only unasked events to
 * tell. POLLNVAL is a closed descriptor, or one of O_PATH: that is open, and
 * select(2) calls it ready for everything.
 */
static int answer(struct pmx__pollset *asked)
{
    int count = 0;
    for (size_t i = 0; i < asked->used; i++) {
        struct pollfd *entry = &asked->fds[i];
        if (!entry->revents)
            continue;
        if (entry->revents & POLLNVAL) {
            if (fcntl(entry->fd, F_GETFD) < 0)
                return -EBADF;
            entry->revents = PMX__READ_READY | PMX__WRITE_READY | PMX__EXCEPT_READY;
        }
        entry->revents = ready_events(entry);
        count += class_count(entry->revents);
    }
    return count;
}

static int wait_poll(struct pmx__pollset *asked, int64_t timeout_ns,
                     const sigset_t *sigmask)
{
    struct timespec ts;
    return pmx__syscall(ppoll(asked->fds, asked->used,
                              pmx__timeout_timespec(timeout_ns, &ts), sigmask));
}

/*
 * poll answers, but for two cases, in which select does: only unasked events
 * are there and the time is not over, or the descriptors are more than
 * RLIMIT_NOFILE (which poll minds) because the limit was lowered.
 */
static int wait_ready(struct pmx__pollset *asked, int64_t timeout_ns,
                      const sigset_t *sigmask)
{
    int64_t deadline = pmx__deadline_in(timeout_ns);
    int result = wait_poll(asked, timeout_ns, sigmask);
    bool too_many = result == -EINVAL;
    if (result <= 0 && !too_many)
        return result;
    int ready = too_many ? 0 : answer(asked);
    if (ready != 0 || (timeout_ns == 0 && !too_many))
        return ready;
    return pmx__select_bitmap(asked->fds, asked->used, pmx__deadline_left(deadline),
                              sigmask);
}

int pmx_select_wait(struct pmx_select *set, int64_t timeout_ns, const sigset_t *sigmask)
{
    int saved = errno;
    int result = wait_ready(&set->asked, timeout_ns, sigmask);
    if (result < 0)
        pmx__pollfds_forget(set->asked.fds, set->asked.used);
    return pmx__result(result, saved);
}

/* Programs ask in the order in which they added: the entry wanted is mostly
 * the one after the last. */
unsigned pmx_select_ready(struct pmx_select *set, int fd)
{
    const struct pmx__pollset *asked = &set->asked;
    if (set->cursor >= asked->used || asked->fds[set->cursor].fd != fd) {
        const struct pollfd *entry = pmx__pollset_find(asked, fd);
        if (!entry)
            return 0;
        set->cursor = (size_t)(entry - asked->fds);
    }
    return classes_of(asked->fds[set->cursor++].revents);
}
