/*
 * EVFILT_PROC, more announcements of processes than the socket holds: what is
 * lost is told. Needs the process connector, which it says where it is not to be
 * had.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "processes.h"

/* In a program without a sanitizer, where one is slow to fork. */
static void fork_too_often(void)
{
    pid_t shell = CHECK_OK(fork());
    if (shell == 0) {
        execl("/bin/sh", "sh", "-c",
              "i=0; while [ $i -lt 8000 ]; do (:); i=$((i + 1)); done", NULL);
        _exit(127);
    }
    join_process(shell);
}

/* What the events of one knote or all of them tell together. */
struct told {
    uint32_t notes;
    int children, exits;
};

static struct told collect_all(struct pmx_kqueue *queue)
{
    struct pmx_kevent events[ROOM];
    struct told told = {0};
    for (int count; (count = collect(queue, events)) > 0;)
        for (int i = 0; i < count; i++) {
            told.notes |= events[i].fflags;
            told.children += events[i].fflags == NOTE_CHILD;
            told.exits += (events[i].fflags & NOTE_EXIT) != 0;
        }
    return told;
}

/* Of a child whose fork was announced and whose exit was not, the end comes. */
TEST(too_many_to_hear_the_end_of)
{
    enum { COUNT = 100 };
    int gate[2];
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    make_pipe(gate);
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_TRACK | NOTE_EXIT));
    for (int i = 0; i < COUNT; i++)
        if (CHECK_OK(fork()) == 0) {
            char byte;
            CHECK_OK(close(gate[1]));
            _exit(read(gate[0], &byte, 1) == 0 ? 0 : 255);
        }
    fork_too_often();
    close_both(gate);
    while (wait(NULL) > 0)
        continue;
    struct told told = collect_all(queue);
    if (!(told.notes & NOTE_TRACKERR))
        NOTE("8000 children were followed without a loss");
    CHECK_GE_INT(told.children, 1); /* others may have filled the room */
    CHECK_EQ_INT(told.exits, told.children);
    CHECK_OK(change(queue, (uintptr_t)getpid(), EVFILT_PROC, EV_DELETE));
    close_queue(queue);
}

/* Who does not track is told what may have happened. */
TEST(too_many_to_tell)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    servant_start(&servant);
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_TRACK));
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXEC));
    fork_too_often();
    servant_executes(&servant);
    uint32_t notes = collect_all(queue).notes;
    CHECK_EQ_UINT(notes & NOTE_EXEC, NOTE_EXEC);
    CHECK_OK(kill(servant.pid, SIGKILL));
    servant_reap(&servant);
    close_queue(queue);
}
