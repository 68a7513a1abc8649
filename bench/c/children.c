/* Children by the hundred: see children.h. */
#include "children.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* A shell that waits for the end of its input. It shares no memory with this
 * process, as the child of a fork would, whose pages are slow to be written. */
static pid_t start_child(int input)
{
    char *const arguments[] = {"sh", "-c", "read x; exit 7", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    require(posix_spawn_file_actions_init(&actions) == 0, "posix_spawn");
    require(posix_spawn_file_actions_adddup2(&actions, input, 0) == 0, "posix_spawn");
    require(posix_spawnp(&pid, "sh", &actions, NULL, arguments, NULL) == 0, "sh");
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

void children_start(struct children *children)
{
    int ends[2];
    require(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
    for (int i = 0; i < CHILDREN; i++)
        children->pids[i] = start_child(ends[0]);
    close(ends[0]);
    children->gate = ends[1];
}

void children_end(const struct children *children)
{
    siginfo_t info;
    close(children->gate);
    for (int i = 0; i < CHILDREN; i++)
        require(waitid(P_PID, (id_t)children->pids[i], &info, WEXITED | WNOWAIT) == 0,
                "waitid");
}

void children_reap(const struct children *children)
{
    for (int i = 0; i < CHILDREN; i++)
        require(waitpid(children->pids[i], NULL, 0) == children->pids[i], "waitpid");
}
