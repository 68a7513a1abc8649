/* The extension module: its definition, state and life. */
#include "module.h"

#include <errno.h>

#include <polymux/polymux.h>

#include "lease.h"

PyObject *raise_errno(void)
{
    return errno == ENOMEM ? PyErr_NoMemory() : PyErr_SetFromErrno(PyExc_OSError);
}

static int make_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type ? 0 : -1;
}

/* All have names in the module but those of devpoll and poll objects. */
static int add_types(PyObject *module, struct module_state *state)
{
    if (make_type(module, &devpoll_spec, &state->devpoll_type) < 0 ||
        make_type(module, &epoll_spec, &state->epoll_type) < 0 ||
        make_type(module, &kevent_spec, &state->kevent_type) < 0 ||
        make_type(module, &kqueue_spec, &state->kqueue_type) < 0 ||
        make_type(module, &poll_spec, &state->poll_type) < 0)
        return -1;
    if (PyModule_AddType(module, state->epoll_type) < 0 ||
        PyModule_AddType(module, state->kevent_type) < 0)
        return -1;
    return PyModule_AddType(module, state->kqueue_type);
}

static int set_contract_module(PyObject *module, const char *function_name)
{
    PyObject *function = PyObject_GetAttrString(module, function_name);
    if (!function)
        return -1;
    PyObject *name = PyUnicode_FromString(CONTRACT_MODULE);
    int result = name ? PyObject_SetAttrString(function, "__module__", name) : -1;
    Py_XDECREF(name);
    Py_DECREF(function);
    return result;
}

static int module_exec(PyObject *module)
{
    struct module_state *state = module_state(module);
    if (lease_prepare() < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (add_types(module, state) < 0 ||
        PyModule_AddObjectRef(module, "error", PyExc_OSError) < 0 ||
        PyModule_AddStringConstant(module, "__version__", pmx_version()) < 0)
        return -1;
    if (set_contract_module(module, "select") < 0 ||
        set_contract_module(module, "poll") < 0 ||
        set_contract_module(module, "devpoll") < 0)
        return -1;
    return add_constants(module);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = module_state(module);
    Py_VISIT(state->devpoll_type);
    Py_VISIT(state->epoll_type);
    Py_VISIT(state->kevent_type);
    Py_VISIT(state->kqueue_type);
    Py_VISIT(state->poll_type);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct module_state *state = module_state(module);
    Py_CLEAR(state->devpoll_type);
    Py_CLEAR(state->epoll_type);
    Py_CLEAR(state->kevent_type);
    Py_CLEAR(state->kqueue_type);
    Py_CLEAR(state->poll_type);
    select_scratch_free(atomic_exchange(&state->select_scratch, NULL));
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static PyMethodDef module_methods[] = {
    {"select", METHOD(select_select), METH_FASTCALL, select_doc},
    {"poll", select_poll, METH_NOARGS, poll_doc},
    {"devpoll", select_devpoll, METH_NOARGS, devpoll_doc},
    {NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, METHOD(module_exec)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0},
};

PyDoc_STRVAR(
    module_doc,
    "Every Unix way to wait for I/O: the select module's names on libpolymux.\n"
    "\n"
    "Programs import polymux, not this module.");

static PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,         .m_name = "polymux._polymux",
    .m_doc = module_doc,           .m_size = sizeof(struct module_state),
    .m_methods = module_methods,   .m_slots = module_slots,
    .m_traverse = module_traverse, .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__polymux(void);

PyMODINIT_FUNC PyInit__polymux(void)
{
    return PyModuleDef_Init(&module_def);
}
