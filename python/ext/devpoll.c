/*
 * select.devpoll and its objects, on pmx_devpoll.
 *
 * The standard module has them on Solaris alone and queues what is registered
 * until the next poll(); here it is in force at once. Calls that close an
 * object beside others are sorted out by its lease.
 */
#include "module.h"

#include <errno.h>
#include <limits.h>

#include <polymux/devpoll.h>

#include "arguments.h"
#include "lease.h"
#include "pairs.h"
#include "timeout.h"
#include "wait.h"

#define DEFAULT_EVENTS (POLLIN | POLLPRI | POLLOUT)

/* What a poll() call works with. Kept for the next call; a call beside another
 * one on the same object, or inside it, has its own. */
struct devpoll_scratch {
    struct pollfd *ready;
    int capacity;
    int count; /* of the answers last time */
    struct pair_cache pairs;
};

struct devpoll_object {
    PyObject_HEAD
    struct pmx_devpoll *devpoll;
    struct lease lease; /* of devpoll */
    _Atomic(struct devpoll_scratch *) scratch;
};

static void scratch_free(struct devpoll_scratch *scratch)
{
    if (!scratch)
        return;
    PyMem_Free(scratch->ready);
    pair_cache_free(&scratch->pairs);
    PyMem_Free(scratch);
}

static struct devpoll_scratch *scratch_take(struct devpoll_object *self, int capacity)
{
    struct devpoll_scratch *scratch = atomic_exchange(&self->scratch, NULL);
    if (!scratch)
        scratch = PyMem_Calloc(1, sizeof(*scratch));
    if (scratch && scratch->capacity < capacity) {
        PyMem_Free(scratch->ready);
        scratch->ready = PyMem_New(struct pollfd, capacity);
        scratch->capacity = scratch->ready ? capacity : 0;
    }
    if (scratch && scratch->ready)
        return scratch;
    scratch_free(scratch);
    PyErr_NoMemory();
    return NULL;
}

static void scratch_give(struct devpoll_object *self, struct devpoll_scratch *scratch)
{
    struct devpoll_scratch *none = NULL;
    if (!atomic_compare_exchange_strong(&self->scratch, &none, scratch))
        scratch_free(scratch);
}

static bool use(struct devpoll_object *self)
{
    if (lease_take(&self->lease))
        return true;
    PyErr_SetString(PyExc_ValueError, "I/O operation on closed devpoll object");
    return false;
}

static int dispose(struct devpoll_object *self)
{
    struct pmx_devpoll *devpoll = self->devpoll;
    self->devpoll = NULL;
    return pmx_devpoll_close(devpoll);
}

static void unuse(struct devpoll_object *self)
{
    if (lease_give(&self->lease))
        (void)dispose(self);
}

static PyObject *set_error(void)
{
    return errno == ENOMEM ? PyErr_NoMemory() : PyErr_SetFromErrno(PyExc_OSError);
}

const char devpoll_doc[] =
    "devpoll($module, /)\n"
    "--\n"
    "\n"
    "Returns a polling object in the manner of /dev/poll.\n"
    "\n"
    "It watches file descriptors as a poll object does, and costs what is ready\n"
    "and not what is registered. See poll(7d) of Solaris.";

PyObject *select_devpoll(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    PyTypeObject *type = module_state(module)->devpoll_type;
    struct pmx_devpoll *devpoll = pmx_devpoll_create();
    if (!devpoll)
        return set_error();
    struct devpoll_object *self = (struct devpoll_object *)type->tp_alloc(type, 0);
    if (self)
        self->devpoll = devpoll;
    else
        (void)pmx_devpoll_close(devpoll);
    return (PyObject *)self;
}

static void devpoll_dealloc(PyObject *object)
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (lease_close(&self->lease))
        (void)dispose(self);
    scratch_free(atomic_exchange(&self->scratch, NULL));
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(
    close_doc,
    "close($self, /)\n"
    "--\n"
    "\n"
    "Close the devpoll file descriptor.\n"
    "\n"
    "Further operations on the devpoll object will raise an exception. Calls of\n"
    "other threads that are under way end as if it were open; the descriptor\n"
    "is closed with the last of them.");

