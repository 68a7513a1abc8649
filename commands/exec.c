/* --exec: see exec.h. What happens meanwhile waits in the queue. */
#include "exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "condition.h"
#include "messages.h"
#include "programs.h"
#include "signals.h"

static int prepare(const struct condition *condition)
{
    char index[16];
    snprintf(index, sizeof(index), "%d", condition->index);
    return setenv("WAIT_CONDITION", condition->word, 1) |
           setenv("WAIT_INDEX", index, 1) |
           setenv("WAIT_EVENT", condition->report.event, 1);
}

/* The command's failure is not ours, but nobody should miss it. */
static void tell_of(int status)
{
    char name[SIGNAL_NAME_SIZE];
    if (WIFSIGNALED(status)) {
        signal_name(WTERMSIG(status), name);
        say("--exec: was killed by %s", name);
    } else if (WEXITSTATUS(status)) {
        say("--exec: ended with status %d", WEXITSTATUS(status));
    }
}

int exec_run(const struct condition *condition)
{
    const struct session *session = condition->session;
    int status = 0;
    pid_t pid;
    if (!session->options.exec)
        return 0;
    int result = prepare(condition) < 0
                     ? -ENOMEM
                     : spawn_shell(session, session->options.exec, &pid);
    if (result == 0)
        result = reap(pid, &status);
    if (result < 0) {
        say("--exec: %s", strerror(-result));
        return -1;
    }
    tell_of(status);
    return 0;
}
