/* select.epoll, on pmx_epoll. */
#include "module.h"

#include <errno.h>
#include <sys/select.h>

#include <polymux/epoll.h>

#include "arguments.h"
#include "lease.h"
#include "pairs.h"
#include "timeout.h"
#include "wait.h"

#define DEFAULT_EVENTS    (EPOLLIN | EPOLLPRI | EPOLLOUT)
#define DEFAULT_MAXEVENTS (FD_SETSIZE - 1)

/* What a poll() call works with. Kept for the next call; a call beside another
 * one on the same object, or inside it, has its own. */
struct epoll_scratch {
    struct epoll_event *events;
    int capacity;
    struct pair_cache pairs;
};

struct epoll_object {
    PyObject_HEAD
    struct pmx_epoll *epoll;
    struct lease lease; /* of epoll */
    _Atomic(struct epoll_scratch *) scratch;
};

static void scratch_free(struct epoll_scratch *scratch)
{
    if (!scratch)
        return;
    PyMem_Free(scratch->events);
    pair_cache_free(&scratch->pairs);
    PyMem_Free(scratch);
}

static struct epoll_scratch *scratch_take(struct epoll_object *self, int maxevents)
{
    struct epoll_scratch *scratch = atomic_exchange(&self->scratch, NULL);
    if (!scratch)
        scratch = PyMem_Calloc(1, sizeof(*scratch));
    if (scratch && scratch->capacity < maxevents) {
        PyMem_Free(scratch->events);
        scratch->events = PyMem_New(struct epoll_event, maxevents);
        scratch->capacity = scratch->events ? maxevents : 0;
    }
    if (scratch && scratch->events)
        return scratch;
    scratch_free(scratch);
    PyErr_NoMemory();
    return NULL;
}

/* A buffer that one call wanted very large is not kept. */
#define KEEP_CAPACITY 65536

static void scratch_give(struct epoll_object *self, struct epoll_scratch *scratch)
{
    struct epoll_scratch *none = NULL;
    if (scratch->capacity > KEEP_CAPACITY ||
        !atomic_compare_exchange_strong(&self->scratch, &none, scratch))
        scratch_free(scratch);
}

static bool use(struct epoll_object *self)
{
    if (lease_take(&self->lease))
        return true;
    PyErr_SetString(PyExc_ValueError, "I/O operation on closed epoll object");
    return false;
}

static int dispose(struct epoll_object *self)
{
    struct pmx_epoll *epoll = self->epoll;
    self->epoll = NULL;
    return pmx_epoll_close(epoll);
}

static void unuse(struct epoll_object *self)
{
    if (lease_give(&self->lease))
        (void)dispose(self);
}

static PyObject *new_epoll(PyTypeObject *type, struct pmx_epoll *epoll)
{
    if (!epoll)
        return errno == ENOMEM ? PyErr_NoMemory() : PyErr_SetFromErrno(PyExc_OSError);
    struct epoll_object *self = (struct epoll_object *)type->tp_alloc(type, 0);
    if (self)
        self->epoll = epoll;
    else
        (void)pmx_epoll_close(epoll);
    return (PyObject *)self;
}

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
    return new_epoll(type, pmx_epoll_create());
}

PyDoc_STRVAR(fromfd_doc,
             "fromfd($type, fd, /)\n"
             "--\n"
             "\n"
             "Create an epoll object from a given control fd, which it then owns.");

