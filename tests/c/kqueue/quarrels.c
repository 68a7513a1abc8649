/*
 * Threads that change what other threads are just collecting, close what they
 * wait for, and make and close queues: nobody crashes, hangs or gets what
 * nobody added, and afterwards the queue works.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue.h"

enum { THREADS = 3, THINGS = 6, USERS = 4, STOP = 1000, CHANGES = 2000 };

/* All that threads can disagree about: sockets, files, users' events, timers. */
struct quarrel {
    struct pmx_kqueue *queue;
    int sockets[THINGS][2];
    int files[THINGS];
    atomic_bool over;
    atomic_uint seed;
};

static void begin(struct quarrel *quarrel)
{
    *quarrel = (struct quarrel){.queue = open_queue(), .seed = 1};
    for (int i = 0; i < THINGS; i++) {
        make_socketpair(quarrel->sockets[i]);
        write_byte(quarrel->sockets[i][1]);
        quarrel->files[i] = make_disk_file();
        grow(quarrel->files[i], 1);
    }
    CHECK_OK(change(quarrel->queue, STOP, EVFILT_USER, EV_ADD));
}

static void end(struct quarrel *quarrel)
{
    close_queue(quarrel->queue);
    for (int i = 0; i < THINGS; i++) {
        close_both(quarrel->sockets[i]);
        CHECK_OK(close(quarrel->files[i]));
    }
}

static void start(pthread_t threads[THREADS], void *(*body)(void *),
                  struct quarrel *quarrel)
{
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(body, quarrel);
}

