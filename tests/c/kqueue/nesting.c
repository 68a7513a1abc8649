/*
 * The queue as a descriptor: in poll, select, epoll, and in other queues.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "sleeper.h"

static void add_user(struct pmx_kqueue *queue, uintptr_t ident, unsigned flags)
{
    CHECK_OK(change(queue, ident, EVFILT_USER, EV_ADD | flags));
}

/* Ends what trigger() began. */
static void reset(struct pmx_kqueue *queue, uintptr_t ident)
{
    CHECK_OK(change(queue, ident, EVFILT_USER, EV_CLEAR));
}

static void watch_pipe(struct pmx_kqueue *queue, int ends[2], unsigned flags)
{
    make_pipe(ends);
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD | flags));
}

static int nest(struct pmx_kqueue *outer, struct pmx_kqueue *inner, unsigned flags)
{
    int fd = CHECK_OK(pmx_kqueue_fd(inner));
    return change(outer, (uintptr_t)fd, EVFILT_READ, EV_ADD | flags);
}

/* The outer queue says how many are ready in the inner one; 0: no event. */
static void check_inner(struct pmx_kqueue *outer, struct pmx_kqueue *inner,
                        unsigned flags, int count)
{
    if (count)
        CHECK_TAKES(outer, (uintptr_t)pmx_kqueue_fd(inner), EVFILT_READ, flags, count);
    else
        CHECK_QUIET(outer);
}

/* Readable only, and that only as long as there is something. */
TEST(in_poll)
{
    int ends[2];
    struct pmx_kqueue *queue = open_queue();
    watch_pipe(queue, ends, 0);
    add_user(queue, 1, EV_CLEAR);
    check_shows(queue, false);
    write_byte(ends[1]);
    check_shows(queue, true);
    check_shows(queue, true); /* looking does not use it up */
    read_byte(ends[0]);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    CHECK_OK(trigger(queue, 1));
    check_shows(queue, true);
    CHECK_EQ_INT(take(queue).filter, EVFILT_USER);
    check_shows(queue, false);
    close_queue(queue);
    close_both(ends);
}

TEST(in_select)
{
    struct timeval now = {0, 0};
    struct pmx_kqueue *queue = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    add_user(queue, 1, 0);
    for (int triggered = 0; triggered < 2; triggered++) {
        fd_set in, out;
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_SET(fd, &in);
        FD_SET(fd, &out);
        CHECK_EQ_INT(select(fd + 1, &in, &out, NULL, &now), triggered);
        CHECK(!FD_ISSET(fd, &out));
        CHECK_OK(trigger(queue, 1));
    }
    close_queue(queue);
}

TEST(in_epoll)
{
    int ends[2];
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u64 = 5}, got;
    struct pmx_kqueue *queue = open_queue();
    int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, pmx_kqueue_fd(queue), &event));
    watch_pipe(queue, ends, 0);
    add_user(queue, 1, 0);
    CHECK_EQ_INT(epoll_wait(epoll, &got, 1, 0), 0);
    write_byte(ends[1]);
    CHECK_EQ_INT(epoll_wait(epoll, &got, 1, -1), 1);
    CHECK_EQ_UINT(got.events, EPOLLIN);
    read_byte(ends[0]);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(epoll_wait(epoll, &got, 1, 0), 0);
    CHECK_OK(trigger(queue, 1));
    CHECK_EQ_INT(epoll_wait(epoll, &got, 1, -1), 1);
    CHECK_OK(close(epoll));
    close_queue(queue);
    close_both(ends);
}

/* What was ready before anyone asked for the descriptor shows in it as well. */
TEST(descriptor_is_asked_for_late)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1, 0);
    CHECK_OK(trigger(queue, 1));
    check_shows(queue, true);
    CHECK_EQ_INT(take(queue).filter, EVFILT_USER);
    check_shows(queue, true);
    reset(queue, 1);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    close_queue(queue);
}

