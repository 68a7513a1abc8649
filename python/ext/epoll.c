/* select.epoll, on pmx_epoll. */
#include "module.h"

#include <errno.h>
#include <sys/select.h>

#include <polymux/epoll.h>

#include "arguments.h"
#include "poller.h"
#include "timeout.h"
#include "wait.h"

#define DEFAULT_EVENTS    (EPOLLIN | EPOLLPRI | EPOLLOUT)
#define DEFAULT_MAXEVENTS (FD_SETSIZE - 1)

static int descriptor(void *handle)
{
    return pmx_epoll_fd(handle);
}

static int finish(void *handle)
{
    return pmx_epoll_close(handle);
}

static const struct poller_kind kind = {
    .name = "epoll",
    .fd = descriptor,
    .close = finish,
    .event_size = sizeof(struct epoll_event),
    .keep = 65536,
};

static bool check_sizehint(int sizehint)
{
    if (sizehint > 0 || sizehint == -1)
        return true;
    PyErr_SetString(PyExc_ValueError, "negative sizehint");
    return false;
}

static bool check_flags(int flags)
{
    if (flags == 0 || flags == EPOLL_CLOEXEC)
        return true;
    PyErr_SetString(PyExc_OSError, "invalid flags");
    return false;
}

static PyObject *epoll_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"sizehint", "flags", NULL};
    static const struct signature signature = {"|OO:epoll", names, 0, 2};
    PyObject *values[MAX_ARGUMENTS];
    int sizehint = -1;
    int flags = 0;
    if (!parse_arguments(&signature, args, kwargs, values) ||
        (values[0] && !as_int(values[0], &sizehint)) ||
        (values[1] && !as_int(values[1], &flags)))
        return NULL;
    if (!check_sizehint(sizehint) || !check_flags(flags))
        return NULL;
    return poller_new(type, &kind, pmx_epoll_create());
}

PyDoc_STRVAR(fromfd_doc,
             "fromfd($type, fd, /)\n"
             "--\n"
             "\n"
             "Create an epoll object from a given control fd, which it then owns.");

static PyObject *epoll_fromfd(PyObject *type, PyObject *arg)
{
    int fd;
    if (!as_control_fd(arg, &fd))
        return NULL;
    return poller_new((PyTypeObject *)type, &kind,
                      fd == -1 ? pmx_epoll_create() : pmx_epoll_from_fd(fd));
}

PyDoc_STRVAR(
    close_doc,
    "close($self, /)\n"
    "--\n"
    "\n"
    "Close the epoll control file descriptor.\n"
    "\n"
    "Further operations on the epoll object will raise an exception. Calls of\n"
    "other threads that are under way end as if it were open; the descriptor\n"
    "is closed with the last of them.");

PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n"
                         "--\n"
                         "\n"
                         "Return the epoll control file descriptor.");

static PyObject *control_result(struct poller *self, int result)
{
    poller_unuse(self);
    if (result == 0)
        Py_RETURN_NONE;
    return PyErr_SetFromErrno(PyExc_OSError);
}

PyDoc_STRVAR(
    register_doc,
    "register($self, /, fd,\n"
    "         eventmask=select.EPOLLIN | select.EPOLLPRI | select.EPOLLOUT)\n"
    "--\n"
    "\n"
    "Registers a new fd or raises an OSError if the fd is already registered.\n"
    "\n"
    "  fd\n"
    "    either an integer, or an object with a fileno() method\n"
    "  eventmask\n"
    "    a bit set composed of the various EPOLL constants\n"
    "\n"
    "The errors are those of epoll_ctl(2).");

static PyObject *epoll_register(PyObject *object, PyObject *const *args,
                                Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"fd", "eventmask", NULL};
    static const struct signature signature = {"O|O:register", names, 1, 2};
    struct poller *self = (struct poller *)object;
    PyObject *values[MAX_ARGUMENTS];
    unsigned events = DEFAULT_EVENTS;
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || (values[1] && !as_epoll_events(values[1], &events)) ||
        !poller_use(self))
        return NULL;
    epoll_data_t data = {.fd = fd};
    return control_result(self, pmx_epoll_register(self->handle, fd, events, data));
}

