/*
 * Random changes to a /dev/poll handle and to a plain table over poll(2):
 * the same descriptors with the same events. What is closed or given another
 * file leaves the table, as it leaves the handle.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devpoll_api.h"
#include "support.h"
#include "zoo.h"

enum { SEEDS = 100, STEPS = 400 };

struct contest {
    struct random random;
    struct zoo zoo;
    struct pmx_devpoll *devpoll;
    struct pollfd model[ZOO_CAGES]; /* by cage; fd is -1 or the cage's number */
    bool bound[ZOO_CAGES];          /* to a file: it was open at some wait */
    int duplicates[ZOO_CAGES];      /* of files that have left their cages */
};

static void change(struct contest *contest)
{
    unsigned cage = random_below(&contest->random, ZOO_CAGES);
    int fd = contest->zoo.fds[cage];
    short events = random_poll_events(&contest->random);
    struct pollfd *model = &contest->model[cage];
    unsigned choice = random_below(&contest->random, 10);
    if (choice < 5) {
        CHECK_RETURNS(pmx_devpoll_register(contest->devpoll, fd, events), 0);
        short kept = model->fd < 0 ? 0 : model->events;
        *model = (struct pollfd){.fd = fd, .events = (short)(events | kept)};
    } else if (choice < 7) {
        CHECK_RETURNS(pmx_devpoll_modify(contest->devpoll, fd, events), 0);
        *model = (struct pollfd){.fd = fd, .events = events};
    } else {
        CHECK_RETURNS(pmx_devpoll_unregister(contest->devpoll, fd), 0);
        model->fd = -1;
    }
    contest->bound[cage] = model->fd >= 0 && is_open(fd);
    CHECK_EQ_INT(polled(contest->devpoll, fd), model->fd < 0 ? -1 : model->events);
}

/* Now and then the file lives on elsewhere, which must not be noticed. */
static void leave_cage(struct contest *contest, unsigned cage)
{
    int *duplicate = &contest->duplicates[cage];
    if (*duplicate >= 0)
        CHECK_OK(close(*duplicate));
    *duplicate = -1;
    if (is_open(contest->zoo.fds[cage]) && random_below(&contest->random, 2))
        *duplicate = CHECK_OK(dup(contest->zoo.fds[cage]));
    if (contest->bound[cage])
        contest->model[cage].fd = -1;
}

/* Directories and devices: one of them opened again is the same file. */
static bool is_one_of_a_kind(int fd)
{
    struct stat status;
    CHECK_OK(fstat(fd, &status));
    return !S_ISDIR(status.st_mode) && !S_ISCHR(status.st_mode);
}

static void move_animals(struct contest *contest)
{
    unsigned cage = random_below(&contest->random, ZOO_CAGES);
    leave_cage(contest, cage);
    if (random_below(&contest->random, 3))
        do
            zoo_change(&contest->zoo, &contest->random, cage);
        while (!is_one_of_a_kind(contest->zoo.fds[cage]));
    else
        zoo_empty(&contest->zoo, cage);
}

static int ask_model(struct contest *contest, struct pollfd *answers)
{
    int count = 0;
    CHECK_OK(poll(contest->model, ZOO_CAGES, 0));
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++)
        if (contest->model[cage].fd >= 0) {
            contest->bound[cage] = is_open(contest->zoo.fds[cage]);
            if (contest->model[cage].revents)
                answers[count++] = contest->model[cage];
        }
    return count;
}

static void compare(struct contest *contest)
{
    struct pollfd ours[ZOO_CAGES], theirs[ZOO_CAGES];
    int64_t timeout_ns = random_below(&contest->random, 8) ? 0 : 100 * US;
    int expected = ask_model(contest, theirs);
    int count =
        CHECK_OK(pmx_devpoll_wait(contest->devpoll, ours, ZOO_CAGES, timeout_ns, NULL));
    sort_by_fd(ours, count);
    sort_by_fd(theirs, expected);
    for (int i = 0; i < count && i < expected; i++)
        if (ours[i].fd != theirs[i].fd || ours[i].revents != theirs[i].revents ||
            ours[i].events != theirs[i].events)
            FAIL("descriptor %d has %#x, poll(2) says %d has %#x", ours[i].fd,
                 (unsigned)ours[i].revents, theirs[i].fd, (unsigned)theirs[i].revents);
    CHECK_EQ_INT(count, expected);
}

static void hold(uint64_t seed)
{
    struct contest contest = {.random = {seed}, .devpoll = devpoll_open()};
    zoo_open(&contest.zoo, &contest.random);
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++) {
        contest.model[cage].fd = -1;
        contest.duplicates[cage] = -1;
    }
    for (int step = 0; step < STEPS; step++) {
        CONTEXT("seed %d, step %d", (int)seed, step);
        change(&contest);
        if (random_below(&contest.random, 2) == 0)
            move_animals(&contest);
        if (random_below(&contest.random, 2) == 0)
            compare(&contest);
    }
    CHECK_OK(pmx_devpoll_close(contest.devpoll));
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++)
        if (contest.duplicates[cage] >= 0)
            CHECK_OK(close(contest.duplicates[cage]));
    zoo_close(&contest.zoo);
}

TEST(same_answers_as_poll)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        hold(seed);
}
