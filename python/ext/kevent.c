/* select.kevent: see kevent.h. */
#include "kevent.h"

#include <inttypes.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_SHORT     T_SHORT
#define Py_T_USHORT    T_USHORT
#define Py_T_UINT      T_UINT
#define Py_T_LONGLONG  T_LONGLONG
#define Py_T_ULONGLONG T_ULONGLONG
#endif

/* What the formats and the members take the fields for. */
_Static_assert(sizeof(uintptr_t) == sizeof(unsigned long long), "ident and udata");
_Static_assert(sizeof(int16_t) == sizeof(short), "filter and flags");
_Static_assert(sizeof(uint32_t) == sizeof(unsigned), "fflags");
_Static_assert(sizeof(int64_t) == sizeof(long long), "data");

#if PY_VERSION_HEX >= 0x030E0000

static PyObject *ident_integer(PyObject *object)
{
    return PyIndex_Check(object) ? PyNumber_Index(object) : NULL;
}

static int is_negative(PyObject *integer)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(integer, &overflow);
    return overflow < 0 || (overflow == 0 && value < 0);
}

static int from_integer(PyObject *integer, uintptr_t *ident)
{
    if (is_negative(integer)) {
        PyErr_SetString(PyExc_ValueError, "Cannot convert negative int");
        return -1;
    }
    size_t value = PyLong_AsSize_t(integer);
    if (value == SIZE_MAX && PyErr_Occurred()) {
        PyErr_SetString(PyExc_OverflowError,
                        "Python int too large for C kqueue event identifier");
        return -1;
    }
    *ident = value;
    return 0;
}

#else

static PyObject *ident_integer(PyObject *object)
{
    return PyLong_Check(object) ? Py_NewRef(object) : NULL;
}

static int from_integer(PyObject *integer, uintptr_t *ident)
{
    size_t value = PyLong_AsSize_t(integer);
    if (value == SIZE_MAX && PyErr_Occurred())
        return -1;
    *ident = value;
    return 0;
}

#endif

/* An identifier is any number, where a descriptor is a C int. */
static int as_ident(PyObject *object, uintptr_t *ident)
{
    PyObject *integer = ident_integer(object);
    if (integer) {
        int result = from_integer(integer, ident);
        Py_DECREF(integer);
        return result;
    }
    if (PyErr_Occurred())
        return -1;
    int fd = PyObject_AsFileDescriptor(object);
    if (fd < 0)
        return -1;
    *ident = (uintptr_t)fd;
    return 0;
}

/* The fields that the parser fills; what it took from a call that fails stays
 * taken. */
static int parse(PyObject *args, PyObject *kwargs, PyObject **ident,
                 struct pmx_kevent *event)
{
    static const char *const names[] = {"ident", "filter", "flags", "fflags",
                                        "data",  "udata",  NULL};
    long long data = event->data;
    unsigned long long udata = 0;
    int good = PyArg_ParseTupleAndKeywords(
        args, kwargs, "O|hHILK:kevent", (char **)(uintptr_t)names, ident,
        &event->filter, &event->flags, &event->fflags, &data, &udata);
    event->data = data;
    event->udata = (void *)(uintptr_t)udata;
    return good ? 0 : -1;
}

static int kevent_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    struct kevent_object *self = (struct kevent_object *)object;
    PyObject *ident = NULL;
    pmx_kevent_set(&self->kevent, 0, EVFILT_READ, EV_ADD, 0, 0, NULL);
    if (parse(args, kwargs, &ident, &self->kevent) < 0)
        return -1;
    return as_ident(ident, &self->kevent.ident);
}

static void kevent_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *kevent_repr(PyObject *object)
{
    const struct pmx_kevent *event = &((struct kevent_object *)object)->kevent;
    char text[192];
    PyOS_snprintf(text, sizeof(text),
                  "<" CONTRACT_MODULE ".kevent ident=%" PRIuPTR
                  " filter=%d flags=0x%x fflags=0x%" PRIx32 " data=0x%" PRIx64
                  " udata=0x%" PRIxPTR ">",
                  event->ident, event->filter, event->flags, event->fflags,
                  (uint64_t)event->data, (uintptr_t)event->udata);
    return PyUnicode_FromString(text);
}

