/*
 * The harness's main program: see harness.h. The parent only forks, waits and
 * prints; what a child has to tell, apart from its exit status, it leaves in
 * a page they share.
 */
#include "harness.h"

#include <dirent.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_LIMIT_S 60
#define NS_PER_S        1000000000
#define MOST_FDS        (1 << 20)
#define MOST_TEXT       4096

/* Shared by the harness and all processes of the running test. */
struct report {
    atomic_bool finished; /* the body has returned */
    atomic_bool skipped;
    atomic_uint checks;
    char reason[256]; /* why it was skipped */
};

/* The open descriptors of this process, one bit each. */
struct open_fds {
    unsigned char bits[MOST_FDS / 8];
};

static struct harness_test *first_test;
static struct harness_test **last_link = &first_test;
static struct report *report;
static char context[256];

void harness_add(struct harness_test *test)
{
    *last_link = test;
    last_link = &test->next;
}

void harness_checked(void)
{
    atomic_fetch_add(&report->checks, 1);
}

/* Prints every line of text as a TAP comment; keeps text no longer. */
static void print_comment(char *text)
{
    flockfile(stdout);
    for (char *next, *line = text; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        printf("# %s\n", line);
    }
    fflush(stdout);
    funlockfile(stdout);
}

void harness_note(const char *format, ...)
{
    char text[MOST_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    print_comment(text);
}

void harness_context(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
}

void harness_skip(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->reason, sizeof(report->reason), format, arguments);
    va_end(arguments);
    atomic_store(&report->skipped, true);
    _exit(0);
}

/* Without exit handlers: other threads may be anywhere. */
void harness_fail(const char *file, int line, const char *format, ...)
{
    char text[MOST_TEXT];
    int length = snprintf(text, sizeof(text), "%s:%d: ", file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof(text) - (size_t)length, format, arguments);
    va_end(arguments);
    print_comment(text);
    if (context[0])
        harness_note("at %s", context);
    _exit(1);
}

static void list_open_fds(struct open_fds *fds)
{
    memset(fds, 0, sizeof(*fds));
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        FAIL("/proc/self/fd: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && fd != dirfd(directory) && fd < MOST_FDS)
            fds->bits[fd / 8] |= (unsigned char)(1 << fd % 8);
    }
    closedir(directory);
}

static void describe_fd(int fd, const char *what)
{
    char path[64], target[256] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof(target) - 1) < 0)
        strcpy(target, "closed");
    harness_note("%s descriptor %d (%s)", what, fd, target);
}

static bool same_fds(const struct open_fds *before, const struct open_fds *after)
{
    bool same = true;
    for (int fd = 0; fd < MOST_FDS; fd++) {
        int changed = (before->bits[fd / 8] ^ after->bits[fd / 8]) >> fd % 8 & 1;
        if (!changed)
            continue;
        same = false;
        describe_fd(fd, after->bits[fd / 8] >> fd % 8 & 1 ? "left open:"
                                                          : "closed a foreign");
    }
    return same;
}

static _Noreturn void run_in_child(const struct harness_test *test)
{
    static struct open_fds before, after;
    setpgid(0, 0);
    list_open_fds(&before);
    test->body(test->argument);
    list_open_fds(&after);
    if (!same_fds(&before, &after))
        _exit(1);
    atomic_store(&report->finished, true);
    exit(0); /* with exit handlers: the leak sanitizer is one */
}

static struct timespec seconds_from_now(int seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    now.tv_sec += seconds;
    return now;
}

static bool time_left(const struct timespec *end, struct timespec *left)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left->tv_sec = end->tv_sec - now.tv_sec;
    left->tv_nsec = end->tv_nsec - now.tv_nsec;
    if (left->tv_nsec < 0) {
        left->tv_nsec += NS_PER_S;
        left->tv_sec--;
    }
    return left->tv_sec >= 0;
}

/* Waits until the child has ended, without reaping it; false if time is up. */
static bool wait_for_end(pid_t child, int limit_s)
{
    sigset_t sigchld;
    sigemptyset(&sigchld);
    sigaddset(&sigchld, SIGCHLD);
    struct timespec end = seconds_from_now(limit_s), left;
    while (time_left(&end, &left)) {
        siginfo_t info = {0};
        waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid == child)
            return true;
        sigtimedwait(&sigchld, NULL, &left);
    }
    return false;
}

/* NULL for a test that passed. */
static const char *verdict(int status, bool in_time)
{
    static char text[128];
    if (!in_time)
        return "did not end in time";
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof(text), "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
        return text;
    }
    if (WEXITSTATUS(status) != 0) {
        snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
        return text;
    }
    if (atomic_load(&report->skipped))
        return report->reason[0] ? NULL : "skipped without a reason";
    if (!atomic_load(&report->finished))
        return "the process ended inside the test";
    return atomic_load(&report->checks) ? NULL : "checked nothing";
}

/* SIGCHLD stays blocked in the parent, which takes it with sigtimedwait. */
static pid_t start(const struct harness_test *test)
{
    sigset_t sigchld, usual;
    sigemptyset(&sigchld);
    sigaddset(&sigchld, SIGCHLD);
    memset(report, 0, sizeof(*report));
    fflush(NULL);
    sigprocmask(SIG_BLOCK, &sigchld, &usual);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &sigchld, NULL);
        run_in_child(test);
    }
    if (child > 0)
        setpgid(child, child); /* whoever comes first */
    return child;
}

static bool run(const struct harness_test *test, int number, int limit_s)
{
    pid_t child = start(test);
    const char *problem = "fork failed";
    if (child > 0) {
        int status = 0;
        bool in_time = wait_for_end(child, limit_s);
        kill(-child, SIGKILL); /* the group lives while its leader is not reaped */
        waitpid(child, &status, 0);
        problem = verdict(status, in_time);
    }
    if (problem)
        harness_note("%s", problem);
    printf("%s %d - %s%s%s", problem ? "not ok" : "ok", number, test->name,
           test->variant ? "/" : "", test->variant ? test->variant : "");
    if (!problem && atomic_load(&report->skipped))
        printf(" # SKIP %s", report->reason);
    printf("\n");
    fflush(stdout);
    return !problem;
}

static bool chosen(const struct harness_test *test, char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (fnmatch(names[i], test->name, 0) == 0)
            return true;
    return !names[0];
}

static int list_tests(char *const *names)
{
    for (const struct harness_test *test = first_test; test; test = test->next)
        if (chosen(test, names))
            printf("%s%s%s\n", test->name, test->variant ? "/" : "",
                   test->variant ? test->variant : "");
    return 0;
}

static int run_tests(char *const *names, int limit_s)
{
    int count = 0, number = 0, failed = 0;
    for (const struct harness_test *test = first_test; test; test = test->next)
        count += chosen(test, names);
    printf("1..%d\n", count);
    for (const struct harness_test *test = first_test; test; test = test->next)
        if (chosen(test, names))
            failed += !run(test, ++number, limit_s);
    return failed > 0 || count == 0;
}

int main(int argc, char **argv)
{
    bool list = false;
    int limit_s = DEFAULT_LIMIT_S;
    for (int option; (option = getopt(argc, argv, "lt:")) != -1;) {
        if (option == '?')
            return 2;
        list |= option == 'l';
        limit_s = option == 't' ? (int)strtol(optarg, NULL, 10) : limit_s;
    }
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 2;
    return list ? list_tests(argv + optind) : run_tests(argv + optind, limit_s);
}
