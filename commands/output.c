/*
 * Lines of output, for people or as JSON: see output.h. JSON is ASCII; bytes
 * that are no UTF-8 are written as the lone surrogates by which Python's
 * "surrogateescape" means them, so that every path can be told.
 */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "condition.h"
#include "messages.h"

/* Bytes of the UTF-8 sequence that begins here; 0 if none does. */
static int sequence_length(const unsigned char *at)
{
    int length = at[0] < 0x80                    ? 1
                 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                 : 0;
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

static void put_string(const char *name, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    printf("\"%s\": \"", name);
    while (*at)
        at += put_character(at);
    printf("\", ");
}

static void put_seconds(const struct session *session)
{
    int64_t ns = clock_now_ns() - session->began;
    printf("\"seconds\": %" PRId64 ".%09" PRId64 "}\n", ns / 1000000000,
           ns % 1000000000);
}

static void put_json(const struct condition *condition)
{
    const struct report *report = &condition->report;
    printf("{\"index\": %d, ", condition->index);
    put_string("condition", condition->word);
    put_string("kind", condition->kind->name);
    put_string("event", report->event);
    if (report->fact)
        printf("\"%s\": %" PRId64 ", ", report->fact, report->value);
    put_seconds(condition->session);
}

static int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    say("standard output: %s", strerror(errno));
    return -1;
}

int output_report(const struct condition *condition)
{
    if (condition->session->options.json)
        put_json(condition);
    else
        printf("%s %s\n", condition->word, condition->report.text);
    return flush();
}

int output_timeout(const struct session *session)
{
    if (!session->options.json)
        return 0;
    printf("{\"index\": null, \"condition\": null, \"event\": \"timeout\", ");
    put_seconds(session);
    return flush();
}
