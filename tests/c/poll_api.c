/* The library's poll and the kernel's, see poll_api.h. */
#include "poll_api.h"

#include <polymux/poll.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Registration order is array order; the answer is a copy of the array. */
struct kernel_poll {
    struct pollfd *asked;
    struct pollfd *answer;
    size_t count;
    size_t answered;
};

static void *pmx_create(void)
{
    struct pmx_poll *set = pmx_poll_create();
    CHECK(set);
    return set;
}

static void pmx_free(void *set)
{
    pmx_poll_free(set);
}

static int pmx_add(void *set, int fd, short events)
{
    return pmx_poll_register(set, fd, events);
}

static int pmx_modify(void *set, int fd, short events)
{
    return pmx_poll_modify(set, fd, events);
}

static int pmx_remove(void *set, int fd)
{
    return pmx_poll_unregister(set, fd);
}

static size_t pmx_count(void *set)
{
    return pmx_poll_count(set);
}

static int pmx_wait(void *set, int64_t timeout_ns, const sigset_t *sigmask)
{
    return pmx_poll_wait(set, timeout_ns, sigmask);
}

static const struct pollfd *pmx_next(void *set, const struct pollfd *previous)
{
    return pmx_poll_next(set, previous);
}

static void *kernel_create(void)
{
    struct kernel_poll *set = calloc(1, sizeof(*set));
    CHECK(set);
    return set;
}

static void kernel_free(void *handle)
{
    struct kernel_poll *set = handle;
    free(set->asked);
    free(set->answer);
    free(set);
}

static struct pollfd *find(struct kernel_poll *set, int fd)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->asked[i].fd == fd)
            return &set->asked[i];
    return NULL;
}

static int kernel_modify(void *handle, int fd, short events)
{
    struct pollfd *entry = find(handle, fd);
    if (!entry) {
        errno = ENOENT;
        return -1;
    }
    entry->events = events;
    return 0;
}

static int kernel_add(void *handle, int fd, short events)
{
    struct kernel_poll *set = handle;
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    if (find(set, fd))
        return kernel_modify(set, fd, events);
    set->asked = reallocarray(set->asked, set->count + 1, sizeof(*set->asked));
    CHECK(set->asked);
    set->asked[set->count++] = (struct pollfd){.fd = fd, .events = events};
    return 0;
}

static int kernel_remove(void *handle, int fd)
{
    struct kernel_poll *set = handle;
    struct pollfd *entry = find(set, fd);
    if (!entry) {
        errno = ENOENT;
        return -1;
    }
    size_t after = set->count - (size_t)(entry - set->asked) - 1;
    memmove(entry, entry + 1, after * sizeof(*entry));
    set->count--;
    return 0;
}

static size_t kernel_count(void *set)
{
    return ((struct kernel_poll *)set)->count;
}

static int kernel_wait(void *handle, int64_t timeout_ns, const sigset_t *sigmask)
{
    struct kernel_poll *set = handle;
    struct timespec ts = {timeout_ns / S, timeout_ns % S};
    set->answer = reallocarray(set->answer, set->count + 1, sizeof(*set->answer));
    CHECK(set->answer);
    if (set->count)
        memcpy(set->answer, set->asked, set->count * sizeof(*set->answer));
    int count = ppoll(set->answer, set->count, timeout_ns < 0 ? NULL : &ts, sigmask);
    set->answered = count < 0 ? 0 : set->count;
    return count;
}

static const struct pollfd *kernel_next(void *handle, const struct pollfd *previous)
{
    struct kernel_poll *set = handle;
    size_t at = previous ? (size_t)(previous - set->answer) + 1 : 0;
    while (at < set->answered && !set->answer[at].revents)
        at++;
    return at < set->answered ? &set->answer[at] : NULL;
}

const struct poll_api poll_apis[POLL_APIS] = {
    {"pmx", pmx_create, pmx_free, pmx_add, pmx_modify, pmx_remove, pmx_count, pmx_wait,
     pmx_next},
    {"kernel", kernel_create, kernel_free, kernel_add, kernel_modify, kernel_remove,
     kernel_count, kernel_wait, kernel_next},
};
