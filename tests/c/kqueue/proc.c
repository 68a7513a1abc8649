/*
 * EVFILT_PROC, the ends of children, before and after they were waited for.
 * Those of others are in strangers.c, what processes do in life is in track.c.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox.h"
#include "processes.h"
#include "sleeper.h"

static int drop(struct pmx_kqueue *queue, pid_t pid)
{
    return change(queue, (uintptr_t)pid, EVFILT_PROC, EV_DELETE);
}

/* A queue that watches a new servant. */
static struct pmx_kqueue *watch_servant(struct servant *servant, unsigned flags,
                                        uint32_t notes)
{
    struct pmx_kqueue *queue = open_queue();
    servant_start(servant);
    CHECK_OK(add_process(queue, servant->pid, flags, notes));
    return queue;
}

TEST(exit_of_a_child)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    CHECK_RETURNS(add_process(queue, servant.pid, 0, NOTE_EXIT), 0);
    CHECK_QUIET(queue);
    servant_exits(&servant, 7);
    check_exit(queue, servant.pid, 7 << 8);
    CHECK_QUIET(queue);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    CHECK_EQ_INT(servant_reap(&servant), 7 << 8);
    close_queue(queue);
}

TEST(udata_and_ext_come_back)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    struct pmx_kevent add =
        entry((uintptr_t)servant.pid, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, TAG(9));
    add.ext[2] = 8;
    CHECK_OK(apply(queue, add));
    servant_exits(&servant, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EQ_PTR(event.udata, TAG(9));
    CHECK_EQ_UINT(event.ext[2], 8);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(killed)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGUSR1};
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 3; i++) {
        struct servant servant;
        servant_start(&servant);
        CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
        CHECK_OK(kill(servant.pid, signals[i]));
        check_exit(queue, servant.pid, signals[i]);
        CHECK_EQ_INT(servant_reap(&servant), signals[i]);
    }
    close_queue(queue);
}

/* With the bit of a saved core, if one was. */
TEST(killed_with_a_core)
{
    struct servant servant;
    struct rlimit none = {0, 0};
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(setrlimit(RLIMIT_CORE, &none));
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    CHECK_OK(kill(servant.pid, SIGQUIT));
    await_zombie(servant.pid);
    struct pmx_kevent event = take(queue);
    CHECK_EQ_INT(event.data, servant_reap(&servant));
    close_queue(queue);
}

/* The program waits for its child before it asks the queue. */
TEST(reaped_before_it_is_collected)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, NOTE_EXIT);
    servant_exits(&servant, 9);
    CHECK_EQ_INT(servant_reap(&servant), 9 << 8);
    check_exit(queue, servant.pid, 9 << 8);
    close_queue(queue);
}

/* No zombie is ever there: the kernel reaps the children of who ignores them. */
TEST(nobody_waits)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    signal(SIGCHLD, SIG_IGN);
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    CHECK_OK(kill(servant.pid, SIGKILL));
    check_exit(queue, servant.pid, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    CHECK_OK(close(servant.orders));
    CHECK_OK(close(servant.answers));
    close_queue(queue);
}

/* The event reaps nothing: it is there to be waited for, at once. */
TEST(is_left_to_be_waited_for)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    int status;
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    CHECK_OK(kill(servant.pid, SIGKILL));
    check_exit(queue, servant.pid, SIGKILL);
    CHECK_EQ_INT(waitpid(servant.pid, &status, WNOHANG), servant.pid);
    CHECK_OK(close(servant.orders));
    CHECK_OK(close(servant.answers));
    close_queue(queue);
}

