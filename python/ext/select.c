/*
 * select.select(), on pmx_select: any descriptor number, any count.
 *
 * The set and the list of what was asked for are kept from call to call in
 * the module's state. A call beside another one, or inside it (a fileno() that
 * calls select()), has its own.
 */
#include "module.h"

#include <stdbool.h>

#include <polymux/select.h>

#include "arguments.h"
#include "timeout.h"
#include "wait.h"

#define CLASSES 3

static const unsigned interests[CLASSES] = {PMX_SELECT_READ, PMX_SELECT_WRITE,
                                            PMX_SELECT_EXCEPT};

struct entry {
    PyObject *object; /* a reference: alive until the call ends */
    int fd;
    bool ready;
};

struct select_scratch {
    struct pmx_select *set;
    struct entry *entries;    /* of the three lists, one after the other */
    size_t ends[CLASSES + 1]; /* list i is entries ends[i] to ends[i + 1] */
    size_t count;
    size_t capacity;
};

void select_scratch_free(struct select_scratch *scratch)
{
    if (!scratch)
        return;
    pmx_select_free(scratch->set);
    PyMem_Free(scratch->entries);
    PyMem_Free(scratch);
}

static struct select_scratch *scratch_take(struct module_state *state)
{
    struct select_scratch *scratch = atomic_exchange(&state->select_scratch, NULL);
    if (scratch)
        return scratch;
    scratch = PyMem_Calloc(1, sizeof(*scratch));
    if (scratch)
        scratch->set = pmx_select_create();
    if (scratch && scratch->set)
        return scratch;
    select_scratch_free(scratch);
    PyErr_NoMemory();
    return NULL;
}

/* A table that one call needed very large is not kept. */
#define KEEP_CAPACITY 4096

static void scratch_give(struct module_state *state, struct select_scratch *scratch)
{
    for (size_t i = 0; i < scratch->count; i++)
        Py_DECREF(scratch->entries[i].object);
    scratch->count = 0;
    pmx_select_clear(scratch->set);
    struct select_scratch *none = NULL;
    if (scratch->capacity > KEEP_CAPACITY ||
        !atomic_compare_exchange_strong(&state->select_scratch, &none, scratch))
        select_scratch_free(scratch);
}

static bool reserve_entry(struct select_scratch *scratch)
{
    if (scratch->count < scratch->capacity)
        return true;
    size_t capacity = scratch->capacity ? scratch->capacity * 2 : 8;
    struct entry *entries = scratch->entries;
    if (!PyMem_Resize(entries, struct entry, capacity)) {
        PyErr_NoMemory();
        return false;
    }
    scratch->entries = entries;
    scratch->capacity = capacity;
    return true;
}

/* Takes over the reference to object, also when it fails. */
static bool add_object(struct select_scratch *scratch, PyObject *object,
                       unsigned interest)
{
    if (!reserve_entry(scratch)) {
        Py_DECREF(object);
        return false;
    }
    struct entry *entry = &scratch->entries[scratch->count++];
    *entry = (struct entry){object, -1, false};
    int fd = as_descriptor(object); /* may run any code, but not with our scratch */
    if (fd < 0)
        return false;
    entry->fd = fd;
    if (pmx_select_add(scratch->set, fd, interest) == 0)
        return true;
    PyErr_NoMemory();
    return false;
}

/* Item i of a list or tuple: a new reference, NULL past its present end. */
static PyObject *item_at(PyObject *sequence, Py_ssize_t i)
{
#ifdef Py_GIL_DISABLED
    if (PyList_Check(sequence)) {
        PyObject *item = PyList_GetItemRef(sequence, i);
        if (!item)
            PyErr_Clear();
        return item;
    }
#endif
    if (i >= PySequence_Fast_GET_SIZE(sequence))
        return NULL;
    return Py_NewRef(PySequence_Fast_GET_ITEM(sequence, i));
}

/* fileno() may change the list: its length counts anew at every step. */
static bool add_list(struct select_scratch *scratch, PyObject *list, unsigned interest)
{
    PyObject *sequence = PySequence_Fast(list, "arguments 1-3 must be sequences");
    if (!sequence)
        return false;
    bool good = true;
    PyObject *object;
    for (Py_ssize_t i = 0; good && (object = item_at(sequence, i)); i++)
        good = add_object(scratch, object, interest);
    Py_DECREF(sequence);
    return good;
}

