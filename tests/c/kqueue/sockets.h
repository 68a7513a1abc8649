/* Sockets in states that support.h has no need of. */
#ifndef TESTS_KQUEUE_SOCKETS_H
#define TESTS_KQUEUE_SOCKETS_H

#include "../support.h"

/* The kinds of connected streams, for TEST_EACH. */
struct stream {
    const char *name;
    void (*make)(int ends[2]);
};

extern const struct stream streams[2];

/* A TCP socket that listens at a port of its own. */
int listen_on_loopback(int backlog);

/* Connects; of a socket that does not block the connection may be under way. */
void connect_to(int fd, int listener);

/* A socket whose connection, under way, is refused. */
int connect_to_nobody(void);

/* Closes so that the peer gets ECONNRESET. */
void reset_connection(int fd);

/* Unix sockets: one that listens, and a caller that has left again. */
int listen_in_unix(int backlog);
void call_in_unix(int listener);

/* Two UDP sockets, each connected to the other. */
void make_udp_pair(int ends[2]);

/* Until the network has delivered something: bytes, an end, an error. */
void await_readable(int fd);

#endif
