/*
 * Strings of JSON: see json.h. They are ASCII; bytes that are no UTF-8 are
 * written as the lone surrogates by which Python's "surrogateescape" means them,
 * so that every path can be told.
 */
#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static int length_by_first(unsigned char first)
{
    static const struct {
        unsigned char below;
        int length;
    } ranges[] = {{0x80, 1}, {0xc2, 0}, {0xe0, 2}, {0xf0, 3}, {0xf5, 4}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (first < ranges[i].below)
            return ranges[i].length;
    return 0;
}

/* Bytes of the UTF-8 sequence that begins here; 0 if none does. */
static int sequence_length(const unsigned char *at)
{
    int length = length_by_first(at[0]);
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static unsigned long code_point(const unsigned char *at, int length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned long code = at[0] & masks[length];
    for (int i = 1; i < length; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

/* Too long a sequence, half of a pair, or beyond the last character. */
static bool is_a_character(unsigned long code, int length)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    return code >= least[length] && code <= 0x10ffff &&
           (code < 0xd800 || code > 0xdfff);
}

static void put_code(unsigned long code)
{
    if (code > 0xffff) {
        code -= 0x10000;
        printf("\\u%04lx", 0xd800 + (code >> 10));
        code = 0xdc00 + (code & 0x3ff);
    }
    printf("\\u%04lx", code);
}

/* Returns how many bytes it took. */
static int put_character(const unsigned char *at)
{
    int length = sequence_length(at);
    unsigned long code = length ? code_point(at, length) : 0;
    if (!length || !is_a_character(code, length)) {
        put_code(0xdc00UL + at[0]);
        return 1;
    }
    if (code >= 0x20 && code < 0x7f) {
        if (code == '"' || code == '\\')
            putchar('\\');
        putchar((int)code);
    } else {
        put_code(code);
    }
    return length;
}

void json_put_string(const char *name, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    printf("\"%s\": \"", name);
    while (*at)
        at += put_character(at);
    printf("\", ");
}
