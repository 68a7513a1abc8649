/* One /dev/poll handle in many threads, and in a child of fork. */
#include <stdatomic.h>
#include <unistd.h>

#include "devpoll_api.h"
#include "support.h"

enum { THREADS = 4, PIPES = 16, ROUNDS = 300 };

struct sleeper {
    struct pmx_devpoll *devpoll;
    int64_t timeout_ns;
    _Atomic pid_t thread;
    int fd;
};

static void *sleep_body(void *argument)
{
    struct sleeper *sleeper = argument;
    struct pollfd answer;
    sleeper->thread = gettid();
    CHECK_RETURNS(
        pmx_devpoll_wait(sleeper->devpoll, &answer, 1, sleeper->timeout_ns, NULL), 1);
    sleeper->fd = answer.fd;
    return NULL;
}

/* What wakes one wakes all: readiness is a level. */
static void register_while_asleep(int64_t timeout_ns, int fd)
{
    struct pmx_devpoll *devpoll = devpoll_open();
    struct sleeper sleepers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        sleepers[i] = (struct sleeper){devpoll, timeout_ns, 0, -1};
        threads[i] = start_thread(sleep_body, &sleepers[i]);
        while (!sleepers[i].thread)
            sched_yield();
        await_sleep(getpid(), sleepers[i].thread);
    }
    CHECK_RETURNS(pmx_devpoll_register(devpoll, fd, POLLOUT), 0);
    for (int i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
        CHECK_EQ_INT(sleepers[i].fd, fd);
    }
    CHECK_OK(pmx_devpoll_close(devpoll));
}

TEST(registering_wakes_all_that_wait)
{
    int ends[2], file = make_file();
    make_pipe(ends);
    register_while_asleep(-1, ends[1]);
    register_while_asleep(TOO_LONG, ends[1]);
    register_while_asleep(-1, file);
    register_while_asleep(TOO_LONG, file + 100);
    CHECK_OK(close(file));
    close_both(ends);
}

/* What is ready all the time is seen by every wait, beside others or not. */
struct crowd {
    struct pmx_devpoll *devpoll;
    int pipes[PIPES][2];
    int ready; /* the number of answers that each wait has at least */
    atomic_bool over;
};

static void *look_on(void *argument)
{
    struct crowd *crowd = argument;
    struct pollfd answers[PIPES];
    for (int i = 0; i < ROUNDS; i++)
        CHECK_GE_INT(pmx_devpoll_wait(crowd->devpoll, answers, PIPES, 0, NULL),
                     crowd->ready);
    return NULL;
}

static void *interfere(void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; !crowd->over; i++) {
        int fd = crowd->pipes[i % (PIPES - crowd->ready) + crowd->ready][1];
        short events;
        CHECK_RETURNS(pmx_devpoll_register(crowd->devpoll, fd, POLLIN), 0);
        CHECK_RETURNS(pmx_devpoll_modify(crowd->devpoll, fd, POLLOUT), 0);
        CHECK_RETURNS(pmx_devpoll_query(crowd->devpoll, fd, &events), 1);
        CHECK_RETURNS(pmx_devpoll_unregister(crowd->devpoll, fd), 0);
    }
    return NULL;
}

TEST(every_wait_sees_what_is_ready)
{
    struct crowd crowd = {.devpoll = devpoll_open(), .ready = PIPES / 2};
    pthread_t threads[THREADS];
    for (int i = 0; i < PIPES; i++) {
        make_pipe(crowd.pipes[i]);
        if (i < crowd.ready)
            CHECK_OK(pmx_devpoll_register(crowd.devpoll, crowd.pipes[i][1], POLLOUT));
    }
    pthread_t other = start_thread(interfere, &crowd);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(look_on, &crowd);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    crowd.over = true;
    join_thread(other);
    CHECK_OK(pmx_devpoll_close(crowd.devpoll));
    for (int i = 0; i < PIPES; i++)
        close_both(crowd.pipes[i]);
}

static void check_refusals(struct pmx_devpoll *devpoll, int fd)
{
    struct pollfd answer;
    short events;
    CHECK_ERRNO(pmx_devpoll_register(devpoll, fd, POLLIN), EACCES);
    CHECK_ERRNO(pmx_devpoll_modify(devpoll, fd, POLLIN), EACCES);
    CHECK_ERRNO(pmx_devpoll_unregister(devpoll, fd), EACCES);
    CHECK_ERRNO(pmx_devpoll_query(devpoll, fd, &events), EACCES);
    CHECK_ERRNO(pmx_devpoll_wait(devpoll, &answer, 1, -1, NULL), EACCES);
    CHECK_EQ_UINT(pmx_devpoll_count(devpoll), 0);
    CHECK(is_open(pmx_devpoll_fd(devpoll)));
}

TEST(child_of_fork_is_refused)
{
    int ends[2], file = make_file();
    struct pmx_devpoll *devpoll = devpoll_open();
    make_pipe(ends);
    CHECK_OK(pmx_devpoll_register(devpoll, ends[1], POLLOUT));
    CHECK_OK(pmx_devpoll_register(devpoll, file, POLLIN));
    pid_t child = fork();
    if (child == 0) {
        check_refusals(devpoll, ends[1]);
        CHECK_RETURNS(pmx_devpoll_close(devpoll), 0);
        struct pmx_devpoll *own = devpoll_open();
        CHECK_OK(pmx_devpoll_register(own, ends[1], POLLOUT));
        check_one(own, -1, ends[1], POLLOUT);
        CHECK_OK(pmx_devpoll_close(own));
        _exit(0);
    }
    join_process(child);
    CHECK_EQ_INT(polled(devpoll, ends[1]), POLLOUT);
    CHECK_EQ_INT(polled(devpoll, file), POLLIN);
    struct pollfd answers[4];
    CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 4, -1, NULL), 2);
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(file));
    close_both(ends);
}
