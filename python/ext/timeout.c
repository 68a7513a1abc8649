/* Conversion of timeouts: see timeout.h. */
#include "timeout.h"

#include <limits.h>
#include <math.h>

#if PY_VERSION_HEX >= 0x030E0000
#define INT_TOO_LARGE   "timestamp out of range for C PyTime_t"
#define FLOAT_TOO_LARGE "timestamp out of range for C PyTime_t"
#elif PY_VERSION_HEX >= 0x030D0000
#define INT_TOO_LARGE   "timestamp too large to convert to C PyTime_t"
#define FLOAT_TOO_LARGE "timestamp out of range for platform time_t"
#else
#define INT_TOO_LARGE   "timestamp too large to convert to C _PyTime_t"
#define FLOAT_TOO_LARGE "timestamp out of range for platform time_t"
#endif

static bool from_double(double value, int64_t unit_ns, int64_t *timeout_ns)
{
    if (isnan(value)) {
        PyErr_SetString(PyExc_ValueError, "Invalid value NaN (not a number)");
        return false;
    }
    double ns = value * (double)unit_ns;
    ns = ns >= 0 ? ceil(ns) : floor(ns);
    if (!((double)INT64_MIN <= ns && ns < -(double)INT64_MIN)) {
        PyErr_SetString(PyExc_OverflowError, FLOAT_TOO_LARGE);
        return false;
    }
    *timeout_ns = (int64_t)ns;
    /* A product too small for a double is still not zero. */
    if (*timeout_ns == 0 && value != 0)
        *timeout_ns = value > 0 ? 1 : -1;
    return true;
}

static bool from_integer(PyObject *object, int64_t unit_ns, int64_t *timeout_ns)
{
    int64_t units = PyLong_AsLongLong(object);
    if (units == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_SetString(PyExc_OverflowError, INT_TOO_LARGE);
        return false;
    }
    if (__builtin_mul_overflow(units, unit_ns, timeout_ns)) {
        PyErr_SetString(PyExc_OverflowError, INT_TOO_LARGE);
        return false;
    }
    return true;
}

#if PY_VERSION_HEX >= 0x030F0000

/* Any real number: a float, or what has __index__ or __float__. */
static bool from_number(PyObject *object, int64_t unit_ns, int64_t *timeout_ns)
{
    PyNumberMethods *methods = Py_TYPE(object)->tp_as_number;
    if (PyIndex_Check(object) || !methods || !methods->nb_float)
        return from_integer(object, unit_ns, timeout_ns);
    double value = PyFloat_AsDouble(object);
    if (value == -1 && PyErr_Occurred())
        return false;
    return from_double(value, unit_ns, timeout_ns);
}

static void set_wrong_type(PyObject *object, const char *wrong_type)
{
    (void)wrong_type;
    PyErr_Format(PyExc_TypeError, "timeout must be a real number or None, not %T",
                 object);
}

#else

static bool from_number(PyObject *object, int64_t unit_ns, int64_t *timeout_ns)
{
    return from_integer(object, unit_ns, timeout_ns);
}

static void set_wrong_type(PyObject *object, const char *wrong_type)
{
    (void)object;
    PyErr_SetString(PyExc_TypeError, wrong_type);
}

#endif

bool as_timeout(PyObject *object, int64_t unit_ns, const char *wrong_type,
                int64_t *timeout_ns)
{
    if (object == Py_None) {
        *timeout_ns = -1;
        return true;
    }
    if (PyFloat_Check(object))
        return from_double(PyFloat_AS_DOUBLE(object), unit_ns, timeout_ns);
    if (from_number(object, unit_ns, timeout_ns))
        return true;
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        set_wrong_type(object, wrong_type);
    return false;
}

bool check_milliseconds(int64_t ms)
{
    if (INT_MIN <= ms && ms <= INT_MAX)
        return true;
    PyErr_SetString(PyExc_OverflowError, "timeout is too large");
    return false;
}

int64_t round_up(int64_t timeout_ns)
{
    return timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS > 0);
}

int64_t round_away_from_zero(int64_t timeout_ns)
{
    return timeout_ns < 0 ? -round_up(-timeout_ns) : round_up(timeout_ns);
}
