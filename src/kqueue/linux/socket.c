/*
 * What sockets say to EVFILT_READ and EVFILT_WRITE: see object.h. Stands on
 * FIONREAD, SO_MEMINFO, TCP_INFO, poll(2), recv(2) and backlog.h.
 *
 * EPOLLRDHUP tells that the reading side has ended. EPOLLHUP without it is a
 * socket that is not connected, of which neither filter has anything to say.
 * The kernel gives a pending error only to those who take it, and taking it is
 * the application's; so which error it is has to be inferred.
 */
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../base/result.h"
#include "backlog.h"
#include "inquiry.h"
#include "unixdiag.h"

/* Of <netinet/tcp.h>, which does not go together with <linux/tcp.h>. */
enum tcp_state {
    ESTABLISHED = 1,
    SYN_SENT = 2,
    SYN_RECV = 3,
    CLOSE = 7,
    CLOSE_WAIT = 8,
    LISTEN = 10,
};

/* Of <linux/sock_diag.h>: the indices of SO_MEMINFO. */
enum {
    MEMINFO_WMEM_ALLOC = 2,
    MEMINFO_SNDBUF = 3,
    MEMINFO_WMEM_QUEUED = 5,
    MEMINFO = 9
};

static bool is_gone(int error)
{
    return error == -EBADF || error == -ENOTSOCK;
}

/* A socket option that is a number; 0 where there is none. */
static int number(const struct pmx__inquiry *inquiry, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(inquiry->fd, level, name, &value, &size) < 0 ? 0 : value;
}

/*
 * Pending errors.
 */

static int tcp_info(const struct pmx__inquiry *inquiry, struct tcp_info *info)
{
    socklen_t size = sizeof(*info);
    memset(info, 0, sizeof(*info)); /* older kernels fill less of it */
    return pmx__syscall(getsockopt(inquiry->fd, IPPROTO_TCP, TCP_INFO, info, &size));
}

/* Why a connection could not be made. */
static int connect_error(const struct pmx__inquiry *inquiry,
                         const struct tcp_info *info)
{
    if (info->tcpi_segs_in)
        return ECONNREFUSED;
    int attempts = number(inquiry, IPPROTO_TCP, TCP_SYNCNT);
    return info->tcpi_retransmits >= attempts ? ETIMEDOUT : EHOSTUNREACH;
}

static int tcp_error(const struct pmx__inquiry *inquiry)
{
    struct tcp_info info;
    if (tcp_info(inquiry, &info) < 0 || info.tcpi_state != CLOSE)
        return 0;
    if (!info.tcpi_bytes_acked && !info.tcpi_rtt)
        return connect_error(inquiry, &info);
    return info.tcpi_retransmits || info.tcpi_probes ? ETIMEDOUT : ECONNRESET;
}

static int unix_error(const struct pmx__inquiry *inquiry)
{
    (void)inquiry;
    return ECONNRESET; /* there is no other */
}

/* What arrives at a datagram socket by itself is that nobody listens. */
static int socket_error(const struct pmx__inquiry *inquiry)
{
    bool is_datagram = number(inquiry, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM;
    return is_datagram ? ECONNREFUSED : ECONNRESET;
}

typedef int error_of(const struct pmx__inquiry *);

/* The end of a stream, which is ready; and why if not for good reasons. */
static int end(const struct pmx__inquiry *inquiry, error_of *error,
               struct pmx__report *report)
{
    report->eof = true;
    if (inquiry->events & EPOLLERR)
        report->fflags = (uint32_t)error(inquiry);
    return 1;
}

/*
 * EVFILT_READ.
 */

static int listener_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int length = pmx__backlog(inquiry->fd);
    if (is_gone(length))
        return -EBADF;
    if (length < 0) { /* not known: as many as poll(2) tells */
        int result = pmx__inquire_events(inquiry);
        if (result < 0)
            return result;
        length = !!(inquiry->events & EPOLLIN);
    }
    report->data = length;
    return length > 0;
}

/* What there is besides bytes that just arrived; bytes is FIONREAD's answer. */
static int rare_read(struct pmx__inquiry *inquiry, int64_t bytes, error_of *error,
                     struct pmx__report *report)
{
    if (is_gone((int)bytes))
        return -EBADF;
    if (bytes == -EINVAL && number(inquiry, SOL_SOCKET, SO_ACCEPTCONN))
        return listener_read(inquiry, report);
    int result = pmx__inquire_events(inquiry);
    if (result < 0)
        return result;
    bytes = pmx__object_bytes(inquiry->fd); /* all, now, that came before an end */
    report->data = bytes < 0 ? 0 : bytes;
    bool enough =
        inquiry->has_lowat ? bytes >= inquiry->lowat : inquiry->events & EPOLLIN;
    if (inquiry->events & EPOLLRDHUP)
        return end(inquiry, error, report);
    return enough || inquiry->events & EPOLLERR;
}

