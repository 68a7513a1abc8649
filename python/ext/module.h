/*
 * What the parts of the extension share: the module's state, the types, and
 * the names under which objects present themselves. Includes the public
 * headers of libpolymux only.
 */
#ifndef PMX_EXT_MODULE_H
#define PMX_EXT_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>

/*
 * Types and functions call themselves members of "select", the module whose
 * contract they fulfil: messages and reprs are the same to the letter, and
 * pickles by name are portable once polymux stands in for it.
 */
#define CONTRACT_MODULE "select"

/* The buffers that a select() call works with; see select.c. */
struct select_scratch;

struct module_state {
    PyTypeObject *devpoll_type;
    PyTypeObject *epoll_type;
    PyTypeObject *kevent_type;
    PyTypeObject *kqueue_type;
    PyTypeObject *poll_type;
    _Atomic(struct select_scratch *) select_scratch;
};

static inline struct module_state *module_state(PyObject *module)
{
    return PyModule_GetState(module);
}

extern PyType_Spec devpoll_spec;
extern PyType_Spec epoll_spec;
extern PyType_Spec kevent_spec;
extern PyType_Spec kqueue_spec;
extern PyType_Spec poll_spec;

/* Since 3.15 poll and epoll cannot be changed in the standard module. */
#if PY_VERSION_HEX >= 0x030F0000
#define CONTRACT_TYPE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)
#else
#define CONTRACT_TYPE_FLAGS Py_TPFLAGS_DEFAULT
#endif

/* A method table wants one function type; the calling convention tells the
 * interpreter which one it really is. */
#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

/* The exception for errno: MemoryError for ENOMEM, OSError for others. NULL. */
PyObject *raise_errno(void);

/* Puts item, a reference that it takes over, in its place in a new list. Where
 * item is NULL, the list goes as well. Returns the list, or NULL. */
static inline PyObject *list_with(PyObject *list, Py_ssize_t place, PyObject *item)
{
    if (item)
        PyList_SET_ITEM(list, place, item);
    else
        Py_CLEAR(list);
    return list;
}

/* Adds POLL*, EPOLL*, KQ_* and PIPE_BUF. Returns 0, or -1 with an exception. */
int add_constants(PyObject *module);

extern const char select_doc[];
PyObject *select_select(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
void select_scratch_free(struct select_scratch *scratch);

extern const char poll_doc[];
PyObject *select_poll(PyObject *module, PyObject *ignored);

extern const char devpoll_doc[];
PyObject *select_devpoll(PyObject *module, PyObject *ignored);

#endif
