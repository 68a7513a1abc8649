/* One thread, one wait: see sleeper.h. */
#include "sleeper.h"

#include <sched.h>
#include <unistd.h>

static void *sleep_body(void *argument)
{
    struct sleeper *sleeper = argument;
    sleeper->thread = gettid();
    sleeper->result = pmx_kqueue_control(sleeper->queue, NULL, 0, &sleeper->event, 1,
                                         sleeper->timeout_ns, NULL);
    sleeper->error = errno;
    return NULL;
}

void sleeper_start(struct sleeper *sleeper, struct pmx_kqueue *queue,
                   int64_t timeout_ns)
{
    *sleeper = (struct sleeper){.queue = queue, .timeout_ns = timeout_ns};
    sleeper->handle = start_thread(sleep_body, sleeper);
    while (!sleeper->thread)
        sched_yield();
    sleeper_sleeps(sleeper);
}

void sleeper_sleeps(const struct sleeper *sleeper)
{
    await_sleep(getpid(), sleeper->thread);
}

void sleeper_join(struct sleeper *sleeper)
{
    join_thread(sleeper->handle);
}
