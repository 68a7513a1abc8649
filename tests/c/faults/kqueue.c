/*
 * Every allocation and every system call inside kqueue fails once, for every
 * subject that anybody may watch: a call fails as a whole or has another way.
 * Afterwards what was there is there, what was not is not, both work, and nothing
 * is lost.
 */
#include <polymux/kqueue.h>

#include <fcntl.h>
#include <unistd.h>

#include "../kqueue/subjects.h"
#include "fault.h"

/* What can fail, and why. */
struct cause {
    enum fault_site site;
    int error;
};

/* For want of something, at any time, to anyone. */
static const struct cause shortages[] = {
    {FAULT_ALLOCATION, ENOMEM},        {FAULT_EPOLL_CREATE1, EMFILE},
    {FAULT_EPOLL_CTL, ENOSPC},         {FAULT_EVENTFD, EMFILE},
    {FAULT_TIMERFD_CREATE, ENFILE},    {FAULT_INOTIFY_INIT1, EMFILE},
    {FAULT_INOTIFY_ADD_WATCH, ENOSPC},
};
#define SHORTAGES (sizeof(shortages) / sizeof(shortages[0]))

/* Questions that go unanswered; the library may guess, but lose nothing. */
static const struct cause questions[] = {
    {FAULT_SOCKET, EMFILE}, {FAULT_SEND, ENOMEM},       {FAULT_RECV, ENOMEM},
    {FAULT_OPEN, EMFILE},   {FAULT_GETSOCKOPT, ENOMEM}, {FAULT_READLINK, ENOMEM},
    {FAULT_FCNTL, EBADF},
};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* One attempt under a fault: the operation's result, errno, and whether the
 * fault has struck. */
struct attempt {
    int result;
    int error;
    bool struck;
};

typedef int operation(struct target *target, struct pmx_kqueue *queue);

static struct attempt attempt(operation *operate, struct target *target,
                              struct pmx_kqueue *queue, const struct cause *cause,
                              int nth)
{
    struct attempt made;
    fault_arm(cause->site, nth, cause->error);
    made.result = operate(target, queue);
    made.error = errno;
    made.struck = fault_disarm();
    CHECK(made.result >= 0 || made.error == cause->error);
    CHECK(made.result >= 0 || made.struck);
    return made;
}

static bool is_known(struct target *target, struct pmx_kqueue *queue)
{
    return target_touch(target, queue, EV_KEEPUDATA) == 0;
}

/* The knote, which there is, does all that a knote does. */
static void check_works(struct target *target, struct pmx_kqueue *queue)
{
    CHECK_OK(target_touch(target, queue, EV_ENABLE));
    target_lower(target, queue);
    CHECK_QUIET(queue);
    target_raise(target, queue);
    check_shows(queue, true);
    target_take(target, queue, 0);
    CHECK_RETURNS(target_touch(target, queue, EV_DELETE), 0);
    CHECK_QUIET(queue);
    check_shows(queue, false);
}

static void signals_no_more(int signal)
{
    (void)signal;
}

/* The library keeps its tables of queues and of handlers, for the next one. */
static void warm_up(void)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR2, SIG_DFL);
    CHECK_OK(change(queue, SIGUSR2, EVFILT_SIGNAL, EV_ADD));
    signal(SIGUSR2, signals_no_more);
    CHECK_QUIET(queue);
    CHECK_OK(pmx_kqueue_fd(queue));
    close_queue(queue);
}

/* A queue of its own for every attempt, as first times are the weak ones. */
typedef void scenario(struct target *target, struct pmx_kqueue *queue,
                      const struct cause *cause, int nth, bool *struck);

static bool play(scenario *scene, const struct subject *subject,
                 const struct cause *cause, int nth)
{
    struct target target;
    bool struck = false;
    long live_before = fault_live_blocks();
    CONTEXT("call %d of site %d fails", nth, (int)cause->site);
    struct pmx_kqueue *queue = begin(&target, subject);
    scene(&target, queue, cause, nth, &struck);
    end(&target, queue);
    CHECK_EQ_INT(fault_live_blocks(), live_before);
    return struck;
}

