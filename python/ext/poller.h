/*
 * What epoll, devpoll and kqueue objects have in common: a handle of libpolymux
 * with a descriptor, a lease, which sorts out the calls that close an object
 * beside others, and what a call works with.
 */
#ifndef PMX_EXT_POLLER_H
#define PMX_EXT_POLLER_H

#include "module.h"

#include <stdbool.h>

#include "lease.h"
#include "pairs.h"

/*
 * What is a type's own.
 *
 * name         in messages
 * fd           the handle's descriptor, or -1 with errno
 * close        frees the handle: 0, or -1 with errno
 * is_usable    whether a handle that is open is this process's; may be NULL
 * event_size   of what the library answers for a descriptor
 * keep         a call's room for more of them than this is not kept
 */
struct poller_kind {
    const char *name;
    int (*fd)(void *handle);
    int (*close)(void *handle);
    bool (*is_usable)(void *handle);
    size_t event_size;
    int keep;
};

struct poller {
    PyObject_HEAD
    const struct poller_kind *kind;
    void *handle;
    struct lease lease; /* of handle */
    _Atomic(struct scratch *) scratch;
};

/* A new object of the type, which owns the handle; the error if that is NULL. */
PyObject *poller_new(PyTypeObject *type, const struct poller_kind *kind, void *handle);

/* Frees the handle. errno stays. */
void poller_dispose(struct poller *self);

/* Says that the object is closed: false with ValueError. */
bool poller_refuse(const struct poller *self);

/* The argument of fromfd(): a descriptor, or -1 for a new one. */
bool as_control_fd(PyObject *object, int *fd);

/* Ends a use. errno stays. */
static inline void poller_unuse(struct poller *self)
{
    if (lease_give(&self->lease))
        poller_dispose(self);
}

/* Starts a use; false if the object is closed. */
static inline bool poller_use_if_open(struct poller *self)
{
    if (!lease_take(&self->lease))
        return false;
    if (!self->kind->is_usable || self->kind->is_usable(self->handle))
        return true;
    poller_unuse(self);
    return false;
}

/* The same with a ValueError. */
static inline bool poller_use(struct poller *self)
{
    return poller_use_if_open(self) || poller_refuse(self);
}

/* What close() returns after a system call did: the standard module ignores
 * errors before 3.15. */
PyObject *poller_close_result(int result);

/* Of the types' methods, those that are the same. */
void poller_dealloc(PyObject *object);
PyObject *poller_close(PyObject *object, PyObject *ignored);
PyObject *poller_fileno(PyObject *object, PyObject *ignored);
PyObject *poller_get_closed(PyObject *object, void *closure);

/* What a call works with. Kept for the next call; a call beside another one on
 * the same object, or inside it, has its own. */
struct scratch {
    void *events; /* of the kind's size */
    int capacity;
    int count; /* of the answers last time, where a kind wants to know */
    struct pair_cache pairs;
};

/* Makes the scratch, a new one where it is NULL, large enough for so many events.
 * NULL with MemoryError: then it has gone. */
struct scratch *scratch_enlarge(struct scratch *scratch, int capacity,
                                size_t event_size);

/* One with room for so many events at least, or NULL with MemoryError. */
static inline struct scratch *scratch_take(struct poller *self, int capacity)
{
    struct scratch *scratch = atomic_exchange(&self->scratch, NULL);
    if (scratch && scratch->capacity >= capacity)
        return scratch;
    return scratch_enlarge(scratch, capacity, self->kind->event_size);
}

void scratch_give(struct poller *self, struct scratch *scratch);

#endif
