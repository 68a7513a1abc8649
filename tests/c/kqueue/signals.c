/*
 * EVFILT_SIGNAL: what is counted, and that nothing else changes. Dispositions
 * and handlers are in dispositions.c.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"
#include "sleeper.h"

static int add_signal(struct pmx_kqueue *queue, int signal, unsigned flags)
{
    return change(queue, (uintptr_t)signal, EVFILT_SIGNAL, EV_ADD | flags);
}

static void send(int signal, int times)
{
    for (int i = 0; i < times; i++)
        CHECK_OK(kill(getpid(), signal));
}

#define CHECK_COUNTED(queue_, signal_, count_) \
    CHECK_TAKES(queue_, signal_, EVFILT_SIGNAL, EV_CLEAR, count_)

TEST(counts_what_is_handled)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    CHECK_RETURNS(add_signal(queue, SIGUSR1, 0), 0);
    CHECK_QUIET(queue);
    send(SIGUSR1, 3);
    CHECK_EQ_INT(signals_counted(), 3);
    CHECK_COUNTED(queue, SIGUSR1, 3);
    CHECK_QUIET(queue);
    send(SIGUSR1, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
}

/* SIGCHLD and others that do nothing if nobody has decided otherwise. */
TEST(counts_what_is_ignored_by_default)
{
    static const int signals[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 4; i++) {
        CHECK_OK(add_signal(queue, signals[i], 0));
        send(signals[i], 2);
        CHECK_COUNTED(queue, signals[i], 2);
    }
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(counts_the_ends_of_children)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add_signal(queue, SIGCHLD, 0));
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        _exit(3);
    CHECK_COUNTED(queue, SIGCHLD, 1);
    int status;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 3 << 8);
    close_queue(queue);
}

/* Observed: not even there are the ends of children counted. */
TEST(ignored_sigchld)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGCHLD, SIG_IGN);
    CHECK_OK(add_signal(queue, SIGCHLD, 0));
    send(SIGCHLD, 2);
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(ignored_on_purpose)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR1, SIG_IGN);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    send(SIGUSR1, 2);
    CHECK_COUNTED(queue, SIGUSR1, 2);
    count_signal(SIGUSR1, 0);
    CHECK_QUIET(queue); /* which looks at what has become of it */
    send(SIGUSR1, 2);
    CHECK_COUNTED(queue, SIGUSR1, 2);
    close_queue(queue);
}

/* What reads signals from kqueue alone ignores them otherwise. */
TEST(ignored_later)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    signal(SIGUSR1, SIG_IGN);
    CHECK_QUIET(queue); /* which looks at what has become of it */
    send(SIGUSR1, 2);
    CHECK_COUNTED(queue, SIGUSR1, 2);
    close_queue(queue);
}

/* A blocked signal stays pending, and its handler runs when it is unblocked. */
TEST(blocked)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    send(SIGUSR1, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(signals_counted(), 0);
    CHECK(signal_is_blocked(SIGUSR1));
    unblock_signal(SIGUSR1);
    CHECK_EQ_INT(signals_counted(), 1);
    CHECK_QUIET(queue); /* it is the same one */
    send(SIGUSR1, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
}

TEST(blocked_several_times)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    send(SIGUSR1, 3);
    DIFFERENCE("a blocked signal counts as often as it was sent",
               "it counts once while it is pending, which is all that Linux knows");
    CHECK_COUNTED(queue, SIGUSR1, 1);
    send(SIGUSR1, 1);
    CHECK_QUIET(queue);
    unblock_signal(SIGUSR1);
    CHECK_EQ_INT(signals_counted(), 1);
    close_queue(queue);
}

/* Whatever it would do, were it not blocked; sigwait takes it. */
TEST(blocked_and_waited_for)
{
    struct pmx_kqueue *queue = open_queue();
    sigset_t set = mask_of(SIGTERM);
    int taken;
    block_signal(SIGTERM);
    CHECK_OK(add_signal(queue, SIGTERM, 0));
    for (int i = 0; i < 3; i++) {
        send(SIGTERM, 1);
        CHECK_COUNTED(queue, SIGTERM, 1);
        CHECK_EQ_INT(sigwait(&set, &taken), 0);
        CHECK_EQ_INT(taken, SIGTERM);
        CHECK_QUIET(queue);
    }
    close_queue(queue);
}

