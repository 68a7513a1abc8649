/*
 * Makes chosen allocations of one loaded object fail. Preloaded into a Python
 * process, which arms it through ctypes with the addresses of the extension;
 * everybody else's allocations are left alone. Stands on glibc's own names of
 * malloc and its kin.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static uintptr_t watched_begin;
static uintptr_t watched_end;
static long allowed; /* calls that still succeed */
static long stop;    /* calls from which on they succeed again */
static long calls;   /* seen since the arming */

/* Fails the calls from begin_call to before end_call, counted from 0. */
void failing_malloc_arm(uintptr_t begin, uintptr_t end, long begin_call, long end_call)
{
    allowed = begin_call;
    stop = end_call;
    calls = 0;
    watched_end = end;
    watched_begin = begin;
}

/* Ends it; returns the number of calls that were seen. */
long failing_malloc_disarm(void)
{
    watched_begin = watched_end = 0;
    return calls;
}

static int refused(const void *caller)
{
    uintptr_t address = (uintptr_t)caller;
    if (address < watched_begin || address >= watched_end)
        return 0;
    long call = calls++;
    if (call < allowed || call >= stop)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (refused(__builtin_return_address(0)))
        return NULL;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(memory, bytes);
}