/* A timer comes due while nobody is in a call on the queue. */
TEST(timer_shows_in_poll)
{
    struct pmx_kqueue *queue = open_queue();
    unsigned once = EV_ADD | EV_ONESHOT;
    struct pmx_kevent day = entry(1, EVFILT_TIMER, once, NOTE_SECONDS, 86400, NULL);
    CHECK_OK(apply(queue, day));
    check_shows(queue, false);
    CHECK_OK(apply(queue, entry(2, EVFILT_TIMER, once, NOTE_MSECONDS, 5, NULL)));
    check_shows(queue, true);
    CHECK_EQ_UINT(take(queue).ident, 2);
    check_shows(queue, false);
    close_queue(queue);
}

/* The data of an inner queue is how many of its knotes are ready. */
TEST(queue_in_queue)
{
    int first[2], second[2];
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    CHECK_OK(nest(outer, inner, 0));
    watch_pipe(inner, first, 0);
    watch_pipe(inner, second, 0);
    check_inner(outer, inner, 0, 0);
    write_byte(first[1]);
    check_inner(outer, inner, 0, 1);
    check_inner(outer, inner, 0, 1);
    write_byte(second[1]);
    check_inner(outer, inner, 0, 2);
    close_both(second);
    check_inner(outer, inner, 0, 1);
    CHECK_EQ_UINT(take(inner).ident, first[0]);
    check_inner(outer, inner, 0, 1);
    read_byte(first[0]);
    CHECK_QUIET(inner);
    check_inner(outer, inner, 0, 0);
    close_queue(inner);
    CHECK_QUIET(outer);
    close_queue(outer);
    close_both(first);
}

TEST(users_events_of_an_inner_queue)
{
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    CHECK_OK(nest(outer, inner, 0));
    for (uintptr_t ident = 1; ident <= 3; ident++)
        add_user(inner, ident, ident == 3 ? EV_DISABLE : 0);
    check_inner(outer, inner, 0, 0);
    CHECK_OK(trigger(inner, 3)); /* which is disabled and does not count */
    check_inner(outer, inner, 0, 0);
    CHECK_OK(trigger(inner, 1));
    check_inner(outer, inner, 0, 1);
    CHECK_OK(trigger(inner, 2));
    check_inner(outer, inner, 0, 2);
    CHECK_OK(change(inner, 1, EVFILT_USER, EV_DELETE));
    check_inner(outer, inner, 0, 1);
    reset(inner, 2);
    CHECK_QUIET(inner);
    check_inner(outer, inner, 0, 0);
    close_queue(outer);
    close_queue(inner);
}

/* Observed: until the inner queue is asked, more of the same is nothing new. */
TEST(clear_in_both)
{
    int ends[2];
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    watch_pipe(inner, ends, EV_CLEAR);
    CHECK_OK(nest(outer, inner, EV_CLEAR));
    write_byte(ends[1]);
    check_inner(outer, inner, EV_CLEAR, 1);
    CHECK_QUIET(outer);
    write_byte(ends[1]);
    CHECK_QUIET(outer);
    CHECK_TAKES(inner, (uintptr_t)ends[0], EVFILT_READ, EV_CLEAR, 2);
    write_byte(ends[1]);
    check_inner(outer, inner, EV_CLEAR, 1);
    close_queue(outer);
    close_queue(inner);
    close_both(ends);
}

TEST(filters_on_a_queue)
{
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    uintptr_t ident = (uintptr_t)CHECK_OK(pmx_kqueue_fd(inner));
    CHECK_ERRNO(change(outer, ident, EVFILT_WRITE, EV_ADD), EINVAL);
    CHECK_EQ_INT(answer(outer, entry(ident, EVFILT_WRITE, EV_ADD, 0, 0, 0)), EINVAL);
    CHECK_ERRNO(change(outer, ident, EVFILT_VNODE, EV_ADD), EINVAL);
    CHECK_ERRNO(nest(outer, outer, 0), EINVAL);
    CHECK_QUIET(outer);
    close_queue(outer);
    close_queue(inner);
}

