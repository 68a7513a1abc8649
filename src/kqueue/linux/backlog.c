/*
 * Lengths of listen queues. Stands on TCP_INFO for TCP, and on sock_diag(7)
 * for AF_UNIX: its answer is asked for through a netlink socket that lives for
 * one question, so that a queue needs no descriptor more.
 */
#include "backlog.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/result.h"

#define NO_COOKIE UINT32_MAX /* whichever socket has the inode */

struct question {
    struct nlmsghdr header;
    struct unix_diag_req request;
};

/* As much as the kernel says of one socket, and more; aligned for its structs. */
union answer {
    struct nlmsghdr header;
    char bytes[512];
};

static int tcp_backlog(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int result = pmx__syscall(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
    return result < 0 ? result : (int)info.tcpi_unacked;
}

static int ask(int netlink, ino_t inode)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_ino = (uint32_t)inode,
                    .udiag_show = UDIAG_SHOW_RQLEN,
                    .udiag_cookie = {NO_COOKIE, NO_COOKIE}},
    };
    return pmx__syscall((int)send(netlink, &question, sizeof(question), 0));
}

/* The queue's length in the attributes that follow the answer's fixed part. */
static int queue_length(const union answer *answer, size_t size)
{
    size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    while (at + sizeof(struct nlattr) <= size) {
        struct nlattr attribute;
        memcpy(&attribute, answer->bytes + at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || at + attribute.nla_len > size)
            break;
        if (attribute.nla_type == UNIX_DIAG_RQLEN) {
            struct unix_diag_rqlen lengths;
            memcpy(&lengths, answer->bytes + at + NLA_HDRLEN, sizeof(lengths));
            return (int)lengths.udiag_rqueue;
        }
        at += NLA_ALIGN(attribute.nla_len);
    }
    return -EOPNOTSUPP;
}

static int hear(int netlink)
{
    union answer answer;
    ssize_t size = recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
    if (size < (ssize_t)sizeof(answer.header) ||
        answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EOPNOTSUPP;
    return queue_length(&answer, (size_t)size);
}

static int unix_backlog(int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return -EBADF;
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -EOPNOTSUPP;
    int result = ask(netlink, stat.st_ino);
    if (result >= 0)
        result = hear(netlink);
    close(netlink);
    return result < 0 ? -EOPNOTSUPP : result;
}

static int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    int result = pmx__syscall(getsockopt(fd, SOL_SOCKET, name, &value, &size));
    return result < 0 ? -EBADF : value;
}

int pmx__backlog(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);
    if (domain < 0)
        return domain;
    if (domain == AF_UNIX)
        return unix_backlog(fd);
    int protocol = socket_option(fd, SO_PROTOCOL);
    return protocol == IPPROTO_TCP ? tcp_backlog(fd) : -EOPNOTSUPP;
}
