/*
 * Random changes to the library's kept set and to the plainest one over
 * ppoll(2): same answers, in the same order.
 */
#include "poll_api.h"
#include "support.h"
#include "zoo.h"

enum { SEEDS = 100, STEPS = 400 };

struct contest {
    struct random random;
    struct zoo zoo;
    void *sets[POLL_APIS];
};

static int change_set(const struct poll_api *api, void *set, unsigned choice, int fd,
                      short events)
{
    if (choice < 5)
        return api->add(set, fd, events);
    return choice < 7 ? api->modify(set, fd, events) : api->remove(set, fd);
}

/* The same result, also where it is an error. */
static void change_sets(struct contest *contest)
{
    int fd = contest->zoo.fds[random_below(&contest->random, ZOO_CAGES)];
    short events = random_poll_events(&contest->random);
    unsigned choice = random_below(&contest->random, 10);
    int results[POLL_APIS], errors[POLL_APIS];
    for (int i = 0; i < POLL_APIS; i++) {
        errno = 0;
        results[i] = change_set(&poll_apis[i], contest->sets[i], choice, fd, events);
        errors[i] = errno;
    }
    if (results[0] != results[1] || errors[0] != errors[1])
        FAIL("change gives %d (errno %d), expected %d (errno %d)", results[0],
             errors[0], results[1], errors[1]);
    CHECK_EQ_UINT(poll_apis[0].count(contest->sets[0]),
                  poll_apis[1].count(contest->sets[1]));
}

static void compare_answers(const struct contest *contest)
{
    const struct pollfd *ours = NULL, *theirs = NULL;
    do {
        ours = poll_apis[0].next(contest->sets[0], ours);
        theirs = poll_apis[1].next(contest->sets[1], theirs);
        if (!ours != !theirs)
            FAIL("the answer ends too %s", ours ? "late" : "early");
        if (ours && (ours->fd != theirs->fd || ours->revents != theirs->revents))
            FAIL("descriptor %d has %#x, poll(2) says %d has %#x", ours->fd,
                 (unsigned)ours->revents, theirs->fd, (unsigned)theirs->revents);
    } while (ours);
}

static void compare_waits(struct contest *contest)
{
    int64_t timeout_ns = random_below(&contest->random, 8) ? 0 : 100 * US;
    int ours = poll_apis[0].wait(contest->sets[0], timeout_ns, NULL);
    int theirs = poll_apis[1].wait(contest->sets[1], timeout_ns, NULL);
    if (ours != theirs)
        FAIL("wait gives %d, poll(2) %d", ours, theirs);
    compare_answers(contest);
}

static void hold(uint64_t seed)
{
    struct contest contest = {.random = {seed}};
    zoo_open(&contest.zoo, &contest.random);
    for (int i = 0; i < POLL_APIS; i++)
        contest.sets[i] = poll_apis[i].create();
    for (int step = 0; step < STEPS; step++) {
        CONTEXT("seed %d, step %d", (int)seed, step);
        unsigned cage = random_below(&contest.random, ZOO_CAGES);
        change_sets(&contest);
        if (random_below(&contest.random, 3) == 0)
            zoo_change(&contest.zoo, &contest.random, cage);
        if (random_below(&contest.random, 6) == 0)
            zoo_empty(&contest.zoo, cage);
        if (random_below(&contest.random, 2) == 0)
            compare_waits(&contest);
    }
    for (int i = 0; i < POLL_APIS; i++)
        poll_apis[i].free(contest.sets[i]);
    zoo_close(&contest.zoo);
}

TEST(same_answers_as_the_kernel)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hold(seed);
}
