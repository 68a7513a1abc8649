/* What --help prints. */
#ifndef COMMANDS_HELP_H
#define COMMANDS_HELP_H

#include <stdbool.h>

void help_print(bool all);

#endif
