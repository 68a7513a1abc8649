/* Random questions to the library's select and to the kernel's: same answers. */
#include <polymux/select.h>

#include "select_api.h"
#include "support.h"
#include "zoo.h"

enum { SEEDS = 100, STEPS = 400, CLASS_SETS = 8 };

struct contest {
    struct random random;
    struct zoo zoo;
    const struct select_api *apis[SELECT_APIS];
    void *sets[SELECT_APIS];
};

static void change_sets(struct contest *contest)
{
    unsigned cage = random_below(&contest->random, ZOO_CAGES);
    unsigned interest = 1 + random_below(&contest->random, CLASS_SETS - 1);
    unsigned choice = random_below(&contest->random, 100);
    for (int i = 0; i < SELECT_APIS; i++) {
        const struct select_api *api = contest->apis[i];
        if (choice == 0)
            api->clear(contest->sets[i]);
        else if (choice < 45)
            CHECK_RETURNS(
                api->remove(contest->sets[i], contest->zoo.fds[cage], interest), 0);
        else
            CHECK_RETURNS(api->add(contest->sets[i], contest->zoo.fds[cage], interest),
                          0);
    }
}

static void change_zoo(struct contest *contest)
{
    unsigned cage = random_below(&contest->random, ZOO_CAGES);
    zoo_restock(&contest->zoo, &contest->random);
    if (random_below(&contest->random, 10) == 0)
        zoo_empty(&contest->zoo, cage);
    else
        zoo_change(&contest->zoo, &contest->random, cage);
}

static void compare_waits(struct contest *contest)
{
    int64_t timeout_ns = random_below(&contest->random, 8) ? 0 : 100 * US;
    int counts[SELECT_APIS], errors[SELECT_APIS];
    for (int i = 0; i < SELECT_APIS; i++) {
        errno = 0;
        counts[i] = contest->apis[i]->wait(contest->sets[i], timeout_ns, NULL);
        errors[i] = errno;
    }
    if (counts[0] != counts[1] || errors[0] != errors[1])
        FAIL("wait gives %d (errno %d), select(2) %d (errno %d)", counts[0], errors[0],
             counts[1], errors[1]);
    harness_checked();
}

static void compare_answers(struct contest *contest)
{
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++) {
        int fd = contest->zoo.fds[cage];
        unsigned ours = contest->apis[0]->ready(contest->sets[0], fd);
        unsigned theirs = contest->apis[1]->ready(contest->sets[1], fd);
        if (ours != theirs)
            FAIL("descriptor %d ready for %#x, in select(2) %#x", fd, ours, theirs);
    }
}

static void hold(uint64_t seed)
{
    struct contest contest = {.random = {seed}};
    zoo_open(&contest.zoo, &contest.random);
    for (int i = 0; i < SELECT_APIS; i++) {
        contest.apis[i] = &select_apis[i];
        contest.sets[i] = select_apis[i].create();
    }
    for (int step = 0; step < STEPS; step++) {
        CONTEXT("seed %d, step %d", (int)seed, step);
        change_sets(&contest);
        if (random_below(&contest.random, 3) == 0)
            change_zoo(&contest);
        compare_waits(&contest);
        compare_answers(&contest);
    }
    for (int i = 0; i < SELECT_APIS; i++)
        contest.apis[i]->free(contest.sets[i]);
    zoo_close(&contest.zoo);
}

TEST(same_answers_as_the_kernel)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hold(seed);
}
