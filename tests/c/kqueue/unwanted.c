/*
 * What no knote wants, told to the queue all the same: files, links and forks.
 * It may show in the queue's descriptor, but it ends no wait and is no event.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "cable.h"
#include "processes.h"
#include "sleeper.h"
#include "tree.h"

/* Something happens, wanted by the knote or not. */
typedef void occurrence(void *subject);

static void check_unwanted(struct pmx_kqueue *queue, occurrence *unwanted,
                           occurrence *wanted, void *subject)
{
    struct sleeper sleeper;
    CHECK_OK(pmx_kqueue_fd(queue)); /* the first time looks at what there is */
    unwanted(subject);
    check_shows(queue, true);
    CHECK_QUIET(queue);
    sleeper_start(&sleeper, queue, -1);
    unwanted(subject);
    sleeper_sleeps(&sleeper);
    wanted(subject);
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
}

static void write_to_file(void *subject)
{
    grow(*(int *)subject, 1);
}

static void change_mode(void *subject)
{
    CHECK_OK(fchmod(*(int *)subject, 0640));
}

TEST(of_a_file)
{
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue();
    watch_notes(queue, file, NOTE_ATTRIB);
    DIFFERENCE("the descriptor of a queue is readable only if there is an event",
               "with EVFILT_VNODE, EVFILT_NETDEV, NOTE_FORK, NOTE_EXEC or NOTE_TRACK "
               "also where something has happened that no knote wants, until somebody "
               "collects");
    check_shows(queue, false);
    check_unwanted(queue, write_to_file, change_mode, &file);
    CHECK_OK(fchmod(file, 0600));
    take(queue);
    check_shows(queue, false);
    CHECK_OK(close(file));
    close_queue(queue);
}

static void change_another(void *subject)
{
    bool *is_up = subject;
    *is_up = !*is_up;
    set_up("lo", *is_up);
}

static void pull_out_the_cable(void *subject)
{
    (void)subject;
    pull_out();
}

TEST(of_another_link)
{
    bool is_up = false; /* a new namespace's loopback */
    struct pmx_kqueue *queue = open_queue();
    enter_own_network();
    uintptr_t index = make_cable();
    set_up("a", true);
    plug_in();
    CHECK_OK(apply(
        queue, entry(index, EVFILT_NETDEV, EV_ADD | EV_CLEAR, NOTE_LINKDOWN, 0, NULL)));
    check_unwanted(queue, change_another, pull_out_the_cable, &is_up);
    close_queue(queue);
}

/* Nor does it take the room of what there is. */
TEST(before_what_is_wanted)
{
    int pipes[2][2];
    struct pmx_kevent events[2];
    struct pmx_kqueue *queue = open_queue();
    enter_own_network();
    uintptr_t index = make_cable();
    CHECK_OK(apply(
        queue, entry(index, EVFILT_NETDEV, EV_ADD | EV_CLEAR, NOTE_LINKDOWN, 0, NULL)));
    set_up("lo", true);
    for (int i = 0; i < 2; i++) {
        make_pipe(pipes[i]);
        CHECK_OK(change(queue, (uintptr_t)pipes[i][0], EVFILT_READ, EV_ADD));
        write_byte(pipes[i][1]);
    }
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, 2, 0, NULL), 2);
    for (int i = 0; i < 2; i++)
        close_both(pipes[i]);
    close_queue(queue);
}

static void fork_once(void *subject)
{
    (void)subject;
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        _exit(0);
    join_process(child);
}

static void fork_servant(void *subject)
{
    servant_forks(subject, 0);
}

TEST(of_another_process)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    servant_start(&servant);
    CHECK_OK(add_process(queue, servant.pid, 0, NOTE_FORK | NOTE_TRACK));
    check_unwanted(queue, fork_once, fork_servant, &servant);
    servant_exits(&servant, 0);
    servant_reap(&servant);
    close_queue(queue);
}
