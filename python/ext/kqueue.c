/*
 * select.kqueue, on pmx_kqueue.
 *
 * Closing has two halves. The first, at once, closes the descriptor and wakes
 * who waits; the second frees the handle when its last user has left, which
 * the lease tells. In the child of a fork the queue is closed without anyone
 * having closed it; the library knows.
 */
#include "module.h"

#include <errno.h>

#include <polymux/kqueue.h>

#include "arguments.h"
#include "kevent.h"
#include "poller.h"
#include "timeout.h"
#include "wait.h"

static int descriptor(void *handle)
{
    return pmx_kqueue_fd(handle);
}

static int finish(void *handle)
{
    return pmx_kqueue_close(handle);
}

/* In the child of a fork it is not. */
static bool is_usable(void *handle)
{
    return pmx_kqueue_usable(handle);
}

static const struct poller_kind kind = {
    .name = "kqueue",
    .fd = descriptor,
    .close = finish,
    .is_usable = is_usable,
    .event_size = sizeof(struct pmx_kevent),
    .keep = 16384,
};

static PyObject *kqueue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const char *wrong = NULL;
    if (kwargs && PyDict_GET_SIZE(kwargs) > 0)
        wrong = "keyword";
    if (PyTuple_GET_SIZE(args) > 0)
        wrong = "positional";
    if (wrong)
        return PyErr_Format(PyExc_TypeError, "kqueue() takes no %s arguments", wrong);
    return poller_new(type, &kind, pmx_kqueue_create());
}

PyDoc_STRVAR(fromfd_doc,
             "fromfd($type, fd, /)\n"
             "--\n"
             "\n"
             "Create a kqueue object from a given control fd, which it then owns.\n"
             "\n"
             "The two objects share the queue; the first that is closed closes the\n"
             "descriptor. OSError if fd is no queue's.");

static PyObject *kqueue_fromfd(PyObject *type, PyObject *arg)
{
    int fd;
    if (!as_control_fd(arg, &fd))
        return NULL;
    return poller_new((PyTypeObject *)type, &kind,
                      fd == -1 ? pmx_kqueue_create() : pmx_kqueue_from_fd(fd));
}

/* Returns 0, or -1 with errno. Who waits in another thread is told EBADF. */
static int shut_down(struct poller *self)
{
    if (!poller_use_if_open(self))
        return 0;
    int result = lease_revoke(&self->lease) ? pmx_kqueue_shutdown(self->handle) : 0;
    poller_unuse(self);
    return result;
}

PyDoc_STRVAR(
    close_doc,
    "close($self, /)\n"
    "--\n"
    "\n"
    "Close the kqueue control file descriptor.\n"
    "\n"
    "Further operations on the kqueue object will raise an exception. Calls of\n"
    "other threads that are under way end at once, with an OSError for EBADF.");

static PyObject *kqueue_close(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return poller_close_result(shut_down((struct poller *)object));
}

#if PY_VERSION_HEX >= 0x030C0000
static void kqueue_finalize(PyObject *object)
{
    (void)shut_down((struct poller *)object);
}
#endif

PyDoc_STRVAR(fileno_doc,
             "fileno($self, /)\n"
             "--\n"
             "\n"
             "Return the kqueue control file descriptor.\n"
             "\n"
             "It can be waited on: readable while control() has events to report.");

/* A list or tuple that stays as it is while the changes are read, where no
 * other code runs. New reference. */
static PyObject *as_sequence(PyObject *changelist)
{
#ifdef Py_GIL_DISABLED
    if (PyList_CheckExact(changelist))
        return PyList_AsTuple(changelist);
#endif
    return PySequence_Fast(changelist, "changelist is not iterable");
}

static bool read_change(struct module_state *state, PyObject *object,
                        struct pmx_kevent *change)
{
    if (!Py_IS_TYPE(object, state->kevent_type)) {
        PyErr_SetString(PyExc_TypeError,
                        "changelist must be an iterable of select.kevent objects");
        return false;
    }
    *change = ((struct kevent_object *)object)->kevent;
    return true;
}

static int count_changes(PyObject *sequence)
{
    Py_ssize_t count = sequence ? PySequence_Fast_GET_SIZE(sequence) : 0;
    if (count <= INT_MAX)
        return (int)count;
    PyErr_SetString(PyExc_OverflowError, "changelist is too long");
    return -1;
}

/* The arguments of a control() call that waits for nothing of Python's any
 * more. The changes go with the first wait, whatever interrupts it. */
struct control_waiter {
    struct pmx_kqueue *kqueue;
    struct pmx_kevent *events;
    int nchanges;
    int nevents;
};

static int wait_kqueue(void *argument, int64_t timeout_ns)
{
    struct control_waiter *waiter = argument;
    int nchanges = waiter->nchanges;
    waiter->nchanges = 0;
    return pmx_kqueue_control(waiter->kqueue, waiter->events, nchanges, waiter->events,
                              waiter->nevents, timeout_ns, NULL);
}

static PyObject *result_list(struct module_state *state,
                             const struct pmx_kevent *events, int count)
{
    PyObject *list = PyList_New(count);
    for (int i = 0; list && i < count; i++)
        list = list_with(list, i, kevent_of(state->kevent_type, &events[i]));
    return list;
}

static PyObject *control_in_scratch(struct poller *self, struct control_waiter *waiter,
                                    PyObject *sequence, int64_t timeout_ns)
{
    struct module_state *state = PyType_GetModuleState(Py_TYPE(self));
    for (int i = 0; i < waiter->nchanges; i++)
        if (!read_change(state, PySequence_Fast_GET_ITEM(sequence, i),
                         &waiter->events[i]))
            return NULL;
    bool long_scan = waiter->nchanges > LONG_SCAN;
    int count = wait_for_events(wait_kqueue, waiter, timeout_ns, long_scan);
    return count < 0 ? NULL : result_list(state, waiter->events, count);
}

