/*
 * What the C benchmarks share: a table of scenarios, served over standard
 * input and output so that bench/run.py can alternate between programs that
 * are running already.
 */
#ifndef POLYMUX_BENCH_HARNESS_H
#define POLYMUX_BENCH_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

/* One measurement: `loops` operations on descriptors of which `ready` are. */
struct task {
    const int *fds;
    int watched;
    int ready; /* what each wait must return; they are spread evenly over fds */
    int64_t timeout_ns;
    long loops;
};

/* Does the task and returns the nanoseconds that its loop took. */
typedef int64_t scenario_fn(const struct task *task);

/*
 * streams: the ready descriptors are TCP connections with one byte to read, of
 * which FIONREAD tells; without, they are eventfds, as those that are not ready.
 */
struct scenario {
    const char *name;
    scenario_fn *run;
    bool streams;
};

int64_t now_ns(void);

/* The processor's time alone, for what does not sleep: other programs may have
 * the processor in between. */
int64_t busy_ns(void);

/* Ends the program with a message that names what was not as it must be. */
void require(bool condition, const char *what);

/* New files of one byte, without a name. */
int *open_files(int count);

void close_files(int *files, int count);

/* Writes a byte into each of them, which makes none of them longer. */
void write_files(const int *files, int count);

/*
 * Does operations that make sense only in crowds: crowd() does a whole one and
 * returns the nanoseconds. Of as many crowds as the task's loops take, that is
 * the loops' share.
 */
int64_t in_crowds(const struct task *task, long size, int64_t (*crowd)(void));

/* So many timers are a crowd. */
enum { CROWD = 10000 };

/* When the timers of a crowd expire: within ten milliseconds, in no order. */
int64_t moment_ns(int number);
void sleep_past_moments(void);

/*
 * Answers each line "name ready idle first_fd timeout_ns loops" with
 * nanoseconds until the end of input. first_fd is the lowest number the
 * descriptors may have. The table ends with a NULL name. Returns main()'s status.
 */
int serve(const struct scenario *scenarios);

#endif
