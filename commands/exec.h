/* --exec: a command for each condition that fires. */
#ifndef COMMANDS_EXEC_H
#define COMMANDS_EXEC_H

struct condition;

/* Runs the command, if there is one, and waits for its end. 0, or -1 when it
 * could not be started, which has been said. */
int exec_run(const struct condition *condition);

#endif