/* Not itself, under any of its numbers. */
TEST(a_queue_in_itself)
{
    struct pmx_kqueue *queue = open_queue();
    int copy = CHECK_OK(dup(CHECK_OK(pmx_kqueue_fd(queue))));
    uintptr_t self = (uintptr_t)CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_ERRNO(nest(queue, queue, 0), EINVAL);
    CHECK_ERRNO(change(queue, self, EVFILT_WRITE, EV_ADD), EINVAL);
    CHECK_ERRNO(change(queue, self, EVFILT_VNODE, EV_ADD), EINVAL);
    CHECK_ERRNO(change(queue, (uintptr_t)copy, EVFILT_READ, EV_ADD), EINVAL);
    CHECK_ERRNO(change(queue, (uintptr_t)copy, EVFILT_WRITE, EV_ADD), EINVAL);
    CHECK_OK(close(copy));
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* EV_FORCEONESHOT raises an event now, wherever one looks for it. */
TEST(forced_event_of_an_inner_queue)
{
    int ends[2];
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    CHECK_OK(nest(outer, inner, 0));
    CHECK_OK(change(inner, ident, EVFILT_READ, EV_ADD));
    CHECK_OK(change(inner, ident, EVFILT_READ, EV_FORCEONESHOT));
    check_inner(outer, inner, 0, 1);
    check_inner(outer, inner, 0, 1);
    CHECK_TAKES(inner, ident, EVFILT_READ, EV_ONESHOT, 0);
    CHECK_QUIET(outer);
    close_queue(outer);
    close_queue(inner);
    close_both(ends);
}

TEST(two_queues_in_each_other)
{
    struct pmx_kqueue *first = open_queue(), *second = open_queue();
    DIFFERENCE("two queues may watch each other",
               "the second change is EINVAL, epoll refuses the circle");
    CHECK_OK(nest(first, second, 0));
    CHECK_ERRNO(nest(second, first, 0), EINVAL);
    add_user(second, 1, 0);
    CHECK_OK(trigger(second, 1));
    check_inner(first, second, 0, 1);
    close_queue(first);
    close_queue(second);
}

/* From the innermost of a chain outwards. */
TEST(chain_of_queues)
{
    enum { DEPTH = 4 };
    struct pmx_kqueue *chain[DEPTH];
    for (int i = 0; i < DEPTH; i++) {
        chain[i] = open_queue();
        if (i > 0)
            CHECK_OK(nest(chain[i], chain[i - 1], 0));
    }
    add_user(chain[0], 1, EV_CLEAR);
    CHECK_QUIET(chain[DEPTH - 1]);
    CHECK_OK(trigger(chain[0], 1));
    for (int i = DEPTH - 1; i > 0; i--)
        check_inner(chain[i], chain[i - 1], 0, 1);
    CHECK_EQ_INT(take(chain[0]).filter, EVFILT_USER);
    for (int i = 0; i < DEPTH; i++)
        CHECK_QUIET(chain[i]);
    CHECK_QUIET(chain[DEPTH - 1]);
    for (int i = 0; i < DEPTH; i++)
        close_queue(chain[i]);
}

/* A thread sleeps in the outer queue; the inner one, and only it, hears. */
TEST(inner_wakes_who_sleeps_in_outer)
{
    struct sleeper sleeper;
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    CHECK_OK(nest(outer, inner, 0));
    add_user(inner, 1, 0);
    sleeper_start(&sleeper, outer, -1);
    CHECK_OK(trigger(inner, 1));
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    CHECK_EQ_INT(sleeper.event.data, 1);
    close_queue(outer);
    close_queue(inner);
}

/* One queue in two others, and two handles over the inner one. */
TEST(one_in_two)
{
    struct pmx_kqueue *left = open_queue(), *right = open_queue();
    struct pmx_kqueue *inner = open_queue();
    int copy = CHECK_OK(fcntl(CHECK_OK(pmx_kqueue_fd(inner)), F_DUPFD_CLOEXEC, 0));
    CHECK_OK(nest(left, inner, 0));
    CHECK_OK(change(right, (uintptr_t)copy, EVFILT_READ, EV_ADD));
    add_user(inner, 1, 0);
    CHECK_OK(trigger(inner, 1));
    check_inner(left, inner, 0, 1);
    CHECK_TAKES(right, (uintptr_t)copy, EVFILT_READ, 0, 1);
    CHECK_OK(close(copy));
    CHECK_QUIET(right);
    check_inner(left, inner, 0, 1);
    close_queue(left);
    close_queue(right);
    close_queue(inner);
}