static PyObject *devpoll_close(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    int result = lease_close(&self->lease) ? dispose(self) : 0;
#if PY_VERSION_HEX >= 0x030F0000
    if (result < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
#else
    (void)result; /* the standard module ignores it before 3.15 */
#endif
    Py_RETURN_NONE;
}

static PyObject *devpoll_get_closed(PyObject *object, void *Py_UNUSED(closure))
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    return PyBool_FromLong(lease_is_closed(&self->lease));
}

PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n"
                         "--\n"
                         "\n"
                         "Return the file descriptor of the object: readable while a\n"
                         "poll() would find something.");

static PyObject *devpoll_fileno(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    if (!use(self))
        return NULL;
    int fd = pmx_devpoll_fd(self->devpoll);
    unuse(self);
    return PyLong_FromLong(fd);
}

static PyObject *control_result(struct devpoll_object *self, int result)
{
    int error = errno;
    unuse(self);
    if (result == 0)
        Py_RETURN_NONE;
    errno = error;
    return set_error();
}

/* What register() and modify() take: a descriptor and, perhaps, a mask. */
static bool watch_arguments(const char *function, PyObject *const *args,
                            Py_ssize_t nargs, int *fd, short *events)
{
    if (!check_positional(function, nargs, 1, 2))
        return false;
    *fd = as_descriptor(args[0]);
    *events = DEFAULT_EVENTS;
    return *fd >= 0 && (nargs == 1 || as_poll_events(args[1], events));
}

PyDoc_STRVAR(
    register_doc,
    "register($self, fd,\n"
    "         eventmask=select.POLLIN | select.POLLPRI | select.POLLOUT, /)\n"
    "--\n"
    "\n"
    "Register a file descriptor with the polling object.\n"
    "\n"
    "  fd\n"
    "    either an integer, or an object with a fileno() method\n"
    "  eventmask\n"
    "    the events to watch for, 0 to 65535\n"
    "\n"
    "A descriptor that is registered gets the new events besides the old ones.\n"
    "It need not be open: poll() reports POLLNVAL for one that is not.");

static PyObject *devpoll_register(PyObject *object, PyObject *const *args,
                                  Py_ssize_t nargs)
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    int fd;
    short events;
    if (!watch_arguments("register", args, nargs, &fd, &events) || !use(self))
        return NULL;
    return control_result(self, pmx_devpoll_register(self->devpoll, fd, events));
}

PyDoc_STRVAR(modify_doc,
             "modify($self, fd,\n"
             "       eventmask=select.POLLIN | select.POLLPRI | select.POLLOUT, /)\n"
             "--\n"
             "\n"
             "Modify a possibly already registered file descriptor.\n"
             "\n"
             "  fd\n"
             "    either an integer, or an object with a fileno() method\n"
             "  eventmask\n"
             "    the events to watch for from now on, 0 to 65535");

static PyObject *devpoll_modify(PyObject *object, PyObject *const *args,
                                Py_ssize_t nargs)
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    int fd;
    short events;
    if (!watch_arguments("modify", args, nargs, &fd, &events) || !use(self))
        return NULL;
    return control_result(self, pmx_devpoll_modify(self->devpoll, fd, events));
}

PyDoc_STRVAR(unregister_doc,
             "unregister($self, fd, /)\n"
             "--\n"
             "\n"
             "Remove a file descriptor being tracked by the polling object.\n"
             "\n"
             "It may be unknown, or closed already.");

static PyObject *devpoll_unregister(PyObject *object, PyObject *arg)
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    int fd = as_descriptor(arg);
    if (fd < 0 || !use(self))
        return NULL;
    return control_result(self, pmx_devpoll_unregister(self->devpoll, fd));
}

struct devpoll_waiter {
    struct pmx_devpoll *devpoll;
    struct pollfd *ready;
    int capacity;
};

static int wait_devpoll(void *argument, int64_t timeout_ns)
{
    struct devpoll_waiter *waiter = argument;
    return pmx_devpoll_wait(waiter->devpoll, waiter->ready, waiter->capacity,
                            timeout_ns, NULL);
}

