/*
 * select.poll and its objects, on pmx_poll.
 *
 * Registration is thread-safe in the library; a flag of the object's own
 * covers a whole poll() call, from the wait to the finished result.
 */
#include "module.h"

#include <errno.h>

#include <polymux/poll.h>

#include "arguments.h"
#include "pairs.h"
#include "timeout.h"
#include "wait.h"

struct poll_object {
    PyObject_HEAD
    struct pmx_poll *set;
    struct pair_cache pairs; /* used while polling is held */
    atomic_bool polling;
};

const char poll_doc[] =
    "poll($module, /)\n"
    "--\n"
    "\n"
    "Returns a polling object.\n"
    "\n"
    "This object supports registering and unregistering file descriptors, and\n"
    "then polling them for I/O events. See poll(2).";

PyObject *select_poll(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    PyTypeObject *type = module_state(module)->poll_type;
    struct poll_object *self = (struct poll_object *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->set = pmx_poll_create();
    if (!self->set) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void poll_dealloc(PyObject *object)
{
    struct poll_object *self = (struct poll_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    pmx_poll_free(self->set);
    pair_cache_free(&self->pairs);
    type->tp_free(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(register_doc,
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
             "A descriptor that is registered gets the new mask and keeps its place.\n"
             "It need not be open: poll() reports POLLNVAL for one that is not.");

static PyObject *poll_register(PyObject *object, PyObject *const *args,
                               Py_ssize_t nargs)
{
    struct poll_object *self = (struct poll_object *)object;
    int fd;
    short events;
    if (!watch_arguments("register", args, nargs, 1, &fd, &events))
        return NULL;
    if (pmx_poll_register(self->set, fd, events) < 0)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(modify_doc, "modify($self, fd, eventmask, /)\n"
                         "--\n"
                         "\n"
                         "Modify an already registered file descriptor.\n"
                         "\n"
                         "  fd\n"
                         "    either an integer, or an object with a fileno() method\n"
                         "  eventmask\n"
                         "    the events to watch for, 0 to 65535\n"
                         "\n"
                         "FileNotFoundError if the descriptor is not registered.");

static PyObject *poll_modify(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct poll_object *self = (struct poll_object *)object;
    int fd;
    short events;
    if (!watch_arguments("modify", args, nargs, 2, &fd, &events))
        return NULL;
    if (pmx_poll_modify(self->set, fd, events) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(unregister_doc,
             "unregister($self, fd, /)\n"
             "--\n"
             "\n"
             "Remove a file descriptor being tracked by the polling object.\n"
             "\n"
             "KeyError if the descriptor is not registered.");

static PyObject *poll_unregister(PyObject *object, PyObject *arg)
{
    struct poll_object *self = (struct poll_object *)object;
    int fd = as_descriptor(arg);
    if (fd < 0)
        return NULL;
    if (pmx_poll_unregister(self->set, fd) == 0)
        Py_RETURN_NONE;
    PyObject *key = PyLong_FromLong(fd);
    if (key)
        PyErr_SetObject(PyExc_KeyError, key);
    Py_XDECREF(key);
    return NULL;
}

struct poll_waiter {
    struct pmx_poll *set;
    bool begun;
};

/* What a signal handler or another thread registers meanwhile counts from the
 * next poll() on. */
static int wait_poll(void *argument, int64_t timeout_ns)
{
    struct poll_waiter *waiter = argument;
    if (waiter->begun)
        return pmx_poll_resume(waiter->set, timeout_ns, NULL);
    waiter->begun = true;
    return pmx_poll_wait(waiter->set, timeout_ns, NULL);
}

static PyObject *result_list(struct poll_object *self, int count)
{
    PyObject *list = PyList_New(count);
    const struct pollfd *entry = NULL;
    pair_cache_reserve(&self->pairs, (size_t)count);
    for (int i = 0; list && i < count; i++) {
        entry = pmx_poll_next(self->set, entry);
        list = list_with(
            list, i,
            pair_cache_get(&self->pairs, entry->fd, (unsigned short)entry->revents));
    }
    return list;
}

static bool as_poll_timeout(PyObject *object, int64_t *timeout_ns)
{
    if (!as_timeout(object, NS_PER_MS, "timeout must be an integer or None",
                    timeout_ns))
        return false;
#if PY_VERSION_HEX < 0x030F0000
    return check_milliseconds(round_away_from_zero(*timeout_ns));
#else
    return true;
#endif
}

PyDoc_STRVAR(poll_poll_doc,
             "poll($self, timeout=None, /)\n"
             "--\n"
             "\n"
             "Polls the set of registered file descriptors.\n"
             "\n"
             "  timeout\n"
             "    the maximum time to wait in milliseconds, a fraction counts; None\n"
             "    or a negative value waits without limit\n"
             "\n"
             "Returns a list containing any descriptors that have events or errors to\n"
             "report, as a list of (fd, event) 2-tuples in the order of registration.");

static PyObject *poll_poll(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    struct poll_object *self = (struct poll_object *)object;
    int64_t timeout_ns = -1;
    if (!check_positional("poll", nargs, 0, 1) ||
        (nargs > 0 && !as_poll_timeout(args[0], &timeout_ns)))
        return NULL;
    if (atomic_exchange(&self->polling, true)) {
        PyErr_SetString(PyExc_RuntimeError, "concurrent poll() invocation");
        return NULL;
    }
    struct poll_waiter waiter = {self->set, false};
    int count = wait_for_events(wait_poll, &waiter, timeout_ns,
                                pmx_poll_count(self->set) > LONG_SCAN);
    PyObject *result = count < 0 ? NULL : result_list(self, count);
    atomic_store(&self->polling, false);
    return result;
}

static PyMethodDef poll_methods[] = {
    {"register", METHOD(poll_register), METH_FASTCALL, register_doc},
    {"modify", METHOD(poll_modify), METH_FASTCALL, modify_doc},
    {"unregister", poll_unregister, METH_O, unregister_doc},
    {"poll", METHOD(poll_poll), METH_FASTCALL, poll_poll_doc},
    {NULL},
};

static PyType_Slot poll_slots[] = {
    {Py_tp_dealloc, METHOD(poll_dealloc)},
    {Py_tp_methods, poll_methods},
    {0},
};

PyType_Spec poll_spec = {
    .name = CONTRACT_MODULE ".poll",
    .basicsize = sizeof(struct poll_object),
    .flags = CONTRACT_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = poll_slots,
};
