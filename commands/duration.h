/* Durations as people write them: 30s, 1.5h, 1m30s, 250ms; a bare number is seconds. */
#ifndef COMMANDS_DURATION_H
#define COMMANDS_DURATION_H

#include <stdbool.h>
#include <stdint.h>

bool duration_parse(const char *text, int64_t *ns);

#endif
