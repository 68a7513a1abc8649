/* One epoll handle in many threads, which the library allows in full. */
#include <polymux/epoll.h>

#include <stdatomic.h>
#include <unistd.h>

#include "epoll_api.h"
#include "support.h"

enum { THREADS = 4, PIPES = 8, TOKENS = 400 };

/* Tokens are bytes in pipes; each must be read exactly once. */
struct party {
    const struct epoll_api *api;
    void *epoll;
    int pipes[PIPES][2];
    int stop[2]; /* readable for all, for ever: the end */
    atomic_int taken;
};

/* A one-shot descriptor belongs to one thread until that arms it again. */
static bool take(struct party *party, const struct epoll_event *event)
{
    if (event->data.u64 == PIPES)
        return false;
    int fd = party->pipes[event->data.u64][0];
    read_byte(fd);
    int taken = atomic_fetch_add(&party->taken, 1) + 1;
    CHECK_OK(party->api->ctl(party->epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT,
                             event->data.u64));
    if (taken == TOKENS)
        write_byte(party->stop[1]);
    return true;
}

static void *take_part(void *argument)
{
    struct party *party = argument;
    struct epoll_event event;
    int64_t timeout_ns = -1;
    do {
        CHECK_EQ_INT(party->api->wait(party->epoll, &event, 1, timeout_ns, NULL), 1);
        timeout_ns = timeout_ns < 0 ? TOO_LONG : -1; /* which is another way in */
    } while (take(party, &event));
    return NULL;
}

static void party_open(struct party *party, const struct epoll_api *api)
{
    party->api = api;
    party->epoll = api->create();
    party->taken = 0;
    for (unsigned i = 0; i < PIPES; i++) {
        make_pipe(party->pipes[i]);
        CHECK_OK(api->ctl(party->epoll, EPOLL_CTL_ADD, party->pipes[i][0],
                          EPOLLIN | EPOLLONESHOT, i));
    }
    make_pipe(party->stop);
    CHECK_OK(api->ctl(party->epoll, EPOLL_CTL_ADD, party->stop[0], EPOLLIN, PIPES));
}

static void party_close(struct party *party)
{
    CHECK_OK(party->api->close(party->epoll));
    for (int i = 0; i < PIPES; i++)
        close_both(party->pipes[i]);
    close_both(party->stop);
}

TEST_EACH(each_event_goes_to_one_thread, const struct epoll_api *api, epoll_apis)
{
    struct party party;
    pthread_t threads[THREADS];
    party_open(&party, api);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(take_part, &party);
    for (int i = 0; i < TOKENS; i++)
        write_byte(party.pipes[i % PIPES][1]);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    CHECK_EQ_INT(party.taken, TOKENS);
    party_close(&party);
}

/* A descriptor registered while another thread sleeps wakes that thread. */
struct sleeper {
    const struct epoll_api *api;
    void *epoll;
    int64_t timeout_ns;
    _Atomic pid_t thread;
    uint64_t data;
};

static void *sleep_body(void *argument)
{
    struct sleeper *sleeper = argument;
    struct epoll_event event;
    sleeper->thread = gettid();
    CHECK_RETURNS(
        sleeper->api->wait(sleeper->epoll, &event, 1, sleeper->timeout_ns, NULL), 1);
    sleeper->data = event.data.u64;
    return NULL;
}

static void register_while_asleep(const struct epoll_api *api, int64_t timeout_ns)
{
    int ends[2];
    make_socketpair(ends);
    struct sleeper sleeper = {api, api->create(), timeout_ns, 0, 0};
    pthread_t thread = start_thread(sleep_body, &sleeper);
    while (!sleeper.thread)
        sched_yield();
    await_sleep(getpid(), sleeper.thread);
    CHECK_OK(api->ctl(sleeper.epoll, EPOLL_CTL_ADD, ends[0], EPOLLOUT, 77));
    join_thread(thread);
    CHECK_EQ_UINT(sleeper.data, 77);
    CHECK_OK(api->close(sleeper.epoll));
    close_both(ends);
}

TEST_EACH(registering_wakes_a_waiter, const struct epoll_api *api, epoll_apis)
{
    register_while_asleep(api, -1);
    register_while_asleep(api, TOO_LONG);
}
