/* Signals and masks: a wait that is cut short, and what it has done by then. */
#include <signal.h>
#include <unistd.h>

#include "queue.h"

static const int64_t ways[] = {-1, TOO_LONG};

static void interrupted_wait(int flags, int64_t timeout_ns)
{
    struct nudge nudge;
    struct pmx_kevent event;
    struct pmx_kqueue *queue = open_queue();
    count_signal(SIGUSR1, flags);
    nudge_start(&nudge, SIGUSR1, -1);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, &event, 1, timeout_ns, NULL), EINTR);
    nudge_join(&nudge);
    CHECK_GE_INT(signals_counted(), 1);
    close_queue(queue);
}

/* Never restarted, SA_RESTART or not. */
TEST(cut_short)
{
    for (int i = 0; i < 2; i++) {
        interrupted_wait(0, ways[i]);
        interrupted_wait(SA_RESTART, ways[i]);
    }
}

/* What the call was to change has been changed, once. */
TEST(changes_are_applied)
{
    int ends[2];
    struct nudge nudge;
    struct pmx_kevent event;
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent changes[] = {
        entry((uintptr_t)ends[0], EVFILT_READ, EV_ADD, 0, 0, TAG(1)),
        entry(1, EVFILT_USER, EV_ADD, 0, 0, TAG(2)),
    };
    count_signal(SIGUSR1, 0);
    for (int i = 0; i < 2; i++) {
        nudge_start(&nudge, SIGUSR1, -1);
        CHECK_ERRNO(pmx_kqueue_control(queue, changes, 2, &event, 1, ways[i], NULL),
                    EINTR);
        nudge_join(&nudge);
    }
    write_byte(ends[1]);
    CHECK_EQ_PTR(take(queue).udata, TAG(1));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(change(queue, changes[i].ident, changes[i].filter, EV_DELETE));
        CHECK_ERRNO(change(queue, changes[i].ident, changes[i].filter, EV_DELETE),
                    ENOENT);
    }
    close_queue(queue);
    close_both(ends);
}

/* A signal is no loss: what was ready comes with the next call. */
TEST(nothing_is_lost)
{
    int ends[2];
    struct nudge nudge;
    struct pmx_kevent event;
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_CLEAR));
    count_signal(SIGUSR1, 0);
    for (int i = 0; i < 20; i++) {
        nudge_start(&nudge, SIGUSR1, ends[1]);
        int count = 0;
        while (count == 0) {
            count = pmx_kqueue_control(queue, NULL, 0, &event, 1, ways[i % 2], NULL);
            if (count < 0) {
                CHECK_EQ_INT(errno, EINTR);
                count = 0;
            }
        }
        CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_READ, EV_CLEAR, 1);
        read_byte(ends[0]);
        nudge_join(&nudge);
    }
    close_queue(queue);
    close_both(ends);
}

/* A signal that the mask lets in during the wait, and only then. */
TEST(mask_lets_a_signal_in)
{
    struct pmx_kevent event;
    struct pmx_kqueue *queue = open_queue();
    sigset_t none = mask_of(0);
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(raise(SIGUSR1));
        CHECK_EQ_INT(signals_counted(), i);
        CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, &event, 1, ways[i], &none),
                    EINTR);
        CHECK_EQ_INT(signals_counted(), i + 1);
        CHECK(signal_is_blocked(SIGUSR1));
    }
    close_queue(queue);
}

/* A signal that the mask keeps out until the wait is over. */
TEST(mask_keeps_a_signal_out)
{
    int ends[2];
    struct nudge nudge;
    struct pmx_kevent event;
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    sigset_t mask = mask_of(SIGUSR1);
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD));
    count_signal(SIGUSR1, 0);
    for (int i = 0; i < 2; i++) {
        nudge_start(&nudge, SIGUSR1, ends[1]);
        CHECK_EQ_INT(pmx_kqueue_control(queue, NULL, 0, &event, 1, ways[i], &mask), 1);
        nudge_join(&nudge);
        CHECK_EQ_INT(signals_counted(), i + 1);
        CHECK(!signal_is_blocked(SIGUSR1));
        read_byte(ends[0]);
    }
    close_queue(queue);
    close_both(ends);
}

/* With a mask a wait is as long, and an event as good, as without. */
TEST(mask_changes_nothing_else)
{
    struct pmx_kevent event;
    struct pmx_kqueue *queue = open_queue();
    sigset_t mask = mask_of(SIGUSR2);
    CHECK_OK(change(queue, 1, EVFILT_USER, EV_ADD));
    int64_t start = now_ns();
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, 5 * MS, &mask), 0);
    CHECK_GE_INT(now_ns() - start, 5 * MS);
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, 0, &mask), 0);
    CHECK_OK(trigger(queue, 1));
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, 0, &mask), 1);
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, &mask), 1);
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, NULL, 0, -1, &mask), 0);
    CHECK(!signal_is_blocked(SIGUSR2));
    close_queue(queue);
}

static void *wait_to_be_cancelled(void *argument)
{
    struct pmx_kevent event;
    pmx_kqueue_control(argument, NULL, 0, &event, 1, -1, NULL);
    FAIL("not cancelled");
}

static pthread_t cancel_in_wait(struct pmx_kqueue *queue)
{
    pthread_t thread = start_thread(wait_to_be_cancelled, queue);
    CHECK_EQ_INT(pthread_cancel(thread), 0);
    return thread;
}

/* A thread may be cancelled in a wait, and leaves the queue as it was. */
TEST(cancelled_in_a_wait)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, 1, EVFILT_USER, EV_ADD | EV_CLEAR));
    for (int i = 0; i < 20; i++)
        CHECK_EQ_PTR(join_thread(cancel_in_wait(queue)), PTHREAD_CANCELED);
    CHECK_OK(trigger(queue, 1));
    CHECK_TAKES(queue, 1, EVFILT_USER, EV_CLEAR, 0);
    CHECK_RETURNS(pmx_kqueue_shutdown(queue), 0); /* which waits for nobody */
    close_queue(queue);
}

static void *change_while_cancelled(void *argument)
{
    static int survived;
    pthread_cancel(pthread_self());
    CHECK_OK(change(argument, 1, EVFILT_USER, EV_ADD));
    CHECK_OK(change(argument, 2, EVFILT_TIMER, EV_ADD | EV_ONESHOT));
    CHECK_OK(change(argument, 1, EVFILT_USER, EV_DELETE));
    return &survived;
}

/* Without room a call is no cancellation point. */
TEST(changes_are_not_cancelled)
{
    struct pmx_kqueue *queue = open_queue();
    void *result = join_thread(start_thread(change_while_cancelled, queue));
    CHECK(result != PTHREAD_CANCELED);
    CHECK_EQ_UINT(take(queue).ident, 2);
    close_queue(queue);
}

/* Entries of errors come without a wait, so no signal can take them away. */
TEST(entries_survive_a_pending_signal)
{
    struct pmx_kevent got;
    struct pmx_kevent bad = entry(99999, EVFILT_READ, EV_ADD, 0, 0, NULL);
    struct pmx_kqueue *queue = open_queue();
    sigset_t none = mask_of(0);
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    CHECK_OK(raise(SIGUSR1));
    CHECK_RETURNS(pmx_kqueue_control(queue, &bad, 1, &got, 1, -1, &none), 1);
    CHECK_EQ_INT(got.data, EBADF);
    close_queue(queue);
}