PyDoc_STRVAR(modify_doc, "modify($self, /, fd, eventmask)\n"
                         "--\n"
                         "\n"
                         "Modify event mask for a registered file descriptor.\n"
                         "\n"
                         "  fd\n"
                         "    either an integer, or an object with a fileno() method\n"
                         "  eventmask\n"
                         "    a bit set composed of the various EPOLL constants");

static PyObject *epoll_modify(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                              PyObject *kwnames)
{
    static const char *const names[] = {"fd", "eventmask", NULL};
    static const struct signature signature = {"OO:modify", names, 2, 2};
    struct poller *self = (struct poller *)object;
    PyObject *values[MAX_ARGUMENTS];
    unsigned events;
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || !as_epoll_events(values[1], &events) || !poller_use(self))
        return NULL;
    epoll_data_t data = {.fd = fd};
    return control_result(self, pmx_epoll_modify(self->handle, fd, events, data));
}

PyDoc_STRVAR(unregister_doc,
             "unregister($self, /, fd)\n"
             "--\n"
             "\n"
             "Remove a registered file descriptor from the epoll object.\n"
             "\n"
             "  fd\n"
             "    either an integer, or an object with a fileno() method");

static PyObject *epoll_unregister(PyObject *object, PyObject *const *args,
                                  Py_ssize_t nargs, PyObject *kwnames)
{
    static const char *const names[] = {"fd", NULL};
    static const struct signature signature = {"O:unregister", names, 1, 1};
    struct poller *self = (struct poller *)object;
    PyObject *values[MAX_ARGUMENTS];
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || !poller_use(self))
        return NULL;
    return control_result(self, pmx_epoll_unregister(self->handle, fd));
}

struct epoll_waiter {
    struct pmx_epoll *epoll;
    struct epoll_event *events;
    int maxevents;
};

static int wait_epoll(void *argument, int64_t timeout_ns)
{
    struct epoll_waiter *waiter = argument;
    return pmx_epoll_wait(waiter->epoll, waiter->events, waiter->maxevents, timeout_ns,
                          NULL);
}

static PyObject *result_list(struct scratch *scratch, int count)
{
    PyObject *list = PyList_New(count);
    const struct epoll_event *ready = scratch->events;
    pair_cache_reserve(&scratch->pairs, (size_t)count);
    for (int i = 0; list && i < count; i++, ready++) {
        PyObject *pair = pair_cache_get(&scratch->pairs, ready->data.fd, ready->events);
        list = list_with(list, i, pair);
    }
    return list;
}

static PyObject *poll_in_use(struct poller *self, int64_t timeout_ns, int maxevents)
{
    struct scratch *scratch = scratch_take(self, maxevents);
    if (!scratch)
        return NULL;
    struct epoll_waiter waiter = {self->handle, scratch->events, maxevents};
    int count = wait_for_events(wait_epoll, &waiter, timeout_ns, false);
    PyObject *result = count < 0 ? NULL : result_list(scratch, count);
    scratch_give(self, scratch);
    return result;
}

/* The timeout keeps its nanoseconds, but for a negative one of less than a
 * millisecond: it is rounded up to 0 and does not wait. */
static bool as_epoll_timeout(PyObject *object, int64_t *timeout_ns)
{
    if (object == Py_None)
        return true;
    if (!as_timeout(object, NS_PER_S, "timeout must be an integer or None", timeout_ns))
        return false;
    int64_t ms = round_up(*timeout_ns);
    if (ms == 0)
        *timeout_ns = 0;
    return check_milliseconds(ms);
}

static bool check_maxevents(int *maxevents)
{
    if (*maxevents == -1)
        *maxevents = DEFAULT_MAXEVENTS;
    if (*maxevents > 0)
        return true;
    PyErr_Format(PyExc_ValueError, "maxevents must be greater than 0, got %d",
                 *maxevents);
    return false;
}

