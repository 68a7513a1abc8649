/*
 * select beyond the limits of fd_set: high numbers, many descriptors, and
 * more of them than RLIMIT_NOFILE. There is no other select to compare with.
 */
#include <polymux/select.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

#define READ  PMX_SELECT_READ
#define WRITE PMX_SELECT_WRITE

/* Copies of fd, as many as the limit lets in, at most 60,000; the numbers
 * below a hundred stay free for those who need one under a lowered limit. */
struct crowd {
    int *fds;
    size_t count;
};

#define LARGEST_CROWD  60000
#define FIRST_OF_CROWD 100

static struct crowd make_crowd(int fd)
{
    size_t limit = limit_descriptors(LARGEST_CROWD + 100);
    struct crowd crowd = {calloc(limit, sizeof(int)), 0};
    CHECK(crowd.fds);
    while (crowd.count < limit) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OF_CROWD);
        if (copy < 0)
            break;
        crowd.fds[crowd.count++] = copy;
    }
    CHECK_GE_INT(crowd.count, 500);
    return crowd;
}

static void free_crowd(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        CHECK_OK(close(crowd->fds[i]));
    free(crowd->fds);
}

static struct pmx_select *watch_crowd(const struct crowd *crowd, unsigned interest)
{
    struct pmx_select *set = pmx_select_create();
    CHECK(set);
    for (size_t i = 0; i < crowd->count; i++)
        CHECK_RETURNS(pmx_select_add(set, crowd->fds[i], interest), 0);
    return set;
}

TEST(thousands_of_descriptors)
{
    int ends[2];
    make_socketpair(ends);
    struct crowd crowd = make_crowd(ends[0]);
    struct pmx_select *set = watch_crowd(&crowd, READ | WRITE);
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), crowd.count);
    write_byte(ends[1]);
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), 2 * crowd.count);
    for (size_t i = 0; i < crowd.count; i++)
        CHECK_EQ_UINT(pmx_select_ready(set, crowd.fds[i]), READ | WRITE);
    read_byte(ends[0]);
    for (size_t i = 0; i < crowd.count; i += 2)
        CHECK_RETURNS(pmx_select_remove(set, crowd.fds[i], READ | WRITE), 0);
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), crowd.count / 2);
    for (size_t i = 0; i < crowd.count; i++)
        CHECK_EQ_UINT(pmx_select_ready(set, crowd.fds[i]), i % 2 ? WRITE : 0);
    pmx_select_free(set);
    free_crowd(&crowd);
    close_both(ends);
}

TEST(one_ready_among_thousands)
{
    int idle[2], ends[2];
    struct nudge nudge;
    make_pipe(idle);
    make_pipe(ends);
    struct crowd crowd = make_crowd(idle[0]);
    struct pmx_select *set = watch_crowd(&crowd, READ);
    CHECK_OK(pmx_select_add(set, ends[0], READ));
    CHECK_RETURNS(pmx_select_wait(set, 1 * MS, NULL), 0);
    nudge_start(&nudge, 0, ends[1]);
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), 1);
    CHECK_EQ_UINT(pmx_select_ready(set, ends[0]), READ);
    CHECK_EQ_UINT(pmx_select_ready(set, crowd.fds[crowd.count - 1]), 0);
    nudge_join(&nudge);
    pmx_select_free(set);
    free_crowd(&crowd);
    close_both(idle);
    close_both(ends);
}

/* The bit of a high number, in the wait that an unasked hang-up leads to. */
TEST(hang_up_above_1024)
{
    static const int numbers[] = {1024, 1087, 1088, 4095};
    size_t limit = limit_descriptors(5000);
    if (limit < 4096)
        SKIP("the hard RLIMIT_NOFILE is %zu", limit);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int hung_up[2], ends[2];
        struct nudge nudge;
        make_pipe(hung_up);
        make_pipe(ends);
        CHECK_OK(close(hung_up[1]));
        int high = moved_fd(hung_up[0], numbers[i]);
        ends[0] = moved_fd(ends[0], numbers[i] / 2);
        struct pmx_select *set = pmx_select_create();
        CHECK_OK(pmx_select_add(set, high, WRITE));
        CHECK_OK(pmx_select_add(set, ends[0], READ));
        CHECK_RETURNS(pmx_select_wait(set, 2 * MS, NULL), 0);
        nudge_start(&nudge, 0, ends[1]);
        CHECK_RETURNS(pmx_select_wait(set, -1, NULL), 1);
        CHECK_EQ_UINT(pmx_select_ready(set, ends[0]), READ);
        CHECK_EQ_UINT(pmx_select_ready(set, high), 0);
        nudge_join(&nudge);
        pmx_select_free(set);
        CHECK_OK(close(high));
        close_both(ends);
    }
}

