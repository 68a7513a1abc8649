/*
 * signal:NAME: a signal was sent to this command. A handler that does nothing
 * keeps it from doing what it otherwise does; the queue counts it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "condition.h"
#include "kinds.h"
#include "signals.h"

static bool parse(struct condition *condition)
{
    int *number = condition->state;
    return signal_parse(condition->argument, number) && *number != SIGKILL &&
           *number != SIGSTOP;
}

static void do_nothing(int number)
{
    (void)number;
}

static int handle(int number)
{
    struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

/* Takes one that is blocked and has been pending, perhaps since before the queue
 * was asked. From now on they come. */
static int unblock(int number, bool *was_pending)
{
    const struct timespec at_once = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    *was_pending = sigtimedwait(&set, NULL, &at_once) == number;
    return sigprocmask(SIG_UNBLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int begin(struct condition *condition)
{
    int number = *(int *)condition->state;
    bool was_pending = false;
    int result = handle(number);
    if (result == 0)
        result = condition_watch(condition, (uintptr_t)number, EVFILT_SIGNAL, EV_CLEAR,
                                 0, 0);
    if (result == 0)
        result = unblock(number, &was_pending);
    if (result < 0)
        return condition_complain(condition, "cannot be waited for: %s",
                                  strerror(-result));
    if (was_pending)
        condition_fire_with(condition, "received", "was received", "count", 1);
    condition_tell(condition, "EVFILT_SIGNAL");
    return 0;
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    char text[64] = "was received";
    if (event->data > 1)
        snprintf(text, sizeof(text), "was received %lld times", (long long)event->data);
    condition_fire_with(condition, "received", text, "count", event->data);
    return 0;
}

static void end(struct condition *condition)
{
    condition_unwatch(condition, (uintptr_t) * (int *)condition->state, EVFILT_SIGNAL);
}

const struct kind kind_signal = {
    .name = "signal",
    .needs = "the name of a signal other than KILL and STOP, as in signal:USR1",
    .size = sizeof(int),
    .single = true,
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = end,
};
