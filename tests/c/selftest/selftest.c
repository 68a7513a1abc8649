/*
 * Tests of the harness: runs the tests of victims.c (whose path is in the
 * environment variable VICTIMS) and reads what is reported about them.
 */
#include "../harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A victim, the TAP line it must give, and what must stand before it. */
struct expectation {
    const char *name;
    const char *result;
    const char *message;
};

static const struct expectation expectations[] = {
    {"passes", "\nok 1 - passes\n", "1..1"},
    {"fails_check", "\nnot ok 1 - fails_check\n", "1 + 1 == 3 is false"},
    {"fails_eq_int", "\nnot ok 1 - ", "40 + 1 == 42: 41 is not 42\n# at seed 12\n"},
    {"fails_eq_str", "\nnot ok 1 - ", "\"left\" is not \"right\""},
    {"fails_ge_int", "\nnot ok 1 - ", "1 is less than 2"},
    {"fails_errno_other", "\nnot ok 1 - ", "(Bad file descriptor), not EINTR"},
    {"fails_errno_success", "\nnot ok 1 - ", "not an error (EBADF)"},
    {"fails_ok", "\nnot ok 1 - ", "close(-1): returned -1, errno is 9"},
    {"fails_returns_with_errno", "\nnot ok 1 - ", "changed errno to 33"},
    {"fails_in_thread", "\nnot ok 1 - ", "in a thread"},
    {"crashes", "\nnot ok 1 - ", "killed by signal 11"},
    {"hangs", "\nnot ok 1 - ", "did not end in time"},
    {"leaves_child_behind", "\nok 1 - ", "1..1"},
    {"leaks_descriptor", "\nnot ok 1 - ", "(/dev/null)"},
    {"closes_foreign_descriptor", "\nnot ok 1 - ", "closed a foreign descriptor 0"},
    {"exits_early", "\nnot ok 1 - ", "ended inside the test"},
    {"exits_non_zero", "\nnot ok 1 - ", "exit status 3"},
    {"checks_nothing", "\nnot ok 1 - ", "checked nothing"},
    {"skips", "\nok 1 - skips # SKIP because of this\n", "1..1"},
    {"skips_without_reason", "\nnot ok 1 - ", "skipped without a reason"},
    {"each_is_one", "\nnot ok 2 - each_is_one/two\n", "\nok 1 - each_is_one/one\n"},
};

/* Reads to the end of file, which comes when no process of the victim lives. */
static int run_victim(const char *name, char *output, size_t size)
{
    char command[512];
    snprintf(command, sizeof(command), "exec '%s' -t 2 %s 2>&1", getenv("VICTIMS"),
             name);
    FILE *stream = popen(command, "re");
    CHECK(stream);
    size_t length = fread(output, 1, size - 1, stream);
    output[length] = '\0';
    int status = pclose(stream);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST_EACH(reports, const struct expectation *expected, expectations)
{
    char output[8192];
    int status = run_victim(expected->name, output, sizeof(output));
    const char *message = strstr(output, expected->message);
    const char *result = strstr(output, expected->result);
    if (!message || !result)
        FAIL("%s: wrong report:\n%s", expected->name, output);
    CHECK(message < result || result[1] == 'o');
    CHECK_EQ_INT(status, result[1] == 'n');
}

TEST(names_file_and_line)
{
    char output[8192];
    run_victim("fails_check", output, sizeof(output));
    CHECK(strstr(output, "victims.c:29: 1 + 1"));
}

TEST(name_is_a_pattern)
{
    char output[8192];
    CHECK_EQ_INT(run_victim("'pas*'", output, sizeof(output)), 0);
    CHECK_EQ_STR(output, "1..1\nok 1 - passes\n");
}

TEST(unknown_name_is_a_failure)
{
    char output[8192];
    CHECK_EQ_INT(run_victim("no_such_test", output, sizeof(output)), 1);
    CHECK_EQ_STR(output, "1..0\n");
}
