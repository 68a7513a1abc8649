/* Opening, changing and collecting: see queue.h. */
#include "queue.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct pmx_kqueue *open_queue(void)
{
    struct pmx_kqueue *queue = pmx_kqueue_create();
    CHECK(queue);
    return queue;
}

void close_queue(struct pmx_kqueue *queue)
{
    CHECK_RETURNS(pmx_kqueue_close(queue), 0);
}

struct pmx_kevent entry(uintptr_t ident, int16_t filter, unsigned flags,
                        uint32_t fflags, int64_t data, void *udata)
{
    struct pmx_kevent kevent;
    pmx_kevent_set(&kevent, ident, filter, (uint16_t)flags, fflags, data, udata);
    return kevent;
}

int apply(struct pmx_kqueue *queue, struct pmx_kevent wanted)
{
    return pmx_kqueue_control(queue, &wanted, 1, NULL, 0, -1, NULL);
}

int change(struct pmx_kqueue *queue, uintptr_t ident, int16_t filter, unsigned flags)
{
    return apply(queue, entry(ident, filter, flags, 0, 0, NULL));
}

int trigger(struct pmx_kqueue *queue, uintptr_t ident)
{
    return apply(queue, entry(ident, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL));
}

struct pmx_kqueue *open_watching(int fd, int16_t filter, unsigned flags)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)fd, filter, EV_ADD | flags));
    return queue;
}

int64_t answer(struct pmx_kqueue *queue, struct pmx_kevent wanted)
{
    struct pmx_kevent got[ROOM];
    CHECK_RETURNS(pmx_kqueue_control(queue, &wanted, 1, got, ROOM, -1, NULL), 1);
    CHECK_EQ_UINT(got[0].ident, wanted.ident);
    CHECK_EQ_INT(got[0].filter, wanted.filter);
    CHECK_EQ_UINT(got[0].flags, EV_ERROR);
    CHECK_EQ_PTR(got[0].udata, wanted.udata);
    return got[0].data;
}

int collect(struct pmx_kqueue *queue, struct pmx_kevent events[ROOM])
{
    return pmx_kqueue_control(queue, NULL, 0, events, ROOM, 0, NULL);
}

struct pmx_kevent take(struct pmx_kqueue *queue)
{
    struct pmx_kevent events[ROOM];
    take_count(queue, events, 1);
    return events[0];
}

void take_count(struct pmx_kqueue *queue, struct pmx_kevent events[ROOM], int count)
{
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, ROOM, TOO_LONG, NULL),
                  count);
}

const struct pmx_kevent *event_of(const struct pmx_kevent *events, int count,
                                  uintptr_t ident, int16_t filter)
{
    for (int i = 0; i < count; i++)
        if (events[i].ident == ident && events[i].filter == filter)
            return &events[i];
    FAIL("no event of ident %ju, filter %d", (uintmax_t)ident, filter);
}

void check_shows(struct pmx_kqueue *queue, bool readable)
{
    struct pollfd shown = {CHECK_OK(pmx_kqueue_fd(queue)), POLLIN | POLLOUT, 0};
    CHECK_EQ_INT(poll(&shown, 1, readable ? -1 : 0), readable);
    CHECK_EQ_INT(shown.revents, readable ? POLLIN : 0);
}

int make_disk_file(void)
{
    char path[] = "/tmp/kqueue-test-XXXXXX";
    int file = CHECK_OK(mkostemp(path, O_CLOEXEC));
    CHECK_OK(unlink(path));
    return file;
}

void make_fifo(struct fifo *fifo)
{
    *fifo = (struct fifo){.directory = "/tmp/kqueue-test-XXXXXX"};
    CHECK(mkdtemp(fifo->directory));
    snprintf(fifo->path, sizeof(fifo->path), "%s/fifo", fifo->directory);
    CHECK_OK(mkfifo(fifo->path, 0600));
}

void remove_fifo(const struct fifo *fifo)
{
    CHECK_OK(unlink(fifo->path));
    CHECK_OK(rmdir(fifo->directory));
}

void grow(int file, size_t bytes)
{
    struct stat status;
    CHECK_OK(fstat(file, &status));
    for (size_t i = 0; i < bytes; i++)
        CHECK_EQ_INT(pwrite(file, "x", 1, status.st_size + (off_t)i), 1);
}

void write_bytes(int fd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        write_byte(fd);
}

void read_bytes(int fd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        read_byte(fd);
}
