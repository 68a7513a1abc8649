/*
 * The addresses of a host, looked up in a process of our own: getaddrinfo(3) has
 * neither a limit of time nor a descriptor to wait for.
 */
#ifndef COMMANDS_LOOKUP_H
#define COMMANDS_LOOKUP_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct condition;

enum { LOOKUP_MOST = 16 };

struct address {
    socklen_t size;
    struct sockaddr_storage socket;
};

/* What was found: without an error, at least one address. */
struct answer {
    int error; /* 0 or EAI_* */
    int count;
    struct address addresses[LOOKUP_MOST];
};

struct lookup {
    struct answer answer;
    int fd;      /* EVFILT_READ of the condition when there is an answer; or -1 */
    pid_t child; /* that looks */
};

/* Whether there is an answer already, as there is for what is no name. */
bool lookup_begin(struct lookup *lookup, struct condition *condition, const char *host,
                  const char *port);

/* Takes the answer after EVFILT_READ. */
void lookup_finish(struct lookup *lookup, struct condition *condition);

/* Gives up one that may be under way. */
void lookup_end(struct lookup *lookup, struct condition *condition);

#endif