static void join(const pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

static struct random random_of(struct quarrel *quarrel)
{
    return (struct random){atomic_fetch_add(&quarrel->seed, 1)};
}

static struct pmx_kevent random_change(struct quarrel *quarrel, struct random *random)
{
    static const unsigned flags[] = {
        EV_ADD,    EV_ADD | EV_CLEAR,   EV_ADD | EV_ONESHOT,
        EV_DELETE, EV_ENABLE,           EV_DISABLE,
        EV_ADD,    EV_ADD | EV_DISPATCH};
    unsigned chosen = flags[random_below(random, sizeof(flags) / sizeof(flags[0]))];
    unsigned thing = random_below(random, THINGS);
    int16_t filter = random_below(random, 2) ? EVFILT_READ : EVFILT_WRITE;
    switch (random_below(random, 4)) {
    case 0:
        return entry((uintptr_t)quarrel->sockets[thing][0], filter, chosen, 0, 0, 0);
    case 1:
        return entry((uintptr_t)quarrel->files[thing], EVFILT_READ, chosen, 0, 0, 0);
    case 2:
        return entry(thing % USERS, EVFILT_USER, chosen, NOTE_TRIGGER, 0, NULL);
    default:
        return entry(thing, EVFILT_TIMER, chosen, NOTE_USECONDS, 100, NULL);
    }
}

static void *change_at_random(void *argument)
{
    struct quarrel *quarrel = argument;
    struct random random = random_of(quarrel);
    for (int i = 0; i < CHANGES; i++)
        if (apply(quarrel->queue, random_change(quarrel, &random)) < 0)
            CHECK_EQ_INT(errno, ENOENT);
    return NULL;
}

/* Of a filter that there is, and nothing that says error. */
static void check_sound(const struct pmx_kevent *event)
{
    CHECK(event->filter == EVFILT_READ || event->filter == EVFILT_WRITE ||
          event->filter == EVFILT_USER || event->filter == EVFILT_TIMER);
    CHECK_EQ_UINT(event->flags & (EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE), 0);
    CHECK_EQ_UINT(event->flags & EV_ERROR, 0);
}

static void *collect_until_over(void *argument)
{
    static const int64_t ways[] = {-1, TOO_LONG, 0, 10 * US};
    struct quarrel *quarrel = argument;
    struct pmx_kevent events[ROOM];
    for (int turn = 0; !atomic_load(&quarrel->over); turn++) {
        int count = CHECK_OK(pmx_kqueue_control(quarrel->queue, NULL, 0, events,
                                                1 + turn % ROOM, ways[turn % 4], NULL));
        for (int i = 0; i < count; i++)
            check_sound(&events[i]);
    }
    return NULL;
}

static void stop(struct quarrel *quarrel)
{
    atomic_store(&quarrel->over, true);
    CHECK_OK(trigger(quarrel->queue, STOP));
}

/* Every thing can be deleted at most once, added, and taken. */
static void check_works(struct quarrel *quarrel)
{
    CHECK_OK(change(quarrel->queue, STOP, EVFILT_USER, EV_DELETE));
    for (unsigned i = 0; i < THINGS; i++) {
        const uintptr_t idents[] = {(uintptr_t)quarrel->sockets[i][0],
                                    (uintptr_t)quarrel->sockets[i][0],
                                    (uintptr_t)quarrel->files[i], i, i};
        static const int16_t filters[] = {EVFILT_READ, EVFILT_WRITE, EVFILT_READ,
                                          EVFILT_USER, EVFILT_TIMER};
        for (int f = 0; f < 5; f++) {
            change(quarrel->queue, idents[f], filters[f], EV_DELETE);
            CHECK_ERRNO(change(quarrel->queue, idents[f], filters[f], EV_DELETE),
                        ENOENT);
        }
    }
    CHECK_QUIET(quarrel->queue);
    check_shows(quarrel->queue, false);
    CHECK_OK(
        change(quarrel->queue, (uintptr_t)quarrel->sockets[0][0], EVFILT_READ, EV_ADD));
    CHECK_EQ_INT(take(quarrel->queue).data, 1);
}

TEST(changers_and_collectors)
{
    struct quarrel quarrel;
    pthread_t changers[THREADS], collectors[THREADS];
    begin(&quarrel);
    start(collectors, collect_until_over, &quarrel);
    start(changers, change_at_random, &quarrel);
    join(changers);
    stop(&quarrel);
    join(collectors);
    check_works(&quarrel);
    end(&quarrel);
}

/* The same in a queue that another one watches. */
TEST(changers_and_collectors_of_an_inner_queue)
{
    struct quarrel quarrel;
    pthread_t changers[THREADS], collectors[THREADS];
    struct pmx_kqueue *outer = open_queue();
    struct pmx_kevent event;
    begin(&quarrel);
    uintptr_t ident = (uintptr_t)CHECK_OK(pmx_kqueue_fd(quarrel.queue));
    CHECK_OK(change(outer, ident, EVFILT_READ, EV_ADD));
    start(collectors, collect_until_over, &quarrel);
    start(changers, change_at_random, &quarrel);
    for (int i = 0; i < 1000; i++)
        CHECK_OK(pmx_kqueue_control(outer, NULL, 0, &event, 1, 10 * US, NULL));
    join(changers);
    stop(&quarrel);
    join(collectors);
    check_works(&quarrel);
    CHECK_TAKES(outer, ident, EVFILT_READ, 0, 1);
    close_queue(outer);
    end(&quarrel);
}

/* Numbers that are closed and given to others under everybody's hands. */
static void *swap_numbers(void *argument)
{
    struct quarrel *quarrel = argument;
    struct random random = random_of(quarrel);
    for (int i = 0; i < CHANGES / 4; i++) {
        unsigned thing = random_below(&random, THINGS);
        int spare[2];
        make_socketpair(spare);
        write_byte(spare[1]);
        CHECK_OK(dup3(spare[0], quarrel->sockets[thing][0], O_CLOEXEC));
        close_both(spare);
    }
    return NULL;
}

TEST(numbers_change_hands)
{
    struct quarrel quarrel;
    pthread_t changers[THREADS], collectors[THREADS];
    begin(&quarrel);
    start(collectors, collect_until_over, &quarrel);
    start(changers, change_at_random, &quarrel);
    swap_numbers(&quarrel);
    join(changers);
    stop(&quarrel);
    join(collectors);
    int ends[2];
    make_socketpair(ends);
    write_byte(ends[1]);
    CHECK_OK(dup3(ends[0], quarrel.sockets[0][0], O_CLOEXEC));
    check_works(&quarrel);
    close_both(ends);
    end(&quarrel);
}

/* Queues made, used, nested and closed in all threads at once. */
static void *live_and_die(void *argument)
{
    struct quarrel *quarrel = argument;
    for (int i = 0; i < 300; i++) {
        struct pmx_kqueue *inner = open_queue(), *outer = open_queue();
        uintptr_t fd = (uintptr_t)CHECK_OK(pmx_kqueue_fd(inner));
        CHECK_OK(change(outer, fd, EVFILT_READ, EV_ADD));
        CHECK_OK(change(inner, (uintptr_t)quarrel->sockets[0][0], EVFILT_READ, EV_ADD));
        CHECK_OK(change(inner, (uintptr_t)quarrel->files[0], EVFILT_READ, EV_ADD));
        CHECK_EQ_UINT(take(outer).ident, fd);
        int copy = CHECK_OK(fcntl((int)fd, F_DUPFD_CLOEXEC, 0));
        struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
        CHECK(second);
        close_queue(i % 2 ? inner : second);
        close_queue(outer);
        close_queue(i % 2 ? second : inner);
    }
    return NULL;
}

TEST(queues_come_and_go)
{
    struct quarrel quarrel;
    pthread_t threads[THREADS];
    begin(&quarrel);
    start(threads, live_and_die, &quarrel);
    join(threads);
    end(&quarrel);
}

/* Shut down while all are at it: everyone is told, and no one waits on. */
static void *use_until_closed(void *argument)
{
    struct quarrel *quarrel = argument;
    struct random random = random_of(quarrel);
    struct pmx_kevent event;
    for (;;) {
        struct pmx_kevent wanted = random_change(quarrel, &random);
        if (apply(quarrel->queue, wanted) < 0 && errno == EBADF)
            return NULL;
        int64_t timeout_ns = random_below(&random, 10) ? 0 : -1;
        if (pmx_kqueue_control(quarrel->queue, NULL, 0, &event, 1, timeout_ns, NULL) <
            0) {
            CHECK_EQ_INT(errno, EBADF);
            return NULL;
        }
    }
}

TEST(shut_down_in_the_middle)
{
    for (int i = 0; i < 20; i++) {
        struct quarrel quarrel;
        pthread_t threads[THREADS];
        begin(&quarrel);
        start(threads, use_until_closed, &quarrel);
        for (int j = 0; j < 10 * i; j++)
            CHECK_OK(change(quarrel.queue, STOP, EVFILT_USER, EV_ENABLE));
        CHECK_RETURNS(pmx_kqueue_shutdown(quarrel.queue), 0);
        join(threads);
        end(&quarrel);
    }
}