static PyObject *epoll_fromfd(PyObject *type, PyObject *arg)
{
    int fd;
    if (!as_int(arg, &fd))
        return NULL;
    if (fd < -1) { /* an error without a reason: errno is 0 */
        errno = 0;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return new_epoll((PyTypeObject *)type,
                     fd == -1 ? pmx_epoll_create() : pmx_epoll_from_fd(fd));
}

static void epoll_dealloc(PyObject *object)
{
    struct epoll_object *self = (struct epoll_object *)object;
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
    "Close the epoll control file descriptor.\n"
    "\n"
    "Further operations on the epoll object will raise an exception. Calls of\n"
    "other threads that are under way end as if it were open; the descriptor\n"
    "is closed with the last of them.");

static PyObject *epoll_close(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct epoll_object *self = (struct epoll_object *)object;
    int result = lease_close(&self->lease) ? dispose(self) : 0;
#if PY_VERSION_HEX >= 0x030F0000
    if (result < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
#else
    (void)result; /* the standard module ignores it before 3.15 */
#endif
    Py_RETURN_NONE;
}

static PyObject *epoll_get_closed(PyObject *object, void *Py_UNUSED(closure))
{
    struct epoll_object *self = (struct epoll_object *)object;
    return PyBool_FromLong(lease_is_closed(&self->lease));
}

PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n"
                         "--\n"
                         "\n"
                         "Return the epoll control file descriptor.");

static PyObject *epoll_fileno(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct epoll_object *self = (struct epoll_object *)object;
    if (!use(self))
        return NULL;
    int fd = pmx_epoll_fd(self->epoll);
    unuse(self);
    return PyLong_FromLong(fd);
}

static PyObject *control_result(struct epoll_object *self, int result)
{
    int error = errno;
    unuse(self);
    if (result == 0)
        Py_RETURN_NONE;
    errno = error;
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
    struct epoll_object *self = (struct epoll_object *)object;
    PyObject *values[MAX_ARGUMENTS];
    unsigned events = DEFAULT_EVENTS;
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || (values[1] && !as_epoll_events(values[1], &events)) || !use(self))
        return NULL;
    epoll_data_t data = {.fd = fd};
    return control_result(self, pmx_epoll_register(self->epoll, fd, events, data));
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
    struct epoll_object *self = (struct epoll_object *)object;
    PyObject *values[MAX_ARGUMENTS];
    unsigned events;
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || !as_epoll_events(values[1], &events) || !use(self))
        return NULL;
    epoll_data_t data = {.fd = fd};
    return control_result(self, pmx_epoll_modify(self->epoll, fd, events, data));
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
    struct epoll_object *self = (struct epoll_object *)object;
    PyObject *values[MAX_ARGUMENTS];
    if (!bind_arguments(&signature, args, nargs, kwnames, values))
        return NULL;
    int fd = as_descriptor(values[0]);
    if (fd < 0 || !use(self))
        return NULL;
    return control_result(self, pmx_epoll_unregister(self->epoll, fd));
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

static PyObject *result_list(struct epoll_scratch *scratch, int count)
{
    PyObject *list = PyList_New(count);
    if (!list)
        return NULL;
    pair_cache_reserve(&scratch->pairs, (size_t)count);
    for (int i = 0; i < count; i++) {
        const struct epoll_event *event = &scratch->events[i];
        PyObject *pair = pair_cache_get(&scratch->pairs, event->data.fd, event->events);
        if (!pair) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    return list;
}

static PyObject *poll_in_use(struct epoll_object *self, int64_t timeout_ns,
                             int maxevents)
{
    struct epoll_scratch *scratch = scratch_take(self, maxevents);
    if (!scratch)
        return NULL;
    struct epoll_waiter waiter = {self->epoll, scratch->events, maxevents};
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
    struct epoll_object *self = (struct epoll_object *)object;
    PyObject *values[MAX_ARGUMENTS];
    int64_t timeout_ns = -1;
    int maxevents = -1;
    if (!bind_arguments(&signature, args, nargs, kwnames, values) ||
        (values[1] && !as_int(values[1], &maxevents)) || !use(self))
        return NULL;
    PyObject *result = NULL;
    if ((!values[0] || as_epoll_timeout(values[0], &timeout_ns)) &&
        check_maxevents(&maxevents))
        result = poll_in_use(self, timeout_ns, maxevents);
    unuse(self);
    return result;
}

PyDoc_STRVAR(enter_doc, "__enter__($self, /)\n"
                        "--\n"
                        "\n"
                        "The object itself; ValueError when it is closed.");

static PyObject *epoll_enter(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct epoll_object *self = (struct epoll_object *)object;
    if (!use(self))
        return NULL;
    unuse(self);
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
    return epoll_close(object, NULL);
}

static PyMethodDef epoll_methods[] = {
    {"fromfd", epoll_fromfd, METH_O | METH_CLASS, fromfd_doc},
    {"close", epoll_close, METH_NOARGS, close_doc},
    {"fileno", epoll_fileno, METH_NOARGS, fileno_doc},
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
    {"closed", epoll_get_closed, NULL, PyDoc_STR("True if the epoll handler is closed"),
     NULL},
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
    {Py_tp_dealloc, METHOD(epoll_dealloc)},
    {Py_tp_doc, (void *)(uintptr_t)epoll_doc},
    {Py_tp_methods, epoll_methods},
    {Py_tp_getset, epoll_getset},
    {0},
};

PyType_Spec epoll_spec = {
    .name = CONTRACT_MODULE ".epoll",
    .basicsize = sizeof(struct epoll_object),
    .flags = CONTRACT_TYPE_FLAGS,
    .slots = epoll_slots,
};
