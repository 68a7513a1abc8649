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
#include "poller.h"
#include "timeout.h"
#include "wait.h"

static int descriptor(void *handle)
{
    return pmx_devpoll_fd(handle);
}

static int finish(void *handle)
{
    return pmx_devpoll_close(handle);
}

static const struct poller_kind kind = {
    .name = "devpoll",
    .fd = descriptor,
    .close = finish,
    .event_size = sizeof(struct pollfd),
    .keep = INT_MAX,
};

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
    return poller_new(type, &kind, pmx_devpoll_create());
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

PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n"
                         "--\n"
                         "\n"
                         "Return the file descriptor of the object: readable while a\n"
                         "poll() would find something.");

static PyObject *control_result(struct poller *self, int result)
{
    poller_unuse(self);
    if (result == 0)
        Py_RETURN_NONE;
    return raise_errno();
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
    struct poller *self = (struct poller *)object;
    int fd;
    short events;
    if (!watch_arguments("register", args, nargs, 1, &fd, &events) || !poller_use(self))
        return NULL;
    return control_result(self, pmx_devpoll_register(self->handle, fd, events));
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
    struct poller *self = (struct poller *)object;
    int fd;
    short events;
    if (!watch_arguments("modify", args, nargs, 1, &fd, &events) || !poller_use(self))
        return NULL;
    return control_result(self, pmx_devpoll_modify(self->handle, fd, events));
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
    struct poller *self = (struct poller *)object;
    int fd = as_descriptor(arg);
    if (fd < 0 || !poller_use(self))
        return NULL;
    return control_result(self, pmx_devpoll_unregister(self->handle, fd));
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

static PyObject *result_list(struct scratch *scratch, int count)
{
    PyObject *list = PyList_New(count);
    const struct pollfd *ready = scratch->events;
    pair_cache_reserve(&scratch->pairs, (size_t)count);
    for (int i = 0; list && i < count; i++, ready++) {
        unsigned events = (unsigned short)ready->revents;
        list = list_with(list, i, pair_cache_get(&scratch->pairs, ready->fd, events));
    }
    return list;
}

/* Room for everything that is registered when the call begins. */
static int capacity_needed(struct poller *self)
{
    size_t count = pmx_devpoll_count(self->handle);
    if (count == 0)
        return 1;
    return count < INT_MAX ? (int)count : INT_MAX;
}

/* It is the number of answers that takes time; the last one foretells it. */
static PyObject *poll_in_use(struct poller *self, int64_t timeout_ns)
{
    struct scratch *scratch = scratch_take(self, capacity_needed(self));
    if (!scratch)
        return NULL;
    struct devpoll_waiter waiter = {self->handle, scratch->events, scratch->capacity};
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
    struct poller *self = (struct poller *)object;
    int64_t timeout_ns = -1;
    if (!check_positional("poll", nargs, 0, 1) || !poller_use(self))
        return NULL;
    PyObject *result = NULL;
    if (nargs == 0 || as_devpoll_timeout(args[0], &timeout_ns))
        result = poll_in_use(self, timeout_ns);
    poller_unuse(self);
    return result;
}

static PyMethodDef devpoll_methods[] = {
    {"register", METHOD(devpoll_register), METH_FASTCALL, register_doc},
    {"modify", METHOD(devpoll_modify), METH_FASTCALL, modify_doc},
    {"unregister", devpoll_unregister, METH_O, unregister_doc},
    {"poll", METHOD(devpoll_poll), METH_FASTCALL, devpoll_poll_doc},
    {"close", poller_close, METH_NOARGS, close_doc},
    {"fileno", poller_fileno, METH_NOARGS, fileno_doc},
    {NULL},
};

static PyGetSetDef devpoll_getset[] = {
    {"closed", poller_get_closed, NULL, "True if the devpoll object is closed", NULL},
    {NULL},
};

static PyType_Slot devpoll_slots[] = {
    {Py_tp_dealloc, METHOD(poller_dealloc)},
    {Py_tp_methods, devpoll_methods},
    {Py_tp_getset, devpoll_getset},
    {0},
};

PyType_Spec devpoll_spec = {
    .name = CONTRACT_MODULE ".devpoll",
    .basicsize = sizeof(struct poller),
    .flags = CONTRACT_TYPE_FLAGS | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = devpoll_slots,
};
