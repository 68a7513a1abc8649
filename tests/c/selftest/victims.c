/*
 * Tests that must not pass, and a few that must, for selftest.c to run: the
 * proof that the harness sees what it claims to see.
 */
#include "../harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

TEST(passes)
{
    CHECK(1 + 1 == 2);
    CHECK_EQ_INT(-7, -7);
    CHECK_EQ_UINT(7, 7);
    CHECK_EQ_PTR(NULL, NULL);
    CHECK_EQ_STR("same", "same");
    CHECK_GE_INT(2, 1);
    CHECK_ERRNO(close(-1), EBADF);
    CHECK_NULL_ERRNO(realpath("/nowhere/to/be/found", NULL), ENOENT);
    CHECK_RETURNS(getppid() > 0, 1);
    CHECK_OK(0);
}

TEST(fails_check)
{
    CHECK(1 + 1 == 3);
}

TEST(fails_eq_int)
{
    CONTEXT("seed %d", 12);
    CHECK_EQ_INT(40 + 1, 42);
}

TEST(fails_eq_str)
{
    CHECK_EQ_STR("left", "right");
}

TEST(fails_ge_int)
{
    CHECK_GE_INT(1, 2);
}

TEST(fails_errno_other)
{
    CHECK_ERRNO(close(-1), EINTR);
}

TEST(fails_errno_success)
{
    CHECK_ERRNO(getpid(), EBADF);
}

TEST(fails_ok)
{
    CHECK_OK(close(-1));
}

static int succeed_and_set_errno(void)
{
    errno = EDOM;
    return 5;
}

TEST(fails_returns_with_errno)
{
    CHECK_RETURNS(succeed_and_set_errno(), 5);
}

static void *fail_in_thread(void *unused)
{
    FAIL("in a thread");
    return unused;
}

TEST(fails_in_thread)
{
    pthread_t thread;
    CHECK_EQ_INT(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
    pthread_join(thread, NULL);
}

/* A real SIGSEGV, which no sanitizer turns into an exit. */
TEST(crashes)
{
    CHECK(1);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

/* Hangs with a child, both deaf to SIGTERM and holding standard output. */
TEST(hangs)
{
    CHECK(1);
    signal(SIGTERM, SIG_IGN);
    fork();
    for (;;)
        pause();
}

TEST(leaves_child_behind)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    CHECK(child > 0);
}

TEST(leaks_descriptor)
{
    CHECK_OK(open("/dev/null", O_RDONLY));
}

TEST(closes_foreign_descriptor)
{
    CHECK_OK(close(STDIN_FILENO));
}

TEST(exits_early)
{
    CHECK(1);
    exit(0);
}

TEST(exits_non_zero)
{
    CHECK(1);
    exit(3);
}

TEST(checks_nothing)
{
}

TEST(skips)
{
    SKIP("because of %s", "this");
}

TEST(skips_without_reason)
{
    SKIP("%s", "");
}

static const struct number {
    const char *name;
    int value;
} numbers[] = {{"one", 1}, {"two", 2}};

TEST_EACH(each_is_one, const struct number *number, numbers)
{
    CHECK_EQ_INT(number->value, 1);
}