TEST(blocked_and_waited_for_unseen)
{
    struct pmx_kqueue *queue = open_queue();
    sigset_t set = mask_of(SIGTERM);
    int taken;
    block_signal(SIGTERM);
    CHECK_OK(add_signal(queue, SIGTERM, 0));
    send(SIGTERM, 1);
    CHECK_COUNTED(queue, SIGTERM, 1);
    CHECK_EQ_INT(sigwait(&set, &taken), 0);
    send(SIGTERM, 1);
    DIFFERENCE("a blocked signal that is sent again after sigwait() took it counts",
               "it does if the queue was asked between the two; else it is taken for "
               "the one that was pending before");
    CHECK_QUIET(queue);
    CHECK_EQ_INT(sigwait(&set, &taken), 0);
    CHECK_QUIET(queue);
    send(SIGTERM, 1);
    CHECK_COUNTED(queue, SIGTERM, 1);
    close_queue(queue);
}

TEST(blocked_wakes_a_sleeper)
{
    struct sleeper sleeper;
    struct pmx_kqueue *queue = open_queue();
    block_signal(SIGTERM);
    CHECK_OK(add_signal(queue, SIGTERM, 0));
    sleeper_start(&sleeper, queue, -1);
    send(SIGTERM, 1);
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    CHECK_EQ_INT(sleeper.event.data, 1);
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* Pending before anybody asked: that was sent to somebody else. */
TEST(pending_before)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    send(SIGUSR1, 1);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(counts_while_disabled)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    CHECK_OK(add_signal(queue, SIGUSR1, EV_DISABLE));
    send(SIGUSR1, 2);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_ENABLE));
    check_shows(queue, 1);
    CHECK_COUNTED(queue, SIGUSR1, 2);
    check_shows(queue, 0);
    close_queue(queue);
}

TEST(shows_in_the_descriptor)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    check_shows(queue, 0);
    send(SIGUSR1, 1);
    check_shows(queue, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    check_shows(queue, 0);
    send(SIGUSR1, 1);
    check_shows(queue, 1);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DISABLE));
    check_shows(queue, 0);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_ENABLE));
    check_shows(queue, 1);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DELETE));
    check_shows(queue, 0);
    close_queue(queue);
}

TEST(manners)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    CHECK_OK(add_signal(queue, SIGUSR1, EV_ONESHOT)); /* too late to say */
    send(SIGUSR1, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DELETE));
    CHECK_OK(add_signal(queue, SIGUSR1, EV_ONESHOT));
    send(SIGUSR1, 2);
    CHECK_TAKES(queue, SIGUSR1, EVFILT_SIGNAL, EV_CLEAR | EV_ONESHOT, 2);
    CHECK_ERRNO(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DELETE), ENOENT);
    CHECK_OK(add_signal(queue, SIGUSR1, EV_DISPATCH));
    send(SIGUSR1, 1);
    CHECK_TAKES(queue, SIGUSR1, EVFILT_SIGNAL, EV_CLEAR | EV_DISPATCH, 1);
    send(SIGUSR1, 1);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_ENABLE));
    CHECK_TAKES(queue, SIGUSR1, EVFILT_SIGNAL, EV_CLEAR | EV_DISPATCH, 1);
    close_queue(queue);
}

/* Observed: it begins at 0 again. */
TEST(deleted_and_added)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    send(SIGUSR1, 2);
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DELETE));
    send(SIGUSR1, 2);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    CHECK_QUIET(queue);
    send(SIGUSR1, 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
}

/* Observed: any number is taken, and SIGKILL. */
TEST(numbers_that_never_happen)
{
    static const uintptr_t numbers[] = {0, SIGKILL, SIGSTOP, 32, 65, 9999, UINTPTR_MAX};
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        CHECK_RETURNS(change(queue, numbers[i], EVFILT_SIGNAL, EV_ADD), 0);
        CHECK_RETURNS(change(queue, numbers[i], EVFILT_SIGNAL, EV_DISABLE), 0);
        CHECK_RETURNS(change(queue, numbers[i], EVFILT_SIGNAL, EV_ENABLE), 0);
    }
    CHECK_QUIET(queue);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        CHECK_RETURNS(change(queue, numbers[i], EVFILT_SIGNAL, EV_DELETE), 0);
        CHECK_ERRNO(change(queue, numbers[i], EVFILT_SIGNAL, EV_DELETE), ENOENT);
    }
    close_queue(queue);
}

TEST(every_number_there_is)
{
    struct pmx_kqueue *queue = open_queue();
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        CHECK_OK(add_signal(queue, signal, 0));
    CHECK_QUIET(queue);
    count_signal(SIGRTMAX, 0);
    CHECK_QUIET(queue);
    send(SIGRTMAX, 2);
    CHECK_COUNTED(queue, SIGRTMAX, 2);
    close_queue(queue);
}