static PyObject *result_list(struct devpoll_scratch *scratch, int count)
{
    PyObject *list = PyList_New(count);
    if (!list)
        return NULL;
    pair_cache_reserve(&scratch->pairs, (size_t)count);
    for (int i = 0; i < count; i++) {
        const struct pollfd *one = &scratch->ready[i];
        PyObject *pair =
            pair_cache_get(&scratch->pairs, one->fd, (unsigned short)one->revents);
        if (!pair) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    return list;
}

/* Room for everything that is registered when the call begins. */
static int capacity_needed(struct devpoll_object *self)
{
    size_t count = pmx_devpoll_count(self->devpoll);
    if (count == 0)
        return 1;
    return count < INT_MAX ? (int)count : INT_MAX;
}

/* It is the number of answers that takes time; the last one foretells it. */
static PyObject *poll_in_use(struct devpoll_object *self, int64_t timeout_ns)
{
    struct devpoll_scratch *scratch = scratch_take(self, capacity_needed(self));
    if (!scratch)
        return NULL;
    struct devpoll_waiter waiter = {self->devpoll, scratch->ready, scratch->capacity};
    int count =
        wait_for_events(wait_devpoll, &waiter, timeout_ns, scratch->count > LONG_SCAN);
    PyObject *result = count < 0 ? NULL : result_list(scratch, count);
    scratch->count = count;
    scratch_give(self, scratch);
    return result;
}

/* In milliseconds, of which the driver knows no negative number but -1. */
static bool as_devpoll_timeout(PyObject *object, int64_t *timeout_ns)
{
    if (object == Py_None)
        return true;
    if (!as_timeout(object, NS_PER_MS, "timeout must be an integer or None",
                    timeout_ns))
        return false;
    int64_t ms = round_away_from_zero(*timeout_ns);
    return check_milliseconds(ms < -1 ? INT64_MAX : ms);
}

PyDoc_STRVAR(devpoll_poll_doc,
             "poll($self, timeout=None, /)\n"
             "--\n"
             "\n"
             "Polls the set of registered file descriptors.\n"
             "\n"
             "  timeout\n"
             "    the maximum time to wait in milliseconds, a fraction counts; None\n"
             "    or -1 waits without limit\n"
             "\n"
             "Returns a list containing any descriptors that have events or errors to\n"
             "report, as a list of (fd, event) 2-tuples.");

static PyObject *devpoll_poll(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct devpoll_object *self = (struct devpoll_object *)object;
    int64_t timeout_ns = -1;
    if (!check_positional("poll", nargs, 0, 1) || !use(self))
        return NULL;
    PyObject *result = NULL;
    if (nargs == 0 || as_devpoll_timeout(args[0], &timeout_ns))
        result = poll_in_use(self, timeout_ns);
    unuse(self);
    return result;
}

static PyMethodDef devpoll_methods[] = {
    {"register", METHOD(devpoll_register), METH_FASTCALL, register_doc},
    {"modify", METHOD(devpoll_modify), METH_FASTCALL, modify_doc},
    {"unregister", devpoll_unregister, METH_O, unregister_doc},
    {"poll", METHOD(devpoll_poll), METH_FASTCALL, devpoll_poll_doc},
    {"close", devpoll_close, METH_NOARGS, close_doc},
    {"fileno", devpoll_fileno, METH_NOARGS, fileno_doc},
    {NULL},
};

static PyGetSetDef devpoll_getset[] = {
    {"closed", devpoll_get_closed, NULL, "True if the devpoll object is closed", NULL},
    {NULL},
};

static PyType_Slot devpoll_slots[] = {
    {Py_tp_dealloc, METHOD(devpoll_dealloc)},
    {Py_tp_methods, devpoll_methods},
    {Py_tp_getset, devpoll_getset},
    {0},
};

PyType_Spec devpoll_spec = {
    .name = CONTRACT_MODULE ".devpoll",
    .basicsize = sizeof(struct devpoll_object),
    .flags = CONTRACT_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = devpoll_slots,
};