/* sequence is NULL where there are no changes. */
static PyObject *control_sequence(struct poller *self, PyObject *sequence,
                                  int maxevents, int64_t timeout_ns)
{
    int nchanges = count_changes(sequence);
    if (nchanges < 0)
        return NULL;
    struct scratch *scratch = scratch_take(self, Py_MAX(nchanges, maxevents));
    if (!scratch)
        return NULL;
    struct control_waiter waiter = {self->handle, scratch->events, nchanges, maxevents};
    PyObject *result = control_in_scratch(self, &waiter, sequence, timeout_ns);
    scratch_give(self, scratch);
    return result;
}

static PyObject *control_in_use(struct poller *self, PyObject *changelist,
                                int maxevents, int64_t timeout_ns)
{
    if (maxevents == 0)
        timeout_ns = 0;
    if (changelist == Py_None)
        return control_sequence(self, NULL, maxevents, timeout_ns);
    PyObject *sequence = as_sequence(changelist);
    if (!sequence)
        return NULL;
    PyObject *result = control_sequence(self, sequence, maxevents, timeout_ns);
    Py_DECREF(sequence);
    return result;
}

static bool check_maxevents(int maxevents)
{
    if (maxevents >= 0)
        return true;
    PyErr_Format(PyExc_ValueError, "Length of eventlist must be 0 or positive, got %d",
                 maxevents);
    return false;
}

/* Before 3.15 whatever is wrong with a timeout counts as its type. */
static bool as_seconds(PyObject *object, int64_t *timeout_ns)
{
    if (as_timeout(object, NS_PER_S, "", timeout_ns))
        return true;
#if PY_VERSION_HEX < 0x030F0000
    const char *name = Py_TYPE(object)->tp_name;
    const char *dot = strrchr(name, '.');
    PyErr_Format(PyExc_TypeError,
                 "timeout argument must be a number or None, got %.200s",
                 dot ? dot + 1 : name);
#endif
    return false;
}

static bool as_control_timeout(PyObject *object, int64_t *timeout_ns)
{
    if (object == Py_None)
        return true;
    if (!as_seconds(object, timeout_ns))
        return false;
    if (*timeout_ns >= 0)
        return true;
    PyErr_SetString(PyExc_ValueError, "timeout must be positive or None");
    return false;
}

PyDoc_STRVAR(
    control_doc,
    "control($self, changelist, maxevents, timeout=None, /)\n"
    "--\n"
    "\n"
    "Change what the queue watches, then wait for events.\n"
    "\n"
    "  changelist\n"
    "    an iterable of kevent objects, or None\n"
    "  maxevents\n"
    "    the maximum number of events returned; 0 does not wait\n"
    "  timeout\n"
    "    the maximum time to wait in seconds (as float), exact to the\n"
    "    nanosecond; None waits without limit\n"
    "\n"
    "Returns a list of new kevent objects. A change that fails is one of them,\n"
    "with KQ_EV_ERROR in flags and the errno in data; where maxevents leaves\n"
    "no room for it, it is an OSError.");

static PyObject *kqueue_control(PyObject *object, PyObject *const *args,
                                Py_ssize_t nargs)
{
    struct poller *self = (struct poller *)object;
    int64_t timeout_ns = -1;
    int maxevents;
    if (!check_positional("control", nargs, 2, 3) || !as_int(args[1], &maxevents) ||
        !poller_use(self))
        return NULL;
    PyObject *result = NULL;
    if (check_maxevents(maxevents) &&
        (nargs < 3 || as_control_timeout(args[2], &timeout_ns)))
        result = control_in_use(self, args[0], maxevents, timeout_ns);
    poller_unuse(self);
    return result;
}

static PyMethodDef kqueue_methods[] = {
    {"fromfd", kqueue_fromfd, METH_O | METH_CLASS, fromfd_doc},
    {"close", kqueue_close, METH_NOARGS, close_doc},
    {"fileno", poller_fileno, METH_NOARGS, fileno_doc},
    {"control", METHOD(kqueue_control), METH_FASTCALL, control_doc},
    {NULL},
};

static PyGetSetDef kqueue_getset[] = {
    {"closed", poller_get_closed, NULL,
     PyDoc_STR("True if the kqueue handler is closed"), NULL},
    {NULL},
};

PyDoc_STRVAR(kqueue_doc, "kqueue()\n"
                         "--\n"
                         "\n"
                         "Returns a queue of kernel events, as FreeBSD's kqueue(2).\n"
                         "\n"
                         "    kq = select.kqueue()\n"
                         "    change = select.kevent(sock, select.KQ_FILTER_READ)\n"
                         "    events = kq.control([change], maxevents, timeout)\n"
                         "\n"
                         "Closed in the child of a fork.");

static PyType_Slot kqueue_slots[] = {
    {Py_tp_new, METHOD(kqueue_new)},
    {Py_tp_dealloc, METHOD(poller_dealloc)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_tp_finalize, METHOD(kqueue_finalize)},
#endif
    {Py_tp_doc, (void *)(uintptr_t)kqueue_doc},
    {Py_tp_methods, kqueue_methods},
    {Py_tp_getset, kqueue_getset},
    {0},
};

/* Changeable in every version, as the standard module's. */
PyType_Spec kqueue_spec = {
    .name = CONTRACT_MODULE ".kqueue",
    .basicsize = sizeof(struct poller),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = kqueue_slots,
};
