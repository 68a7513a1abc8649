/*
 * EVFILT_PROC, the lives of processes: forks, executions, and what follows a
 * fork. Needs the process connector, which it says where it is not to be had.
 */
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "processes.h"

static struct pmx_kqueue *open_queue_with_connector(void)
{
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    return queue;
}

static void check_note(struct pmx_kqueue *queue, pid_t pid, uint32_t note)
{
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)pid, EVFILT_PROC, EV_CLEAR, 0);
    CHECK_EQ_UINT(event.fflags, note);
}

TEST(fork_and_no_more)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_RETURNS(add_process(queue, servant.pid, 0, NOTE_FORK), 0);
    CHECK_QUIET(queue);
    for (int i = 0; i < 3; i++) {
        servant_forks(&servant, 0);
        check_note(queue, servant.pid, NOTE_FORK);
        CHECK_QUIET(queue);
    }
    servant_forks(&servant, 0);
    servant_forks(&servant, 0);
    check_note(queue, servant.pid, NOTE_FORK);
    servant_exits(&servant, 0);
    CHECK_QUIET(queue);
    CHECK_ERRNO(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_DELETE), ENOENT);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(execution)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXEC));
    servant_forks(&servant, 0);
    CHECK_QUIET(queue);
    servant_executes(&servant);
    check_note(queue, servant.pid, NOTE_EXEC);
    CHECK_QUIET(queue);
    CHECK_OK(kill(servant.pid, SIGKILL));
    servant_reap(&servant);
    close_queue(queue);
}

/* Observed: what is not collected yet comes in one event. */
TEST(notes_accumulate)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_FORK | NOTE_EXEC | NOTE_EXIT));
    servant_forks(&servant, 0);
    servant_executes(&servant);
    CHECK_OK(kill(servant.pid, SIGTERM));
    await_zombie(servant.pid);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)servant.pid, EVFILT_PROC,
                EV_EOF | EV_ONESHOT | EV_CLEAR, SIGTERM);
    CHECK_EQ_UINT(event.fflags, NOTE_FORK | NOTE_EXEC | NOTE_EXIT);
    servant_reap(&servant);
    close_queue(queue);
}

/* The last notes of a process whose end is not asked for. */
TEST(fork_then_end)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_FORK));
    servant_forks(&servant, 0);
    servant_exits(&servant, 5);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)servant.pid, EVFILT_PROC,
                EV_EOF | EV_ONESHOT | EV_CLEAR, 0);
    CHECK_EQ_UINT(event.fflags, NOTE_FORK);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(only_what_is_asked_for)
{
    struct servant one, two;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&one);
    servant_start(&two);
    CHECK_OK(add_process(queue, one.pid, 0, NOTE_EXEC));
    CHECK_OK(add_process(queue, two.pid, 0, NOTE_FORK));
    servant_forks(&one, 0);
    servant_executes(&two);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    servant_executes(&one);
    check_note(queue, one.pid, NOTE_EXEC);
    CHECK_OK(kill(one.pid, SIGKILL));
    CHECK_OK(kill(two.pid, SIGKILL));
    servant_reap(&one);
    servant_reap(&two);
    close_queue(queue);
}

/* Forks of this process itself; threads are no forks. */
static void *do_nothing(void *argument)
{
    return argument;
}

TEST(own_forks_but_not_threads)
{
    struct pmx_kqueue *queue = open_queue_with_connector();
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_FORK));
    join_thread(start_thread(do_nothing, NULL));
    CHECK_QUIET(queue);
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        _exit(0);
    check_note(queue, getpid(), NOTE_FORK);
    join_process(child);
    close_queue(queue);
}

/* What happened before is not news. */
TEST(what_was_before_does_not_count)
{
    struct servant one, two;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&one);
    servant_start(&two);
    CHECK_OK(add_process(queue, one.pid, 0, NOTE_TRACK));
    servant_forks(&two, 0);
    CHECK_OK(add_process(queue, two.pid, 0, NOTE_FORK));
    CHECK_QUIET(queue);
    servant_forks(&two, 0);
    check_note(queue, two.pid, NOTE_FORK);
    servant_exits(&one, 0);
    servant_exits(&two, 0);
    servant_reap(&one);
    servant_reap(&two);
    close_queue(queue);
}

