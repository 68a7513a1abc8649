/* What the examples share, and what none of them is about. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ends the program where a call has failed. */
static inline void need(int succeeded, const char *what)
{
    if (succeeded)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* A listening socket on a free port of this host, which is printed. It does not
 * block: who was there when it was ready may have left. */
static inline int listen_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    need(fd >= 0, "socket");
    need(bind(fd, (struct sockaddr *)&address, length) == 0, "bind");
    need(listen(fd, SOMAXCONN) == 0, "listen");
    need(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Sends back what there is to read; 0 when the other side is done. */
static inline int echo(int fd)
{
    char bytes[4096];
    ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
    for (ssize_t sent = 0, now; sent < count; sent += now) {
        now = send(fd, bytes + sent, (size_t)(count - sent), MSG_NOSIGNAL);
        if (now < 0)
            return 0;
    }
    return count > 0;
}

#endif