static int read_with(struct pmx__inquiry *inquiry, error_of *error,
                     struct pmx__report *report)
{
    int64_t bytes = pmx__object_bytes(inquiry->fd);
    bool is_plain = (inquiry->events & ~(uint32_t)EPOLLOUT) == EPOLLIN;
    if (bytes <= 0 || !is_plain || (inquiry->has_lowat && bytes < inquiry->lowat))
        return rare_read(inquiry, bytes, error, report);
    report->data = bytes;
    return 1;
}

/*
 * What follows a byte that is urgent and not read yet, which FIONREAD does not
 * count. To peek and truncate stores nothing; checkers think that it would.
 */
static int64_t bytes_behind_mark(const struct pmx__inquiry *inquiry)
{
    int flags = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT;
    long bytes = syscall(SYS_recvfrom, inquiry->fd, NULL, INT_MAX, flags, NULL, NULL);
    return bytes < 0 ? 0 : bytes;
}

/* Where an error is pending, to peek would take it. */
int pmx__tcp_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int ready = read_with(inquiry, tcp_error, report);
    bool has_bytes = (inquiry->events & (EPOLLIN | EPOLLERR)) == EPOLLIN;
    if (ready > 0 && report->data == 0 && !report->eof && has_bytes)
        report->data = bytes_behind_mark(inquiry);
    return ready;
}

int pmx__unix_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    return read_with(inquiry, unix_error, report);
}

int pmx__unix_lowat_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    if (!inquiry->has_lowat) {
        inquiry->lowat = number(inquiry, SOL_SOCKET, SO_RCVLOWAT);
        inquiry->has_lowat = true;
    }
    return read_with(inquiry, unix_error, report);
}

int pmx__socket_read(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    return read_with(inquiry, socket_error, report);
}

/*
 * EVFILT_WRITE.
 */

/* Free space for sending, of which used is the index of what is taken; or -EBADF. */
static int64_t space(const struct pmx__inquiry *inquiry, int used)
{
    uint32_t memory[MEMINFO] = {0};
    socklen_t size = sizeof(memory);
    int result =
        pmx__syscall(getsockopt(inquiry->fd, SOL_SOCKET, SO_MEMINFO, memory, &size));
    if (is_gone(result))
        return -EBADF;
    int64_t left = (int64_t)memory[MEMINFO_SNDBUF] - memory[used];
    return left < 0 ? 0 : left;
}

/* Of a socket that may send; a shutdown in both directions shows as EPOLLHUP. */
static int write_with(struct pmx__inquiry *inquiry, int used, error_of *error,
                      struct pmx__report *report)
{
    int result = inquiry->events == EPOLLOUT ? 0 : pmx__inquire_events(inquiry);
    if (result < 0)
        return result;
    uint32_t events = inquiry->events;
    report->data = space(inquiry, used);
    if (report->data < 0)
        return -EBADF;
    bool enough = !inquiry->has_lowat || report->data >= inquiry->lowat;
    bool can_send = events & EPOLLOUT && !(events & EPOLLHUP);
    if (events & EPOLLHUP && events & EPOLLRDHUP)
        return end(inquiry, error, report);
    return (can_send && enough) || events & EPOLLERR;
}

/* The sending side has been shut, whatever the events. */
static int write_end(struct pmx__inquiry *inquiry, int used, error_of *error,
                     struct pmx__report *report)
{
    int result = pmx__inquire_events(inquiry);
    report->data = space(inquiry, used);
    return result < 0 ? result : end(inquiry, error, report);
}

int pmx__tcp_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    struct tcp_info info;
    int result = tcp_info(inquiry, &info);
    if (is_gone(result))
        return -EBADF;
    if (result < 0) /* not told: the events say most of it */
        return write_with(inquiry, MEMINFO_WMEM_QUEUED, tcp_error, report);
    switch ((enum tcp_state)info.tcpi_state) {
    case SYN_SENT:
    case SYN_RECV:
    case LISTEN:
        return 0;
    case ESTABLISHED:
    case CLOSE_WAIT:
    case CLOSE: /* before a connection or after it, which the events tell */
        return write_with(inquiry, MEMINFO_WMEM_QUEUED, tcp_error, report);
    default:
        return write_end(inquiry, MEMINFO_WMEM_QUEUED, tcp_error, report);
    }
}

/* Sending nothing into a stream does nothing, but says whether one could. */
int pmx__unix_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result =
        pmx__syscall((int)send(inquiry->fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (is_gone(result))
        return -EBADF;
    if (result == -ENOTCONN)
        return 0;
    if (result == -EPIPE)
        return write_end(inquiry, MEMINFO_WMEM_ALLOC, unix_error, report);
    return write_with(inquiry, MEMINFO_WMEM_ALLOC, unix_error, report);
}

/* An empty packet would be one: the kernel has to be asked at length. */
int pmx__packets_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    int result = pmx__unixdiag_cannot_send(inquiry->fd);
    if (result == 1)
        return write_end(inquiry, MEMINFO_WMEM_ALLOC, unix_error, report);
    return write_with(inquiry, MEMINFO_WMEM_ALLOC, unix_error, report);
}

int pmx__socket_write(struct pmx__inquiry *inquiry, struct pmx__report *report)
{
    return write_with(inquiry, MEMINFO_WMEM_ALLOC, socket_error, report);
}
