/* Handles that are descriptors: see shim.h. */
#include <sys/event.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"

/* For their prototypes, without their names for others. */
#include "shim.h"

/* The one that the tests see; libpolymux's own is another. */
struct pmx_kqueue {
    int fd;
    pid_t process; /* that made it */
};

static atomic_int queues_open;

static struct pmx_kqueue *handle_over(int fd)
{
    struct pmx_kqueue *kqueue = malloc(sizeof(*kqueue));
    CHECK(kqueue);
    kqueue->fd = fd;
    kqueue->process = getpid();
    queues_open++;
    return kqueue;
}

struct pmx_kqueue *shim_create(void)
{
    int fd = kqueue1(O_CLOEXEC);
    return fd < 0 ? NULL : handle_over(fd);
}

static int look(int fd)
{
    return kevent(fd, NULL, 0, NULL, 0, NULL);
}

struct pmx_kqueue *shim_from_fd(int fd)
{
    return look(fd) < 0 ? NULL : handle_over(fd);
}

/*
 * Closing tells the library nothing. Calls that fail make it look around, two
 * numbers at a time, and here all of them: tests count descriptors.
 */
static void let_it_notice(void)
{
    int saved = errno;
    for (int i = 0; i <= queues_open; i += 2)
        look(-1);
    errno = saved;
}

int shim_close(struct pmx_kqueue *kqueue)
{
    if (!kqueue)
        return 0;
    int saved = errno, result = close(kqueue->fd);
    let_it_notice();
    queues_open--;
    free(kqueue);
    if (result == 0) /* close(2) promises nothing, the handles do */
        errno = saved;
    return result;
}

/* In the child of a fork there is nothing to shut. */
int shim_shutdown(struct pmx_kqueue *kqueue)
{
    if (look(kqueue->fd) < 0)
        return -1;
    SKIP("a descriptor is closed, and not shut down");
    return 0;
}

int shim_check(struct pmx_kqueue *kqueue)
{
    return look(kqueue->fd);
}

/* The number of a dead queue is free, as on FreeBSD: the child may have it. */
int shim_usable(const struct pmx_kqueue *kqueue)
{
    int saved = errno;
    int result = look(kqueue->fd) == 0;
    bool is_taken = result || errno == EINVAL;
    if (is_taken && kqueue->process != getpid())
        SKIP("the number of the dead queue is another's by now");
    errno = saved;
    return result;
}

int shim_fd(struct pmx_kqueue *kqueue)
{
    return look(kqueue->fd) < 0 ? -1 : kqueue->fd;
}

static const struct timespec *timeout_of(int64_t timeout_ns, struct timespec *time)
{
    const int64_t second = 1000000000;
    *time = (struct timespec){timeout_ns / second, timeout_ns % second};
    if (timeout_ns == PMX_KQUEUE_NO_TIME)
        *time = (struct timespec){0, second};
    return timeout_ns < 0 && timeout_ns != PMX_KQUEUE_NO_TIME ? NULL : time;
}

int shim_control(struct pmx_kqueue *kqueue, const struct pmx_kevent *changes,
                 int nchanges, struct pmx_kevent *events, int nevents,
                 int64_t timeout_ns, const sigset_t *sigmask)
{
    struct timespec time;
    if (sigmask)
        SKIP("kevent() takes no signal mask");
    return kevent(kqueue->fd, (const struct kevent *)changes, nchanges,
                  (struct kevent *)events, nevents, timeout_of(timeout_ns, &time));
}
