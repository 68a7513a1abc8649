/* Short words for tests of queues, and sets, that are plain descriptors. */
#ifndef TESTS_COMPAT_WORDS_H
#define TESTS_COMPAT_WORDS_H

#include <sys/event.h>

#include <time.h>

extern const struct timespec no_time; /* does not sleep */

/* A queue, close-on-exec, with a user's event of ident 1, EV_CLEAR. */
int open_queue(void);

/* Closes it, and lets the library see that. */
void end(int kq);

struct kevent entry(uintptr_t ident, short filter, unsigned flags);

/* One change, without room for an answer. */
int change(int kq, uintptr_t ident, short filter, unsigned flags);

/* Raises the user's event. */
int trigger(int kq);

/* The queue is alive and has the user's event that it was given. */
void check_works(int kq);

/* Whatever is tried with the descriptor fails with this errno. */
void check_is_none(int fd, int error);

/* Calls that fail make the library look at what it has, in turn. */
void let_it_notice(void);

/* How many mappings of shared memory without a name this process has. */
int shared_mappings(void);

#endif
