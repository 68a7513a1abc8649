/* Time limits at and beyond the ends of what an int64_t can hold. */
#include "../../../src/base/deadline.h"

#include "../support.h"

TEST(negative_is_never)
{
    CHECK_EQ_INT(pmx__deadline_in(-1), PMX__NEVER);
    CHECK_EQ_INT(pmx__deadline_in(INT64_MIN), PMX__NEVER);
    CHECK_EQ_INT(pmx__deadline_left(PMX__NEVER), -1);
}

TEST(too_far_is_never)
{
    CHECK_EQ_INT(pmx__deadline_in(INT64_MAX), PMX__NEVER);
    CHECK_EQ_INT(pmx__deadline_in(INT64_MAX - 1), PMX__NEVER);
    CHECK_EQ_INT(pmx__deadline_in(INT64_MAX - now_ns() + 1 * S), PMX__NEVER);
}

TEST(far_but_not_too_far)
{
    int64_t timeout_ns = INT64_MAX - now_ns() - 600 * S;
    int64_t deadline = pmx__deadline_in(timeout_ns);
    CHECK(deadline != PMX__NEVER);
    CHECK_GE_INT(timeout_ns, pmx__deadline_left(deadline));
    CHECK_GE_INT(pmx__deadline_left(deadline), timeout_ns - 300 * S);
}

TEST(deadline_is_that_far_from_now)
{
    static const int64_t timeouts[] = {0, 1, 999, 1 * MS, 1 * S, 86400 * S};
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
        int64_t before = now_ns();
        int64_t deadline = pmx__deadline_in(timeouts[i]);
        int64_t after = now_ns();
        CHECK_GE_INT(deadline, before + timeouts[i]);
        CHECK_GE_INT(after + timeouts[i], deadline);
    }
}

TEST(what_is_over_leaves_nothing)
{
    CHECK_EQ_INT(pmx__deadline_left(now_ns() - 1), 0);
    CHECK_EQ_INT(pmx__deadline_left(1), 0);
    CHECK_EQ_INT(pmx__deadline_left(0), 0);
    CHECK_EQ_INT(pmx__deadline_left(pmx__deadline_in(0)), 0);
}

TEST(left_does_not_grow)
{
    int64_t deadline = pmx__deadline_in(600 * S);
    int64_t left = pmx__deadline_left(deadline);
    for (int i = 0; i < 1000; i++) {
        int64_t now_left = pmx__deadline_left(deadline);
        CHECK(now_left <= left && now_left > 0);
        left = now_left;
    }
}

TEST(timespec_splits)
{
    struct timespec ts;
    CHECK_EQ_PTR(pmx__timeout_timespec(-1, &ts), NULL);
    CHECK_EQ_PTR(pmx__timeout_timespec(INT64_MIN, &ts), NULL);
    CHECK_EQ_PTR(pmx__timeout_timespec(0, &ts), &ts);
    CHECK(ts.tv_sec == 0 && ts.tv_nsec == 0);
    CHECK_EQ_PTR(pmx__timeout_timespec(999999999, &ts), &ts);
    CHECK(ts.tv_sec == 0 && ts.tv_nsec == 999999999);
    CHECK_EQ_PTR(pmx__timeout_timespec(3 * S + 7, &ts), &ts);
    CHECK(ts.tv_sec == 3 && ts.tv_nsec == 7);
    CHECK_EQ_PTR(pmx__timeout_timespec(INT64_MAX, &ts), &ts);
    CHECK(ts.tv_sec == 9223372036 && ts.tv_nsec == 854775807);
}
