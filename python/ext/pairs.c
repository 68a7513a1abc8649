/* A cache of result tuples: see pairs.h. */
#include "pairs.h"

struct pair {
    int fd;
    unsigned events;
    PyObject *tuple; /* NULL: the slot is free */
};

#define FIRST_SLOTS 8
#define MOST_SLOTS  4096

void pair_cache_reserve(struct pair_cache *cache, size_t count)
{
    if (count <= cache->count || cache->count == MOST_SLOTS)
        return;
    size_t slots = FIRST_SLOTS;
    while (slots < count && slots < MOST_SLOTS)
        slots *= 2;
    struct pair_cache bigger = {PyMem_Calloc(slots, sizeof(*bigger.slots)), slots};
    if (!bigger.slots)
        return; /* a smaller cache, or none, serves as well */
    pair_cache_free(cache);
    *cache = bigger;
}

static PyObject *new_pair(int fd, unsigned events)
{
    PyObject *tuple = PyTuple_New(2);
    if (!tuple)
        return NULL;
    PyTuple_SET_ITEM(tuple, 0, PyLong_FromLong(fd));
    PyTuple_SET_ITEM(tuple, 1, PyLong_FromUnsignedLong(events));
    if (!PyTuple_GET_ITEM(tuple, 0) || !PyTuple_GET_ITEM(tuple, 1))
        Py_CLEAR(tuple);
    return tuple;
}

PyObject *pair_cache_get(struct pair_cache *cache, int fd, unsigned events)
{
    if (!cache->count)
        return new_pair(fd, events);
    struct pair *slot = &cache->slots[(size_t)fd & (cache->count - 1)];
    if (slot->tuple && slot->fd == fd && slot->events == events)
        return Py_NewRef(slot->tuple);
    PyObject *tuple = new_pair(fd, events);
    if (!tuple)
        return NULL;
    Py_XSETREF(slot->tuple, Py_NewRef(tuple));
    slot->fd = fd;
    slot->events = events;
    return tuple;
}

void pair_cache_free(struct pair_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        Py_XDECREF(cache->slots[i].tuple);
    PyMem_Free(cache->slots);
    *cache = (struct pair_cache){0};
}
