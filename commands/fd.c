/*
 * fd:N: an inherited descriptor can be read, or is at its end. It is looked for
 * before anything is opened, lest a descriptor of ours be taken for it.
 */
#include <fcntl.h>
#include <string.h>

#include "condition.h"
#include "kinds.h"
#include "number.h"

static bool parse(struct condition *condition)
{
    int *fd = condition->state;
    return number_parse(condition->argument, 0, INT32_MAX, fd) &&
           fcntl(*fd, F_GETFD) >= 0;
}

static int begin(struct condition *condition)
{
    int fd = *(int *)condition->state;
    int result = condition_watch(condition, (uintptr_t)fd, EVFILT_READ, EV_CLEAR, 0, 0);
    if (result < 0)
        return condition_complain(condition, "cannot be waited for: %s",
                                  strerror(-result));
    condition_tell(condition, "EVFILT_READ");
    return 0;
}

/* The end may come with the last bytes; what can be read is told first. */
static int event(struct condition *condition, const struct pmx_kevent *event)
{
    bool at_end = event->flags & EV_EOF;
    if (at_end && event->data == 0)
        condition_fire(condition, "end", "is at its end");
    else
        condition_fire_with(condition, "readable", "is readable", "data", event->data);
    condition->over = at_end;
    return 0;
}

static void end(struct condition *condition)
{
    int fd = *(int *)condition->state;
    condition_unwatch(condition, (uintptr_t)fd, EVFILT_READ);
}

const struct kind kind_fd = {
    .name = "fd",
    .needs = "the number of an open descriptor, as in fd:0 or, after 7<FIFO, fd:7",
    .size = sizeof(int),
    .single = true,
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = end,
};
