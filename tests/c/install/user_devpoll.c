/*
 * A program as it is written for Solaris: waits with /dev/poll for a pipe; then
 * as for the Linux that had patches of it. Valid in every C since 1989 and, under
 * another name, in C++.
 */
#include <sys/devpoll.h>
#include <sys/mman.h>
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

static int mapped_answer_is(int set, int fd)
{
    struct dvpoll wait;
    struct pollfd *answers;
    int result;
    if (ioctl(set, DP_ALLOC, 10) < 0)
        return 0;
    answers = (struct pollfd *)mmap(NULL, DP_MMAP_SIZE(10), PROT_READ | PROT_WRITE,
                                    MAP_SHARED, set, 0);
    if (answers == MAP_FAILED)
        return 0;
    wait.dp_fds = NULL;
    wait.dp_nfds = 10;
    wait.dp_timeout = 60000;
    result = ioctl(set, DP_POLL, &wait) == 1 && answers[0].fd == fd;
    return munmap(answers, DP_MMAP_SIZE(10)) == 0 && ioctl(set, DP_FREE) == 0 && result;
}

int main(void)
{
    int ends[2], set = open("/dev/poll", O_RDWR);
    if (set < 0 || pipe(ends) < 0 || write(ends[1], "x", 1) != 1)
        return 2;
    if (!pipe_is_ready(set, ends[0]) || !mapped_answer_is(set, ends[0]))
        return 3;
    if (close(set) < 0)
        return 4;
    puts("devpoll");
    return 0;
}
