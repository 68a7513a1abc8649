/*
 * Kinds of descriptors and their readiness: see object.h. Stands on SO_TYPE and
 * fstat(2) for the kind, and on FIONREAD, poll(2) and /proc/thread-self/fdinfo
 * for what pipes, terminals, counters and the rest say; sockets are in socket.c.
 *
 * The common answer costs one system call. Where it is not the common one, the
 * events are asked for anew, so that what epoll said a while ago, or was not
 * asked, does no harm.
 */
#include "object.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "../../base/result.h"
#include "inquiry.h"

/* The system's memory devices; their numbers are the same everywhere. */
enum { MEMORY_MAJOR = 1, NULL_MINOR = 3, ZERO_MINOR = 5, FULL_MINOR = 7 };

/* As long as anything of interest in /proc/thread-self/fdinfo, and more. */
enum { FDINFO_SIZE = 512 };

/*
 * Kinds.
 */

static int socket_option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

static int stream_kind(int fd)
{
    if (socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP)
        return PMX__OBJECT_TCP;
    if (socket_option(fd, SO_DOMAIN) != AF_UNIX)
        return PMX__OBJECT_SOCKET;
    return socket_option(fd, SO_RCVLOWAT) > 1 ? PMX__OBJECT_UNIX_LOWAT
                                              : PMX__OBJECT_UNIX_STREAM;
}

static int packets_kind(int fd)
{
    bool is_unix = socket_option(fd, SO_DOMAIN) == AF_UNIX;
    return is_unix ? PMX__OBJECT_UNIX_PACKETS : PMX__OBJECT_SOCKET;
}

/* Every new connection is asked, so those that are most of them are told apart
 * with the fewest system calls. -ENOTSOCK or -EBADF. */
static int socket_kind(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);
    int result = pmx__syscall(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size));
    if (result < 0)
        return result;
    if (type == SOCK_STREAM)
        return stream_kind(fd);
    return type == SOCK_SEQPACKET ? packets_kind(fd) : PMX__OBJECT_SOCKET;
}

/* Whether a pipe is one without a name. */
static bool is_pipe(int fd)
{
    struct statfs statfs;
    return fstatfs(fd, &statfs) == 0 && statfs.f_type == PIPEFS_MAGIC;
}

static int pipe_kind(int fd)
{
    switch (fcntl(fd, F_GETFL) & O_ACCMODE) {
    case O_RDONLY:
        return PMX__OBJECT_PIPE_READER;
    case O_WRONLY:
        return is_pipe(fd) ? PMX__OBJECT_PIPE_WRITER : PMX__OBJECT_FIFO_WRITER;
    default:
        return PMX__OBJECT_FIFO_BOTH;
    }
}

static bool is_memory_device(dev_t device)
{
    unsigned number = minor(device);
    return major(device) == MEMORY_MAJOR &&
           (number == NULL_MINOR || number == ZERO_MINOR || number == FULL_MINOR);
}

static int character_kind(int fd, dev_t device)
{
    if (is_memory_device(device))
        return PMX__OBJECT_DEVICE;
    struct termios termios;
    return tcgetattr(fd, &termios) == 0 ? PMX__OBJECT_TTY : PMX__OBJECT_POLLABLE;
}

/* Anonymous inodes have no type, but a name. */
static int anonymous_kind(int fd)
{
    static const struct {
        const char *name;
        int kind;
    } names[] = {
        {"anon_inode:[eventfd]", PMX__OBJECT_EVENTFD},
        {"anon_inode:[eventpoll]", PMX__OBJECT_EPOLL},
        {"anon_inode:[timerfd]", PMX__OBJECT_TIMERFD},
    };
    char path[64], target[64] = "";
    snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
    if (readlink(path, target, sizeof(target) - 1) < 0)
        return PMX__OBJECT_POLLABLE;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(target, names[i].name) == 0)
            return names[i].kind;
    return PMX__OBJECT_POLLABLE;
}

static int other_kind(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return -EBADF;
    switch (stat.st_mode & S_IFMT) {
    case S_IFIFO:
        return pipe_kind(fd);
    case S_IFCHR:
        return character_kind(fd, stat.st_rdev);
    case S_IFREG:
        return PMX__OBJECT_FILE;
    case S_IFDIR:
        return PMX__OBJECT_DIRECTORY;
    case S_IFBLK:
        return PMX__OBJECT_POLLABLE; /* which it is not, as epoll will say */
    default:
        return anonymous_kind(fd);
    }
}

