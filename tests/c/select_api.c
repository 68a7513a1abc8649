/* The library's select and the kernel's, see select_api.h. */
#include "select_api.h"

#include <polymux/select.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "support.h"

/* READ, WRITE, EXCEPT */
#define CLASSES 3

struct kernel_select {
    fd_set asked[CLASSES];
    fd_set answer[CLASSES];
};

static void *pmx_create(void)
{
    struct pmx_select *set = pmx_select_create();
    CHECK(set);
    return set;
}

static void pmx_free(void *set)
{
    pmx_select_free(set);
}

static int pmx_add(void *set, int fd, unsigned interest)
{
    return pmx_select_add(set, fd, interest);
}

static int pmx_remove(void *set, int fd, unsigned interest)
{
    return pmx_select_remove(set, fd, interest);
}

static void pmx_clear(void *set)
{
    pmx_select_clear(set);
}

static int pmx_wait(void *set, int64_t timeout_ns, const sigset_t *sigmask)
{
    return pmx_select_wait(set, timeout_ns, sigmask);
}

static unsigned pmx_ready(void *set, int fd)
{
    return pmx_select_ready(set, fd);
}

/* The kernel overlooks closed descriptors beyond its table: have it large. */
static void *kernel_create(void)
{
    int file = make_file();
    CHECK_OK(close(moved_fd(file, FD_SETSIZE - 1)));
    struct kernel_select *set = calloc(1, sizeof(*set));
    CHECK(set);
    return set;
}

static void kernel_free(void *set)
{
    free(set);
}

static int kernel_add(void *handle, int fd, unsigned interest)
{
    struct kernel_select *set = handle;
    for (int c = 0; c < CLASSES; c++)
        if (interest & 1u << c)
            FD_SET(fd, &set->asked[c]);
    return 0;
}

static int kernel_remove(void *handle, int fd, unsigned interest)
{
    struct kernel_select *set = handle;
    for (int c = 0; c < CLASSES; c++)
        if (interest & 1u << c)
            FD_CLR(fd, &set->asked[c]);
    return 0;
}

static void kernel_clear(void *handle)
{
    memset(handle, 0, sizeof(struct kernel_select));
}

static int kernel_wait(void *handle, int64_t timeout_ns, const sigset_t *sigmask)
{
    struct kernel_select *set = handle;
    struct timespec ts = {timeout_ns / S, timeout_ns % S};
    memcpy(set->answer, set->asked, sizeof(set->answer));
    int count = pselect(FD_SETSIZE, &set->answer[0], &set->answer[1], &set->answer[2],
                        timeout_ns < 0 ? NULL : &ts, sigmask);
    if (count < 0)
        memset(set->answer, 0, sizeof(set->answer));
    return count;
}

static unsigned kernel_ready(void *handle, int fd)
{
    struct kernel_select *set = handle;
    unsigned ready = 0;
    for (int c = 0; c < CLASSES; c++)
        if (FD_ISSET(fd, &set->answer[c]))
            ready |= 1u << c;
    return ready;
}

const struct select_api select_apis[SELECT_APIS] = {
    {"pmx", pmx_create, pmx_free, pmx_add, pmx_remove, pmx_clear, pmx_wait, pmx_ready},
    {"kernel", kernel_create, kernel_free, kernel_add, kernel_remove, kernel_clear,
     kernel_wait, kernel_ready},
};