/* Some attribute setters of the interpreter store what they then complain
 * about; here a failed assignment leaves everything as it was. */
static int kevent_setattro(PyObject *object, PyObject *name, PyObject *value)
{
    struct kevent_object *self = (struct kevent_object *)object;
    struct pmx_kevent before = self->kevent;
    int result = PyObject_GenericSetAttr(object, name, value);
    if (result < 0)
        self->kevent = before;
    return result;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* Field by field, the first difference decides; udata counts as signed. */
static int compare(const struct pmx_kevent *a, const struct pmx_kevent *b)
{
    if (a->ident != b->ident)
        return ORDER(a->ident, b->ident);
    if (a->filter != b->filter)
        return ORDER(a->filter, b->filter);
    if (a->flags != b->flags)
        return ORDER(a->flags, b->flags);
    if (a->fflags != b->fflags)
        return ORDER(a->fflags, b->fflags);
    if (a->data != b->data)
        return ORDER(a->data, b->data);
    return ORDER((intptr_t)a->udata, (intptr_t)b->udata);
}

static PyObject *kevent_richcompare(PyObject *object, PyObject *other, int op)
{
    if (!Py_IS_TYPE(other, Py_TYPE(object)))
        Py_RETURN_NOTIMPLEMENTED;
    int order = compare(&((struct kevent_object *)object)->kevent,
                        &((struct kevent_object *)other)->kevent);
    Py_RETURN_RICHCOMPARE(order, 0, op);
}

/* clang-format off */
#define FIELD(name, type) #name, type, offsetof(struct kevent_object, kevent.name), 0
/* clang-format on */

static PyMemberDef kevent_members[] = {
    {FIELD(ident, Py_T_ULONGLONG),
     PyDoc_STR("what is watched: a descriptor, or what the filter takes")},
    {FIELD(filter, Py_T_SHORT),
     PyDoc_STR("one of KQ_FILTER: in what respect it is watched")},
    {FIELD(flags, Py_T_USHORT),
     PyDoc_STR("bits of KQ_EV: what to do with it, or what is true of it")},
    {FIELD(fflags, Py_T_UINT), PyDoc_STR("flags of the filter, bits of KQ_NOTE")},
    {FIELD(data, Py_T_LONGLONG), PyDoc_STR("a number of the filter")},
    {FIELD(udata, Py_T_ULONGLONG),
     PyDoc_STR("a number of the caller's, which comes back with every event")},
    {NULL},
};

PyDoc_STRVAR(
    kevent_doc,
    "kevent(ident, filter=KQ_FILTER_READ, flags=KQ_EV_ADD, fflags=0, data=0,\n"
    "       udata=0)\n"
    "\n"
    "A change that kqueue.control() is asked to make, or an event it reports.\n"
    "\n"
    "  ident\n"
    "    an integer, or an object with a fileno() method\n"
    "  filter\n"
    "    one of the KQ_FILTER constants: what to watch it for\n"
    "  flags\n"
    "    a bit set of KQ_EV constants: what to do\n"
    "  fflags, data\n"
    "    what the filter takes them for: KQ_NOTE constants, a number\n"
    "  udata\n"
    "    an integer that comes back with every event");

static PyType_Slot kevent_slots[] = {
    {Py_tp_new, METHOD(PyType_GenericNew)},
    {Py_tp_init, METHOD(kevent_init)},
    {Py_tp_dealloc, METHOD(kevent_dealloc)},
    {Py_tp_doc, (void *)(uintptr_t)kevent_doc},
    {Py_tp_repr, METHOD(kevent_repr)},
    {Py_tp_setattro, METHOD(kevent_setattro)},
    {Py_tp_richcompare, METHOD(kevent_richcompare)},
    {Py_tp_members, kevent_members},
    {0},
};

/* Changeable in every version, as the standard module's. */
PyType_Spec kevent_spec = {
    .name = CONTRACT_MODULE ".kevent",
    .basicsize = sizeof(struct kevent_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = kevent_slots,
};
