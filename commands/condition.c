/* What all kinds of conditions need of the queue and of messages. */
#include "condition.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "messages.h"

void condition_fire_with(struct condition *condition, const char *event,
                         const char *text, const char *fact, int64_t value)
{
    struct report *report = &condition->report;
    *report = (struct report){.event = event, .fact = fact, .value = value};
    snprintf(report->text, sizeof(report->text), "%s", text);
    condition->news = true;
    condition->fired = true;
}

void condition_fire(struct condition *condition, const char *event, const char *text)
{
    condition_fire_with(condition, event, text, NULL, 0);
}

static int change(struct condition *condition, const struct pmx_kevent *kevent)
{
    struct pmx_kqueue *queue = condition->session->queue;
    int result = pmx_kqueue_control(queue, kevent, 1, NULL, 0, 0, NULL);
    return result < 0 ? -errno : 0;
}

int condition_watch(struct condition *condition, uintptr_t ident, int filter,
                    unsigned flags, uint32_t fflags, int64_t data)
{
    struct pmx_kevent kevent;
    pmx_kevent_set(&kevent, ident, (int16_t)filter, (uint16_t)(EV_ADD | flags), fflags,
                   data, condition);
    return change(condition, &kevent);
}

/* What is not watched, or not any more, is no fault. */
void condition_unwatch(struct condition *condition, uintptr_t ident, int filter)
{
    struct pmx_kevent kevent;
    pmx_kevent_set(&kevent, ident, (int16_t)filter, EV_DELETE, 0, 0, NULL);
    (void)change(condition, &kevent);
}

int condition_set_timer(struct condition *condition, int64_t ns)
{
    return condition_watch(condition, (uintptr_t)condition, EVFILT_TIMER, EV_ONESHOT,
                           NOTE_NSECONDS, ns);
}

void condition_unset_timer(struct condition *condition)
{
    condition_unwatch(condition, (uintptr_t)condition, EVFILT_TIMER);
}

void condition_tell(const struct condition *condition, const char *format, ...)
{
    if (!condition->session->options.verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    say_about(condition->word, format, arguments);
    va_end(arguments);
}

int condition_complain(const struct condition *condition, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_about(condition->word, format, arguments);
    va_end(arguments);
    return -1;
}
