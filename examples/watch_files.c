/*
 * Watches files with EVFILT_VNODE: `watch_files FILE...` prints what happens to
 * each, a line at a time, until the last one is deleted.
 *
 *     cc watch_files.c $(pkg-config --cflags --libs polymux)
 */
#include <polymux/kqueue.h>

#include <fcntl.h>

#include "common.h"

static const struct {
    uint32_t note;
    const char *name;
} notes[] = {
    {NOTE_DELETE, "deleted"}, {NOTE_WRITE, "written"}, {NOTE_EXTEND, "longer"},
    {NOTE_ATTRIB, "changed"}, {NOTE_LINK, "linked"},   {NOTE_RENAME, "renamed"},
};
#define NOTES (sizeof(notes) / sizeof(notes[0]))

/* The queue watches the open file, whatever it is called. */
static void watch(struct pmx_kqueue *kqueue, char *path)
{
    struct pmx_kevent add;
    uint32_t all = 0;
    for (size_t i = 0; i < NOTES; i++)
        all |= notes[i].note;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, path);
    pmx_kevent_set(&add, (uintptr_t)fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, all, 0, path);
    need(pmx_kqueue_control(kqueue, &add, 1, NULL, 0, 0, NULL) == 0, "EVFILT_VNODE");
}

static void print(const struct pmx_kevent *event)
{
    printf("%s:", (const char *)event->udata);
    for (size_t i = 0; i < NOTES; i++)
        if (event->fflags & notes[i].note)
            printf(" %s", notes[i].name);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct pmx_kevent event;
    struct pmx_kqueue *kqueue = pmx_kqueue_create();
    need(kqueue != NULL, "pmx_kqueue_create");
    int left = argc - 1;
    for (int i = 1; i < argc; i++)
        watch(kqueue, argv[i]);
    printf("watching %d\n", left);
    fflush(stdout);
    while (left > 0) {
        int count = pmx_kqueue_control(kqueue, NULL, 0, &event, 1, PMX_FOREVER, NULL);
        need(count > 0, "pmx_kqueue_control");
        print(&event);
        if (event.fflags & NOTE_DELETE) {
            close((int)event.ident);
            left--;
        }
    }
    return pmx_kqueue_close(kqueue);
}
