/*
 * Questions about sockets of AF_UNIX: see unixdiag.h. Stands on sock_diag(7).
 * The netlink socket lives for one question, so that a queue needs no
 * descriptor more; the kernel answers before send(2) returns.
 */
#include "unixdiag.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
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

/* Of sk_shutdown, in the answer. */
enum { SEND_SHUTDOWN = 2 };

static int ask(int netlink, ino_t inode, uint32_t show)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_ino = (uint32_t)inode,
                    .udiag_show = show,
                    .udiag_cookie = {NO_COOKIE, NO_COOKIE}},
    };
    return pmx__syscall((int)send(netlink, &question, sizeof(question), 0));
}

/* Copies the attribute of a type, of those after the answer's fixed part. */
static int find(const union answer *answer, size_t answered, int type, void *value,
                size_t size)
{
    size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    while (at + sizeof(struct nlattr) <= answered) {
        struct nlattr attribute;
        memcpy(&attribute, answer->bytes + at, sizeof(attribute));
        if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > answered)
            break;
        if (attribute.nla_type == type && attribute.nla_len >= NLA_HDRLEN + size) {
            memcpy(value, answer->bytes + at + NLA_HDRLEN, size);
            return 0;
        }
        at += NLA_ALIGN(attribute.nla_len);
    }
    return -EOPNOTSUPP;
}

static int hear(int netlink, int type, void *value, size_t size)
{
    union answer answer;
    ssize_t answered = recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
    if (answered < (ssize_t)sizeof(answer.header) ||
        answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EOPNOTSUPP;
    return find(&answer, (size_t)answered, type, value, size);
}

static int inquire(int fd, uint32_t show, int type, void *value, size_t size)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return -EBADF;
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -EOPNOTSUPP;
    int result = ask(netlink, stat.st_ino, show);
    if (result >= 0)
        result = hear(netlink, type, value, size);
    close(netlink);
    return result < 0 ? -EOPNOTSUPP : 0;
}

int pmx__unixdiag_backlog(int fd)
{
    struct unix_diag_rqlen lengths;
    int result =
        inquire(fd, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN, &lengths, sizeof(lengths));
    return result < 0 ? result : (int)lengths.udiag_rqueue;
}

int pmx__unixdiag_cannot_send(int fd)
{
    uint8_t shut;
    int result = inquire(fd, 0, UNIX_DIAG_SHUTDOWN, &shut, sizeof(shut));
    return result < 0 ? result : !!(shut & SEND_SHUTDOWN);
}
