/*
 * Arguments of the module's functions, with the exceptions and messages of
 * the standard module on the Python version this is compiled for.
 *
 * Functions return false, or -1, with an exception set.
 */
#ifndef PMX_EXT_ARGUMENTS_H
#define PMX_EXT_ARGUMENTS_H

#include "module.h"

#include <limits.h>
#include <stdbool.h>

/* Whether a function that takes min to max positional arguments got them. */
bool check_positional(const char *function, Py_ssize_t nargs, Py_ssize_t min,
                      Py_ssize_t max);

/* A function with keyword arguments: at most MAX_ARGUMENTS, one name each. */
#define MAX_ARGUMENTS 3

struct signature {
    const char *format; /* of PyArg_ParseTupleAndKeywords(), all objects */
    const char *const *names;
    Py_ssize_t required;
    Py_ssize_t count;
};

/*
 * Sorts the arguments of a METH_FASTCALL | METH_KEYWORDS call into values, in
 * the order of the names; borrowed references, NULL for what was not given.
 */
bool bind_arguments(const struct signature *signature, PyObject *const *args,
                    Py_ssize_t nargs, PyObject *kwnames,
                    PyObject *values[MAX_ARGUMENTS]);

/* The same for a call by a tuple and a dict, as constructors get it. */
bool parse_arguments(const struct signature *signature, PyObject *args,
                     PyObject *kwargs, PyObject *values[MAX_ARGUMENTS]);

/*
 * A descriptor: an int, or what the fileno() method of an object returns; -1
 * with an exception. Ints of few digits, which is all of them, take a short
 * cut around PyObject_AsFileDescriptor().
 */
static inline int as_descriptor(PyObject *object)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (PyLong_CheckExact(object) &&
        PyUnstable_Long_IsCompact((const PyLongObject *)object)) {
        Py_ssize_t value = PyUnstable_Long_CompactValue((const PyLongObject *)object);
        if (value >= 0 && value <= INT_MAX)
            return (int)value;
    }
#endif
    return PyObject_AsFileDescriptor(object);
}

/* A C int from an int or an object with __index__. */
bool as_int(PyObject *object, int *value);

/* An event mask of poll: 0 to 65535. */
bool as_poll_events(PyObject *object, short *events);

/* What poll and devpoll register: a descriptor and a mask, which must be given
 * where two arguments are required. */
bool watch_arguments(const char *function, PyObject *const *args, Py_ssize_t nargs,
                     Py_ssize_t required, int *fd, short *events);

/* An event mask of epoll: any integer, modulo 2**32. */
bool as_epoll_events(PyObject *object, unsigned *events);

#endif
