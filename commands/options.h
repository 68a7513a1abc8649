/* What the command line asks for, but for its conditions. */
#ifndef COMMANDS_OPTIONS_H
#define COMMANDS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    int64_t timeout_ns; /* PMX_FOREVER: none */
    const char *exec;   /* run when a condition fires; or NULL */
    bool json;
    bool follow;
    bool verbose;
    bool code;
};

struct session;

/* What the caller is to do after the command line was read. */
enum { PARSED = -1 };

/*
 * Reads the command line into the session's options and conditions. PARSED, or
 * the status to exit with: 0 after --help and --version, or that of a mistake,
 * which has been explained.
 */
int options_parse(struct session *session, int argc, char **argv);

#endif