static bool add_lists(struct select_scratch *scratch, PyObject *const *lists)
{
    scratch->ends[0] = 0;
    for (int i = 0; i < CLASSES; i++) {
        if (!add_list(scratch, lists[i], interests[i]))
            return false;
        scratch->ends[i + 1] = scratch->count;
    }
    return true;
}

static int wait_select(void *set, int64_t timeout_ns)
{
    return pmx_select_wait(set, timeout_ns, NULL);
}

/* Notes which entries of list i are ready; returns their number. */
static Py_ssize_t mark_ready(struct select_scratch *scratch, int i)
{
    Py_ssize_t count = 0;
    for (size_t at = scratch->ends[i]; at < scratch->ends[i + 1]; at++) {
        struct entry *entry = &scratch->entries[at];
        entry->ready = pmx_select_ready(scratch->set, entry->fd) & interests[i];
        count += entry->ready;
    }
    return count;
}

/* The objects of list i that are ready, each as often as it was given. */
static PyObject *ready_list(struct select_scratch *scratch, int i)
{
    PyObject *list = PyList_New(mark_ready(scratch, i));
    Py_ssize_t filled = 0;
    for (size_t at = scratch->ends[i]; list && at < scratch->ends[i + 1]; at++)
        if (scratch->entries[at].ready)
            PyList_SET_ITEM(list, filled++, Py_NewRef(scratch->entries[at].object));
    return list;
}

static PyObject *ready_lists(struct select_scratch *scratch, int count)
{
    PyObject *result = PyTuple_New(CLASSES);
    for (int i = 0; result && i < CLASSES; i++) {
        PyObject *list = count ? ready_list(scratch, i) : PyList_New(0);
        if (list)
            PyTuple_SET_ITEM(result, i, list);
        else
            Py_CLEAR(result);
    }
    return result;
}

static PyObject *select_with(struct select_scratch *scratch, PyObject *const *lists,
                             int64_t timeout_ns)
{
    if (!add_lists(scratch, lists))
        return NULL;
    int count = wait_for_events(wait_select, scratch->set, timeout_ns,
                                scratch->count > LONG_SCAN);
    return count < 0 ? NULL : ready_lists(scratch, count);
}

static bool as_select_timeout(PyObject *object, int64_t *timeout_ns)
{
    if (object == Py_None) {
        *timeout_ns = PMX_FOREVER;
        return true;
    }
    if (!as_timeout(object, NS_PER_S, "timeout must be a float or None", timeout_ns))
        return false;
    if (*timeout_ns >= 0)
        return true;
    PyErr_SetString(PyExc_ValueError, "timeout must be non-negative");
    return false;
}

const char select_doc[] =
    "select($module, rlist, wlist, xlist, timeout=None, /)\n"
    "--\n"
    "\n"
    "Wait until one or more file descriptors are ready for some kind of I/O.\n"
    "\n"
    "The first three arguments are iterables of file descriptors to be waited for:\n"
    "rlist -- wait until ready for reading\n"
    "wlist -- wait until ready for writing\n"
    "xlist -- wait for an \"exceptional condition\"\n"
    "If only one kind of condition is required, pass [] for the other lists.\n"
    "\n"
    "A file descriptor is either a socket or file object, or a small integer\n"
    "gotten from a fileno() method call on one of those. Its number and the\n"
    "number of descriptors are not limited.\n"
    "\n"
    "The optional 4th argument specifies a timeout in seconds; it may be a\n"
    "floating-point number to specify fractions of seconds. If it is absent or\n"
    "None, the call will never time out.\n"
    "\n"
    "The return value is a tuple of three lists corresponding to the first three\n"
    "arguments; each contains the subset of the corresponding file descriptors\n"
    "that are ready. See select(2).";

PyObject *select_select(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    struct module_state *state = module_state(module);
    int64_t timeout_ns = PMX_FOREVER;
    if (!check_positional("select", nargs, 3, 4) ||
        (nargs > 3 && !as_select_timeout(args[3], &timeout_ns)))
        return NULL;
    struct select_scratch *scratch = scratch_take(state);
    if (!scratch)
        return NULL;
    PyObject *result = select_with(scratch, args, timeout_ns);
    scratch_give(state, scratch);
    return result;
}
