/* Starting programs: those that are waited for, and those of --exec. */
#ifndef COMMANDS_PROGRAMS_H
#define COMMANDS_PROGRAMS_H

#include <sys/types.h>

struct session;

/* Starts a program, looked for in PATH, with the signals blocked that were
 * blocked when we were started. 0 or -errno. */
int spawn(const struct session *session, char *const *argv, pid_t *pid);

/* The same, for a command line of the shell. */
int spawn_shell(const struct session *session, const char *line, pid_t *pid);

/* The status of a child, which is waited for; or -errno. */
int reap(pid_t pid, int *status);

#endif
