/* One queue in many threads, which wait on it and change it all at once. */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "sleeper.h"

enum { THREADS = 4, PIPES = 8, TOKENS = 2000 };

/* Tokens are bytes in pipes, or triggers; each must be taken exactly once. */
struct party {
    struct pmx_kqueue *queue;
    int pipes[PIPES][2];
    atomic_int taken;
};

enum { STOP = 1000 };

static void party_open(struct party *party, unsigned flags)
{
    party->queue = open_queue();
    party->taken = 0;
    for (int i = 0; i < PIPES; i++) {
        make_pipe(party->pipes[i]);
        CHECK_OK(change(party->queue, (uintptr_t)party->pipes[i][0], EVFILT_READ,
                        EV_ADD | flags));
    }
    CHECK_OK(change(party->queue, STOP, EVFILT_USER, EV_ADD));
}

static void party_close(struct party *party)
{
    close_queue(party->queue);
    for (int i = 0; i < PIPES; i++)
        close_both(party->pipes[i]);
}

static void stop(struct pmx_kqueue *queue)
{
    CHECK_OK(trigger(queue, STOP));
}

/* One event, in all the ways of waiting by turns. */
static struct pmx_kevent wait_for_one(struct pmx_kqueue *queue, int turn)
{
    static const int64_t ways[] = {-1, TOO_LONG, 0};
    struct pmx_kevent event;
    int count = 0;
    while (count == 0)
        count = CHECK_OK(
            pmx_kqueue_control(queue, NULL, 0, &event, 1, ways[turn++ % 3], NULL));
    return event;
}

static void run_threads(void *(*body)(void *), void *argument, pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(body, argument);
}