/* To getsockopt(2) a descriptor of O_PATH is -EBADF, whatever it is of. */
int pmx__object_kind(int fd)
{
    int kind = socket_kind(fd);
    return kind == -ENOTSOCK ? other_kind(fd) : kind;
}

/*
 * System calls.
 */

int pmx__inquire_events(struct pmx__inquiry *inquiry)
{
    struct pollfd pollfd = {.fd = inquiry->fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    /* EINTR is not possible without a wait; ENOMEM leaves things as they are. */
    if (poll(&pollfd, 1, 0) < 0)
        return 0;
    if (pollfd.revents & POLLNVAL)
        return -EBADF;
    inquiry->events = (uint16_t)pollfd.revents; /* the same bits as EPOLL* */
    return 0;
}

int64_t pmx__object_bytes(int fd)
{
    int bytes = 0;
    int result = pmx__syscall(ioctl(fd, FIONREAD, &bytes));
    return result < 0 ? result : bytes;
}

int pmx__inquire_open(const struct pmx__inquiry *inquiry)
{
    return fcntl(inquiry->fd, F_GETFD) < 0 ? -EBADF : 0;
}

/*
 * Pipes. Each end learns that the other is gone by an event of its own: the
 * reader by EPOLLHUP, which a FIFO that never had a writer does not show; the
 * writer by EPOLLERR.
 */

static int pipe_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int64_t bytes = pmx__object_bytes(inquiry->fd);
    if (bytes == -EBADF || bytes == -ENOTTY)
        return -EBADF;
    if (bytes <= 0 || inquiry->events != EPOLLIN) {
        int result = pmx__inquire_events(inquiry);
        if (result < 0)
            return result;
        bytes = pmx__object_bytes(inquiry->fd);
    }
    report->eof = inquiry->events & EPOLLHUP;
    report->data = bytes < 0 ? 0 : bytes;
    return bytes > 0 || inquiry->events & (EPOLLIN | EPOLLHUP);
}

/* The end that a filter has no use for still tells when the other end goes. */
static int pipe_end_read_or_write(struct pmx__inquiry *inquiry,
                                  struct pmx__report *report)
{
    int result = pmx__inquire_events(inquiry);
    report->eof = inquiry->events & (EPOLLERR | EPOLLHUP);
    return result < 0 ? result : report->eof;
}

/*
 * The room is what the size leaves. Part of it may be lost to buffers that are
 * not filled, but a pipe that is writable always takes PIPE_BUF bytes.
 */
static int64_t pipe_room(const struct pmx__inquiry *inquiry)
{
    int64_t bytes = pmx__object_bytes(inquiry->fd);
    int size = fcntl(inquiry->fd, F_GETPIPE_SZ);
    if (bytes < 0 || size < 0)
        return -EBADF;
    return size - bytes < PIPE_BUF ? PIPE_BUF : size - bytes;
}

static int fifo_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result = inquiry->events == EPOLLOUT ? 0 : pmx__inquire_events(inquiry);
    if (result < 0)
        return result;
    report->eof = inquiry->events & EPOLLERR;
    bool ready = inquiry->events & (EPOLLERR | EPOLLOUT);
    report->data = ready ? pipe_room(inquiry) : 0;
    return report->data < 0 ? -EBADF : ready;
}

/* A pipe without a name never has readers again. */
static int pipe_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result = fifo_write(inquiry, report);
    report->last = report->eof;
    return result;
}

static int pipe_refusal(int fd)
{
    struct pollfd pollfd = {.fd = fd};
    bool is_over = poll(&pollfd, 1, 0) == 1 && pollfd.revents & POLLERR;
    return is_over && is_pipe(fd) ? -EPIPE : 0;
}

int pmx__object_write_refusal(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return 0;
    if (S_ISFIFO(stat.st_mode))
        return pipe_refusal(fd);
    bool is_anonymous = (stat.st_mode & S_IFMT) == 0;
    return is_anonymous && anonymous_kind(fd) == PMX__OBJECT_EPOLL ? -EINVAL : 0;
}

/*
 * Terminals, and what else poll(2) works on. How much there is to read is not
 * always known; it is at least one byte, then. How much room never is.
 */

static int pollable_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result = pmx__inquire_events(inquiry);
    if (result < 0)
        return result;
    report->eof = inquiry->events & EPOLLHUP;
    int64_t bytes = pmx__object_bytes(inquiry->fd);
    if (bytes >= 0)
        report->data = bytes;
    else if (inquiry->events & EPOLLIN && !report->eof)
        report->data = 1;
    return (inquiry->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0;
}

static int tty_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int64_t bytes = pmx__object_bytes(inquiry->fd);
    if (bytes <= 0 || inquiry->events != EPOLLIN)
        return pollable_read(inquiry, report);
    report->data = bytes;
    return 1;
}

