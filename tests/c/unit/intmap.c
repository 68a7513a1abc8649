/* The integer-keyed map against a naive one, and in its corner cases. */
#include "../../../src/base/intmap.h"

#include "../support.h"

/* The value of a key as the tests store it. */
static int put(struct pmx__intmap *map, uint64_t key, uintptr_t value)
{
    uintptr_t *place = pmx__intmap_need(map, key);
    CHECK(place);
    int is_new = *place == 0;
    *place = value;
    return is_new;
}

TEST(empty_map)
{
    struct pmx__intmap map = {0};
    CHECK_EQ_UINT(pmx__intmap_get(&map, 0), 0);
    CHECK_EQ_UINT(pmx__intmap_get(&map, UINT64_MAX), 0);
    pmx__intmap_remove(&map, 5);
    pmx__intmap_clear(&map);
    CHECK_EQ_UINT(map.count, 0);
    pmx__intmap_free(&map);
}

TEST(extreme_keys_and_values)
{
    static const uint64_t keys[] = {0,         1,          INT64_MAX, UINT64_MAX,
                                    INT32_MAX, UINT32_MAX, 1ull << 63};
    enum { KEYS = sizeof(keys) / sizeof(keys[0]) };
    struct pmx__intmap map = {0};
    for (size_t i = 0; i < KEYS; i++)
        CHECK(put(&map, keys[i], UINTPTR_MAX - i));
    for (size_t i = 0; i < KEYS; i++)
        CHECK_EQ_UINT(pmx__intmap_get(&map, keys[i]), UINTPTR_MAX - i);
    CHECK_EQ_UINT(map.count, KEYS);
    for (size_t i = 0; i < KEYS; i++)
        pmx__intmap_remove(&map, keys[i]);
    CHECK_EQ_UINT(map.count, 0);
    pmx__intmap_free(&map);
}

TEST(clear_keeps_the_memory)
{
    struct pmx__intmap map = {0};
    for (uint64_t key = 0; key < 1000; key++)
        put(&map, key, 1);
    struct pmx__intmap_slot *slots = map.slots;
    pmx__intmap_clear(&map);
    CHECK_EQ_PTR(map.slots, slots);
    for (uint64_t key = 0; key < 1000; key++) {
        CHECK_EQ_UINT(pmx__intmap_get(&map, key), 0);
        CHECK(put(&map, key, key + 1));
    }
    CHECK_EQ_PTR(map.slots, slots);
    pmx__intmap_free(&map);
}

TEST(usable_after_free)
{
    struct pmx__intmap map = {0};
    put(&map, 7, 7);
    pmx__intmap_free(&map);
    CHECK_EQ_UINT(pmx__intmap_get(&map, 7), 0);
    put(&map, 7, 8);
    CHECK_EQ_UINT(pmx__intmap_get(&map, 7), 8);
    pmx__intmap_free(&map);
}

/* The naive map: an array with a place for each of a few keys. */
enum { KEYS = 24 };

struct model {
    uint64_t keys[KEYS];
    uintptr_t values[KEYS];
    size_t count;
};

static void compare(const struct pmx__intmap *map, const struct model *model)
{
    CHECK_EQ_UINT(map->count, model->count);
    for (size_t i = 0; i < KEYS; i++)
        CHECK_EQ_UINT(pmx__intmap_get(map, model->keys[i]), model->values[i]);
}

static void step(struct pmx__intmap *map, struct model *model, struct random *random)
{
    unsigned at = random_below(random, KEYS);
    unsigned choice = random_below(random, 100);
    uintptr_t value = (uintptr_t)(random_next(random) | 1);
    if (choice == 0) {
        pmx__intmap_clear(map);
        for (size_t i = 0; i < KEYS; i++)
            model->values[i] = 0;
        model->count = 0;
    } else if (choice < 55) {
        CHECK_EQ_INT(put(map, model->keys[at], value), model->values[at] == 0);
        model->count += model->values[at] == 0;
        model->values[at] = value;
    } else {
        pmx__intmap_remove(map, model->keys[at]);
        model->count -= model->values[at] != 0;
        model->values[at] = 0;
    }
}

/* Keys that differ in the low bits, in the high bits, or anywhere. */
static uint64_t random_key(struct random *random, unsigned kind, size_t i)
{
    if (kind == 0)
        return i;
    return kind == 1 ? (uint64_t)i << 58 : random_next(random);
}

/* Two dozen keys in few slots: runs collide and go round the end all the time. */
TEST(like_a_naive_map)
{
    enum { SEEDS = 300, STEPS = 500 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        CONTEXT("seed %d", (int)seed);
        struct random random = {seed};
        struct pmx__intmap map = {0};
        struct model model = {.count = 0};
        for (size_t i = 0; i < KEYS; i++)
            model.keys[i] = random_key(&random, seed % 3, i);
        for (int i = 0; i < STEPS; i++) {
            step(&map, &model, &random);
            compare(&map, &model);
        }
        pmx__intmap_free(&map);
    }
}

/* Keys that all begin their search in the last slot of a table of 16. */
TEST(collisions_around_the_end)
{
    enum { COLLIDING = 11 };
    uint64_t keys[COLLIDING];
    struct pmx__intmap probe = {.bits = 4}, map = {0};
    uint64_t key = 0;
    for (size_t i = 0; i < COLLIDING; key++)
        if (pmx__intmap_home(&probe, key) == 15)
            keys[i++] = key;
    for (size_t gap = 0; gap < COLLIDING; gap++) {
        for (size_t i = 0; i < COLLIDING; i++)
            put(&map, keys[i], i + 1);
        CHECK_EQ_UINT(map.bits, 4);
        pmx__intmap_remove(&map, keys[gap]);
        for (size_t i = 0; i < COLLIDING; i++)
            CHECK_EQ_UINT(pmx__intmap_get(&map, keys[i]), i == gap ? 0 : i + 1);
    }
    pmx__intmap_free(&map);
}

TEST(many_keys)
{
    enum { MANY = 200000 };
    struct pmx__intmap map = {0};
    for (uint64_t key = 0; key < MANY; key++)
        put(&map, key * 3, key + 1);
    CHECK_EQ_UINT(map.count, MANY);
    for (uint64_t key = 0; key < MANY; key += 2)
        pmx__intmap_remove(&map, key * 3);
    for (uint64_t key = 0; key < MANY; key++)
        CHECK_EQ_UINT(pmx__intmap_get(&map, key * 3), key % 2 ? key + 1 : 0);
    CHECK_EQ_UINT(map.count, MANY / 2);
    pmx__intmap_free(&map);
}