#define LOWERED 64

/* poll(2) refuses more entries than RLIMIT_NOFILE; select(2) does not mind. */
TEST(more_descriptors_than_the_limit)
{
    int ends[2];
    need_limit_in_kernel();
    make_socketpair(ends);
    struct crowd crowd = make_crowd(ends[0]);
    struct pmx_select *set = watch_crowd(&crowd, READ | WRITE);
    CHECK_EQ_INT(limit_descriptors(LOWERED), LOWERED);
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), crowd.count);
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), crowd.count);
    write_byte(ends[1]);
    CHECK_RETURNS(pmx_select_wait(set, TOO_LONG, NULL), 2 * crowd.count);
    CHECK_EQ_UINT(pmx_select_ready(set, crowd.fds[crowd.count - 1]), READ | WRITE);
    pmx_select_free(set);
    free_crowd(&crowd);
    close_both(ends);
}

TEST(more_than_the_limit_sleeps)
{
    int ends[2];
    struct nudge nudge;
    need_limit_in_kernel();
    make_pipe(ends);
    struct crowd crowd = make_crowd(ends[0]);
    struct pmx_select *set = watch_crowd(&crowd, READ);
    CHECK_EQ_INT(limit_descriptors(LOWERED), LOWERED);
    int64_t start = now_ns();
    CHECK_RETURNS(pmx_select_wait(set, 15 * MS, NULL), 0);
    CHECK_GE_INT(now_ns() - start, 15 * MS);
    nudge_start(&nudge, 0, ends[1]);
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), crowd.count);
    nudge_join(&nudge);
    pmx_select_free(set);
    free_crowd(&crowd);
    close_both(ends);
}

/* Any closed one is EBADF also then: the highest, and one amid the others. */
TEST(closed_among_more_than_the_limit)
{
    int ends[2];
    need_limit_in_kernel();
    make_socketpair(ends);
    struct crowd crowd = make_crowd(ends[0]);
    struct pmx_select *set = watch_crowd(&crowd, WRITE);
    CHECK_EQ_INT(limit_descriptors(LOWERED), LOWERED);
    CHECK_OK(pmx_select_add(set, 2000000000, WRITE));
    CHECK_ERRNO(pmx_select_wait(set, 0, NULL), EBADF);
    CHECK_OK(pmx_select_remove(set, 2000000000, WRITE));
    CHECK_RETURNS(pmx_select_wait(set, 0, NULL), crowd.count);
    int *middle = &crowd.fds[crowd.count / 2];
    CHECK_OK(close(*middle));
    CHECK_ERRNO(pmx_select_wait(set, -1, NULL), EBADF);
    CHECK_EQ_UINT(pmx_select_ready(set, crowd.fds[0]), 0);
    CHECK_OK(pmx_select_remove(set, *middle, WRITE));
    crowd.count--;
    CHECK_RETURNS(pmx_select_wait(set, -1, NULL), crowd.count);
    *middle = crowd.fds[crowd.count];
    pmx_select_free(set);
    free_crowd(&crowd);
    close_both(ends);
}

/*
 * Growing and shrinking in the orders that a slow set would need minutes for:
 * the limit of the test's time is the assertion.
 */
TEST(large_sets_change_fast)
{
    enum { COUNT = 300000 };
    struct pmx_select *set = pmx_select_create();
    for (int round = 0; round < 2; round++) {
        for (int fd = 0; fd < COUNT; fd++)
            CHECK_RETURNS(pmx_select_add(set, fd * 7, READ), 0);
        for (int i = 0; i < COUNT; i++) {
            int fd = (round ? i : COUNT - 1 - i) * 7;
            CHECK_RETURNS(pmx_select_remove(set, fd, READ), 0);
        }
        CHECK_RETURNS(pmx_select_wait(set, 0, NULL), 0);
    }
    pmx_select_free(set);
}
