/*
 * Ends of processes: EVFILT_PROC beside a pidfd in an epoll set, in one program
 * and in turns. A program of its own, for it starts what it watches:
 *
 *     cc -O2 -D_GNU_SOURCE -Iinclude -IBUILD/include -pthread \
 *         bench/c/processes.c BUILD/src/libpolymux.a
 *
 * Each child is watched, ends, and is collected with its status. The clock runs
 * while children are registered and, once they have ended, while they are
 * collected, one in a call.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <polymux/kqueue.h>

enum { ROUNDS = 31, CHILDREN = 100, STATUS = 7 << 8 };

/* P_PIDFD, younger than the headers of some C libraries. */
#define WHOSE_PIDFD ((idtype_t)3)

static void require(int condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A way to watch a child, and to learn how it ended. */
struct contender {
    const char *name;
    void (*watch)(pid_t pid);
    int (*collect)(void);
};

static int set;
static struct pmx_kqueue *queue;

static void watch_raw(pid_t pid)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    require(event.data.fd >= 0, "pidfd_open");
    require(epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event) == 0, "epoll_ctl");
}

/* It leaves the set before it is closed: a later child's copy would keep it. */
static int collect_raw(void)
{
    struct epoll_event event;
    siginfo_t info;
    require(epoll_wait(set, &event, 1, -1) == 1, "epoll_wait");
    int pidfd = event.data.fd;
    require(waitid(WHOSE_PIDFD, (id_t)pidfd, &info, WEXITED | WNOWAIT) == 0, "waitid");
    require(epoll_ctl(set, EPOLL_CTL_DEL, pidfd, NULL) == 0, "epoll_ctl");
    close(pidfd);
    return info.si_status << 8;
}

static void watch_queue(pid_t pid)
{
    struct pmx_kevent change;
    pmx_kevent_set(&change, (uintptr_t)pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    require(pmx_kqueue_control(queue, &change, 1, NULL, 0, 0, NULL) == 0, "EV_ADD");
}

static int collect_queue(void)
{
    struct pmx_kevent event;
    require(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, NULL) == 1, "collect");
    return (int)event.data;
}

/* A shell that waits for the end of its input. It shares no memory with this
 * process, as the child of a fork would, whose pages are slow to be written. */
static pid_t start_child(int input)
{
    char *const arguments[] = {"sh", "-c", "read x; exit 7", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    require(posix_spawn_file_actions_init(&actions) == 0, "posix_spawn");
    require(posix_spawn_file_actions_adddup2(&actions, input, 0) == 0, "posix_spawn");
    require(posix_spawnp(&pid, "sh", &actions, NULL, arguments, NULL) == 0, "sh");
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void start_children(pid_t *pids, int *gate)
{
    int ends[2];
    require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    for (int i = 0; i < CHILDREN; i++)
        pids[i] = start_child(ends[0]);
    close(ends[0]);
    *gate = ends[1];
}

static void end_children(const pid_t *pids, int gate)
{
    siginfo_t info;
    close(gate);
    for (int i = 0; i < CHILDREN; i++)
        require(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT) == 0, "waitid");
}

/* Nanoseconds for each of a round's children. */
static double time_round(const struct contender *contender)
{
    static pid_t pids[CHILDREN];
    int gate;
    start_children(pids, &gate);
    int64_t began = now_ns();
    for (int i = 0; i < CHILDREN; i++)
        contender->watch(pids[i]);
    int64_t took = now_ns() - began;
    end_children(pids, gate);
    began = now_ns();
    for (int i = 0; i < CHILDREN; i++)
        require(contender->collect() == STATUS, "status");
    took += now_ns() - began;
    for (int i = 0; i < CHILDREN; i++)
        require(waitpid(pids[i], NULL, 0) == pids[i], "waitpid");
    return (double)took / CHILDREN;
}

static int compare(const void *one, const void *other)
{
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), compare);
    return values[ROUNDS / 2];
}

int main(void)
{
    static const struct contender contenders[] = {
        {"pidfd in epoll", watch_raw, collect_raw},
        {"EVFILT_PROC", watch_queue, collect_queue}};
    static double ns[2][ROUNDS], ratios[ROUNDS];
    set = epoll_create1(EPOLL_CLOEXEC);
    queue = pmx_kqueue_create();
    require(set >= 0 && queue, "open");
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2; i++)
            ns[i][round] = time_round(&contenders[i]);
        ratios[round] = ns[1][round] / ns[0][round];
    }
    for (int i = 0; i < 2; i++)
        printf("%-16s %8.0f ns\n", contenders[i].name, median(ns[i]));
    printf("%-16s %8.2f\n", "ratio", median(ratios));
    return pmx_kqueue_close(queue) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
