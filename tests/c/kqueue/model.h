/*
 * A queue as a small table: what a queue would hold and return, by the rules
 * alone. The table asks the system calls for bytes and nothing else.
 */
#ifndef TESTS_KQUEUE_MODEL_H
#define TESTS_KQUEUE_MODEL_H

#include "queue.h"

enum { MODEL_FDS = 10, MODEL_USERS = 4 };
enum { MODEL_KNOTES = 2 * MODEL_FDS + MODEL_USERS };

struct model_knote {
    bool exists;
    bool enabled;
    bool gone;    /* with its number, which the queue may not have noticed */
    bool forced;  /* EV_FORCEONESHOT: it comes in any case */
    bool pending; /* EV_CLEAR: something new; users' events: the latch */
    unsigned flags;
    int64_t data; /* of users' events */
    void *udata;
};

/* A descriptor number: a pipe's reading end, or a stream socket. */
struct model_fd {
    int number;
    int peer; /* -1 when it is closed */
    int copy; /* of a file that the number had once; or -1 */
    bool socket;
    bool open;
};

struct model {
    struct model_fd fds[MODEL_FDS];
    struct model_knote knotes[MODEL_KNOTES];
};

struct model_knote *model_reads(struct model *model, unsigned fd);
struct model_knote *model_writes(struct model *model, unsigned fd);
struct model_knote *model_user(struct model *model, unsigned ident);

/* The key of a knote. */
uintptr_t model_ident(const struct model *model, unsigned index);
int16_t model_filter(unsigned index);

/*
 * Whether a change is of the kind that may pass for a knote that is gone:
 * enabling or disabling what went with its number.
 */
bool model_may_pass(const struct model *model, unsigned index,
                    const struct pmx_kevent *change);

/* A change of a knote; 0, or the errno that it has to give. */
int model_change(struct model *model, unsigned index, const struct pmx_kevent *change);

/* Something was written to the number, or its peer has gone. */
void model_news(struct model *model, unsigned fd);

/* The number has been closed. */
void model_forget(struct model *model, unsigned fd);

/* If the knote would be collected now, fills the event. */
bool model_ready(const struct model *model, unsigned index, struct pmx_kevent *event);

/* All knotes have had their turn; those without an event are not pending. */
void model_settle(struct model *model);

/* The knote has been collected. */
void model_collected(struct model *model, unsigned index);

#endif
