/* The table behind /dev/poll: its two parts, and lookup through all moves. */
#include "../../../src/devpoll/watches.h"

#include "../support.h"

enum { NUMBERS = 60 };

static void put(struct pmx__watches *table, int fd, short events, bool stands)
{
    const struct pmx__watch watch = {.fd = fd, .events = events};
    CHECK_EQ_INT(pmx__watches_reserve(table), 0);
    pmx__watches_put(table, &watch, stands);
}

TEST(empty_table)
{
    struct pmx__watches table = {0};
    CHECK_EQ_PTR(pmx__watches_find(&table, 0), NULL);
    CHECK_EQ_PTR(pmx__watches_find(&table, -1), NULL);
    pmx__watches_remove(&table, 0);
    CHECK_EQ_UINT(table.count, 0);
    pmx__watches_free(&table);
}

TEST(put_replaces)
{
    struct pmx__watches table = {0};
    put(&table, 7, 1, false);
    put(&table, 7, 2, true);
    CHECK_EQ_UINT(table.count, 1);
    CHECK_EQ_UINT(table.standing, 1);
    CHECK_EQ_INT(pmx__watches_find(&table, 7)->events, 2);
    pmx__watches_remove(&table, 7);
    CHECK_EQ_UINT(table.count + table.standing, 0);
    pmx__watches_free(&table);
}

/* A replacement needs no room. */
TEST(put_without_reserve)
{
    struct pmx__watches table = {0};
    struct pmx__watch watch = {.fd = 0};
    while (table.count == 0 || table.count < table.capacity ||
           table.places.count < table.places.limit) {
        watch.fd = (int)table.count;
        CHECK_EQ_INT(pmx__watches_reserve(&table), 0);
        pmx__watches_put(&table, &watch, false);
        if (table.count == 4096)
            break;
    }
    for (int fd = 0; fd < (int)table.count; fd++) {
        watch = (struct pmx__watch){.fd = fd, .events = 5};
        pmx__watches_put(&table, &watch, fd % 2);
    }
    CHECK_EQ_UINT(table.standing, table.count / 2);
    pmx__watches_free(&table);
}

/* The naive table: one entry for every number there may be. */
struct model {
    short events[NUMBERS];
    bool present[NUMBERS];
    bool stands[NUMBERS];
};

static void compare(const struct pmx__watches *table, const struct model *model)
{
    size_t count = 0, standing = 0;
    for (int fd = 0; fd < NUMBERS; fd++) {
        const struct pmx__watch *watch = pmx__watches_find(table, fd * 1000);
        CHECK_EQ_INT(watch != NULL, model->present[fd]);
        if (!watch)
            continue;
        CHECK_EQ_INT(watch->fd, fd * 1000);
        CHECK_EQ_INT(watch->events, model->events[fd]);
        CHECK_EQ_INT((size_t)(watch - table->all) < table->standing, model->stands[fd]);
        count++;
        standing += model->stands[fd];
    }
    CHECK_EQ_UINT(table->count, count);
    CHECK_EQ_UINT(table->standing, standing);
}

static void like_model(uint64_t seed)
{
    struct random random = {seed};
    struct pmx__watches table = {0};
    struct model model = {.events = {0}};
    for (int i = 0; i < 600; i++) {
        unsigned fd = random_below(&random, NUMBERS);
        bool stands = random_below(&random, 2);
        model.present[fd] = random_below(&random, 3) > 0;
        model.events[fd] = (short)i;
        model.stands[fd] = stands;
        if (model.present[fd])
            put(&table, (int)fd * 1000, (short)i, stands);
        else
            pmx__watches_remove(&table, (int)fd * 1000);
        compare(&table, &model);
    }
    pmx__watches_free(&table);
}

TEST(like_a_naive_table)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        CONTEXT("seed %d", (int)seed);
        like_model(seed);
    }
}
