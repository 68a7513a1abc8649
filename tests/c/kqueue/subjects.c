/* The subjects of subjects.h: a few lines each. */
#include "subjects.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "cable.h"
#include "processes.h"
#include "sockets.h"

enum { USER_IDENT = 77, TIMER_IDENT = 78, A_DAY_S = 24 * 60 * 60 };

static void watch(struct target *target, int watched, int other)
{
    target->ident = (uintptr_t)watched;
    target->fds[0] = watched;
    target->fds[1] = other;
}

static void set_nonblocking(int fd)
{
    int flags = CHECK_OK(fcntl(fd, F_GETFL));
    CHECK_OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static void drain(int fd)
{
    static char block[65536];
    set_nonblocking(fd);
    while (read(fd, block, sizeof(block)) > 0)
        continue;
    CHECK_EQ_INT(errno, EAGAIN);
}

static void close_fds(struct target *target)
{
    CHECK_OK(close(target->fds[0]));
    if (target->fds[1] >= 0)
        CHECK_OK(close(target->fds[1]));
}

static void write_to_other(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    write_byte(target->fds[1]);
}

static void drain_watched(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    drain(target->fds[0]);
}

static void drain_other(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    drain(target->fds[1]);
}

static void fill_watched(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    fill(target->fds[0]);
}

static void open_tcp(struct target *target)
{
    int ends[2];
    make_tcp_pair(ends);
    watch(target, ends[0], ends[1]);
}

static void open_unix(struct target *target)
{
    int ends[2];
    make_socketpair(ends);
    watch(target, ends[0], ends[1]);
}

static void open_datagram(struct target *target)
{
    int ends[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
    watch(target, ends[0], ends[1]);
}

static void open_listener(struct target *target)
{
    watch(target, listen_in_unix(16), -1);
}

static void call_listener(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    call_in_unix(target->fds[0]);
}

static void accept_all(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    set_nonblocking(target->fds[0]);
    for (int fd; (fd = accept(target->fds[0], NULL, NULL)) >= 0;)
        CHECK_OK(close(fd));
    CHECK_EQ_INT(errno, EAGAIN);
}

static void open_pipe(struct target *target)
{
    int ends[2];
    make_pipe(ends);
    watch(target, ends[0], ends[1]);
}

static void open_fifo(struct target *target)
{
    struct fifo fifo;
    make_fifo(&fifo);
    int reader = CHECK_OK(open(fifo.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    int writer = CHECK_OK(open(fifo.path, O_WRONLY | O_CLOEXEC));
    remove_fifo(&fifo);
    watch(target, reader, writer);
}

static void open_tty(struct target *target)
{
    struct termios raw;
    int master = CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_OK(grantpt(master));
    CHECK_OK(unlockpt(master));
    int slave = CHECK_OK(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_OK(tcgetattr(slave, &raw));
    cfmakeraw(&raw);
    CHECK_OK(tcsetattr(slave, TCSANOW, &raw));
    watch(target, slave, master);
}

static void open_eventfd(struct target *target)
{
    watch(target, CHECK_OK(eventfd(0, EFD_CLOEXEC)), -1);
}

static void count_up(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    CHECK_OK(eventfd_write(target->fds[0], 1));
}

static void open_inner(struct target *target)
{
    target->inner = open_queue();
    watch(target, CHECK_OK(pmx_kqueue_fd(target->inner)), -1);
    CHECK_OK(change(target->inner, USER_IDENT, EVFILT_USER, EV_ADD));
}

static void raise_inner(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    CHECK_OK(trigger(target->inner, USER_IDENT));
}

/* A queue notices that nothing is left when it is asked. */
static void lower_inner(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    CHECK_OK(change(target->inner, USER_IDENT, EVFILT_USER, EV_CLEAR));
    CHECK_QUIET(target->inner);
}

static void close_inner(struct target *target)
{
    close_queue(target->inner);
}

static void open_file(struct target *target)
{
    watch(target, make_disk_file(), -1);
}

static void grow_file(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    grow(target->fds[0], 1);
}

static void seek_to_end(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    CHECK(lseek(target->fds[0], 0, SEEK_END) >= 0);
}

static void open_directory_of_our_own(struct target *target)
{
    char path[] = "/tmp/kqueue-test-XXXXXX";
    CHECK(mkdtemp(path));
    watch(target, CHECK_OK(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)), -1);
}

/* A name comes and goes. */
static void change_directory(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    CHECK_OK(close(CHECK_OK(openat(target->fds[0], "name", flags, 0600))));
    CHECK_OK(unlinkat(target->fds[0], "name", 0));
}

static void remove_directory(struct target *target)
{
    char fd_path[32], name[64] = "";
    snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", target->fds[0]);
    CHECK(readlink(fd_path, name, sizeof(name) - 1) > 0);
    CHECK_OK(rmdir(name));
    CHECK_OK(close(target->fds[0]));
}

/* What has happened to a file stays, until it is collected. */
static void collect_what_happened(struct target *target, struct pmx_kqueue *queue)
{
    struct pmx_kevent events[ROOM];
    (void)target;
    CHECK_OK(collect(queue, events));
}

static void open_full_socket(struct target *target)
{
    open_unix(target);
    fill(target->fds[0]);
}

static void open_full_pipe(struct target *target)
{
    int ends[2];
    make_pipe(ends);
    watch(target, ends[1], ends[0]);
    fill(target->fds[0]);
}

static void open_timer(struct target *target)
{
    target->ident = TIMER_IDENT;
}

/* A time long past is now, once; arming does not change the manner. */
static void raise_timer(struct target *target, struct pmx_kqueue *queue)
{
    struct pmx_kevent past =
        entry(target->ident, EVFILT_TIMER, EV_ADD, NOTE_ABSTIME, 1, 0);
    CHECK_OK(apply(queue, past));
}

/* Arming anew throws away what has not been collected. */
static void lower_timer(struct target *target, struct pmx_kqueue *queue)
{
    CHECK_OK(target_add(target, queue, EV_ADD));
}

static void open_user(struct target *target)
{
    target->ident = USER_IDENT;
}

static void raise_user(struct target *target, struct pmx_kqueue *queue)
{
    struct pmx_kevent trigger =
        entry(target->ident, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, 0);
    CHECK_OK(apply(queue, trigger));
}

static void lower_user(struct target *target, struct pmx_kqueue *queue)
{
    CHECK_OK(target_touch(target, queue, EV_CLEAR | EV_KEEPUDATA));
}

static void ignore_signal(int signal)
{
    (void)signal;
}

static void open_signal(struct target *target)
{
    target->ident = SIGUSR2;
    signal(SIGUSR2, ignore_signal);
}

static void raise_signal(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    CHECK_OK(kill(getpid(), (int)target->ident));
}

/* What was counted is forgotten with the knote. */
static void lower_signal(struct target *target, struct pmx_kqueue *queue)
{
    CHECK_OK(target_touch(target, queue, EV_DELETE));
    CHECK_OK(target_add(target, queue, 0));
}

static void close_signal(struct target *target)
{
    signal((int)target->ident, SIG_DFL);
}

static struct servant servant_of(const struct target *target)
{
    return (struct servant){(pid_t)target->ident, target->fds[0], target->fds[1]};
}

static void open_process(struct target *target)
{
    struct servant servant;
    struct pmx_kqueue *queue = open_queue();
    need_connector(queue);
    close_queue(queue);
    servant_start(&servant);
    watch(target, servant.orders, servant.answers);
    target->ident = (uintptr_t)servant.pid;
}

/* It forks. */
static void raise_process(struct target *target, struct pmx_kqueue *queue)
{
    struct servant servant = servant_of(target);
    (void)queue;
    servant_forks(&servant, 0);
}

static void close_process(struct target *target)
{
    struct servant servant = servant_of(target);
    servant_exits(&servant, 0);
    servant_reap(&servant);
}

static void open_link(struct target *target)
{
    enter_own_network();
    target->ident = make_cable();
    set_up("a", true);
}

/* It goes up or down, whatever it was not. */
static void raise_link(struct target *target, struct pmx_kqueue *queue)
{
    (void)queue;
    target->fds[0] = !target->fds[0];
    if (target->fds[0])
        plug_in();
    else
        pull_out();
}

static void close_link(struct target *target)
{
    (void)target;
    remove_cable();
}

static void close_nothing(struct target *target)
{
    (void)target;
}

#define READS  .filter = EVFILT_READ, .close = close_fds
#define WRITES .filter = EVFILT_WRITE, .close = close_fds
#define NOTES  .flags = EV_CLEAR, .manner = EV_CLEAR, .keeps_none = true

/* clang-format off */
#define DESCRIPTOR_SUBJECTS                                                            \
    {"tcp", open_tcp, write_to_other, drain_watched, READS},                           \
    {"unix", open_unix, write_to_other, drain_watched, READS},                         \
    {"datagram", open_datagram, write_to_other, drain_watched, READS},                 \
    {"listener", open_listener, call_listener, accept_all, READS},                     \
    {"pipe", open_pipe, write_to_other, drain_watched, READS},                         \
    {"fifo", open_fifo, write_to_other, drain_watched, READS},                         \
    {"tty", open_tty, write_to_other, drain_watched, READS},                           \
    {"eventfd", open_eventfd, count_up, drain_watched, READS},                         \
    {"queue", open_inner, raise_inner, lower_inner, close_inner, EVFILT_READ},         \
    {"file", open_file, grow_file, seek_to_end, READS},                                \
    {"socket-write", open_full_socket, drain_other, fill_watched, WRITES},             \
    {"pipe-write", open_full_pipe, drain_other, fill_watched, WRITES}

#define UNPRIVILEGED_SUBJECTS                                                          \
    DESCRIPTOR_SUBJECTS,                                                               \
    {"timer", open_timer, raise_timer, lower_timer, close_nothing, EVFILT_TIMER,       \
     .fflags = NOTE_SECONDS, .data = A_DAY_S, .flags = EV_CLEAR},                      \
    {"signal", open_signal, raise_signal, lower_signal, close_signal, EVFILT_SIGNAL,   \
     .flags = EV_CLEAR},                                                               \
    {"user", open_user, raise_user, lower_user, close_nothing, EVFILT_USER},           \
    {"vnode", open_file, grow_file, collect_what_happened, close_fds, EVFILT_VNODE,    \
     NOTES, .fflags = NOTE_WRITE},                                                     \
    {"vnode-directory", open_directory_of_our_own, change_directory,                   \
     collect_what_happened, remove_directory, EVFILT_VNODE, NOTES,                     \
     .fflags = NOTE_WRITE | NOTE_DELETE}
/* clang-format on */

const struct subject descriptors[DESCRIPTORS] = {DESCRIPTOR_SUBJECTS};
const struct subject unprivileged[UNPRIVILEGED] = {UNPRIVILEGED_SUBJECTS};

const struct subject subjects[SUBJECTS] = {
    UNPRIVILEGED_SUBJECTS,
    {"process", open_process, raise_process, collect_what_happened, close_process,
     EVFILT_PROC, .flags = EV_CLEAR, .keeps_none = true, .fflags = NOTE_FORK},
    {"link", open_link, raise_link, collect_what_happened, close_link, EVFILT_NETDEV,
     NOTES, .fflags = NOTE_LINKUP | NOTE_LINKDOWN},
};

struct pmx_kqueue *begin(struct target *target, const struct subject *subject)
{
    *target = (struct target){.subject = subject};
    subject->open(target);
    return open_queue();
}

void end(struct target *target, struct pmx_kqueue *queue)
{
    close_queue(queue);
    target->subject->close(target);
}

struct pmx_kevent target_entry(const struct target *target, unsigned flags, void *udata)
{
    const struct subject *subject = target->subject;
    bool adds = flags & EV_ADD;
    return entry(target->ident, subject->filter, flags | (adds ? subject->manner : 0),
                 adds || subject->keeps_none ? subject->fflags : 0,
                 adds ? subject->data : 0, udata);
}

int target_add(struct target *target, struct pmx_kqueue *queue, unsigned flags)
{
    return apply(queue, target_entry(target, EV_ADD | flags, NULL));
}

int target_touch(struct target *target, struct pmx_kqueue *queue, unsigned flags)
{
    return apply(queue, target_entry(target, flags, NULL));
}

void target_raise(struct target *target, struct pmx_kqueue *queue)
{
    target->subject->raise(target, queue);
}

void target_lower(struct target *target, struct pmx_kqueue *queue)
{
    target->subject->lower(target, queue);
}

struct pmx_kevent target_take(struct target *target, struct pmx_kqueue *queue,
                              unsigned flags)
{
    struct pmx_kevent event = take(queue);
    CHECK_EQ_UINT(event.ident, target->ident);
    CHECK_EQ_INT(event.filter, target->subject->filter);
    CHECK_EQ_UINT(event.flags, flags | target->subject->flags);
    return event;
}
