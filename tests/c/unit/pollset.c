/* The ordered array of struct pollfd: order, holes, and their closing. */
#include "../../../src/base/pollset.h"

#include <limits.h>
#include <stdlib.h>

#include "../support.h"

static void need(struct pmx__pollset *set, int fd, short events)
{
    struct pollfd *entry = pmx__pollset_need(set, fd);
    CHECK(entry);
    CHECK_EQ_INT(entry->fd, fd);
    entry->events = events;
}

static void drop(struct pmx__pollset *set, int fd)
{
    struct pollfd *entry = pmx__pollset_find(set, fd);
    CHECK(entry);
    pmx__pollset_remove(set, entry);
    CHECK_EQ_PTR(pmx__pollset_find(set, fd), NULL);
}

/* The set holds these descriptors in this order. */
static void check_order(const struct pmx__pollset *set, const int *fds, size_t count)
{
    struct pollfd *copy = calloc(count + 1, sizeof(*copy));
    CHECK_EQ_UINT(pmx__pollset_count(set), count);
    pmx__pollset_copy(set, copy);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ_INT(copy[i].fd, fds[i]);
    free(copy);
}

TEST(empty_set)
{
    struct pmx__pollset set = {0};
    CHECK_EQ_UINT(pmx__pollset_count(&set), 0);
    CHECK_EQ_PTR(pmx__pollset_find(&set, 0), NULL);
    CHECK_EQ_PTR(pmx__pollset_find(&set, -1), NULL);
    check_order(&set, NULL, 0);
    pmx__pollset_clear(&set);
    pmx__pollset_free(&set);
}

TEST(new_entries_are_blank_and_last)
{
    struct pmx__pollset set = {0};
    need(&set, INT_MAX, POLLIN);
    need(&set, 0, POLLOUT);
    need(&set, 5, POLLPRI);
    check_order(&set, (int[]){INT_MAX, 0, 5}, 3);
    CHECK_EQ_INT(pmx__pollset_need(&set, 0)->events, POLLOUT);
    CHECK_EQ_INT(pmx__pollset_need(&set, 6)->events, 0);
    CHECK_EQ_INT(pmx__pollset_find(&set, 6)->revents, 0);
    drop(&set, 0);
    CHECK_EQ_INT(pmx__pollset_need(&set, 0)->events, 0);
    check_order(&set, (int[]){INT_MAX, 5, 6, 0}, 4);
    pmx__pollset_free(&set);
}

TEST(forgets_answers)
{
    struct pollfd fds[] = {{1, POLLIN, POLLIN}, {2, POLLOUT, POLLERR}, {3, 0, POLLHUP}};
    pmx__pollfds_forget(fds, 2);
    CHECK_EQ_INT(fds[0].revents, 0);
    CHECK_EQ_INT(fds[1].revents, 0);
    CHECK_EQ_INT(fds[1].events, POLLOUT);
    CHECK_EQ_INT(fds[2].revents, POLLHUP);
}

TEST(clear_empties)
{
    struct pmx__pollset set = {0};
    for (int fd = 0; fd < 100; fd++)
        need(&set, fd, POLLIN);
    struct pollfd *memory = set.fds;
    pmx__pollset_clear(&set);
    check_order(&set, NULL, 0);
    CHECK_EQ_PTR(pmx__pollset_find(&set, 50), NULL);
    CHECK_EQ_INT(pmx__pollset_need(&set, 50)->events, 0);
    CHECK_EQ_PTR(set.fds, memory);
    pmx__pollset_free(&set);
}

/* The naive set: an array that removing an element shifts. */
enum { NUMBERS = 60 };

struct model {
    int fds[NUMBERS];
    short events[NUMBERS];
    size_t count;
};

static size_t place_of(const struct model *model, int fd)
{
    size_t at = 0;
    while (at < model->count && model->fds[at] != fd)
        at++;
    return at;
}

static void model_need(struct model *model, int fd, short events)
{
    size_t at = place_of(model, fd);
    model->count += at == model->count;
    model->fds[at] = fd;
    model->events[at] = events;
}

static void model_drop(struct model *model, int fd)
{
    for (size_t at = place_of(model, fd); at + 1 < model->count; at++) {
        model->fds[at] = model->fds[at + 1];
        model->events[at] = model->events[at + 1];
    }
    model->count--;
}

static void compare(const struct pmx__pollset *set, const struct model *model)
{
    check_order(set, model->fds, model->count);
    for (size_t i = 0; i < model->count; i++) {
        const struct pollfd *entry = pmx__pollset_find(set, model->fds[i]);
        CHECK(entry && entry->fd == model->fds[i]);
        CHECK_EQ_INT(entry->events, model->events[i]);
    }
}

static void like_model(uint64_t seed)
{
    struct random random = {seed};
    struct pmx__pollset set = {0};
    struct model model = {.count = 0};
    for (int i = 0; i < 600; i++) {
        int fd = (int)random_below(&random, NUMBERS) * 1000;
        bool shrinks = i % 200 >= 100; /* so that holes come to be closed */
        if (place_of(&model, fd) < model.count &&
            random_below(&random, 4) < 3u * shrinks) {
            drop(&set, fd);
            model_drop(&model, fd);
        } else if (!shrinks) {
            need(&set, fd, (short)i);
            model_need(&model, fd, (short)i);
        }
        compare(&set, &model);
        CHECK(set.used <= 8 || pmx__pollset_count(&set) * 2 + 1 >= set.used);
    }
    pmx__pollset_free(&set);
}

TEST(like_a_naive_set)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        CONTEXT("seed %d", (int)seed);
        like_model(seed);
    }
}
