/*
 * Short words for tests of kqueue: open, change, take, nothing more. Stands on
 * the public header, the harness and support.h.
 */
#ifndef TESTS_KQUEUE_QUEUE_H
#define TESTS_KQUEUE_QUEUE_H

#include <polymux/kqueue.h>

#include "../support.h"

/* More room than a test that takes one event needs. */
#define ROOM 8

/* udata that is a number. */
#define TAG(number) ((void *)(uintptr_t)(number))

/*
 * Marks a test of something that FreeBSD does and Linux cannot: the test
 * checks what is done instead. The sentences are the rows of
 * docs/kqueue-differences.md, which differences.py takes from the sources.
 */
#define DIFFERENCE(freebsd_, here_) NOTE("difference: %s; here: %s", freebsd_, here_)

struct pmx_kqueue *open_queue(void);
void close_queue(struct pmx_kqueue *queue);

/* A change or, in a test of equality, an event. */
struct pmx_kevent entry(uintptr_t ident, int16_t filter, unsigned flags,
                        uint32_t fflags, int64_t data, void *udata);

/* One change, without room for an answer: as pmx_kqueue_control() returns. */
int apply(struct pmx_kqueue *queue, struct pmx_kevent wanted);
int change(struct pmx_kqueue *queue, uintptr_t ident, int16_t filter, unsigned flags);

/* EVFILT_USER's NOTE_TRIGGER. */
int trigger(struct pmx_kqueue *queue, uintptr_t ident);

/* A queue that watches a descriptor; flags beside EV_ADD. */
struct pmx_kqueue *open_watching(int fd, int16_t filter, unsigned flags);

/* One change, with room: the only answer, which has EV_ERROR; its data. */
int64_t answer(struct pmx_kqueue *queue, struct pmx_kevent wanted);

/* What is ready now, at most ROOM events; how many. */
int collect(struct pmx_kqueue *queue, struct pmx_kevent events[ROOM]);

/* Waits for events, of which there is one. */
struct pmx_kevent take(struct pmx_kqueue *queue);

/* Waits until count events are there in one call, in any order. */
void take_count(struct pmx_kqueue *queue, struct pmx_kevent events[ROOM], int count);

/* The event of this knote among those. */
const struct pmx_kevent *event_of(const struct pmx_kevent *events, int count,
                                  uintptr_t ident, int16_t filter);

/* Nothing can be collected. */
#define CHECK_QUIET(queue_) \
    CHECK_RETURNS(collect(queue_, (struct pmx_kevent[ROOM]){0}), 0)

/* The next event, the only one, is of this knote; flags and data are these. */
#define CHECK_TAKES(queue_, ident_, filter_, flags_, data_)   \
    do {                                                      \
        struct pmx_kevent taken_ = take(queue_);              \
        CHECK_EVENT(&taken_, ident_, filter_, flags_, data_); \
    } while (0)

#define CHECK_EVENT(event_, ident_, filter_, flags_, data_) \
    do {                                                    \
        const struct pmx_kevent *event__ = (event_);        \
        CHECK_EQ_UINT(event__->ident, ident_);              \
        CHECK_EQ_INT(event__->filter, filter_);             \
        CHECK_EQ_UINT(event__->flags, flags_);              \
        CHECK_EQ_INT(event__->data, data_);                 \
    } while (0)

/* An open regular file, empty and without a name, on a real file system. */
int make_disk_file(void);

/* In poll(2) the queue's descriptor is, or soon is, as readable as expected. */
void check_shows(struct pmx_kqueue *queue, bool readable);

/* A named pipe in a directory of its own. */
struct fifo {
    char directory[32];
    char path[40];
};
void make_fifo(struct fifo *fifo);
void remove_fifo(const struct fifo *fifo);

/* Appends bytes, leaving the offset where it is. */
void grow(int file, size_t bytes);

void write_bytes(int fd, size_t count);
void read_bytes(int fd, size_t count);

#endif
