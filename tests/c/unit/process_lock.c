/* The lock that survives forks: what a child is told when it takes it first. */
#include "../../../src/base/process_lock.h"

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

TEST(same_process)
{
    check_renewed(0, 0);
}

TEST(never_used)
{
    IN_CHILD(check_renewed(0, 0));
    check_renewed(0, 0);
}

TEST(free_in_the_moment_of_the_fork)
{
    use();
    IN_CHILD(check_renewed(1, 0));
    check_renewed(0, 0);
}

TEST(held_in_the_moment_of_the_fork)
{
    pmx__process_lock_take(&lock);
    IN_CHILD(check_renewed(1, 1));
    pmx__process_lock_release(&lock);
    check_renewed(0, 0);
}

static void renew_and_fork(void)
{
    check_renewed(1, 0);
    IN_CHILD(check_renewed(2, 0));
}

TEST(grandchild)
{
    use();
    IN_CHILD(renew_and_fork());
}

/* As a thread leaves it that is at the first use, or at a child's, when another
 * one forks. */

TEST(being_made_good_at_first)
{
    lock.preparing = UINT32_MAX;
    IN_CHILD(check_renewed(0, 0));
}

TEST(being_made_good_once_more)
{
    use();
    lock.preparing = UINT32_MAX;
    IN_CHILD(check_renewed(1, 1));
}
