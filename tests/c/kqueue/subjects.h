/*
 * What a queue can watch, one of each kind, with one way to make it happen
 * and one way to end it: for tests of what is true of every filter.
 */
#ifndef TESTS_KQUEUE_SUBJECTS_H
#define TESTS_KQUEUE_SUBJECTS_H

#include "queue.h"

struct target;

/*
 * open   the thing exists and is not ready
 * raise  it is ready; again if it was already
 * lower  it is not ready any more
 * close  gives back what open has taken
 *
 * A subject whose state is its own (a descriptor) is the same for all queues.
 * Users' events and timers are raised and lowered in one queue.
 */
struct subject {
    const char *name;
    void (*open)(struct target *target);
    void (*raise)(struct target *target, struct pmx_kqueue *queue);
    void (*lower)(struct target *target, struct pmx_kqueue *queue);
    void (*close)(struct target *target);
    int16_t filter;
    bool keeps_none; /* fflags are those of the last change, whatever it was */
    uint32_t fflags; /* of the EV_ADD */
    unsigned flags;  /* that it has without being asked */
    unsigned manner; /* that is asked for in every EV_ADD */
    int64_t data;    /* of the EV_ADD */
};

/* One subject that lives. */
struct target {
    const struct subject *subject;
    uintptr_t ident;
    int fds[2]; /* the watched one, and its other end or -1; or the open's own */
    struct pmx_kqueue *inner;
};

enum { SUBJECTS = 19, UNPRIVILEGED = 17, DESCRIPTORS = 12 };

/* The last two skip the test where the system does not let them be watched. */
extern const struct subject subjects[SUBJECTS];

/* Those that anybody may watch anywhere. */
extern const struct subject unprivileged[UNPRIVILEGED];

/* Those whose state is their own. */
extern const struct subject descriptors[DESCRIPTORS];

/* Opens the target, and a queue that does not watch it yet. */
struct pmx_kqueue *begin(struct target *target, const struct subject *subject);
void end(struct target *target, struct pmx_kqueue *queue);

/* A change of the target's knote; target_add has the subject's fflags, data. */
int target_add(struct target *target, struct pmx_kqueue *queue, unsigned flags);
int target_touch(struct target *target, struct pmx_kqueue *queue, unsigned flags);

/* The change that these make, with udata. */
struct pmx_kevent target_entry(const struct target *target, unsigned flags,
                               void *udata);

void target_raise(struct target *target, struct pmx_kqueue *queue);
void target_lower(struct target *target, struct pmx_kqueue *queue);

/* Takes the target's event, which has these flags beside the subject's own. */
struct pmx_kevent target_take(struct target *target, struct pmx_kqueue *queue,
                              unsigned flags);

#endif
