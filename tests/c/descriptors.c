/* Descriptors for tests of waiting: see support.h. */
#include "support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void make_pipe(int ends[2])
{
    CHECK_OK(pipe2(ends, O_CLOEXEC));
}

void make_socketpair(int ends[2])
{
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
}

void close_both(const int ends[2])
{
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

void make_tcp_pair(int ends[2])
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    socklen_t length = sizeof(address);
    int listener = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0)
        SKIP("no TCP on the loopback interface: %s", strerror(errno));
    CHECK_OK(listen(listener, 1));
    CHECK_OK(getsockname(listener, (struct sockaddr *)&address, &length));
    ends[0] = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_OK(connect(ends[0], (struct sockaddr *)&address, sizeof(address)));
    ends[1] = CHECK_OK(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    CHECK_OK(close(listener));
}

int make_file(void)
{
    return CHECK_OK(memfd_create("file", MFD_CLOEXEC));
}

void write_byte(int fd)
{
    CHECK_EQ_INT(write(fd, "x", 1), 1);
}

void read_byte(int fd)
{
    char byte;
    CHECK_EQ_INT(read(fd, &byte, 1), 1);
}

void fill(int fd)
{
    static const char block[4096];
    int flags = CHECK_OK(fcntl(fd, F_GETFL));
    CHECK_OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    while (write(fd, block, sizeof(block)) > 0 || write(fd, block, 1) > 0)
        continue;
    CHECK_EQ_INT(errno, EAGAIN);
    CHECK_OK(fcntl(fd, F_SETFL, flags));
}

int closed_fd(void)
{
    int fd = make_file();
    CHECK_OK(close(fd));
    return fd;
}

int moved_fd(int fd, int least)
{
    int moved = CHECK_OK(fcntl(fd, F_DUPFD_CLOEXEC, least));
    CHECK_OK(close(fd));
    return moved;
}

bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}
