/* The conditions of the command line, made of its words. */
#ifndef COMMANDS_WORDS_H
#define COMMANDS_WORDS_H

#include <stdbool.h>

struct session;

/* KIND:ARGUMENT. False when it has complained. */
bool word_add(struct session *session, const char *word);

/* What stands behind `--`. */
bool word_add_command(struct session *session, char **argv);

/* Frees what was made of words. */
void words_free(struct session *session);

#endif
