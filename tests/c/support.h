/*
 * What tests of waiting need beside the harness: descriptors of all sorts,
 * helpers that act while the test sleeps in a wait, signals, clocks, limits.
 * Stands on Linux system calls and /proc. Whatever fails here fails the test.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "harness.h"

#define US INT64_C(1000)
#define MS (1000 * US)
#define S  (1000 * MS)

/* Longer than any test may take: a wait that ends by this has hung. */
#define TOO_LONG (600 * S)

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t now_ns(void);

/* Descriptors; close-on-exec. ends[0] is for reading, as with pipe(2). */
void make_pipe(int ends[2]);
void make_socketpair(int ends[2]);
void close_both(const int ends[2]);
/* A connected pair of TCP sockets, which know urgent data. */
void make_tcp_pair(int ends[2]);
/* An open regular file without a name. */
int make_file(void);
void write_byte(int fd);
void read_byte(int fd);
/* Writes until no more fits in. */
void fill(int fd);
/* A number that is not open, though the descriptor table is larger. */
int closed_fd(void);
/* fd under the lowest free number from `least` on; fd itself is closed. */
int moved_fd(int fd, int least);
bool is_open(int fd);

/* Sets the soft RLIMIT_NOFILE, at most to the hard one; returns what it is. */
size_t limit_descriptors(size_t limit);
/* Skips a test of what the kernel does beyond the limit, where it can't know. */
void need_limit_in_kernel(void);

/* Threads and processes; a joined process must have succeeded. */
pthread_t start_thread(void *(*body)(void *), void *argument);
void *join_thread(pthread_t thread);
void join_process(pid_t child);

/* Makes a call in a child process, which must succeed. */
#define IN_CHILD(call_)                  \
    do {                                 \
        pid_t child_ = CHECK_OK(fork()); \
        if (child_ == 0) {               \
            call_;                       \
            _exit(0);                    \
        }                                \
        join_process(child_);            \
    } while (0)

/* Waits until a thread of some process sleeps in poll, select, epoll_wait... */
void await_sleep(pid_t process, pid_t thread);

/*
 * A helper thread that does something as soon as the thread that starts it
 * sleeps in a wait: writes a byte to fd if that is not negative, sends it the
 * signal if that is not 0 (first, if both).
 */
struct nudge {
    int fd;
    int signal;
    pid_t sleeper;
    pthread_t sleeper_thread;
    pthread_t helper;
};
void nudge_start(struct nudge *nudge, int signal, int fd);
void nudge_join(struct nudge *nudge);

/* Counts a signal from now on, with these sigaction flags. */
void count_signal(int signal, int flags);
int signals_counted(void);
void block_signal(int signal);
void unblock_signal(int signal);
bool signal_is_blocked(int signal);
/* A mask that blocks this signal alone; 0 for one that blocks none. */
sigset_t mask_of(int signal);

/* A reproducible stream of numbers. */
struct random {
    uint64_t state;
};
uint64_t random_next(struct random *random);
/* From 0 to below - 1. */
unsigned random_below(struct random *random, unsigned below);

bool under_valgrind(void);

#endif