static int pollable_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result = pmx__inquire_events(inquiry);
    report->eof = inquiry->events & EPOLLHUP;
    report->data = inquiry->events & EPOLLOUT && !report->eof;
    bool ready = inquiry->events & (EPOLLOUT | EPOLLERR | EPOLLHUP);
    return result < 0 ? result : ready;
}

static int device_read_or_write(struct pmx__inquiry *inquiry,
                                struct pmx__report *report)
{
    (void)report;
    int result = pmx__inquire_open(inquiry);
    return result < 0 ? result : 1;
}

/*
 * Counters. The kernel shows their value in one place that does not reset it.
 */

/* The number after a key of the descriptor's fdinfo; false if there is none. */
static bool fdinfo_number(int fd, const char *key, int base, uint64_t *number)
{
    char text[FDINFO_SIZE];
    snprintf(text, sizeof(text), "/proc/thread-self/fdinfo/%d", fd);
    int info = open(text, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return false;
    ssize_t size = read(info, text, sizeof(text) - 1);
    close(info);
    if (size < 0)
        return false;
    text[size] = '\0';
    const char *found = strstr(text, key);
    if (found)
        *number = strtoull(found + strlen(key), NULL, base);
    return found;
}

static bool eventfd_counter(const struct pmx__inquiry *inquiry, uint64_t *counter)
{
    return fdinfo_number(inquiry->fd, "eventfd-count:", 16, counter);
}

static int eventfd_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    uint64_t counter;
    if (!eventfd_counter(inquiry, &counter))
        return pollable_read(inquiry, report);
    report->data = (int64_t)counter;
    return counter > 0;
}

static int eventfd_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    uint64_t counter;
    if (!eventfd_counter(inquiry, &counter))
        return pollable_write(inquiry, report);
    report->data = (int64_t)(UINT64_MAX - 1 - counter);
    return counter < UINT64_MAX - 1;
}

static int timerfd_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    uint64_t ticks;
    if (!fdinfo_number(inquiry->fd, "ticks:", 10, &ticks))
        return pollable_read(inquiry, report);
    report->data = (int64_t)ticks;
    return ticks > 0;
}

/*
 * The table of kinds.
 */

typedef int inquire(struct pmx__inquiry *, struct pmx__report *);

static const struct {
    inquire *read, *write;
} kinds[] = {
    [PMX__OBJECT_TCP] = {pmx__tcp_read, pmx__tcp_write},
    [PMX__OBJECT_UNIX_STREAM] = {pmx__unix_read, pmx__unix_write},
    [PMX__OBJECT_UNIX_LOWAT] = {pmx__unix_lowat_read, pmx__unix_write},
    [PMX__OBJECT_UNIX_PACKETS] = {pmx__unix_read, pmx__packets_write},
    [PMX__OBJECT_SOCKET] = {pmx__socket_read, pmx__socket_write},
    [PMX__OBJECT_PIPE_READER] = {pipe_read, pipe_end_read_or_write},
    [PMX__OBJECT_PIPE_WRITER] = {pipe_end_read_or_write, pipe_write},
    [PMX__OBJECT_FIFO_WRITER] = {pipe_end_read_or_write, fifo_write},
    [PMX__OBJECT_FIFO_BOTH] = {pipe_read, fifo_write},
    [PMX__OBJECT_TTY] = {tty_read, pollable_write},
    [PMX__OBJECT_EVENTFD] = {eventfd_read, eventfd_write},
    [PMX__OBJECT_TIMERFD] = {timerfd_read, pollable_write},
    [PMX__OBJECT_EPOLL] = {pollable_read, pollable_write},
    [PMX__OBJECT_POLLABLE] = {pollable_read, pollable_write},
    [PMX__OBJECT_DEVICE] = {device_read_or_write, device_read_or_write},
};

int pmx__object_read(int kind, int fd, uint32_t events, bool has_lowat, int64_t lowat,
                     struct pmx__report *report)
{
    assert(kind >= 0 && kind <= PMX__OBJECT_DEVICE);
    struct pmx__inquiry inquiry = {fd, events, has_lowat, lowat};
    return kinds[kind].read(&inquiry, report);
}

int pmx__object_write(int kind, int fd, uint32_t events, bool has_lowat, int64_t lowat,
                      struct pmx__report *report)
{
    assert(kind >= 0 && kind <= PMX__OBJECT_DEVICE);
    struct pmx__inquiry inquiry = {fd, events, has_lowat, lowat};
    return kinds[kind].write(&inquiry, report);
}
