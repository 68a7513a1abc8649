/*
 * What processes do: the kernel's announcements of forks, executions and exits,
 * for those who ask for them. One socket of a queue, while somebody asks.
 */
#ifndef PMX_KQUEUE_LINUX_CONNECTOR_H
#define PMX_KQUEUE_LINUX_CONNECTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "../../base/list.h"

struct pmx__queue;

/*
 * Somebody who asks for one process; embedded in a filter's knote. In the
 * callbacks the queue is locked; they may add others and remove this one.
 */
struct pmx__asker {
    pid_t pid;
    bool quiet; /* what it hears need not wake anybody */

    void (*forked)(struct pmx__queue *queue, struct pmx__asker *asker, pid_t child);
    void (*executed)(struct pmx__queue *queue, struct pmx__asker *asker);
    /* The first thread has exited; the others may not have. Only of those who
     * track. */
    void (*exited)(struct pmx__queue *queue, struct pmx__asker *asker, int status);
    /* Announcements were lost, of this one's perhaps; what was not lost has been
     * told. */
    void (*lost)(struct pmx__queue *queue, struct pmx__asker *asker);

    /* For others to read. */
    bool asks;
    bool tracks; /* asks for all forks, to follow each */

    struct pmx__list link; /* connector.c's */
};

/*
 * Begins to ask: what has been announced before is not for this one. Or asks
 * on, with `tracks` as it is now. 0;
 * -EOPNOTSUPP where the kernel announces nothing to this process (an old kernel
 * without privilege, another network or pid namespace); -EMFILE, -ENFILE,
 * -ENOMEM.
 */
int pmx__connector_ask(struct pmx__queue *queue, struct pmx__asker *asker, bool tracks);

/* Whether what it hears has to wake somebody, also if it does not ask yet. 0;
 * -errno for want of memory. */
int pmx__connector_hush(struct pmx__queue *queue, struct pmx__asker *asker, bool quiet);

/* Ends it; nothing happens where the asker does not ask. */
void pmx__connector_remove(struct pmx__queue *queue, struct pmx__asker *asker);

/* Hands out what has been announced by now. */
void pmx__connector_read(struct pmx__queue *queue);

/* The queue goes with all its askers. */
void pmx__connector_shut(struct pmx__queue *queue, bool ours);

#endif