static void play_all(scenario *scene, const struct subject *subject)
{
    warm_up();
    for (size_t i = 0; i < SHORTAGES; i++)
        for (int nth = 1; play(scene, subject, &shortages[i], nth); nth++)
            continue;
    for (size_t i = 0; i < QUESTIONS; i++)
        for (int nth = 1; play(scene, subject, &questions[i], nth); nth++)
            continue;
}

static int add(struct target *target, struct pmx_kqueue *queue)
{
    return target_add(target, queue, 0);
}

static void adds(struct target *target, struct pmx_kqueue *queue,
                 const struct cause *cause, int nth, bool *struck)
{
    struct attempt made = attempt(add, target, queue, cause, nth);
    *struck = made.struck;
    CHECK_EQ_INT(is_known(target, queue), made.result == 0);
    CHECK_QUIET(queue);
    if (made.result < 0)
        CHECK_OK(add(target, queue));
    check_works(target, queue);
}

TEST_EACH(add, const struct subject *subject, unprivileged)
{
    play_all(adds, subject);
}

/* The same in a queue that others watch, which has more to keep up. */
static void adds_to_watched(struct target *target, struct pmx_kqueue *queue,
                            const struct cause *cause, int nth, bool *struck)
{
    CHECK_OK(pmx_kqueue_fd(queue));
    adds(target, queue, cause, nth, struck);
}

TEST_EACH(add_to_a_watched_queue, const struct subject *subject, unprivileged)
{
    play_all(adds_to_watched, subject);
}

/* A touch that fails leaves the knote; that it has changed it, all or nothing. */
static void touches(operation *operate, struct target *target, struct pmx_kqueue *queue,
                    const struct cause *cause, int nth, bool *struck)
{
    CHECK_OK(add(target, queue));
    *struck = attempt(operate, target, queue, cause, nth).struck;
    CHECK(is_known(target, queue));
    check_works(target, queue);
}

static int disable(struct target *target, struct pmx_kqueue *queue)
{
    return target_touch(target, queue, EV_DISABLE);
}

static int disable_and_enable(struct target *target, struct pmx_kqueue *queue)
{
    int result = disable(target, queue);
    return result < 0 ? result : target_touch(target, queue, EV_ENABLE);
}

static void adds_again(struct target *target, struct pmx_kqueue *queue,
                       const struct cause *cause, int nth, bool *struck)
{
    touches(add, target, queue, cause, nth, struck);
}

TEST_EACH(add_again, const struct subject *subject, unprivileged)
{
    play_all(adds_again, subject);
}

static void disables(struct target *target, struct pmx_kqueue *queue,
                     const struct cause *cause, int nth, bool *struck)
{
    touches(disable_and_enable, target, queue, cause, nth, struck);
}

TEST_EACH(disable_and_enable, const struct subject *subject, unprivileged)
{
    play_all(disables, subject);
}

static int delete (struct target *target, struct pmx_kqueue *queue)
{
    return target_touch(target, queue, EV_DELETE);
}

/* Deleting needs nothing, so nothing can be short: the knote is gone. */
static void deletes(struct target *target, struct pmx_kqueue *queue,
                    const struct cause *cause, int nth, bool *struck)
{
    CHECK_OK(add(target, queue));
    struct attempt made = attempt(delete, target, queue, cause, nth);
    *struck = made.struck;
    CHECK_EQ_INT(is_known(target, queue), made.result < 0);
    if (made.result == 0)
        CHECK_OK(add(target, queue));
    check_works(target, queue);
}

TEST_EACH(delete, const struct subject *subject, unprivileged)
{
    play_all(deletes, subject);
}

/* What was ready when a call failed comes with the next one. */
static int collect_one(struct target *target, struct pmx_kqueue *queue)
{
    struct pmx_kevent event;
    (void)target;
    return pmx_kqueue_control(queue, NULL, 0, &event, 1, 0, NULL);
}

static void collects(struct target *target, struct pmx_kqueue *queue,
                     const struct cause *cause, int nth, bool *struck)
{
    CHECK_OK(add(target, queue));
    target_raise(target, queue);
    check_shows(queue, true);
    struct attempt made = attempt(collect_one, target, queue, cause, nth);
    *struck = made.struck;
    if (made.result <= 0)
        target_take(target, queue, 0);
    check_works(target, queue);
}

