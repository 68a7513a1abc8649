/*
 * A program as it is written for Solaris: waits with /dev/poll for a pipe. Valid
 * in every C since 1989 and, under another name, in C++.
 */
#include <sys/devpoll.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int pipe_is_ready(int set, int fd)
{
    struct dvpoll wait;
    pollfd_t entry;
    entry.fd = fd;
    entry.events = POLLIN;
    entry.revents = 0;
    if (write(set, &entry, sizeof(entry)) != (ssize_t)sizeof(entry))
        return 0;
    wait.dp_fds = &entry;
    wait.dp_nfds = 1;
    wait.dp_timeout = 60000;
    return ioctl(set, DP_POLL, &wait) == 1 && entry.fd == fd && entry.revents == POLLIN;
}

int main(void)
{
    int ends[2], set = open("/dev/poll", O_RDWR);
    if (set < 0 || pipe(ends) < 0 || write(ends[1], "x", 1) != 1)
        return 2;
    if (!pipe_is_ready(set, ends[0]) || close(set) < 0)
        return 3;
    puts("devpoll");
    return 0;
}
