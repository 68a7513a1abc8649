/* The lock that survives forks: what a child is told when it takes it first. */
#include "../../../src/base/process_lock.h"

#include <unistd.h>

#include "../support.h"

static int renewals, held;

static void renew(bool was_held)
{
    renewals++;
    held += was_held;
}

static struct pmx__process_lock lock = PMX__PROCESS_LOCK(renew);

static void use(void)
{
    pmx__process_lock_take(&lock);
    pmx__process_lock_release(&lock);
}

/* Every use but the first finds the lock as good as it is. */
static void check_renewed(int times, int held_times)
{
    use();
    use();
    CHECK_EQ_INT(renewals, times);
    CHECK_EQ_INT(held, held_times);
}

static void in_child(void (*body)(void))
{
    pid_t child = CHECK_OK(fork());
    if (child == 0) {
        body();
        _exit(0);
    }
    join_process(child);
}

static void find_fresh(void)
{
    check_renewed(0, 0);
}

static void find_free(void)
{
    check_renewed(1, 0);
}

static void find_held(void)
{
    check_renewed(1, 1);
}

TEST(same_process)
{
    check_renewed(0, 0);
}

TEST(never_used)
{
    in_child(find_fresh);
    check_renewed(0, 0);
}

TEST(free_in_the_moment_of_the_fork)
{
    use();
    in_child(find_free);
    check_renewed(0, 0);
}

TEST(held_in_the_moment_of_the_fork)
{
    pmx__process_lock_take(&lock);
    in_child(find_held);
    pmx__process_lock_release(&lock);
    check_renewed(0, 0);
}

static void find_free_again(void)
{
    check_renewed(2, 0);
}

static void find_free_and_fork(void)
{
    find_free();
    in_child(find_free_again);
}

TEST(grandchild)
{
    use();
    in_child(find_free_and_fork);
}

/* As a thread leaves it that is at the first use, or at a child's, when another
 * one forks. */

TEST(being_made_good_at_first)
{
    lock.preparing = UINT32_MAX;
    in_child(find_fresh);
}

TEST(being_made_good_once_more)
{
    use();
    lock.preparing = UINT32_MAX;
    in_child(find_held);
}
