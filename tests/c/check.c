/* What the CHECK macros of harness.h call: compare, and say what was wrong. */
#include "harness.h"

#include <inttypes.h>
#include <string.h>

void harness_eq_int(const char *file, int line, const char *what, intmax_t actual,
                    intmax_t expected)
{
    harness_checked();
    if (actual != expected)
        harness_fail(file, line, "%s: %" PRIdMAX " is not %" PRIdMAX, what, actual,
                     expected);
}

void harness_eq_uint(const char *file, int line, const char *what, uintmax_t actual,
                     uintmax_t expected)
{
    harness_checked();
    if (actual != expected)
        harness_fail(file, line, "%s: %#" PRIxMAX " is not %#" PRIxMAX, what, actual,
                     expected);
}

void harness_eq_ptr(const char *file, int line, const char *what, const void *actual,
                    const void *expected)
{
    harness_checked();
    if (actual != expected)
        harness_fail(file, line, "%s: %p is not %p", what, actual, expected);
}

void harness_eq_str(const char *file, int line, const char *what, const char *actual,
                    const char *expected)
{
    harness_checked();
    if (strcmp(actual, expected) != 0)
        harness_fail(file, line, "%s: \"%s\" is not \"%s\"", what, actual, expected);
}

void harness_ge_int(const char *file, int line, const char *what, intmax_t actual,
                    intmax_t least)
{
    harness_checked();
    if (actual < least)
        harness_fail(file, line, "%s: %" PRIdMAX " is less than %" PRIdMAX, what,
                     actual, least);
}

void harness_failed(const char *file, int line, const char *what, intmax_t returned,
                    int expected, const char *expected_name)
{
    int error = errno;
    harness_checked();
    if (returned != -1)
        harness_fail(file, line, "%s: returned %" PRIdMAX ", not an error (%s)", what,
                     returned, expected_name);
    if (error != expected)
        harness_fail(file, line, "%s: errno is %d (%s), not %s", what, error,
                     strerror(error), expected_name);
}

int harness_ok(const char *file, int line, const char *what, int returned)
{
    int error = errno;
    harness_checked();
    if (returned < 0)
        harness_fail(file, line, "%s: returned %d, errno is %d (%s)", what, returned,
                     error, strerror(error));
    return returned;
}

void harness_returned(const char *file, int line, const char *what, intmax_t returned,
                      intmax_t expected)
{
    int error = errno;
    harness_checked();
    if (returned != expected)
        harness_fail(file, line,
                     "%s: returned %" PRIdMAX " and not %" PRIdMAX "; errno is %d (%s)",
                     what, returned, expected, error, strerror(error));
    if (error != HARNESS_NO_ERRNO)
        harness_fail(file, line, "%s: changed errno to %d (%s)", what, error,
                     strerror(error));
}
