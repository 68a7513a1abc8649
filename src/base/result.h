/*
 * The edge between the two error conventions: inside the library a function
 * returns >= 0 or -errno; its callers outside get -1 and errno, and find errno
 * untouched after success.
 */
#ifndef PMX_BASE_RESULT_H
#define PMX_BASE_RESULT_H

#include <errno.h>

/* What a public function returns for result, with errno as it was: saved. */
static inline int pmx__result(int result, int saved_errno)
{
    errno = result < 0 ? -result : saved_errno;
    return result < 0 ? -1 : result;
}

/* The same in the other direction, for what a system call returned. */
static inline int pmx__syscall(int returned)
{
    return returned < 0 ? -errno : returned;
}

#endif
