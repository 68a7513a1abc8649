/* The filters of kqueue on Linux: which number is which table of callbacks. */
#include <polymux/kqueue.h>

#include <errno.h>

#include "../filter.h"
#include "filters.h"

static const struct {
    const struct pmx__filter *filter; /* NULL: there is none */
    int error;                        /* why there is none */
} filters[] = {
    [-EVFILT_READ] = {&pmx__fd_read, 0}, [-EVFILT_WRITE] = {&pmx__fd_write, 0},
    [-EVFILT_AIO] = {&pmx__aio, 0},      [-EVFILT_VNODE] = {&pmx__vnode, 0},
    [-EVFILT_PROC] = {&pmx__proc, 0},    [-EVFILT_SIGNAL] = {&pmx__signal, 0},
    [-EVFILT_TIMER] = {&pmx__timer, 0},  [-EVFILT_NETDEV] = {&pmx__netdev, 0},
    [-EVFILT_FS] = {NULL, -EINVAL},      [-EVFILT_LIO] = {NULL, -ENXIO},
    [-EVFILT_USER] = {&pmx__user, 0},    [-EVFILT_SENDFILE] = {NULL, -ENXIO},
    [-EVFILT_EMPTY] = {NULL, -EINVAL},
};

enum { FILTERS = sizeof(filters) / sizeof(filters[0]) };

int pmx__filter_find(int16_t number, const struct pmx__filter **filter)
{
    if (number >= 0 || number <= -FILTERS)
        return -EINVAL;
    *filter = filters[-number].filter;
    return filters[-number].error;
}

/* With a filter go those that stand in for it on other objects. */
void pmx__filters_shut(struct pmx__queue *queue, bool ours)
{
    for (int i = 1; i < FILTERS; i++)
        for (const struct pmx__filter *at = filters[i].filter; at; at = at->next)
            if (at->shut)
                at->shut(queue, ours);
}
