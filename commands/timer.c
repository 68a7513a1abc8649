/* timer:DURATION: a time has passed; with --follow, again and again. */
#include <string.h>

#include "condition.h"
#include "duration.h"
#include "kinds.h"

static bool parse(struct condition *condition)
{
    return duration_parse(condition->argument, condition->state);
}

/* No time at all has passed once. */
static int begin(struct condition *condition)
{
    const int64_t *ns = condition->state;
    bool once = !condition->session->options.follow || *ns == 0;
    int result = condition_watch(condition, (uintptr_t)condition, EVFILT_TIMER,
                                 once ? EV_ONESHOT : 0, NOTE_NSECONDS, *ns);
    if (result < 0)
        return condition_complain(condition, "%s", strerror(-result));
    condition_tell(condition, "EVFILT_TIMER");
    return 0;
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    condition_fire_with(condition, "expired", "has expired", "count", event->data);
    condition->over = event->flags & EV_ONESHOT;
    return 0;
}

const struct kind kind_timer = {
    .name = "timer",
    .needs = "a duration, as in timer:30s or timer:1m30s",
    .size = sizeof(int64_t),
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = condition_unset_timer,
};
