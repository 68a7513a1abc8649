/* poll and threads: changes during a wait, and two threads that both wait. */
#include <polymux/poll.h>

#include <stdatomic.h>
#include <unistd.h>

#include "support.h"

/* A thread inside a wait without limit on a set with one idle pipe. */
struct waiting {
    struct pmx_poll *set;
    int idle[2];
    _Atomic pid_t thread;
    pthread_t waiter;
    int count; /* what the wait returned */
};

static void *wait_body(void *argument)
{
    struct waiting *waiting = argument;
    waiting->thread = gettid();
    waiting->count = pmx_poll_wait(waiting->set, -1, NULL);
    return NULL;
}

static void waiting_start(struct waiting *waiting)
{
    waiting->thread = 0;
    waiting->waiter = start_thread(wait_body, waiting);
    while (!waiting->thread)
        sched_yield();
    await_sleep(getpid(), waiting->thread);
}

static void waiting_open(struct waiting *waiting)
{
    waiting->set = pmx_poll_create();
    make_pipe(waiting->idle);
    CHECK_OK(pmx_poll_register(waiting->set, waiting->idle[0], POLLIN));
    waiting_start(waiting);
}

static void waiting_wake(struct waiting *waiting)
{
    write_byte(waiting->idle[1]);
    join_thread(waiting->waiter);
    read_byte(waiting->idle[0]);
}

static void waiting_close(struct waiting *waiting)
{
    pmx_poll_free(waiting->set);
    close_both(waiting->idle);
}

TEST(second_waiter_is_refused)
{
    struct waiting waiting;
    waiting_open(&waiting);
    CHECK_ERRNO(pmx_poll_wait(waiting.set, 0, NULL), EBUSY);
    CHECK_ERRNO(pmx_poll_wait(waiting.set, -1, NULL), EBUSY);
    CHECK_ERRNO(pmx_poll_resume(waiting.set, 0, NULL), EBUSY);
    waiting_wake(&waiting);
    CHECK_EQ_INT(waiting.count, 1);
    CHECK_EQ_INT(pmx_poll_next(waiting.set, NULL)->fd, waiting.idle[0]);
    CHECK_RETURNS(pmx_poll_wait(waiting.set, 0, NULL), 0);
    waiting_close(&waiting);
}

TEST(registered_during_a_wait_counts_from_the_next)
{
    int ready[2];
    struct waiting waiting;
    make_socketpair(ready);
    waiting_open(&waiting);
    CHECK_RETURNS(pmx_poll_register(waiting.set, ready[0], POLLOUT), 0);
    CHECK_EQ_UINT(pmx_poll_count(waiting.set), 2);
    waiting_wake(&waiting);
    CHECK_EQ_INT(waiting.count, 1);
    const struct pollfd *first = pmx_poll_next(waiting.set, NULL);
    CHECK_EQ_INT(first->fd, waiting.idle[0]);
    CHECK_EQ_PTR(pmx_poll_next(waiting.set, first), NULL);
    CHECK_RETURNS(pmx_poll_wait(waiting.set, -1, NULL), 1);
    CHECK_EQ_INT(pmx_poll_next(waiting.set, NULL)->fd, ready[0]);
    waiting_close(&waiting);
    close_both(ready);
}

TEST(modified_and_removed_during_a_wait)
{
    int other[2];
    struct waiting waiting;
    make_socketpair(other);
    waiting_open(&waiting);
    CHECK_RETURNS(pmx_poll_modify(waiting.set, waiting.idle[0], 0), 0);
    waiting_wake(&waiting);
    CHECK_EQ_INT(pmx_poll_next(waiting.set, NULL)->revents, POLLIN);
    CHECK_OK(pmx_poll_modify(waiting.set, waiting.idle[0], POLLIN));
    waiting_start(&waiting);
    CHECK_RETURNS(pmx_poll_unregister(waiting.set, waiting.idle[0]), 0);
    CHECK_EQ_UINT(pmx_poll_count(waiting.set), 0);
    waiting_wake(&waiting);
    CHECK_EQ_INT(waiting.count, 1);
    write_byte(waiting.idle[1]);
    CHECK_RETURNS(pmx_poll_wait(waiting.set, 0, NULL), 0);
    waiting_close(&waiting);
    close_both(other);
}

/* The set grows past every reallocation while the kernel works on its copy. */
TEST(growing_during_a_wait)
{
    struct waiting waiting;
    waiting_open(&waiting);
    for (int fd = 5000; fd < 9000; fd++)
        CHECK_RETURNS(pmx_poll_register(waiting.set, fd, POLLIN), 0);
    for (int fd = 5000; fd < 9000; fd++)
        CHECK_RETURNS(pmx_poll_unregister(waiting.set, fd), 0);
    waiting_wake(&waiting);
    CHECK_EQ_INT(waiting.count, 1);
    waiting_close(&waiting);
}

struct changer {
    struct pmx_poll *set;
    int first_fd;
    atomic_bool *stop;
};

/* Registers its own hundred numbers and takes them out, over and over. */
static void *change_body(void *argument)
{
    const struct changer *changer = argument;
    do {
        for (int i = 0; i < 100; i++)
            CHECK_RETURNS(pmx_poll_register(changer->set, changer->first_fd + i, 0), 0);
        for (int i = 0; i < 100; i++)
            CHECK_RETURNS(pmx_poll_modify(changer->set, changer->first_fd + i, POLLIN),
                          0);
        for (int i = 0; i < 100; i++)
            CHECK_RETURNS(pmx_poll_unregister(changer->set, changer->first_fd + i), 0);
    } while (!atomic_load(changer->stop));
    return NULL;
}

TEST(many_threads_change_while_one_waits)
{
    enum { CHANGERS = 3, WAITS = 300 };
    int ends[2];
    atomic_bool stop = false;
    struct changer changers[CHANGERS];
    pthread_t threads[CHANGERS];
    struct pmx_poll *set = pmx_poll_create();
    make_socketpair(ends);
    CHECK_OK(pmx_poll_register(set, ends[0], POLLOUT));
    for (int i = 0; i < CHANGERS; i++) {
        changers[i] = (struct changer){set, 10000 + 1000 * i, &stop};
        threads[i] = start_thread(change_body, &changers[i]);
    }
    for (int i = 0; i < WAITS; i++) {
        CHECK_GE_INT(pmx_poll_wait(set, -1, NULL), 1);
        CHECK_EQ_INT(pmx_poll_next(set, NULL)->fd, ends[0]);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < CHANGERS; i++)
        join_thread(threads[i]);
    CHECK_EQ_UINT(pmx_poll_count(set), 1);
    CHECK_RETURNS(pmx_poll_wait(set, 0, NULL), 1);
    pmx_poll_free(set);
    close_both(ends);
}
