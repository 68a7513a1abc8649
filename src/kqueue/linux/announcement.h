/*
 * One announcement of the process connector: how it is laid out, asked for,
 * received, and chosen by a filter in the socket.
 */
#ifndef PMX_KQUEUE_LINUX_ANNOUNCEMENT_H
#define PMX_KQUEUE_LINUX_ANNOUNCEMENT_H

#include <linux/netlink.h> /* before its users */

#include <linux/cn_proc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The head of both directions. The kernel's own struct has an array of no
 * length at its end, and does not like to be embedded. */
struct pmx__announcement_header {
    struct nlmsghdr netlink;
    uint32_t index, value; /* which service of the connector */
    uint32_t sequence, ack;
    uint16_t length, flags; /* of what follows */
};

struct pmx__announcement_command {
    struct pmx__announcement_header header;
    uint32_t operation;
};

/* In a message the two follow one another without a gap, which is not how
 * their types want to be aligned. */
struct pmx__announcement {
    struct pmx__announcement_header header;
    struct proc_event event;
};

/* How many processes a filter can tell from others. */
enum { PMX__ANNOUNCEMENT_PIDS = 64 };

/* A command; its answer's ack is the token plus one. */
void pmx__announcement_command(struct pmx__announcement_command *message,
                               uint32_t operation, uint32_t token);

/* The next one: 1, 0 if there is none, -ENOBUFS if some were lost. */
int pmx__announcement_receive(int fd, struct pmx__announcement *message);

/* The process that it is about; the parent of a fork. */
pid_t pmx__announcement_pid(const struct proc_event *event);

/*
 * From now on the socket takes executions, and forks and exits of processes as
 * opposed to threads; of these pids, or of all where pids is NULL. 0 or -errno.
 */
int pmx__announcement_filter(int fd, const uint32_t *pids, size_t count);

#endif
