/* Messages for people, on standard error, under the name of the command. */
#ifndef COMMANDS_MESSAGES_H
#define COMMANDS_MESSAGES_H

#include <stdarg.h>

__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* About a condition, or another word of the command line. */
__attribute__((format(printf, 2, 0))) void
say_about(const char *word, const char *format, va_list arguments);

#endif
