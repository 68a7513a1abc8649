/*
 * What kind of object a descriptor is, and what EVFILT_READ and EVFILT_WRITE
 * say about it: whether it is ready, how many bytes, whether it has ended.
 *
 * Nothing here consumes anything: no byte, no pending error, no connection.
 */
#ifndef PMX_KQUEUE_LINUX_OBJECT_H
#define PMX_KQUEUE_LINUX_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "../filter.h"

enum pmx__object {
    PMX__OBJECT_TCP,          /* also while it listens or is not connected */
    PMX__OBJECT_UNIX_STREAM,  /* the same */
    PMX__OBJECT_UNIX_LOWAT,   /* one with SO_RCVLOWAT, which epoll does not heed */
    PMX__OBJECT_UNIX_PACKETS, /* sequenced */
    PMX__OBJECT_SOCKET,       /* any other, of datagrams most of them */
    PMX__OBJECT_PIPE_READER,  /* of a pipe or FIFO */
    PMX__OBJECT_PIPE_WRITER,
    PMX__OBJECT_FIFO_WRITER, /* which may have readers again */
    PMX__OBJECT_FIFO_BOTH,   /* opened O_RDWR */
    PMX__OBJECT_TTY,
    PMX__OBJECT_EVENTFD,
    PMX__OBJECT_TIMERFD,
    PMX__OBJECT_EPOLL,    /* an epoll set, which may be a queue of ours */
    PMX__OBJECT_POLLABLE, /* whatever else epoll takes */

    /* What epoll refuses with EPERM; object_read and _write take only the
     * device, the rest is the file filter's. */
    PMX__OBJECT_DEVICE, /* always ready, data 0: /dev/null */
    PMX__OBJECT_FILE,
    PMX__OBJECT_DIRECTORY,
};

/* The kind of an open descriptor; -EBADF for one that is closed or O_PATH. It
 * stays true until the descriptor is closed. */
int pmx__object_kind(int fd);

/* Whether epoll takes an object of this kind. For PMX__OBJECT_POLLABLE it is a
 * guess; what epoll refuses nevertheless is a device that has no readiness. */
static inline bool pmx__object_has_poll(int kind)
{
    return kind < PMX__OBJECT_DEVICE;
}

/* Whether bytes that FIONREAD counts are all there is to say where EPOLLIN is. */
static inline bool pmx__object_counts_bytes(int kind)
{
    enum {
        KINDS = 1 << PMX__OBJECT_TCP | 1 << PMX__OBJECT_UNIX_STREAM |
                1 << PMX__OBJECT_UNIX_PACKETS | 1 << PMX__OBJECT_SOCKET |
                1 << PMX__OBJECT_PIPE_READER | 1 << PMX__OBJECT_FIFO_BOTH |
                1 << PMX__OBJECT_TTY
    };
    return KINDS >> kind & 1;
}

/* FIONREAD: bytes that a read would get, or -errno. */
int64_t pmx__object_bytes(int fd);

/* Whether EVFILT_WRITE has a reason to refuse fd: 0, -EPIPE for a pipe that
 * nobody can read any more, or -EINVAL for an epoll set, which goes for queues. */
int pmx__object_write_refusal(int fd);

/*
 * What the object says now to EVFILT_READ and EVFILT_WRITE.
 *
 * kind       what pmx__object_kind() said about fd
 * events     what epoll said just now, or 0 where it was not asked. Not ready
 *            despite events is a proper answer: epoll reports EPOLLHUP of a
 *            socket that was never connected for as long as it lives.
 * has_lowat  whether lowat, NOTE_LOWAT's data, replaces the object's own idea
 *            of how much is enough; sockets only, ignored for the rest
 *
 * *report is of zeros; fflags becomes the object's pending error, where it has
 * ended. Returns whether the object is ready, or -EBADF when fd is closed or, as
 * far as this can see, is another kind of object by now.
 */
int pmx__object_read(int kind, int fd, uint32_t events, bool has_lowat, int64_t lowat,
                     struct pmx__report *report);
int pmx__object_write(int kind, int fd, uint32_t events, bool has_lowat, int64_t lowat,
                      struct pmx__report *report);

#endif
