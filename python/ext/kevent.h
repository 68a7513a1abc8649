/*
 * select.kevent: a struct pmx_kevent as a Python object, a change on its way
 * to a queue or an event that came from one.
 */
#ifndef PMX_EXT_KEVENT_H
#define PMX_EXT_KEVENT_H

#include "module.h"

#include <polymux/kqueue.h>

struct kevent_object {
    PyObject_HEAD
    struct pmx_kevent kevent;
};

/* A new object of the type, which is a module's kevent_type, for the event. */
static inline PyObject *kevent_of(PyTypeObject *type, const struct pmx_kevent *event)
{
    struct kevent_object *self = PyObject_New(struct kevent_object, type);
    if (self)
        self->kevent = *event;
    return (PyObject *)self;
}

#endif