PyDoc_STRVAR(poll_doc_epoll,
             "poll($self, /, timeout=None, maxevents=-1)\n"
             "--\n"
             "\n"
             "Wait for events on the epoll file descriptor.\n"
             "\n"
             "  timeout\n"
             "    the maximum time to wait in seconds (as float), exact to the\n"
             "    nanosecond; a timeout of None or negative waits without limit\n"
             "  maxevents\n"
             "    the maximum number of events returned; -1 means no limit of the\n"
             "    caller's: FD_SETSIZE - 1\n"
             "\n"
             "Returns a list containing any descriptors that have events to report,\n"
             "as a list of (fd, events) 2-tuples.");

static PyObject *epoll_poll(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *kwnames)
{
    static const char *const names[] = {"timeout", "maxevents", NULL};
    static const struct signature signature = {"|OO:poll", names, 0, 2};
    struct poller *self = (struct poller *)object;
    PyObject *values[MAX_ARGUMENTS];
    int64_t timeout_ns = -1;
    int maxevents = -1;
    if (!bind_arguments(&signature, args, nargs, kwnames, values) ||
        (values[1] && !as_int(values[1], &maxevents)) || !poller_use(self))
        return NULL;
    PyObject *result = NULL;
    if ((!values[0] || as_epoll_timeout(values[0], &timeout_ns)) &&
        check_maxevents(&maxevents))
        result = poll_in_use(self, timeout_ns, maxevents);
    poller_unuse(self);
    return result;
}

PyDoc_STRVAR(enter_doc, "__enter__($self, /)\n"
                        "--\n"
                        "\n"
                        "The object itself; ValueError when it is closed.");

static PyObject *epoll_enter(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct poller *self = (struct poller *)object;
    if (!poller_use(self))
        return NULL;
    poller_unuse(self);
    return Py_NewRef(object);
}

PyDoc_STRVAR(exit_doc,
             "__exit__($self, exc_type=None, exc_value=None, exc_tb=None, /)\n"
             "--\n"
             "\n"
             "Closes the object.");

static PyObject *epoll_exit(PyObject *object, PyObject *const *Py_UNUSED(args),
                            Py_ssize_t nargs)
{
    if (!check_positional("__exit__", nargs, 0, 3))
        return NULL;
    return poller_close(object, NULL);
}

static PyMethodDef epoll_methods[] = {
    {"fromfd", epoll_fromfd, METH_O | METH_CLASS, fromfd_doc},
    {"close", poller_close, METH_NOARGS, close_doc},
    {"fileno", poller_fileno, METH_NOARGS, fileno_doc},
    {"register", METHOD(epoll_register), METH_FASTCALL | METH_KEYWORDS, register_doc},
    {"modify", METHOD(epoll_modify), METH_FASTCALL | METH_KEYWORDS, modify_doc},
    {"unregister", METHOD(epoll_unregister), METH_FASTCALL | METH_KEYWORDS,
     unregister_doc},
    {"poll", METHOD(epoll_poll), METH_FASTCALL | METH_KEYWORDS, poll_doc_epoll},
    {"__enter__", epoll_enter, METH_NOARGS, enter_doc},
    {"__exit__", METHOD(epoll_exit), METH_FASTCALL, exit_doc},
    {NULL},
};

static PyGetSetDef epoll_getset[] = {
    {"closed", poller_get_closed, NULL,
     PyDoc_STR("True if the epoll handler is closed"), NULL},
    {NULL},
};

PyDoc_STRVAR(epoll_doc,
             "select.epoll(sizehint=-1, flags=0)\n"
             "\n"
             "Returns an epolling object, see epoll(7).\n"
             "\n"
             "  sizehint\n"
             "    must be a positive integer or -1 for the default size; it has no\n"
             "    effect\n"
             "  flags\n"
             "    deprecated and completely ignored, but must be 0 or\n"
             "    select.EPOLL_CLOEXEC");

static PyType_Slot epoll_slots[] = {
    {Py_tp_new, METHOD(epoll_new)},
    {Py_tp_dealloc, METHOD(poller_dealloc)},
    {Py_tp_doc, (void *)(uintptr_t)epoll_doc},
    {Py_tp_methods, epoll_methods},
    {Py_tp_getset, epoll_getset},
    {0},
};

PyType_Spec epoll_spec = {
    .name = CONTRACT_MODULE ".epoll",
    .basicsize = sizeof(struct poller),
    .flags = CONTRACT_TYPE_FLAGS,
    .slots = epoll_slots,
};
