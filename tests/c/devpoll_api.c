/* The questions of devpoll_api.h. */
#include "devpoll_api.h"

#include <stdlib.h>

#include "support.h"

struct pmx_devpoll *devpoll_open(void)
{
    struct pmx_devpoll *devpoll = pmx_devpoll_create();
    CHECK(devpoll);
    return devpoll;
}

void check_one(struct pmx_devpoll *devpoll, int64_t timeout_ns, int fd, short revents)
{
    struct pollfd answers[4];
    CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 4, timeout_ns, NULL), 1);
    CHECK_EQ_INT(answers[0].fd, fd);
    CHECK_EQ_INT(answers[0].revents, revents);
}

void check_none(struct pmx_devpoll *devpoll)
{
    struct pollfd answers[4];
    for (int i = 0; i < 2; i++) {
        CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 4, 0, NULL), 0);
        CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 4, 1 * MS, NULL), 0);
    }
}

int polled(struct pmx_devpoll *devpoll, int fd)
{
    short events = 0x1234;
    int result = CHECK_OK(pmx_devpoll_query(devpoll, fd, &events));
    if (result == 0)
        CHECK_EQ_INT(events, 0x1234);
    return result ? (unsigned short)events : -1;
}

static int by_fd(const void *a, const void *b)
{
    return ((const struct pollfd *)a)->fd - ((const struct pollfd *)b)->fd;
}

void sort_by_fd(struct pollfd *answers, int count)
{
    qsort(answers, (size_t)count, sizeof(*answers), by_fd);
}
