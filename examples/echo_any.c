/*
 * One echo server, any of the five interfaces: `echo_any select`, poll, devpoll,
 * epoll or kqueue. Each is made, told of a descriptor, told of its end, and
 * waited on; that is all that a server needs to know of them.
 *
 *     cc echo_any.c $(pkg-config --cflags --libs polymux)
 */
#include <polymux/polymux.h>

#include "common.h"

enum { EVENTS = 64 };

/*
 * wait   waits without limit, stores up to EVENTS descriptors that can be read,
 *        and returns how many; negative for an error
 */
struct interface {
    const char *name;
    void *(*create)(void);
    int (*add)(void *set, int fd);
    int (*drop)(void *set, int fd);
    int (*wait)(void *set, int *ready);
};

static void *select_create(void)
{
    return pmx_select_create();
}

static int select_add(void *set, int fd)
{
    return pmx_select_add(set, fd, PMX_SELECT_READ);
}

static int select_drop(void *set, int fd)
{
    return pmx_select_remove(set, fd, PMX_SELECT_READ);
}

/* As with select(2), every descriptor is asked for; a program keeps its own list
 * of them, this one knows that they are small numbers. */
static int select_wait(void *set, int *ready)
{
    int count = 0, left = pmx_select_wait(set, PMX_FOREVER, NULL);
    if (left < 0)
        return left;
    for (int fd = 0; count < left && count < EVENTS; fd++)
        if (pmx_select_ready(set, fd))
            ready[count++] = fd;
    return count;
}

static void *poll_create(void)
{
    return pmx_poll_create();
}

static int poll_add(void *set, int fd)
{
    return pmx_poll_register(set, fd, POLLIN);
}

static int poll_drop(void *set, int fd)
{
    return pmx_poll_unregister(set, fd);
}

static int poll_wait(void *set, int *ready)
{
    int count = 0, result = pmx_poll_wait(set, PMX_FOREVER, NULL);
    const struct pollfd *at = NULL;
    while (result > 0 && count < EVENTS && (at = pmx_poll_next(set, at)))
        ready[count++] = at->fd;
    return result < 0 ? result : count;
}

static void *devpoll_create(void)
{
    return pmx_devpoll_create();
}

static int devpoll_add(void *set, int fd)
{
    return pmx_devpoll_register(set, fd, POLLIN);
}

static int devpoll_drop(void *set, int fd)
{
    return pmx_devpoll_unregister(set, fd);
}

static int devpoll_wait(void *set, int *ready)
{
    struct pollfd answers[EVENTS];
    int count = pmx_devpoll_wait(set, answers, EVENTS, PMX_FOREVER, NULL);
    for (int i = 0; i < count; i++)
        ready[i] = answers[i].fd;
    return count;
}

static void *epoll_create_set(void)
{
    return pmx_epoll_create();
}

static int epoll_add(void *set, int fd)
{
    return pmx_epoll_register(set, fd, EPOLLIN, (epoll_data_t){.fd = fd});
}

static int epoll_drop(void *set, int fd)
{
    return pmx_epoll_unregister(set, fd);
}

static int epoll_wait_set(void *set, int *ready)
{
    struct epoll_event events[EVENTS];
    int count = pmx_epoll_wait(set, events, EVENTS, PMX_FOREVER, NULL);
    for (int i = 0; i < count; i++)
        ready[i] = events[i].data.fd;
    return count;
}

static void *kqueue_create(void)
{
    return pmx_kqueue_create();
}

static int kqueue_change(void *set, int fd, uint16_t flags)
{
    struct pmx_kevent change;
    pmx_kevent_set(&change, (uintptr_t)fd, EVFILT_READ, flags, 0, 0, NULL);
    return pmx_kqueue_control(set, &change, 1, NULL, 0, 0, NULL);
}

static int kqueue_add(void *set, int fd)
{
    return kqueue_change(set, fd, EV_ADD);
}

static int kqueue_drop(void *set, int fd)
{
    return kqueue_change(set, fd, EV_DELETE);
}

static int kqueue_wait(void *set, int *ready)
{
    struct pmx_kevent events[EVENTS];
    int count = pmx_kqueue_control(set, NULL, 0, events, EVENTS, PMX_FOREVER, NULL);
    for (int i = 0; i < count; i++)
        ready[i] = (int)events[i].ident;
    return count;
}

static const struct interface interfaces[] = {
    {"select", select_create, select_add, select_drop, select_wait},
    {"poll", poll_create, poll_add, poll_drop, poll_wait},
    {"devpoll", devpoll_create, devpoll_add, devpoll_drop, devpoll_wait},
    {"epoll", epoll_create_set, epoll_add, epoll_drop, epoll_wait_set},
    {"kqueue", kqueue_create, kqueue_add, kqueue_drop, kqueue_wait},
};

static const struct interface *named(const char *name)
{
    for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
        if (strcmp(interfaces[i].name, name) == 0)
            return &interfaces[i];
    fprintf(stderr, "usage: echo_any select|poll|devpoll|epoll|kqueue\n");
    exit(2);
}

static void accept_one(const struct interface *interface, void *set, int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0)
        need(interface->add(set, fd) == 0, "add");
}

static void serve(const struct interface *interface, void *set, int fd)
{
    if (echo(fd))
        return;
    need(interface->drop(set, fd) == 0, "drop");
    close(fd);
}

int main(int argc, char **argv)
{
    const struct interface *interface = named(argc == 2 ? argv[1] : "");
    void *set = interface->create();
    need(set != NULL, interface->name);
    int listener = listen_here();
    need(interface->add(set, listener) == 0, "add");
    for (;;) {
        int ready[EVENTS], count = interface->wait(set, ready);
        need(count >= 0 || errno == EINTR, "wait");
        for (int i = 0; i < count; i++) {
            if (ready[i] == listener)
                accept_one(interface, set, listener);
            else
                serve(interface, set, ready[i]);
        }
    }
}
