/*
 * Requests of POSIX asynchronous I/O that end in a queue. Their knotes cannot be
 * made by a change; here is how they are made.
 */
#include <polymux/kqueue.h>

#include "../base/cancel.h"
#include "../base/result.h"
#include "filter.h"
#include "knote.h"
#include "queue.h"
#include "source.h"

#define MANNERS (EV_ONESHOT | EV_CLEAR | EV_DISPATCH)

/* A request that is prepared again is a new one. */
static int add(struct pmx__queue *queue, const struct pmx__knote *model)
{
    const struct pmx__filter *filter;
    int result = pmx__filter_find(EVFILT_AIO, &filter);
    if (result < 0)
        return result;
    struct pmx__knote *knote = pmx__knote_find(queue, filter, model->ident);
    if (knote)
        pmx__knote_drop(queue, knote);
    return pmx__knote_add(queue, filter, model, &knote);
}

static int prepare(struct pmx__door *door, struct aiocb *request, uint16_t flags,
                   void *udata)
{
    const struct pmx__knote model = {
        .ident = (uintptr_t)request,
        .udata = udata,
        .flags = flags,
        .clears = flags & EV_CLEAR,
        .enabled = true,
        .own = true,
    };
    if (!request || flags & ~MANNERS)
        return -EINVAL;
    int result = pmx__door_enter(door);
    if (result < 0)
        return result;
    result = add(door->queue, &model);
    pmx__door_leave(door);
    return result;
}

int pmx_kqueue_aio(struct pmx_kqueue *kqueue, struct aiocb *request, uint16_t flags,
                   void *udata)
{
    int saved = errno, cancel = pmx__cancel_off();
    int result = prepare(kqueue->door, request, flags, udata);
    pmx__cancel_as(cancel);
    return pmx__result(result, saved);
}
