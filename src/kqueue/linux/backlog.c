/* Lengths of listen queues. Stands on TCP_INFO and unixdiag.h. */
#include "backlog.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../../base/result.h"
#include "unixdiag.h"

static int tcp_backlog(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int result = pmx__syscall(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
    return result < 0 ? result : (int)info.tcpi_unacked;
}

static int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);
    int result = pmx__syscall(getsockopt(fd, SOL_SOCKET, name, &value, &size));
    if (result == -EBADF || result == -ENOTSOCK)
        return -EBADF;
    return result < 0 ? -EOPNOTSUPP : value;
}

int pmx__backlog(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);
    if (domain < 0)
        return domain;
    if (domain == AF_UNIX)
        return pmx__unixdiag_backlog(fd);
    int protocol = socket_option(fd, SO_PROTOCOL);
    return protocol == IPPROTO_TCP ? tcp_backlog(fd) : -EOPNOTSUPP;
}
