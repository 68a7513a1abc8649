/* Whole numbers in arguments: digits alone, within limits. */
#ifndef COMMANDS_NUMBER_H
#define COMMANDS_NUMBER_H

#include <stdbool.h>

bool number_parse(const char *text, int least, int most, int *number);

#endif
