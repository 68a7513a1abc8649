/*
 * listen:PORT: a TCP port of this host is listened on. Nothing in the kernel
 * tells of that, so its tables are read, by timers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "condition.h"
#include "kinds.h"
#include "number.h"

struct listen {
    int port;
    struct backoff backoff;
};

enum { LISTENING = 0x0a }; /* a state of sockets, as the tables write it */

static bool parse(struct condition *condition)
{
    struct listen *listen = condition->state;
    return number_parse(condition->argument, 1, 65535, &listen->port);
}

/* Of "0: ADDRESS:PORT ADDRESS:PORT STATE ...", all hexadecimal: the first port if
 * the socket listens, -1 if not; of the heading 0. */
static int port_listened_on(const char *line)
{
    const char *colon = line;
    unsigned long port = 0;
    for (int i = 0; i < 3; i++) {
        colon = strchr(colon, ':');
        if (!colon)
            return 0;
        colon++;
        if (i == 1)
            port = strtoul(colon, NULL, 16);
    }
    const char *state = colon + strcspn(colon, " ");
    return strtoul(state, NULL, 16) == LISTENING ? (int)port : -1;
}

/* Listening sockets come first, so not all connections need be read. */
static bool stands_in(const char *table, int port)
{
    char line[512];
    int found = 0;
    FILE *file = fopen(table, "re");
    if (!file)
        return false;
    while (found >= 0 && found != port && fgets(line, sizeof(line), file))
        found = port_listened_on(line);
    fclose(file);
    return found == port;
}

static int look(struct condition *condition)
{
    struct listen *listen = condition->state;
    if (!stands_in("/proc/net/tcp", listen->port) &&
        !stands_in("/proc/net/tcp6", listen->port))
        return backoff_wait(&listen->backoff, condition);
    condition_fire(condition, "listening", "is listened on");
    condition->over = true;
    return 0;
}

static int begin(struct condition *condition)
{
    condition_tell(condition, "no event of the kernel, retried " BACKOFF_WORDS);
    return look(condition);
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    (void)event;
    return look(condition);
}

const struct kind kind_listen = {
    .name = "listen",
    .needs = "a TCP port from 1 to 65535, as in listen:8080",
    .size = sizeof(struct listen),
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = condition_unset_timer,
};
