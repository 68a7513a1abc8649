/* Durations: see duration.h. */
#include "duration.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

static const struct unit {
    const char *name;
    int64_t ns;
} units[] = {
    {"", NS_PER_S},         {"ns", 1},
    {"us", 1000},           {"ms", 1000000},
    {"s", NS_PER_S},        {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S},
};

static int64_t unit_called(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (strlen(units[i].name) == length && !memcmp(units[i].name, name, length))
            return units[i].ns;
    return 0;
}

static size_t length_of(const char *text, int (*belongs)(int))
{
    size_t length = 0;
    while (belongs((unsigned char)text[length]))
        length++;
    return length;
}

/* Adds a number of units; false where that is too much. */
static bool add_whole(const char *digits, size_t count, int64_t unit, int64_t *ns)
{
    int64_t number = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digits[i] - '0', &number))
            return false;
    return !__builtin_mul_overflow(number, unit, &number) &&
           !__builtin_add_overflow(*ns, number, ns);
}

/* What is smaller than a nanosecond is dropped. */
static bool add_fraction(const char *digits, size_t count, int64_t unit, int64_t *ns)
{
    for (size_t i = 0; i < count; i++) {
        unit /= 10;
        if (__builtin_add_overflow(*ns, (digits[i] - '0') * unit, ns))
            return false;
    }
    return true;
}

/* A number and its unit, added to ns; moves `text` behind them. */
static bool parse_part(const char **text, bool alone, int64_t *ns)
{
    const char *whole = *text, *fraction;
    size_t before = length_of(whole, isdigit), after = 0;
    fraction = whole + before;
    if (*fraction == '.')
        after = length_of(++fraction, isdigit);
    const char *name = fraction + after;
    size_t length = length_of(name, isalpha);
    int64_t unit = unit_called(name, length);
    *text = name + length;
    if (before + after == 0 || unit == 0 || (length == 0 && !alone))
        return false;
    return add_whole(whole, before, unit, ns) &&
           add_fraction(fraction, after, unit, ns);
}

bool duration_parse(const char *text, int64_t *ns)
{
    const char *at = text;
    *ns = 0;
    do
        if (!parse_part(&at, at == text, ns))
            return false;
    while (*at);
    return true;
}
