/* Conversion of arguments: see arguments.h. */
#include "arguments.h"

#include <poll.h>

bool check_positional(const char *function, Py_ssize_t nargs, Py_ssize_t min,
                      Py_ssize_t max)
{
    if (nargs >= min && nargs <= max)
        return true;
    Py_ssize_t limit = nargs < min ? min : max;
    const char *kind = min == max ? "" : nargs < min ? "at least " : "at most ";
    PyErr_Format(PyExc_TypeError, "%.200s expected %s%zd argument%s, got %zd", function,
                 kind, limit, limit == 1 ? "" : "s", nargs);
    return false;
}

static PyObject *positional_tuple(PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *tuple = PyTuple_New(nargs);
    for (Py_ssize_t i = 0; tuple && i < nargs; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    return tuple;
}

static PyObject *keyword_dict(PyObject *const *values, PyObject *kwnames)
{
    PyObject *dict = PyDict_New();
    Py_ssize_t count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; dict && i < count; i++)
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(kwnames, i), values[i]) < 0)
            Py_CLEAR(dict);
    return dict;
}

/* By the interpreter's own parser, whose messages are those of the version at
 * hand. It took the names as char ** before it took them as const. */
bool parse_arguments(const struct signature *signature, PyObject *args,
                     PyObject *kwargs, PyObject *values[MAX_ARGUMENTS])
{
    for (int i = 0; i < MAX_ARGUMENTS; i++)
        values[i] = NULL;
    return PyArg_ParseTupleAndKeywords(args, kwargs, signature->format,
                                       (char **)(uintptr_t)signature->names, &values[0],
                                       &values[1], &values[2]);
}

/* The slow way, for keywords and for wrong calls. The references that values
 * gets are borrowed from args, which outlives the tuple and the dict. */
static bool parse_vector(const struct signature *signature, PyObject *const *args,
                         Py_ssize_t nargs, PyObject *kwnames,
                         PyObject *values[MAX_ARGUMENTS])
{
    PyObject *tuple = positional_tuple(args, nargs);
    PyObject *dict = tuple ? keyword_dict(args + nargs, kwnames) : NULL;
    bool good = dict && parse_arguments(signature, tuple, dict, values);
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return good;
}

bool bind_arguments(const struct signature *signature, PyObject *const *args,
                    Py_ssize_t nargs, PyObject *kwnames,
                    PyObject *values[MAX_ARGUMENTS])
{
    if (kwnames || nargs < signature->required || nargs > signature->count)
        return parse_vector(signature, args, nargs, kwnames, values);
    for (Py_ssize_t i = 0; i < MAX_ARGUMENTS; i++)
        values[i] = i < nargs ? args[i] : NULL;
    return true;
}

bool as_int(PyObject *object, int *value)
{
    long number = PyLong_AsLong(object);
    if (number == -1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return false;
        number = LONG_MAX;
    }
    if (number < INT_MIN || number > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError,
                        "Python int too large to convert to C int");
        return false;
    }
    *value = (int)number;
    return true;
}

static bool is_negative(PyObject *integer)
{
    int overflow;
    long value = PyLong_AsLongAndOverflow(integer, &overflow);
    return overflow < 0 || (overflow == 0 && value < 0);
}

/* object as an int, new reference; what counts as one has changed in 3.14. */
static PyObject *mask_integer(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030E0000
    return PyNumber_Index(object);
#else
    if (PyLong_Check(object))
        return Py_NewRef(object);
    PyErr_SetString(PyExc_TypeError, "an integer is required");
    return NULL;
#endif
}

#if PY_VERSION_HEX >= 0x030E0000
#define NEGATIVE_MASK "Cannot convert negative int"
#else
#define NEGATIVE_MASK "value must be positive"
#endif

static bool unsigned_short(PyObject *integer, unsigned short *value)
{
    if (is_negative(integer)) {
        PyErr_SetString(PyExc_ValueError, NEGATIVE_MASK);
        return false;
    }
    unsigned long number = PyLong_AsUnsignedLong(integer);
    if (number == ULONG_MAX && PyErr_Occurred()) {
#if PY_VERSION_HEX < 0x030E0000
        return false;
#endif
    }
    if (number > USHRT_MAX) {
        PyErr_SetString(PyExc_OverflowError,
                        "Python int too large for C unsigned short");
        return false;
    }
    *value = (unsigned short)number;
    return true;
}

bool as_poll_events(PyObject *object, short *events)
{
    PyObject *integer = mask_integer(object);
    if (!integer)
        return false;
    unsigned short mask = 0;
    bool good = unsigned_short(integer, &mask);
    Py_DECREF(integer);
    *events = (short)mask;
    return good;
}

bool watch_arguments(const char *function, PyObject *const *args, Py_ssize_t nargs,
                     Py_ssize_t required, int *fd, short *events)
{
    if (!check_positional(function, nargs, required, 2))
        return false;
    *fd = as_descriptor(args[0]);
    *events = POLLIN | POLLPRI | POLLOUT;
    return *fd >= 0 && (nargs == 1 || as_poll_events(args[1], events));
}

#if PY_VERSION_HEX >= 0x030F0000

/* Modulo 2**32, with a warning where that takes something off. */
bool as_epoll_events(PyObject *object, unsigned *events)
{
    int flags = Py_ASNATIVEBYTES_NATIVE_ENDIAN | Py_ASNATIVEBYTES_ALLOW_INDEX |
                Py_ASNATIVEBYTES_UNSIGNED_BUFFER;
    Py_ssize_t needed = PyLong_AsNativeBytes(object, events, sizeof(*events), flags);
    if (needed < 0)
        return false;
    return (size_t)needed <= sizeof(*events) ||
           PyErr_WarnEx(PyExc_DeprecationWarning, "integer value out of range", 1) == 0;
}

#else

bool as_epoll_events(PyObject *object, unsigned *events)
{
    unsigned long mask = PyLong_AsUnsignedLongMask(object);
    if (mask == ULONG_MAX && PyErr_Occurred())
        return false;
    *events = (unsigned)mask;
    return true;
}

#endif
