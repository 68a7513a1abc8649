/*
 * EVFILT_PROC, more processes to hear of than there is room for: in the socket,
 * where what is lost is told, and in its filter. Needs the process connector,
 * which it says where it is not to be had.
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

/* Of every step-th servant, which forks, the queue is told; and of nothing else. */
static void check_forks(struct pmx_kqueue *queue, struct servant *servants, int count,
                        int step)
{
    struct pmx_kevent events[ROOM];
    int told = 0;
    for (int i = 0; i < count; i++)
        servant_forks(&servants[i], 0);
    for (int n; (n = collect(queue, events)) > 0; told += n)
        for (int i = 0; i < n; i++)
            CHECK_EQ_UINT(events[i].fflags, NOTE_FORK);
    CHECK_EQ_INT(told, (count + step - 1) / step);
}

/* More than the filter in the socket has room for, and fewer again. */
TEST(many_are_watched)
{
    enum { COUNT = 100 };
    static struct servant servants[COUNT];
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    for (int i = 0; i < COUNT; i++) {
        servant_start(&servants[i]);
        CHECK_OK(add_process(queue, servants[i].pid, 0, NOTE_FORK));
    }
    check_forks(queue, servants, COUNT, 1);
    for (int i = 1; i < COUNT; i += 2)
        CHECK_OK(change(queue, (uintptr_t)servants[i].pid, EVFILT_PROC, EV_DELETE));
    check_forks(queue, servants, COUNT, 2);
    close_queue(queue);
    for (int i = COUNT - 1; i >= 0; i--) {
        CHECK_OK(kill(servants[i].pid, SIGKILL));
        servant_reap(&servants[i]);
    }
}
