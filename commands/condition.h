/*
 * A condition: something that may become true, and how the queue learns of it.
 * Each kind is a table of a few functions, in a file of its own; kinds.c lists
 * them. A kind first asks the queue to be told, then looks how things are, so
 * that nothing falls between.
 */
#ifndef COMMANDS_CONDITION_H
#define COMMANDS_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polymux/kqueue.h>

#include "session.h"

struct kind;

/* What is told of a condition that fired. */
struct report {
    const char *event; /* one word: "exists" */
    char text[96];     /* what follows the condition: "is gone" */
    const char *fact;  /* the name of a number that belongs to it; or NULL */
    int64_t value;
};

struct condition {
    const struct kind *kind;
    const char *word;     /* as it was given: file:/run/ready */
    const char *argument; /* what stands behind the colon */
    char **argv;          /* of `-- COMMAND ARG...`; else NULL */
    char *owned;          /* a word that was made, to be freed; or NULL */
    struct session *session;
    void *state; /* the kind's, of its size, zeroed */
    int index;   /* from 1 */
    bool begun;
    bool news;  /* it fired, and nobody has been told */
    bool fired; /* at least once */
    bool over;  /* nothing more can come of it */
    struct report report;
};

struct kind {
    const char *name;  /* "file" */
    const char *needs; /* "a path, as in file:/run/ready" */
    size_t size;       /* of the state */
    bool comes_late;   /* is begun when all others have been */
    bool single;       /* two with equal states would be one to the queue */

    /* Whether the argument, which is not empty, makes sense. NULL: any does. */
    bool (*parse)(struct condition *condition);

    /* Asks the queue, then looks. 0, or -1 when it has complained. */
    int (*begin)(struct condition *condition);

    /* One of its events. 0, or -1 when it has complained. */
    int (*event)(struct condition *condition, const struct pmx_kevent *event);

    /* Gives back what it holds; it was begun, and perhaps not completely. */
    void (*end)(struct condition *condition);
};

/* kinds.c: the kind of a name of that length, or NULL; and all of them. */
const struct kind *kind_called(const char *name, size_t length);
const struct kind *const *kinds(size_t *count);

/* The condition has come true. The text is printed after the condition. */
void condition_fire(struct condition *condition, const char *event, const char *text);

/* The same, with a number. */
void condition_fire_with(struct condition *condition, const char *event,
                         const char *text, const char *fact, int64_t value);

/* A knote of this condition: the queue is asked. 0 or -errno. */
int condition_watch(struct condition *condition, uintptr_t ident, int filter,
                    unsigned flags, uint32_t fflags, int64_t data);
void condition_unwatch(struct condition *condition, uintptr_t ident, int filter);

/* The timer of this condition, which fires once. 0 or -errno. */
int condition_set_timer(struct condition *condition, int64_t ns);
void condition_unset_timer(struct condition *condition);

/* With -v: how the condition is being waited for. */
__attribute__((format(printf, 2, 3))) void
condition_tell(const struct condition *condition, const char *format, ...);

/* Says why the condition cannot be waited for. -1, for the caller to return. */
__attribute__((format(printf, 2, 3))) int
condition_complain(const struct condition *condition, const char *format, ...);

#endif