static void join_threads(const pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

static void count_taken(struct party *party)
{
    if (atomic_fetch_add(&party->taken, 1) + 1 == TOKENS)
        stop(party->queue);
}

/* A dispatched knote belongs to one thread until that enables it again. */
static void *read_tokens(void *argument)
{
    struct party *party = argument;
    for (int turn = 0;; turn++) {
        struct pmx_kevent event = wait_for_one(party->queue, turn);
        if (event.filter == EVFILT_USER)
            return NULL;
        read_byte((int)event.ident);
        count_taken(party);
        CHECK_OK(change(party->queue, event.ident, EVFILT_READ, EV_ENABLE));
    }
}

TEST(a_dispatched_event_goes_to_one_thread)
{
    struct party party;
    pthread_t threads[THREADS];
    party_open(&party, EV_DISPATCH);
    run_threads(read_tokens, &party, threads);
    for (int i = 0; i < TOKENS; i++)
        write_byte(party.pipes[i % PIPES][1]);
    join_threads(threads);
    CHECK_EQ_INT(party.taken, TOKENS);
    party_close(&party);
}

static void *take_oneshots(void *argument)
{
    struct party *party = argument;
    for (int turn = 0;; turn++) {
        struct pmx_kevent event = wait_for_one(party->queue, turn);
        if (event.ident == STOP)
            return NULL;
        CHECK_EQ_UINT(event.flags & EV_ONESHOT, EV_ONESHOT);
        count_taken(party);
    }
}

TEST(a_oneshot_goes_to_one_thread)
{
    struct party party;
    pthread_t threads[THREADS];
    party_open(&party, 0);
    run_threads(take_oneshots, &party, threads);
    for (unsigned i = 0; i < TOKENS; i++) {
        int16_t filter = i % 2 ? EVFILT_USER : EVFILT_TIMER;
        uintptr_t ident = STOP + 1 + i;
        CHECK_OK(change(party.queue, ident, filter, EV_ADD | EV_ONESHOT));
        if (filter == EVFILT_USER)
            CHECK_OK(apply(party.queue, entry(ident, filter, 0, NOTE_TRIGGER, 0, 0)));
    }
    join_threads(threads);
    CHECK_EQ_INT(party.taken, TOKENS);
    party_close(&party);
}

/* Whoever gets the edge empties the pipe: no byte is left behind for ever. */
static void *drain_on_edges(void *argument)
{
    struct party *party = argument;
    char byte;
    for (int turn = 0;; turn++) {
        struct pmx_kevent event = wait_for_one(party->queue, turn);
        if (event.filter == EVFILT_USER)
            return NULL;
        while (read((int)event.ident, &byte, 1) == 1)
            count_taken(party);
        CHECK_EQ_INT(errno, EAGAIN);
    }
}

TEST(no_edge_is_lost)
{
    struct party party;
    pthread_t threads[THREADS];
    party_open(&party, EV_CLEAR);
    for (int i = 0; i < PIPES; i++)
        CHECK_OK(fcntl(party.pipes[i][0], F_SETFL, O_NONBLOCK));
    run_threads(drain_on_edges, &party, threads);
    for (int i = 0; i < TOKENS; i++)
        write_byte(party.pipes[i % PIPES][1]);
    join_threads(threads);
    CHECK_EQ_INT(party.taken, TOKENS);
    party_close(&party);
}

/* A counter beside a user's event: who is woken takes all that was counted. */
struct mailbox {
    struct pmx_kqueue *queue;
    atomic_int letters;
    atomic_int read;
};

static void *read_mail(void *argument)
{
    struct mailbox *mailbox = argument;
    for (int turn = 0;; turn++) {
        struct pmx_kevent event = wait_for_one(mailbox->queue, turn);
        if (event.ident == STOP)
            return NULL;
        int read = atomic_exchange(&mailbox->letters, 0);
        if (atomic_fetch_add(&mailbox->read, read) + read == TOKENS)
            stop(mailbox->queue);
    }
}

TEST(no_trigger_is_lost)
{
    struct mailbox mailbox = {.queue = open_queue()};
    pthread_t threads[THREADS];
    CHECK_OK(change(mailbox.queue, 1, EVFILT_USER, EV_ADD | EV_CLEAR));
    CHECK_OK(change(mailbox.queue, STOP, EVFILT_USER, EV_ADD));
    run_threads(read_mail, &mailbox, threads);
    for (int i = 0; i < TOKENS; i++) {
        atomic_fetch_add(&mailbox.letters, 1);
        CHECK_OK(trigger(mailbox.queue, 1));
    }
    join_threads(threads);
    CHECK_EQ_INT(mailbox.read, TOKENS);
    close_queue(mailbox.queue);
}

/* Each of several that sleep gets one of as many events. */
TEST(each_sleeper_gets_one)
{
    struct sleeper sleepers[THREADS];
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < THREADS; i++)
        sleeper_start(&sleepers[i], queue, i % 2 ? -1 : TOO_LONG);
    struct pmx_kevent changes[2 * THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        changes[i] = entry(i, EVFILT_USER, EV_ADD | EV_ONESHOT, 0, 0, NULL);
        changes[THREADS + i] = entry(i, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    }
    CHECK_OK(pmx_kqueue_control(queue, changes, 2 * THREADS, NULL, 0, 0, NULL));
    unsigned seen = 0;
    for (int i = 0; i < THREADS; i++) {
        sleeper_join(&sleepers[i]);
        CHECK_EQ_INT(sleepers[i].result, 1);
        seen |= 1u << sleepers[i].event.ident;
    }
    CHECK_EQ_UINT(seen, (1u << THREADS) - 1);
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* The same with timers, which no other thread's call brings. */
TEST(each_sleeper_gets_one_timer)
{
    struct sleeper sleepers[THREADS];
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < THREADS; i++)
        sleeper_start(&sleepers[i], queue, -1);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK_OK(apply(queue, entry(i, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5, NULL)));
    for (int i = 0; i < THREADS; i++) {
        sleeper_join(&sleepers[i]);
        CHECK_EQ_INT(sleepers[i].result, 1);
    }
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(shutdown_wakes_all)
{
    struct sleeper sleepers[THREADS];
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < THREADS; i++)
        sleeper_start(&sleepers[i], queue, i % 2 ? -1 : TOO_LONG);
    CHECK_RETURNS(pmx_kqueue_shutdown(queue), 0);
    for (int i = 0; i < THREADS; i++) {
        sleeper_join(&sleepers[i]);
        CHECK_EQ_INT(sleepers[i].result, -1);
        CHECK_EQ_INT(sleepers[i].error, EBADF);
    }
    close_queue(queue);
}

/* Shutting one handle down wakes its own sleepers; the queue lives in the other. */
TEST(shutdown_of_one_handle)
{
    struct sleeper mine, theirs;
    struct pmx_kqueue *first = open_queue();
    int copy = CHECK_OK(fcntl(CHECK_OK(pmx_kqueue_fd(first)), F_DUPFD_CLOEXEC, 0));
    struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
    CHECK(second);
    CHECK_OK(change(first, 1, EVFILT_USER, EV_ADD));
    sleeper_start(&mine, first, -1);
    sleeper_start(&theirs, second, -1);
    CHECK_RETURNS(pmx_kqueue_shutdown(first), 0);
    sleeper_join(&mine);
    CHECK_EQ_INT(mine.error, EBADF);
    sleeper_sleeps(&theirs);
    CHECK_OK(trigger(second, 1));
    sleeper_join(&theirs);
    CHECK_EQ_INT(theirs.result, 1);
    close_queue(first);
    close_queue(second);
}
