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

struct scenario {
    const char *name;
    scenario_fn *run;
};

int64_t now_ns(void);

/* Ends the program with a message that names what was not as it must be. */
void require(bool condition, const char *what);

/*
 * Answers each line "name ready idle first_fd timeout_ns loops" with
 * nanoseconds until the end of input. first_fd is the lowest number the
 * descriptors may have. The table ends with a NULL name. Returns main()'s status.
 */
int serve(const struct scenario *scenarios);

#endif
