/* What the command says on standard output: a line for each condition that fires. */
#ifndef COMMANDS_OUTPUT_H
#define COMMANDS_OUTPUT_H

struct condition;
struct session;

/* 0, or -1 when the line could not be written, which has been said. */
int output_report(const struct condition *condition);

/* With --json alone: the time is over. */
int output_timeout(const struct session *session);

#endif
