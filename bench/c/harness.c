/* The benchmarks' descriptors, clock and dialogue: see harness.h. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t busy_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
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

int64_t in_crowds(const struct task *task, long size, int64_t (*crowd)(void))
{
    long crowds = (task->loops + size - 1) / size;
    int64_t took = 0;
    for (long i = 0; i < crowds; i++)
        took += crowd();
    return took * task->loops / (crowds * size);
}

int64_t moment_ns(int number)
{
    return (int64_t)number * 7919 % CROWD * 1000;
}

void sleep_past_moments(void)
{
    struct timespec past = {.tv_nsec = (int64_t)CROWD * 1000 + 1000000};
    require(nanosleep(&past, NULL) == 0, "nanosleep");
}

static int open_eventfd(bool ready)
{
    int fd = eventfd(ready, EFD_CLOEXEC | EFD_NONBLOCK);
    require(fd >= 0, "eventfd");
    return fd;
}

/* A connection of one descriptor: both of its ends. It leaves nothing behind
 * when it is closed, or the system would soon be out of port numbers. */
static int open_stream(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *self = (struct sockaddr *)&address;
    socklen_t size = sizeof(address);
    struct linger linger = {.l_onoff = 1};
    require(fd >= 0 && bind(fd, self, size) == 0, "bind");
    require(getsockname(fd, self, &size) == 0, "getsockname");
    require(connect(fd, self, size) == 0, "connect");
    require(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0,
            "SO_LINGER");
    require(write(fd, "", 1) == 1, "write");
    return fd;
}

static int open_one(bool ready, bool streams, int first_fd)
{
    int low = ready && streams ? open_stream() : open_eventfd(ready);
    int fd = fcntl(low, F_DUPFD_CLOEXEC, first_fd);
    require(fd >= 0, "fcntl");
    close(low);
    return fd;
}

static int *open_all(int watched, int ready, bool streams, int first_fd)
{
    int *fds = calloc((size_t)watched, sizeof(*fds));
    require(fds, "calloc");
    for (int i = 0; i < watched; i++) {
        int64_t ready_before = (int64_t)i * ready / watched;
        bool is_ready = (int64_t)(i + 1) * ready / watched > ready_before;
        fds[i] = open_one(is_ready, streams, first_fd);
    }
    return fds;
}

static void close_all(int *fds, int watched)
{
    for (int i = 0; i < watched; i++)
        close(fds[i]);
    free(fds);
}

static int open_file(void)
{
    char path[] = "/tmp/bench-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    require(file >= 0 && unlink(path) == 0, "mkostemp");
    require(write(file, "x", 1) == 1, "write");
    return file;
}

int *open_files(int count)
{
    int *files = calloc((size_t)count, sizeof(*files));
    require(files, "calloc");
    for (int i = 0; i < count; i++)
        files[i] = open_file();
    return files;
}

void close_files(int *files, int count)
{
    close_all(files, count);
}

void write_files(const int *files, int count)
{
    for (int i = 0; i < count; i++)
        require(pwrite(files[i], "x", 1, 0) == 1, "pwrite");
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
        int *fds = open_all(task.watched, task.ready, scenario->streams, first_fd);
        task.fds = fds;
        printf("%" PRId64 "\n", scenario->run(&task));
        fflush(stdout);
        close_all(fds, task.watched);
    }
    return EXIT_SUCCESS;
}
