/*
 * An echo server on kqueue: one queue has the listening socket and all
 * connections. Prints its port, and serves until it is killed.
 *
 *     cc echo_kqueue.c $(pkg-config --cflags --libs polymux)
 */
#include <polymux/kqueue.h>

#include "common.h"

enum { EVENTS = 64 };

static void watch(struct pmx_kqueue *kqueue, int fd)
{
    struct pmx_kevent add;
    pmx_kevent_set(&add, (uintptr_t)fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
    need(pmx_kqueue_control(kqueue, &add, 1, NULL, 0, 0, NULL) == 0, "EV_ADD");
}

/* The data of a listening socket is how many connections wait. */
static void accept_all(struct pmx_kqueue *kqueue, const struct pmx_kevent *event)
{
    for (int64_t i = 0; i < event->data; i++) {
        int fd = accept((int)event->ident, NULL, NULL);
        if (fd >= 0)
            watch(kqueue, fd);
    }
}

/* Closing a descriptor takes it out of the queue. */
static void serve(const struct pmx_kevent *event)
{
    if (!echo((int)event->ident))
        close((int)event->ident);
}

int main(void)
{
    struct pmx_kqueue *kqueue = pmx_kqueue_create();
    need(kqueue != NULL, "pmx_kqueue_create");
    int listener = listen_here();
    watch(kqueue, listener);
    for (;;) {
        struct pmx_kevent events[EVENTS];
        int count =
            pmx_kqueue_control(kqueue, NULL, 0, events, EVENTS, PMX_FOREVER, NULL);
        need(count > 0 || errno == EINTR, "pmx_kqueue_control");
        for (int i = 0; i < count; i++) {
            if (events[i].ident == (uintptr_t)listener)
                accept_all(kqueue, &events[i]);
            else
                serve(&events[i]);
        }
    }
}
