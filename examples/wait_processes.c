/*
 * Waits for any processes, children or not, with EVFILT_PROC: `wait_processes
 * PID...` prints each one's end when it comes, and is done with the last.
 *
 *     cc wait_processes.c $(pkg-config --cflags --libs polymux)
 */
#include <polymux/kqueue.h>

#include <sys/wait.h>

#include "common.h"

static void watch(struct pmx_kqueue *kqueue, const char *pid)
{
    struct pmx_kevent add;
    uintptr_t ident = strtoul(pid, NULL, 10);
    pmx_kevent_set(&add, ident, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
    need(pmx_kqueue_control(kqueue, &add, 1, NULL, 0, 0, NULL) == 0, "EVFILT_PROC");
}

/* The data is what wait(2) would say. */
static void print(const struct pmx_kevent *event)
{
    int status = (int)event->data;
    if (WIFSIGNALED(status))
        printf("%ju: signal %d\n", (uintmax_t)event->ident, WTERMSIG(status));
    else
        printf("%ju: status %d\n", (uintmax_t)event->ident, WEXITSTATUS(status));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct pmx_kqueue *kqueue = pmx_kqueue_create();
    need(kqueue != NULL, "pmx_kqueue_create");
    for (int i = 1; i < argc; i++)
        watch(kqueue, argv[i]);
    printf("watching %d\n", argc - 1);
    fflush(stdout);
    for (int i = 1; i < argc; i++) {
        struct pmx_kevent event;
        int count = pmx_kqueue_control(kqueue, NULL, 0, &event, 1, PMX_FOREVER, NULL);
        need(count > 0, "pmx_kqueue_control");
        print(&event);
    }
    return pmx_kqueue_close(kqueue);
}
