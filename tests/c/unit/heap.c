/* The heap against a sorted list, and in its corner cases. */
#include "../../../src/base/heap.h"

#include "../support.h"

struct member {
    int64_t key;
    unsigned age; /* of its last push */
    struct pmx__heap_item item;
};

static struct member *first(const struct pmx__heap *heap)
{
    struct pmx__heap_item *item = pmx__heap_first(heap);
    return item ? pmx__heap_entry(item, struct member, item) : NULL;
}

static void push(struct pmx__heap *heap, struct member *member)
{
    CHECK_EQ_INT(pmx__heap_reserve(heap, heap->count + 1), 0);
    pmx__heap_push(heap, &member->item, member->key);
}

TEST(empty_heap)
{
    struct pmx__heap heap = {0};
    struct member stranger = {0};
    CHECK_EQ_PTR(pmx__heap_first(&heap), NULL);
    CHECK_EQ_INT(pmx__heap_first_key(&heap, 7), 7);
    pmx__heap_remove(&heap, &stranger.item);
    CHECK_EQ_UINT(heap.count, 0);
    pmx__heap_free(&heap);
}

TEST(extreme_keys)
{
    struct pmx__heap heap = {0};
    struct member last = {.key = INT64_MAX}, middle = {.key = 0}, least = {INT64_MIN};
    push(&heap, &last);
    push(&heap, &least);
    push(&heap, &middle);
    CHECK_EQ_PTR(first(&heap), &least);
    CHECK_EQ_INT(pmx__heap_first_key(&heap, 0), INT64_MIN);
    pmx__heap_remove(&heap, &least.item);
    CHECK(!pmx__heap_has(&least.item));
    CHECK_EQ_PTR(first(&heap), &middle);
    pmx__heap_remove(&heap, &middle.item);
    CHECK_EQ_PTR(first(&heap), &last);
    pmx__heap_free(&heap);
}

TEST(equal_keys_leave_in_order)
{
    enum { MEMBERS = 100 };
    struct pmx__heap heap = {0};
    struct member members[MEMBERS] = {{0}};
    for (int i = 0; i < MEMBERS; i++)
        push(&heap, &members[i]);
    pmx__heap_remove(&heap, &members[0].item);
    push(&heap, &members[0]); /* at the end of the line now */
    for (int i = 1; i <= MEMBERS; i++) {
        CHECK_EQ_PTR(first(&heap), &members[i % MEMBERS]);
        pmx__heap_remove(&heap, &members[i % MEMBERS].item);
    }
    CHECK_EQ_UINT(heap.count, 0);
    pmx__heap_free(&heap);
}

/* Of the members that are in the heap, the one that should be first. */
static struct member *least_of(struct member *members, unsigned count)
{
    struct member *least = NULL;
    for (struct member *member = members; member < members + count; member++) {
        if (!pmx__heap_has(&member->item))
            continue;
        if (!least || member->key < least->key ||
            (member->key == least->key && member->age < least->age))
            least = member;
    }
    return least;
}

TEST(against_a_list)
{
    enum { MEMBERS = 64, STEPS = 20000 };
    struct random random = {.state = 1};
    struct pmx__heap heap = {0};
    struct member members[MEMBERS] = {{0}};
    for (unsigned step = 0; step < STEPS; step++) {
        struct member *member = &members[random_below(&random, MEMBERS)];
        if (pmx__heap_has(&member->item)) {
            pmx__heap_remove(&heap, &member->item);
        } else {
            member->key = (int64_t)random_below(&random, 20) - 10;
            member->age = step;
            push(&heap, member);
        }
        CHECK_EQ_PTR(first(&heap), least_of(members, MEMBERS));
    }
    pmx__heap_free(&heap);
}
