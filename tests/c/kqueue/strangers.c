/* EVFILT_PROC, the ends of processes that are not children. */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox.h"
#include "processes.h"

/* A grandchild; its parent kills it and waits for it, each on order. */
struct stranger {
    pid_t parent;
    pid_t pid;
    int orders;
    int answers;
};

static _Noreturn void be_stranger(void)
{
    for (prctl(PR_SET_PDEATHSIG, SIGKILL);;)
        pause();
}

static _Noreturn void be_parent(int orders, int answers)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        be_stranger();
    CHECK_EQ_INT(write(answers, &child, sizeof(child)), sizeof(child));
    read_byte(orders);
    CHECK_OK(kill(child, SIGTERM));
    await_zombie(child);
    write_byte(answers);
    read_byte(orders);
    CHECK_EQ_INT(waitpid(child, NULL, 0), child);
    write_byte(answers);
    _exit(0);
}

static void start_stranger(struct stranger *stranger)
{
    int orders[2], answers[2];
    make_pipe(orders);
    make_pipe(answers);
    stranger->parent = CHECK_OK(fork());
    if (stranger->parent == 0)
        be_parent(orders[0], answers[1]);
    CHECK_EQ_INT(read(answers[0], &stranger->pid, sizeof(pid_t)), sizeof(pid_t));
    CHECK_OK(close(orders[0]));
    CHECK_OK(close(answers[1]));
    stranger->orders = orders[1];
    stranger->answers = answers[0];
}

/* It is killed the first time, reaped the second. */
static void go_on(const struct stranger *stranger)
{
    write_byte(stranger->orders);
    read_byte(stranger->answers);
}

static void end_stranger(const struct stranger *stranger)
{
    CHECK_OK(close(stranger->orders));
    CHECK_OK(close(stranger->answers));
    join_process(stranger->parent);
}

TEST(exit_of_a_stranger)
{
    struct stranger stranger;
    struct pmx_kqueue *queue = open_queue();
    start_stranger(&stranger);
    CHECK_RETURNS(add_process(queue, stranger.pid, 0, NOTE_EXIT), 0);
    CHECK_QUIET(queue);
    go_on(&stranger);
    check_exit(queue, stranger.pid, SIGTERM);
    go_on(&stranger);
    end_stranger(&stranger);
    close_queue(queue);
}

TEST(reaped_before_it_is_collected)
{
    struct stranger stranger;
    struct pmx_kqueue *queue = open_queue();
    start_stranger(&stranger);
    CHECK_OK(add_process(queue, stranger.pid, 0, NOTE_EXIT));
    go_on(&stranger);
    go_on(&stranger);
    check_exit(queue, stranger.pid, SIGTERM);
    end_stranger(&stranger);
    close_queue(queue);
}

TEST(zombie)
{
    struct stranger stranger;
    struct pmx_kqueue *queue = open_queue();
    start_stranger(&stranger);
    go_on(&stranger);
    CHECK_ERRNO(add_process(queue, stranger.pid, 0, 0), ESRCH);
    CHECK_OK(add_process(queue, stranger.pid, 0, NOTE_EXIT));
    check_exit(queue, stranger.pid, SIGTERM);
    go_on(&stranger);
    end_stranger(&stranger);
    close_queue(queue);
}

/* The rest is for two users, one of whom may do nothing to the other's. */
static void start_foreigner(struct stranger *stranger)
{
    if (getuid() != 0)
        SKIP("needs root, to become another user than the watched process is");
    start_stranger(stranger);
    become_nobody();
    CHECK_ERRNO(kill(stranger->pid, 0), EPERM);
}

TEST(another_users)
{
    struct stranger stranger;
    start_foreigner(&stranger);
    struct pmx_kqueue *queue = open_queue();
    CHECK_RETURNS(add_process(queue, stranger.pid, 0, NOTE_EXIT), 0);
    go_on(&stranger);
    DIFFERENCE("the exit of another user's process comes when it exits",
               "it comes when its parent has waited for it, as Linux tells the status "
               "no sooner");
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    go_on(&stranger);
    check_exit(queue, stranger.pid, SIGTERM);
    end_stranger(&stranger);
    close_queue(queue);
}

/* It has happened, whatever is done to the knote until it can be told. */
TEST(another_users_touched_while_a_zombie)
{
    struct stranger stranger;
    uintptr_t ident;
    start_foreigner(&stranger);
    struct pmx_kqueue *queue = open_queue();
    ident = (uintptr_t)stranger.pid;
    CHECK_OK(add_process(queue, stranger.pid, 0, NOTE_EXIT));
    go_on(&stranger);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, ident, EVFILT_PROC, EV_DISABLE));
    CHECK_OK(change(queue, ident, EVFILT_PROC, EV_ENABLE));
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, ident, EVFILT_PROC, EV_DISABLE));
    go_on(&stranger);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    CHECK_OK(change(queue, ident, EVFILT_PROC, EV_ENABLE));
    check_exit(queue, stranger.pid, SIGTERM);
    end_stranger(&stranger);
    close_queue(queue);
}

TEST(another_users_without_note_exit)
{
    struct stranger stranger;
    start_foreigner(&stranger);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add_process(queue, stranger.pid, 0, 0));
    go_on(&stranger);
    CHECK_QUIET(queue);
    CHECK_ERRNO(change(queue, (uintptr_t)stranger.pid, EVFILT_PROC, EV_DELETE), ENOENT);
    go_on(&stranger);
    end_stranger(&stranger);
    close_queue(queue);
}

/* An old kernel will never tell, so there is nothing to wait for. */
TEST(another_users_on_an_old_kernel)
{
    struct stranger stranger;
    start_foreigner(&stranger);
    struct pmx_kqueue *queue = open_queue();
    refuse_system_call(SYS_ioctl, ENOTTY);
    CHECK_OK(add_process(queue, stranger.pid, 0, NOTE_EXIT));
    go_on(&stranger);
    check_exit(queue, stranger.pid, 0);
    go_on(&stranger);
    end_stranger(&stranger);
    close_queue(queue);
}