TEST(zombie_with_note_exit)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    servant_exits(&servant, 3);
    CHECK_RETURNS(add_process(queue, servant.pid, 0, NOTE_EXIT), 0);
    check_exit(queue, servant.pid, 3 << 8);
    CHECK_RETURNS(add_process(queue, servant.pid, EV_DISABLE, NOTE_EXIT), 0);
    CHECK_QUIET(queue);
    CHECK_OK(apply(queue, entry((uintptr_t)servant.pid, EVFILT_PROC, EV_ENABLE,
                                NOTE_EXIT, 0, NULL)));
    check_exit(queue, servant.pid, 3 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(zombie_without_note_exit)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    servant_exits(&servant, 3);
    CHECK_ERRNO(add_process(queue, servant.pid, 0, 0), ESRCH);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(no_such_process)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    CHECK_OK(kill(servant.pid, SIGKILL));
    servant_reap(&servant);
    const uintptr_t idents[] = {(uintptr_t)servant.pid, 0, UINTPTR_MAX, INT32_MAX,
                                (uintptr_t)1 << 33 | (uintptr_t)getpid()};
    for (size_t i = 0; i < sizeof(idents) / sizeof(idents[0]); i++) {
        struct pmx_kevent add =
            entry(idents[i], EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
        CHECK_ERRNO(apply(queue, add), ESRCH);
        CHECK_EQ_INT(answer(queue, add), ESRCH);
    }
    close_queue(queue);
}

static void *wait_for_byte(void *ends)
{
    read_byte(((int *)ends)[0]);
    return NULL;
}

/* A thread is no process, though Linux has numbered it. */
TEST(threads_are_not_processes)
{
    int ends[2];
    struct sleeper sleeper;
    struct pmx_kqueue *queue = open_queue();
    make_pipe(ends);
    sleeper_start(&sleeper, queue, -1);
    CHECK_ERRNO(add_process(queue, sleeper.thread, 0, NOTE_EXIT), ESRCH);
    pthread_t other = start_thread(wait_for_byte, ends);
    CHECK_OK(apply(queue, entry(1, EVFILT_USER, EV_ADD, 0, 0, 0)));
    CHECK_OK(trigger(queue, 1));
    sleeper_join(&sleeper);
    write_byte(ends[1]);
    join_thread(other);
    close_both(ends);
    close_queue(queue);
}

/* Observed: it is gone after the next scan, having said nothing. */
TEST(end_that_nobody_asked_for)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, 0);
    CHECK_QUIET(queue);
    servant_exits(&servant, 0);
    CHECK_QUIET(queue);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    servant_reap(&servant);
    close_queue(queue);
}

/* Observed: a change without fflags asks for nothing any more. */
TEST(touched_without_notes)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, NOTE_EXIT);
    CHECK_OK(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_DISABLE));
    CHECK_OK(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_ENABLE));
    servant_exits(&servant, 0);
    CHECK_QUIET(queue);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    servant_reap(&servant);
    close_queue(queue);
}

/* What happened before a change happened to the knote as it was. */
TEST(touched_after_the_end)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, NOTE_EXIT);
    servant_exits(&servant, 1);
    CHECK_OK(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_DISABLE));
    CHECK_EQ_INT(servant_reap(&servant), 1 << 8);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_ENABLE));
    check_exit(queue, servant.pid, 1 << 8);
    close_queue(queue);
}

TEST(disabled_at_the_end)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, EV_DISABLE, NOTE_EXIT);
    servant_exits(&servant, 1);
    servant_reap(&servant);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    CHECK_OK(apply(queue, entry((uintptr_t)servant.pid, EVFILT_PROC, EV_ENABLE,
                                NOTE_EXIT, 0, NULL)));
    check_shows(queue, 1);
    check_exit(queue, servant.pid, 1 << 8);
    check_shows(queue, 0);
    close_queue(queue);
}

TEST(deleted_before_the_end)
{
    struct servant servant;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, NOTE_EXIT);
    CHECK_RETURNS(drop(queue, servant.pid), 0);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    servant_exits(&servant, 1);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(every_queue_is_told)
{
    struct servant servant;
    struct pmx_kqueue *one = open_queue(), *two = open_queue();
    servant_start(&servant);
    CHECK_OK(add_process(one, servant.pid, 0, NOTE_EXIT));
    CHECK_OK(add_process(two, servant.pid, EV_DISPATCH, NOTE_EXIT));
    servant_exits(&servant, 2);
    check_exit(one, servant.pid, 2 << 8);
    servant_reap(&servant);
    CHECK_EQ_UINT(take(two).flags, EV_EOF | EV_ONESHOT | EV_CLEAR | EV_DISPATCH);
    close_queue(one);
    close_queue(two);
}

