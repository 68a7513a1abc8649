/* Signals by their names: USR1, SIGUSR1, RTMIN+2, or the number. */
#ifndef COMMANDS_SIGNALS_H
#define COMMANDS_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>

enum { SIGNAL_NAME_SIZE = 32 };

bool signal_parse(const char *text, int *signal);

/* "SIGUSR1"; "signal 77" for those without a name. */
void signal_name(int signal, char name[SIGNAL_NAME_SIZE]);

#endif
