/* A thread that sleeps in one wait on a queue, and what it got. */
#ifndef TESTS_KQUEUE_SLEEPER_H
#define TESTS_KQUEUE_SLEEPER_H

#include "queue.h"

struct sleeper {
    struct pmx_kqueue *queue;
    int64_t timeout_ns;
    _Atomic pid_t thread;
    int result; /* of pmx_kqueue_control() for one event */
    int error;
    struct pmx_kevent event;
    pthread_t handle;
};

/* Starts the thread; it sleeps when the call returns. */
void sleeper_start(struct sleeper *sleeper, struct pmx_kqueue *queue,
                   int64_t timeout_ns);

/* Waits until it sleeps again. */
void sleeper_sleeps(const struct sleeper *sleeper);

void sleeper_join(struct sleeper *sleeper);

#endif