/* A change of notes begins to ask, and ceases. */
TEST(notes_change)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    servant_forks(&servant, 0);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT | NOTE_FORK));
    CHECK_QUIET(queue);
    servant_forks(&servant, 0);
    check_note(queue, servant.pid, NOTE_FORK);
    servant_forks(&servant, 0);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    check_note(queue, servant.pid, NOTE_FORK);
    servant_forks(&servant, 0);
    CHECK_QUIET(queue);
    servant_exits(&servant, 1);
    check_exit(queue, servant.pid, 1 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

/*
 * NOTE_TRACK.
 */

/* The child's first event: whose child it is. */
static void check_child(struct pmx_kqueue *queue, pid_t child, pid_t parent,
                        void *udata)
{
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)child, EVFILT_PROC, EV_ONESHOT | EV_CLEAR, parent);
    CHECK_EQ_UINT(event.fflags, NOTE_CHILD);
    CHECK_EQ_PTR(event.udata, udata);
}

TEST(child_is_tracked)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(apply(queue, entry((uintptr_t)servant.pid, EVFILT_PROC, EV_ADD,
                                NOTE_TRACK | NOTE_EXIT, 0, TAG(4))));
    pid_t child = servant_forks(&servant, 6);
    check_child(queue, child, servant.pid, TAG(4));
    check_exit(queue, child, 6 << 8);
    CHECK_QUIET(queue);
    servant_exits(&servant, 2);
    check_exit(queue, servant.pid, 2 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(parent_is_told_of_the_fork_if_it_asks)
{
    struct servant servant;
    struct pmx_kevent events[ROOM];
    struct pmx_kqueue *queue = open_queue_with_connector();
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_TRACK | NOTE_FORK));
    pid_t child = servant_forks(&servant, 0);
    take_count(queue, events, 2);
    const struct pmx_kevent *event =
        event_of(events, 2, (uintptr_t)servant.pid, EVFILT_PROC);
    CHECK_EQ_UINT(event->fflags, NOTE_FORK);
    event = event_of(events, 2, (uintptr_t)child, EVFILT_PROC);
    CHECK_EQ_UINT(event->fflags, NOTE_CHILD);
    CHECK_QUIET(queue);
    CHECK_ERRNO(change(queue, (uintptr_t)child, EVFILT_PROC, EV_DELETE), ENOENT);
    servant_exits(&servant, 0);
    CHECK_QUIET(queue);
    servant_reap(&servant);
    close_queue(queue);
}

/* NOLINTNEXTLINE(misc-no-recursion): each in a process of its own */
static pid_t fork_generations(int depth)
{
    pid_t child = fork();
    if (child == 0) {
        if (depth > 1)
            fork_generations(depth - 1);
        _exit(depth);
    }
    waitpid(child, NULL, 0);
    return child;
}

/* Each generation is tracked as the one before, gone or not. */
TEST(generations)
{
    enum { DEPTH = 20 };
    struct pmx_kqueue *queue = open_queue_with_connector();
    uintptr_t parent = (uintptr_t)getpid();
    struct pmx_kevent event;
    int children = 0, exits = 0;
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_TRACK | NOTE_EXIT));
    fork_generations(DEPTH);
    while (exits < DEPTH) {
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        if (event.fflags == NOTE_CHILD) {
            CHECK_EQ_INT(event.data, parent);
            parent = event.ident;
            children++;
        } else {
            CHECK_EQ_UINT(event.fflags, NOTE_EXIT);
            CHECK_EQ_INT(event.data % 256, 0);
            exits++;
        }
    }
    CHECK_EQ_INT(children, DEPTH);
    close_queue(queue);
}

/* As much room for announcements as the library asks for. */
static void need_large_buffer(void)
{
    int size = 4 << 20, got = 0;
    socklen_t length = sizeof(got);
    int fd = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &length));
    CHECK_OK(close(fd));
    if (got < size)
        SKIP("net.core.rmem_max is below 4 MB, and this process has no CAP_NET_ADMIN");
}

enum { THOUSAND = 1000 };

/* They come and go while nobody looks. */
static void fork_some(pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        pids[i] = CHECK_OK(fork());
        if (pids[i] == 0)
            _exit(i % 200);
        CHECK_EQ_INT(waitpid(pids[i], NULL, 0), pids[i]);
    }
}

/* Each is told of, with its status; false if the forks of all others in the system
 * have filled the room for announcements. */
static bool follow_some(struct pmx_kqueue *queue, const pid_t *pids, int count)
{
    char seen[THOUSAND][2] = {{0}};
    struct pmx_kevent event;
    for (int left = 2 * count; left; left--) {
        int which = 0;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        if (event.fflags & NOTE_TRACKERR)
            return false;
        while (which < count && (uintptr_t)pids[which] != event.ident)
            which++;
        CHECK(which < count);
        bool is_exit = event.fflags == NOTE_EXIT;
        CHECK_EQ_INT(event.data, is_exit ? which % 200 << 8 : getpid());
        CHECK_EQ_INT(seen[which][is_exit]++, 0);
        CHECK(seen[which][0]); /* NOTE_CHILD comes first */
    }
    return collect(queue, (struct pmx_kevent[ROOM]){0}) == 0;
}

