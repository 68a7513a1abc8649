/* The benchmarks' descriptors, clock and dialogue: see harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void require(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static int open_one(bool ready, int first_fd)
{
    int low = eventfd(ready, EFD_CLOEXEC | EFD_NONBLOCK);
    require(low >= 0, "eventfd");
    int fd = fcntl(low, F_DUPFD_CLOEXEC, first_fd);
    require(fd >= 0, "fcntl");
    close(low);
    return fd;
}

static int *open_all(int watched, int ready, int first_fd)
{
    int *fds = calloc((size_t)watched, sizeof(*fds));
    require(fds, "calloc");
    for (int i = 0; i < watched; i++) {
        int64_t ready_before = (int64_t)i * ready / watched;
        bool is_ready = (int64_t)(i + 1) * ready / watched > ready_before;
        fds[i] = open_one(is_ready, first_fd);
    }
    return fds;
}

static void close_all(int *fds, int watched)
{
    for (int i = 0; i < watched; i++)
        close(fds[i]);
    free(fds);
}

static const struct scenario *find(const struct scenario *scenario, const char *name)
{
    while (scenario->name && strcmp(scenario->name, name) != 0)
        scenario++;
    errno = ENOENT;
    require(scenario->name, name);
    return scenario;
}

int serve(const struct scenario *scenarios)
{
    char name[32];
    int first_fd, idle;
    struct task task;
    raise_descriptor_limit();
    while (scanf("%31s %d %d %d %" SCNd64 " %ld", name, &task.ready, &idle, &first_fd,
                 &task.timeout_ns, &task.loops) == 6) {
        const struct scenario *scenario = find(scenarios, name);
        task.watched = task.ready + idle;
        int *fds = open_all(task.watched, task.ready, first_fd);
        task.fds = fds;
        printf("%" PRId64 "\n", scenario->run(&task));
        fflush(stdout);
        close_all(fds, task.watched);
    }
    return EXIT_SUCCESS;
}
