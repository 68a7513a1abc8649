/* Clocks, threads, signals and chance for tests of waiting: see support.h. */
#include "support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int counted;

int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * S + ts.tv_nsec;
}

size_t limit_descriptors(size_t limit)
{
    struct rlimit now;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &now));
    now.rlim_cur = limit < now.rlim_max ? limit : now.rlim_max;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &now));
    return now.rlim_cur;
}

void need_limit_in_kernel(void)
{
    if (under_valgrind())
        SKIP("valgrind keeps RLIMIT_NOFILE to itself: the kernel's is not lowered");
}

pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    CHECK_EQ_INT(pthread_create(&thread, NULL, body, argument), 0);
    return thread;
}

void *join_thread(pthread_t thread)
{
    void *result = NULL;
    CHECK_EQ_INT(pthread_join(thread, &result), 0);
    return result;
}

void join_process(pid_t child)
{
    int status;
    CHECK_OK(child);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
}

static bool is_waiting_call(long number)
{
    static const long calls[] = {SYS_ppoll, SYS_pselect6, SYS_epoll_pwait,
#ifdef SYS_epoll_pwait2
                                 SYS_epoll_pwait2
#else
                                 441
#endif
    };
#ifdef SYS_poll
    if (number == SYS_poll || number == SYS_select || number == SYS_epoll_wait)
        return true;
#endif
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (number == calls[i])
            return true;
    return false;
}

/* One line of a file in /proc/PROCESS/task/THREAD; "" if it can't be had. */
static void read_task_file(pid_t process, pid_t thread, const char *file, char *line,
                           int size)
{
    char path[64];
    line[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", process, thread, file);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return;
    if (!fgets(line, size, stream))
        line[0] = '\0';
    fclose(stream);
}

/* Where a sandbox hides the system call, a sleep must do. */
static bool sleeps_in_wait(pid_t process, pid_t thread)
{
    char line[512];
    read_task_file(process, thread, "syscall", line, sizeof(line));
    if (line[0])
        return line[0] != 'r' && is_waiting_call(strtol(line, NULL, 10));
    read_task_file(process, thread, "stat", line, sizeof(line));
    const char *name_end = strrchr(line, ')');
    return name_end && name_end[2] == 'S';
}

void await_sleep(pid_t process, pid_t thread)
{
    const struct timespec pause = {.tv_nsec = 200 * US};
    while (!sleeps_in_wait(process, thread)) /* the test's time limit ends it */
        nanosleep(&pause, NULL);
}

static void *nudge_body(void *argument)
{
    const struct nudge *nudge = argument;
    await_sleep(getpid(), nudge->sleeper);
    if (nudge->signal)
        CHECK_EQ_INT(pthread_kill(nudge->sleeper_thread, nudge->signal), 0);
    if (nudge->fd >= 0)
        write_byte(nudge->fd);
    return NULL;
}

void nudge_start(struct nudge *nudge, int signal, int fd)
{
    *nudge = (struct nudge){
        .fd = fd,
        .signal = signal,
        .sleeper = gettid(),
        .sleeper_thread = pthread_self(),
    };
    nudge->helper = start_thread(nudge_body, nudge);
}

void nudge_join(struct nudge *nudge)
{
    join_thread(nudge->helper);
}

static void count(int signal)
{
    (void)signal;
    atomic_fetch_add(&counted, 1);
}

void count_signal(int signal, int flags)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = flags};
    CHECK_OK(sigaction(signal, &action, NULL));
}

int signals_counted(void)
{
    return atomic_load(&counted);
}

sigset_t mask_of(int signal)
{
    sigset_t mask;
    sigemptyset(&mask);
    if (signal)
        sigaddset(&mask, signal);
    return mask;
}

void block_signal(int signal)
{
    sigset_t mask = mask_of(signal);
    CHECK_EQ_INT(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
}

void unblock_signal(int signal)
{
    sigset_t mask = mask_of(signal);
    CHECK_EQ_INT(pthread_sigmask(SIG_UNBLOCK, &mask, NULL), 0);
}

bool signal_is_blocked(int signal)
{
    sigset_t mask;
    CHECK_EQ_INT(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    return sigismember(&mask, signal) == 1;
}

/* splitmix64, by Sebastiano Vigna; in the public domain. */
uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

unsigned random_below(struct random *random, unsigned below)
{
    return (unsigned)(random_next(random) % below);
}

bool under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}
