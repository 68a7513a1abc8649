/* Sockets: see sockets.h. */
#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const struct stream streams[2] = {{"tcp", make_tcp_pair}, {"unix", make_socketpair}};

static int bound(int type)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int fd = CHECK_OK(socket(AF_INET, type | SOCK_CLOEXEC, 0));
    CHECK_OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    return fd;
}

static struct sockaddr_in address_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    CHECK_OK(getsockname(fd, (struct sockaddr *)&address, &length));
    return address;
}

int listen_on_loopback(int backlog)
{
    int fd = bound(SOCK_STREAM);
    CHECK_OK(listen(fd, backlog));
    return fd;
}

void connect_to(int fd, int listener)
{
    struct sockaddr_in address = address_of(listener);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        CHECK_EQ_INT(errno, EINPROGRESS);
}

int connect_to_nobody(void)
{
    int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int silent = bound(SOCK_STREAM); /* a port that nobody listens at */
    struct sockaddr_in address = address_of(silent);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&address, sizeof(address)), EINPROGRESS);
    CHECK_OK(close(silent));
    return fd;
}

void reset_connection(int fd)
{
    const struct linger at_once = {1, 0};
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
    CHECK_OK(close(fd));
}

int listen_in_unix(int backlog)
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    int fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_OK(bind(fd, (struct sockaddr *)&nameless, sizeof(sa_family_t)));
    CHECK_OK(listen(fd, backlog));
    return fd;
}

void call_in_unix(int listener)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    CHECK_OK(getsockname(listener, (struct sockaddr *)&address, &length));
    int fd = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_OK(connect(fd, (struct sockaddr *)&address, length));
    CHECK_OK(close(fd));
}

void make_udp_pair(int ends[2])
{
    for (int i = 0; i < 2; i++)
        ends[i] = bound(SOCK_DGRAM);
    for (int i = 0; i < 2; i++)
        connect_to(ends[i], ends[!i]);
}

void await_readable(int fd)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    CHECK_EQ_INT(poll(&wanted, 1, -1), 1);
}
