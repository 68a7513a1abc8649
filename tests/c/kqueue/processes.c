/* Children on orders: see processes.h. */
#include "processes.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORK = 'f', EXECUTE = 'x' };

static void answer_pid(int fd, pid_t pid)
{
    CHECK_EQ_INT(write(fd, &pid, sizeof(pid)), sizeof(pid));
}

static void fork_on_order(int answers, int code)
{
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        _exit(code);
    CHECK_EQ_INT(waitpid(child, NULL, 0), child);
    answer_pid(answers, child);
}

/* The order, then its argument. */
static _Noreturn void obey(int orders, int answers)
{
    unsigned char order[2];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer_pid(answers, getpid());
    while (read(orders, order, sizeof(order)) == sizeof(order)) {
        if (order[0] == EXECUTE)
            execlp("cat", "cat", NULL); /* which ends when it is killed */
        if (order[0] != FORK)
            _exit(order[1]);
        fork_on_order(answers, order[1]);
    }
    _exit(0);
}

static pid_t read_pid(int fd)
{
    pid_t pid;
    CHECK_EQ_INT(read(fd, &pid, sizeof(pid)), sizeof(pid));
    return pid;
}

static void order(const struct servant *servant, int what, int argument)
{
    unsigned char bytes[] = {(unsigned char)what, (unsigned char)argument};
    CHECK_EQ_INT(write(servant->orders, bytes, sizeof(bytes)), sizeof(bytes));
}

void servant_start(struct servant *servant)
{
    int orders[2], answers[2];
    make_pipe(orders);
    make_pipe(answers);
    servant->pid = CHECK_OK(fork());
    if (servant->pid == 0) {
        CHECK_OK(close(orders[1]));
        CHECK_OK(dup2(orders[0], STDIN_FILENO));
        obey(orders[0], answers[1]);
    }
    CHECK_OK(close(orders[0]));
    CHECK_OK(close(answers[1]));
    servant->orders = orders[1];
    servant->answers = answers[0];
    CHECK_EQ_INT(read_pid(servant->answers), servant->pid);
}

/* The answers' end closes itself in the execution. */
void servant_executes(struct servant *servant)
{
    char end;
    order(servant, EXECUTE, 0);
    CHECK_EQ_INT(read(servant->answers, &end, 1), 0);
}

pid_t servant_forks(struct servant *servant, int code)
{
    order(servant, FORK, code);
    return read_pid(servant->answers);
}

void await_zombie(pid_t pid)
{
    siginfo_t info;
    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
}

void servant_exits(struct servant *servant, int code)
{
    order(servant, 0, code);
    await_zombie(servant->pid);
}

int servant_reap(struct servant *servant)
{
    int status;
    CHECK_OK(close(servant->orders));
    CHECK_OK(close(servant->answers));
    CHECK_EQ_INT(waitpid(servant->pid, &status, 0), servant->pid);
    return status;
}

int add_process(struct pmx_kqueue *queue, pid_t pid, unsigned flags, uint32_t fflags)
{
    return apply(queue,
                 entry((uintptr_t)pid, EVFILT_PROC, EV_ADD | flags, fflags, 0, NULL));
}

void check_exit(struct pmx_kqueue *queue, pid_t pid, int status)
{
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)pid, EVFILT_PROC, EV_EOF | EV_ONESHOT | EV_CLEAR,
                status);
    CHECK_EQ_UINT(event.fflags, NOTE_EXIT);
}

void need_connector(struct pmx_kqueue *queue)
{
    if (add_process(queue, getpid(), 0, NOTE_EXEC) < 0) {
        CHECK_EQ_INT(errno, EOPNOTSUPP);
        close_queue(queue);
        SKIP("the process connector is closed to this process: it needs Linux 6.6 or "
             "CAP_NET_ADMIN, and the first network and pid namespaces");
    }
    CHECK_OK(change(queue, (uintptr_t)getpid(), EVFILT_PROC, EV_DELETE));
}

void become_nobody(void)
{
    if (getuid() != 0)
        return;
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(65534, 65534, 65534));
    CHECK_OK(setresuid(65534, 65534, 65534));
}
