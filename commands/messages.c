/* Messages: see messages.h. */
#include "messages.h"

#include <errno.h>
#include <stdio.h>

void say(const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void say_about(const char *word, const char *format, va_list arguments)
{
    fprintf(stderr, "%s: %s: ", program_invocation_short_name, word);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}