TEST_EACH(collect, const struct subject *subject, unprivileged)
{
    play_all(collects, subject);
}

static void waits(struct target *target, struct pmx_kqueue *queue,
                  const struct cause *cause, int nth, bool *struck)
{
    struct pmx_kevent event;
    CHECK_OK(add(target, queue));
    target_raise(target, queue);
    check_shows(queue, true);
    fault_arm(cause->site, nth, cause->error);
    int count = pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL);
    int error = errno;
    *struck = fault_disarm();
    CHECK(count == 1 || error == cause->error);
    if (count < 0)
        target_take(target, queue, 0);
    check_works(target, queue);
}

/* The wait itself, however the library waits. */
TEST_EACH(wait, const struct subject *subject, unprivileged)
{
    static const struct cause sites[] = {{FAULT_EPOLL_WAIT, EINTR},
                                         {FAULT_EPOLL_PWAIT, EINTR},
                                         {FAULT_EPOLL_PWAIT2, EINTR},
                                         {FAULT_PPOLL, EINTR}};
    warm_up();
    for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
        for (int nth = 1; play(waits, subject, &sites[i], nth); nth++)
            continue;
}

/* One queue, whose making may fail; whether the fault has struck. */
static bool create(const struct cause *cause, int nth)
{
    fault_arm(cause->site, nth, cause->error);
    struct pmx_kqueue *queue = pmx_kqueue_create();
    int error = errno;
    bool struck = fault_disarm();
    CHECK(queue || (struck && error == cause->error));
    if (queue)
        close_queue(queue);
    return struck;
}

/* First in a process without a queue; the harness looks for descriptors. */
TEST(create)
{
    for (size_t i = 0; i < SHORTAGES; i++)
        for (int nth = 1; create(&shortages[i], nth); nth++)
            continue;
    warm_up();
    long live_before = fault_live_blocks();
    for (size_t i = 0; i < SHORTAGES; i++)
        for (int nth = 1; create(&shortages[i], nth); nth++)
            CHECK_EQ_INT(fault_live_blocks(), live_before);
}

/* A handle that could not be made has left the descriptor as it was. */
TEST(from_fd)
{
    struct pmx_kqueue *queue = open_queue();
    bool struck = true;
    for (int nth = 1; struck; nth++) {
        int copy = CHECK_OK(fcntl(CHECK_OK(pmx_kqueue_fd(queue)), F_DUPFD_CLOEXEC, 0));
        long live_before = fault_live_blocks();
        fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
        struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
        int error = errno;
        struck = fault_disarm();
        CHECK(second || (struck && error == ENOMEM));
        if (second)
            close_queue(second);
        else
            CHECK_OK(close(copy));
        CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
    close_queue(queue);
}

/* The handle and its descriptors are gone though close has failed. */
TEST_EACH(close, const struct subject *subject, unprivileged)
{
    bool struck = true;
    warm_up();
    for (int nth = 1; struck; nth++) {
        struct target target;
        long live_before = fault_live_blocks();
        struct pmx_kqueue *queue = begin(&target, subject);
        CHECK_OK(add(&target, queue));
        fault_arm(FAULT_CLOSE, nth, EINTR);
        pmx_kqueue_close(queue);
        struck = fault_disarm();
        subject->close(&target);
        CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
}

/* Thousands of knotes, whose tables grow: each growth fails once. */
TEST(growth)
{
    enum { KNOTES = 3000 };
    struct pmx_kqueue *queue = open_queue();
    for (unsigned i = 0; i < KNOTES; i++) {
        int16_t filter = i % 2 ? EVFILT_USER : EVFILT_TIMER;
        bool struck = true;
        for (int nth = 1; struck; nth++) {
            fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
            int result = change(queue, i, filter, EV_ADD | EV_ONESHOT | EV_DISABLE);
            struck = fault_disarm();
            if (result < 0)
                CHECK_ERRNO(change(queue, i, filter, EV_DELETE), ENOENT);
            CHECK(struck || result == 0);
        }
    }
    for (unsigned i = 0; i < KNOTES; i++)
        CHECK_OK(change(queue, i, i % 2 ? EVFILT_USER : EVFILT_TIMER, EV_DELETE));
    close_queue(queue);
}