static bool follow_a_thousand(int at_a_time)
{
    pid_t pids[THOUSAND];
    bool is_done = true;
    struct pmx_kqueue *queue = open_queue_with_connector();
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_TRACK | NOTE_EXIT));
    for (int left = THOUSAND; is_done && left > 0; left -= at_a_time) {
        fork_some(pids, at_a_time);
        is_done = follow_some(queue, pids, at_a_time);
    }
    close_queue(queue);
    return is_done;
}

/* All at once; on a busy system as many as it leaves room for. */
TEST(a_thousand_children)
{
    int at_a_time = THOUSAND;
    need_large_buffer();
    while (!follow_a_thousand(at_a_time)) {
        NOTE("not %d at once: others fork, too", at_a_time);
        at_a_time /= 2;
        CHECK_GE_INT(at_a_time, 10);
    }
}

/* Live ones, too. */
TEST(children_that_live_on)
{
    enum { COUNT = 100 };
    static pid_t pids[COUNT];
    struct pmx_kqueue *queue = open_queue_with_connector();
    int gate[2];
    make_pipe(gate);
    CHECK_OK(add_process(queue, getpid(), 0, NOTE_TRACK | NOTE_EXIT));
    for (int i = 0; i < COUNT; i++) {
        pids[i] = CHECK_OK(fork());
        if (pids[i] == 0) {
            CHECK_OK(close(gate[1]));
            char byte;
            _exit(read(gate[0], &byte, 1) == 0 ? i : 255);
        }
        check_child(queue, pids[i], getpid(), NULL);
    }
    CHECK_QUIET(queue);
    close_both(gate);
    for (int i = 0; i < COUNT; i++) {
        struct pmx_kevent event;
        int which = 0;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        while ((uintptr_t)pids[which] != event.ident)
            which++;
        CHECK_EQ_INT(event.data, which << 8);
        CHECK_EQ_INT(waitpid(pids[which], NULL, 0), pids[which]);
    }
    close_queue(queue);
}

/*
 * Privileges and namespaces.
 */

static void track_as_nobody(void)
{
    struct servant servant;
    become_nobody();
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    if (add_process(queue, servant.pid, 0, NOTE_TRACK | NOTE_EXIT) < 0) {
        CHECK_EQ_INT(errno, EOPNOTSUPP); /* before Linux 6.6 */
        CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    } else {
        pid_t child = servant_forks(&servant, 6);
        check_child(queue, child, servant.pid, NULL);
        check_exit(queue, child, 6 << 8);
    }
    servant_exits(&servant, 1);
    check_exit(queue, servant.pid, 1 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

TEST(without_privileges)
{
    IN_CHILD(track_as_nobody());
}

static void check_refused(void)
{
    static const uint32_t notes[] = {NOTE_FORK, NOTE_EXEC, NOTE_TRACK};
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    servant_start(&servant);
    for (int i = 0; i < 3; i++) {
        CHECK_ERRNO(add_process(queue, servant.pid, 0, notes[i] | NOTE_EXIT),
                    EOPNOTSUPP);
        CHECK_ERRNO(change(queue, (uintptr_t)servant.pid, EVFILT_PROC, EV_DELETE),
                    ENOENT);
    }
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_EXIT));
    CHECK_ERRNO(add_process(queue, servant.pid, 0, NOTE_FORK), EOPNOTSUPP);
    servant_exits(&servant, 1);
    check_exit(queue, servant.pid, 1 << 8);
    servant_reap(&servant);
    close_queue(queue);
}

static void unshare_or_skip(int what)
{
    if (unshare(what) < 0)
        SKIP("needs CAP_SYS_ADMIN, for a namespace of its own");
}

TEST(another_network_namespace)
{
    unshare_or_skip(CLONE_NEWNET);
    DIFFERENCE(
        "NOTE_FORK, NOTE_EXEC and NOTE_TRACK are always served",
        "they need the process connector of Linux, which is not in other network "
        "or pid namespaces; there the change fails with EOPNOTSUPP");
    check_refused();
}

/* Where the kernel would speak of other numbers. */
static void check_refused_to_children(void)
{
    CHECK_OK(unshare(CLONE_NEWPID));
    IN_CHILD(check_refused());
}

TEST(another_pid_namespace)
{
    unshare_or_skip(CLONE_NEWNS); /* as much a privilege */
    IN_CHILD(check_refused_to_children());
}
