/*
 * pid:N and child: a process has ended. Whose child it is makes no difference
 * to the queue; our own are reaped.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "condition.h"
#include "kinds.h"
#include "number.h"
#include "programs.h"
#include "signals.h"

/* Before Linux 6.15 a status of 0 may mean that nobody remembers it. */
static bool kernel_remembers(void)
{
    struct utsname names;
    int major = 0, minor = 0;
    if (uname(&names) < 0)
        return false;
    const char *dot = strchr(names.release, '.');
    for (const char *at = names.release; at < dot; at++)
        major = major * 10 + (*at - '0');
    for (const char *at = dot ? dot + 1 : ""; *at >= '0' && *at <= '9'; at++)
        minor = minor * 10 + (*at - '0');
    return major > 6 || (major == 6 && minor >= 15);
}

static void fire_ended(struct condition *condition, int status)
{
    char text[64], name[SIGNAL_NAME_SIZE];
    condition->over = true;
    if (WIFSIGNALED(status)) {
        signal_name(WTERMSIG(status), name);
        snprintf(text, sizeof(text), "was killed by %s", name);
        condition_fire_with(condition, "ended", text, "signal", WTERMSIG(status));
        return;
    }
    snprintf(text, sizeof(text), "has ended with status %d", WEXITSTATUS(status));
    condition_fire_with(condition, "ended", text, "status", WEXITSTATUS(status));
}

static void fire_forgotten(struct condition *condition, const char *text)
{
    condition->over = true;
    condition_fire(condition, "ended", text);
}

static int watch_end(struct condition *condition, pid_t pid)
{
    return condition_watch(condition, (uintptr_t)pid, EVFILT_PROC, EV_ONESHOT,
                           NOTE_EXIT, 0);
}

static int complain(const struct condition *condition, int result)
{
    return condition_complain(condition, "cannot be waited for: %s", strerror(-result));
}

static void end(struct condition *condition)
{
    pid_t pid = *(pid_t *)condition->state;
    if (pid && !condition->fired)
        condition_unwatch(condition, (uintptr_t)pid, EVFILT_PROC);
}

/*
 * pid:N
 */

static bool parse_pid(struct condition *condition)
{
    return number_parse(condition->argument, 1, INT32_MAX, condition->state);
}

static int begin_pid(struct condition *condition)
{
    int result = watch_end(condition, *(pid_t *)condition->state);
    if (result == -ESRCH)
        fire_forgotten(condition, "is not there");
    else if (result < 0)
        return complain(condition, result);
    condition_tell(condition, "EVFILT_PROC");
    return 0;
}

static int event_pid(struct condition *condition, const struct pmx_kevent *event)
{
    int status = (int)event->data;
    if (status == 0 && !kernel_remembers())
        fire_forgotten(condition, "has ended");
    else
        fire_ended(condition, status);
    return 0;
}

const struct kind kind_pid = {
    .name = "pid",
    .needs = "the number of a process, as in pid:4711",
    .size = sizeof(pid_t),
    .single = true,
    .parse = parse_pid,
    .begin = begin_pid,
    .event = event_pid,
    .end = end,
};

/*
 * child:COMMAND and -- COMMAND ARG...
 */

static int begin_child(struct condition *condition)
{
    const struct session *session = condition->session;
    pid_t *pid = condition->state;
    int result = condition->argv ? spawn(session, condition->argv, pid)
                                 : spawn_shell(session, condition->argument, pid);
    if (result < 0)
        return condition_complain(condition, "cannot be started: %s",
                                  strerror(-result));
    result = watch_end(condition, *pid);
    if (result < 0)
        return complain(condition, result);
    condition_tell(condition, "EVFILT_PROC on process %d", (int)*pid);
    return 0;
}

static int event_child(struct condition *condition, const struct pmx_kevent *event)
{
    int status = (int)event->data;
    int result = reap((pid_t)event->ident, &status);
    if (result < 0)
        return complain(condition, result);
    fire_ended(condition, status);
    return 0;
}

const struct kind kind_child = {
    .name = "child",
    .needs = "a command, as in child:'make all' or, at the end, -- make all",
    .size = sizeof(pid_t),
    .comes_late = true,
    .begin = begin_child,
    .event = event_child,
    .end = end,
};
