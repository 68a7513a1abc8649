/*
 * A program as a user of the installed library would write it: waits in each
 * interface for one pipe. Valid C99 and, under another name, C++11.
 */
#include <polymux/polymux.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int with_select(int fd)
{
    struct pmx_select *set = pmx_select_create();
    int ready = set && pmx_select_add(set, fd, PMX_SELECT_READ) == 0 &&
                pmx_select_wait(set, PMX_FOREVER, NULL) == 1 &&
                pmx_select_ready(set, fd) == PMX_SELECT_READ;
    pmx_select_free(set);
    return ready;
}

static int with_poll(int fd)
{
    struct pmx_poll *set = pmx_poll_create();
    int ready = set && pmx_poll_register(set, fd, POLLIN) == 0 &&
                pmx_poll_wait(set, 1000000000, NULL) == 1 &&
                pmx_poll_next(set, NULL)->fd == fd;
    pmx_poll_free(set);
    return ready;
}

static int with_epoll(int fd)
{
    struct epoll_event event;
    struct pmx_epoll *epoll = pmx_epoll_create();
    epoll_data_t data;
    data.fd = fd;
    int ready = epoll && pmx_epoll_register(epoll, fd, EPOLLIN, data) == 0 &&
                pmx_epoll_wait(epoll, &event, 1, 1000000000, NULL) == 1 &&
                event.data.fd == fd;
    pmx_epoll_close(epoll);
    return ready;
}

int main(void)
{
    int ends[2];
    if (pipe(ends) < 0 || write(ends[1], "x", 1) != 1)
        return 2;
    if (strcmp(pmx_version(), PMX_VERSION) != 0)
        return 3;
    puts(pmx_version());
    return !(with_select(ends[0]) && with_poll(ends[0]) && with_epoll(ends[0]));
}