TEST(every_queue_counts)
{
    struct pmx_kqueue *queues[4];
    count_signal(SIGUSR1, 0);
    for (int i = 0; i < 4; i++) {
        queues[i] = open_queue();
        CHECK_OK(add_signal(queues[i], SIGUSR1, 0));
    }
    send(SIGUSR1, 2);
    CHECK_COUNTED(queues[0], SIGUSR1, 2);
    close_queue(queues[1]);
    send(SIGUSR1, 1);
    CHECK_COUNTED(queues[0], SIGUSR1, 1);
    CHECK_COUNTED(queues[2], SIGUSR1, 3);
    CHECK_OK(change(queues[3], SIGUSR1, EVFILT_SIGNAL, EV_DELETE));
    block_signal(SIGUSR1);
    send(SIGUSR1, 1);
    CHECK_COUNTED(queues[2], SIGUSR1, 1);
    CHECK_COUNTED(queues[0], SIGUSR1, 1);
    CHECK_QUIET(queues[3]);
    close_queue(queues[0]);
    close_queue(queues[2]);
    close_queue(queues[3]);
}

/* A wait ends with the event, and not with EINTR; the handler has run. */
TEST(wakes_a_sleeper)
{
    static const int flags[] = {0, SA_RESTART};
    for (int i = 0; i < 2; i++) {
        struct nudge nudge;
        struct pmx_kevent event;
        struct pmx_kqueue *queue = open_queue();
        count_signal(SIGUSR1, flags[i]);
        CHECK_OK(add_signal(queue, SIGUSR1, 0));
        nudge_start(&nudge, SIGUSR1, -1);
        CHECK_EQ_INT(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, NULL), 1);
        nudge_join(&nudge);
        CHECK_EVENT(&event, SIGUSR1, EVFILT_SIGNAL, EV_CLEAR, 1);
        CHECK_GE_INT(signals_counted(), 1);
        close_queue(queue);
    }
}

/* Signals at several threads, which nobody else may count. */
static _Atomic bool is_over;

static void *wait_for_signals(void *argument)
{
    while (!is_over)
        usleep(100000); /* which a signal ends */
    return argument;
}

TEST(sent_to_threads)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct pmx_kqueue *queue = open_queue();
    int64_t counted = 0;
    count_signal(SIGUSR1, SA_RESTART);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(wait_for_signals, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_kill(threads[i], SIGUSR1), 0);
    while (counted < THREADS)
        counted += take(queue).data;
    CHECK_EQ_INT(counted, THREADS);
    is_over = true;
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    close_queue(queue);
}

/* Until a signal comes, which it takes; then it unblocks another one. */
static void *take_one_and_unblock(void *argument)
{
    sigset_t set = mask_of(SIGUSR2);
    int taken;
    CHECK_EQ_INT(sigwait(&set, &taken), 0);
    unblock_signal(SIGUSR1);
    return argument;
}

TEST(sent_to_a_thread_that_has_blocked_it)
{
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    block_signal(SIGUSR2);
    CHECK_OK(add_signal(queue, SIGUSR1, 0));
    CHECK_OK(add_signal(queue, SIGUSR2, 0));
    pthread_t thread = start_thread(take_one_and_unblock, NULL);
    DIFFERENCE(
        "a signal sent to a thread that has blocked it counts",
        "it does when the thread unblocks it, and not at all if the thread takes "
        "it with sigwait(), as Linux shows what is pending to that thread alone");
    CHECK_EQ_INT(pthread_kill(thread, SIGUSR1), 0);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(pthread_kill(thread, SIGUSR2), 0);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    join_thread(thread);
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* Queues come and go while signals arrive; nobody writes where they were. */
static void *open_and_close(void *argument)
{
    for (int i = 0; i < 300; i++) {
        struct pmx_kqueue *queue = open_queue();
        CHECK_OK(add_signal(queue, SIGUSR1, 0));
        CHECK_OK(add_signal(queue, SIGUSR2, 0));
        collect(queue, (struct pmx_kevent[ROOM]){0});
        close_queue(queue);
    }
    return argument;
}

TEST(a_storm)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    count_signal(SIGUSR1, SA_RESTART);
    count_signal(SIGUSR2, SA_RESTART);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(open_and_close, NULL);
    for (int i = 0; i < 3000; i++)
        CHECK_EQ_INT(pthread_kill(threads[i % THREADS], i % 2 ? SIGUSR1 : SIGUSR2), 0);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    CHECK_GE_INT(signals_counted(), 1);
}
