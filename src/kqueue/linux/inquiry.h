/*
 * What the parts of object.c pass each other: one question about one
 * descriptor, and the few system calls that answer most of it.
 */
#ifndef PMX_KQUEUE_LINUX_INQUIRY_H
#define PMX_KQUEUE_LINUX_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "object.h"

struct pmx__inquiry {
    int fd;
    uint32_t events; /* EPOLL* */
    bool has_lowat;
    int64_t lowat;
};

/* Asks poll(2) for the events anew, all of them. 0, or -EBADF. */
int pmx__inquire_events(struct pmx__inquiry *inquiry);

/* Whether the descriptor is open: 0 or -EBADF. */
int pmx__inquire_open(const struct pmx__inquiry *inquiry);

/* socket.c: the same contract as pmx__object_read() and _write(). */
int pmx__socket_read(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__unix_lowat_read(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__unix_read(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__tcp_read(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__socket_write(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__unix_write(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__packets_write(struct pmx__inquiry *inquiry, struct pmx__report *report);
int pmx__tcp_write(struct pmx__inquiry *inquiry, struct pmx__report *report);

#endif