TEST(wakes_a_sleeper)
{
    struct servant servant;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = watch_servant(&servant, 0, NOTE_EXIT);
    sleeper_start(&sleeper, queue, -1);
    CHECK_OK(kill(servant.pid, SIGKILL));
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    CHECK_EQ_INT(sleeper.event.data, SIGKILL);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(shows_in_a_queue_around)
{
    struct servant servant;
    struct pmx_kqueue *inner = open_queue(), *outer = open_queue();
    uintptr_t fd = (uintptr_t)CHECK_OK(pmx_kqueue_fd(inner));
    servant_start(&servant);
    CHECK_OK(change(outer, fd, EVFILT_READ, EV_ADD));
    CHECK_OK(add_process(inner, servant.pid, 0, NOTE_EXIT));
    CHECK_QUIET(outer);
    servant_exits(&servant, 4);
    CHECK_TAKES(outer, fd, EVFILT_READ, 0, 1);
    check_exit(inner, servant.pid, 4 << 8);
    CHECK_QUIET(outer);
    servant_reap(&servant);
    close_queue(inner);
    close_queue(outer);
}

/*
 * Many, and limits.
 */

static void become_exit(int gate, int code)
{
    char byte;
    while (read(gate, &byte, 1) < 0)
        continue;
    _exit(code);
}

/* Every status right, in whatever order they end. */
TEST(two_thousand_processes)
{
    enum { COUNT = 2000 };
    static pid_t pids[COUNT];
    static struct pmx_kevent events[COUNT];
    int gate[2], seen = 0;
    struct pmx_kqueue *queue = open_queue();
    make_pipe(gate);
    if (limit_descriptors(COUNT + 100) < COUNT + 100)
        SKIP("needs %d descriptors, one for each process", COUNT + 100);
    for (int i = 0; i < COUNT; i++) {
        pids[i] = CHECK_OK(fork());
        if (pids[i] == 0) {
            close(gate[1]);
            become_exit(gate[0], i % 251);
        }
        CHECK_OK(apply(queue, entry((uintptr_t)pids[i], EVFILT_PROC, EV_ADD, NOTE_EXIT,
                                    0, TAG(i + 1))));
    }
    close_both(gate);
    while (seen < COUNT) {
        int count =
            CHECK_OK(pmx_kqueue_control(queue, NULL, 0, events, COUNT, TOO_LONG, NULL));
        for (int i = 0; i < count; i++) {
            int which = (int)(uintptr_t)events[i].udata - 1;
            CHECK_EQ_UINT(events[i].ident, pids[which]);
            CHECK_EQ_INT(events[i].data, which % 251 << 8);
        }
        seen += count;
    }
    CHECK_QUIET(queue);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ_INT(waitpid(pids[i], NULL, 0), pids[i]);
    close_queue(queue);
}

/* The child may exit before, while or after it is registered. */
TEST(exit_during_registration)
{
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 500; i++) {
        pid_t child = CHECK_OK(fork());
        if (child == 0)
            _exit(i % 100);
        for (int turn = i % 10; turn; turn--)
            sched_yield();
        CHECK_OK(add_process(queue, child, 0, NOTE_EXIT));
        if (i % 2)
            CHECK_EQ_INT(waitpid(child, NULL, 0), child);
        check_exit(queue, child, i % 100 << 8);
        if (i % 2 == 0)
            CHECK_EQ_INT(waitpid(child, NULL, 0), child);
    }
    close_queue(queue);
}

TEST(out_of_descriptors)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    int lowest = CHECK_OK(dup(0));
    CHECK_OK(close(lowest));
    limit_descriptors((size_t)lowest);
    CHECK_ERRNO(add_process(queue, servant.pid, 0, NOTE_EXIT), EMFILE);
    limit_descriptors(1024);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    CHECK_OK(kill(servant.pid, SIGKILL));
    check_exit(queue, servant.pid, SIGKILL);
    servant_reap(&servant);
    close_queue(queue);
}

/*
 * Old kernels, of which a sandbox makes one.
 */

TEST(kernel_without_pidfds)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    refuse_system_call(SYS_pidfd_open, ENOSYS);
    CHECK_ERRNO(add_process(queue, servant.pid, 0, NOTE_EXIT), EOPNOTSUPP);
    CHECK_ERRNO(drop(queue, servant.pid), ENOENT);
    servant_exits(&servant, 0);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(kernel_that_tells_parents_alone)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    refuse_system_call(SYS_ioctl, ENOTTY);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    servant_exits(&servant, 9);
    check_exit(queue, servant.pid, 9 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(kernel_that_forgets)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    refuse_system_call(SYS_ioctl, ENOTTY);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    servant_exits(&servant, 9);
    servant_reap(&servant);
    DIFFERENCE("data of an exit is the status also if the process was waited for first",
               "so it is since Linux 6.15, before it is 0");
    check_exit(queue, servant.pid, 0);
    close_queue(queue);
}

/* Nor does it keep the status of one that is reaped while a pidfd is opened. Who
 * tracks has heard of it. */
TEST(kernel_that_has_announced_it)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    servant_start(&servant);
    refuse_system_call(SYS_ioctl, ENOTTY);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT | NOTE_TRACK));
    servant_exits(&servant, 9);
    servant_reap(&servant);
    check_exit(queue, servant.pid, 9 << 8);
    close_queue(queue);
}
