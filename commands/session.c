/*
 * A run of the command: begins all conditions, then waits on the one queue until
 * enough of them have fired. Events are taken one at a time, so that none is of
 * a condition that an earlier one has ended.
 */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <polymux/kqueue.h>

#include "clock.h"
#include "condition.h"
#include "exec.h"
#include "messages.h"
#include "output.h"
#include "words.h"

enum { GO_ON = -1 }; /* else a status to exit with */

/*
 * Conditions.
 */

static int begin(struct condition *condition)
{
    condition->begun = true;
    return condition->kind->begin(condition);
}

static void end(struct condition *condition)
{
    if (condition->begun && condition->kind->end)
        condition->kind->end(condition);
    condition->begun = false;
}

/* What is started here is started when all else is being watched. */
static int begin_all(struct session *session)
{
    for (int late = 0; late <= 1; late++)
        for (int i = 0; i < session->count; i++) {
            struct condition *condition = &session->conditions[i];
            if (condition->kind->comes_late == late && begin(condition) < 0)
                return STATUS_TROUBLE;
        }
    if (session->options.verbose)
        say("watching");
    return GO_ON;
}

static void end_all(struct session *session)
{
    for (int i = 0; i < session->count; i++)
        end(&session->conditions[i]);
}

/*
 * What they report.
 */

static int report(struct condition *condition)
{
    struct session *session = condition->session;
    condition->news = false;
    session->last = condition->index;
    if (output_report(condition) < 0 || exec_run(condition) < 0)
        return STATUS_TROUBLE;
    if (condition->over || !session->options.follow)
        end(condition);
    return GO_ON;
}

static int success(const struct session *session)
{
    return session->options.code ? session->last : 0;
}

/* With --follow nothing is enough, until nothing more can come. */
static bool is_enough(const struct session *session)
{
    bool each = session->all || session->options.follow;
    for (int i = 0; i < session->count; i++) {
        const struct condition *condition = &session->conditions[i];
        bool is_done = session->options.follow ? condition->over : condition->fired;
        if (is_done != each)
            return is_done;
    }
    return each;
}

/* Reports news, in the order of the command line. */
static int report_all(struct session *session)
{
    int result = GO_ON;
    for (int i = 0; i < session->count && result == GO_ON; i++) {
        struct condition *condition = &session->conditions[i];
        if (!condition->news)
            continue;
        result = report(condition);
        if (result == GO_ON && is_enough(session))
            result = success(session);
    }
    return result;
}

/*
 * The wait.
 */

static int64_t time_left(const struct session *session)
{
    int64_t limit = session->options.timeout_ns;
    if (limit < 0)
        return PMX_FOREVER;
    int64_t passed = clock_now_ns() - session->began;
    return passed < limit ? limit - passed : 0;
}

static int take(const struct pmx_kevent *event)
{
    struct condition *condition = event->udata;
    return condition->kind->event(condition, event) < 0 ? STATUS_TROUBLE : GO_ON;
}

static int wait_for_one(struct session *session)
{
    struct pmx_kevent event;
    int count = pmx_kqueue_control(session->queue, NULL, 0, &event, 1,
                                   time_left(session), NULL);
    if (count > 0)
        return take(&event);
    if (count == 0)
        return output_timeout(session) < 0 ? STATUS_TROUBLE : STATUS_TIMEOUT;
    if (errno == EINTR)
        return GO_ON;
    say("waiting: %s", strerror(errno));
    return STATUS_TROUBLE;
}

static int run(struct session *session)
{
    int result = begin_all(session);
    while (result == GO_ON) {
        result = report_all(session);
        if (result == GO_ON)
            result = wait_for_one(session);
    }
    end_all(session);
    return result;
}

/* A child of ours would vanish unseen if we had been started ignoring SIGCHLD. */
static void prepare_signals(struct session *session)
{
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_SETMASK, NULL, &session->given_mask);
}

int command_main(int argc, char **argv, bool all)
{
    struct session session = {.all = all, .began = clock_now_ns()};
    int result = options_parse(&session, argc, argv);
    if (result == PARSED) {
        prepare_signals(&session);
        session.queue = pmx_kqueue_create();
        if (session.queue) {
            result = run(&session);
            pmx_kqueue_close(session.queue);
        } else {
            say("no queue: %s", strerror(errno));
            result = STATUS_TROUBLE;
        }
    }
    words_free(&session);
    return result;
}
