/* Objects with a descriptor that can be closed: see poller.h. */
#include "poller.h"

#include <errno.h>

#include "arguments.h"

static int dispose(struct poller *self)
{
    void *handle = self->handle;
    self->handle = NULL;
    return self->kind->close(handle);
}

void poller_dispose(struct poller *self)
{
    int saved = errno;
    (void)dispose(self);
    errno = saved;
}

bool poller_refuse(const struct poller *self)
{
    PyErr_Format(PyExc_ValueError, "I/O operation on closed %s object",
                 self->kind->name);
    return false;
}

PyObject *poller_new(PyTypeObject *type, const struct poller_kind *kind, void *handle)
{
    if (!handle)
        return raise_errno();
    struct poller *self = (struct poller *)type->tp_alloc(type, 0);
    if (self) {
        self->kind = kind;
        self->handle = handle;
    } else
        (void)kind->close(handle);
    return (PyObject *)self;
}

bool as_control_fd(PyObject *object, int *fd)
{
    if (!as_int(object, fd))
        return false;
    if (*fd >= -1)
        return true;
    errno = 0; /* an error without a reason */
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
}

/*
 * Methods.
 */

PyObject *poller_close_result(int result)
{
#if PY_VERSION_HEX >= 0x030F0000
    if (result < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
#else
    (void)result;
#endif
    Py_RETURN_NONE;
}

PyObject *poller_close(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct poller *self = (struct poller *)object;
    return poller_close_result(lease_close(&self->lease) ? dispose(self) : 0);
}

PyObject *poller_fileno(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct poller *self = (struct poller *)object;
    if (!poller_use(self))
        return NULL;
    int fd = self->kind->fd(self->handle);
    poller_unuse(self);
    return fd < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(fd);
}

PyObject *poller_get_closed(PyObject *object, void *Py_UNUSED(closure))
{
    struct poller *self = (struct poller *)object;
    if (!poller_use_if_open(self))
        Py_RETURN_TRUE;
    poller_unuse(self);
    Py_RETURN_FALSE;
}

/*
 * What a call works with.
 */

static void scratch_free(struct scratch *scratch)
{
    if (!scratch)
        return;
    PyMem_Free(scratch->events);
    pair_cache_free(&scratch->pairs);
    PyMem_Free(scratch);
}

static void *new_events(size_t count, size_t size)
{
    return count <= PY_SSIZE_T_MAX / size ? PyMem_Malloc(count * size) : NULL;
}

struct scratch *scratch_enlarge(struct scratch *scratch, int capacity,
                                size_t event_size)
{
    if (!scratch)
        scratch = PyMem_Calloc(1, sizeof(*scratch));
    if (scratch) {
        PyMem_Free(scratch->events);
        scratch->events = new_events((size_t)capacity, event_size);
        scratch->capacity = scratch->events ? capacity : 0;
    }
    if (scratch && scratch->events)
        return scratch;
    scratch_free(scratch);
    PyErr_NoMemory();
    return NULL;
}

void scratch_give(struct poller *self, struct scratch *scratch)
{
    struct scratch *none = NULL;
    if (scratch->capacity > self->kind->keep ||
        !atomic_compare_exchange_strong(&self->scratch, &none, scratch))
        scratch_free(scratch);
}

void poller_dealloc(PyObject *object)
{
    struct poller *self = (struct poller *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (lease_close(&self->lease))
        (void)dispose(self);
    scratch_free(atomic_exchange(&self->scratch, NULL));
    type->tp_free(object);
    Py_DECREF(type);
}
