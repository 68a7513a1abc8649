/*
 * Deliveries counted: see deliveries.h. All is atomic: a handler may run in any
 * thread at any moment, and waits for nobody. The list of ears only grows; an
 * ear that was closed is given to the next queue.
 *
 * A signal that is blocked reaches no handler. It is counted when it is found
 * to be pending; the handler that runs after it was unblocked does not count
 * it again.
 */
#include "deliveries.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct pmx__ear {
    struct pmx__ear *next; /* never changes */
    atomic_int fd;         /* -1: nobody's */
    _Atomic(uint64_t) signals;
};

struct account {
    _Atomic(uint64_t) count;
    atomic_bool noted;          /* counted while it was pending */
    _Atomic(pthread_t) note_of; /* the thread that found it */
};

static _Atomic(struct pmx__ear *) ears;
static struct account accounts[PMX__SIGNALS + 1];
static atomic_uint handlers; /* inside */
static _Atomic(pid_t) owner; /* whose account it is, not a child's */

/*
 * Ears.
 */

static struct pmx__ear *take_free_ear(int eventfd)
{
    for (struct pmx__ear *ear = ears; ear; ear = ear->next) {
        int nobody = -1;
        if (atomic_compare_exchange_strong(&ear->fd, &nobody, eventfd))
            return ear;
    }
    return NULL;
}

static struct pmx__ear *grow_ear(int eventfd)
{
    struct pmx__ear *ear = calloc(1, sizeof(*ear));
    if (!ear)
        return NULL;
    atomic_init(&ear->fd, eventfd);
    ear->next = ears;
    while (!atomic_compare_exchange_weak(&ears, &ear->next, ear))
        continue;
    return ear;
}

struct pmx__ear *pmx__ear_open(int eventfd)
{
    struct pmx__ear *ear = take_free_ear(eventfd);
    owner = getpid();
    return ear ? ear : grow_ear(eventfd);
}

void pmx__ear_tune(struct pmx__ear *ear, uint64_t signals)
{
    ear->signals = signals;
}

void pmx__ear_close(struct pmx__ear *ear)
{
    ear->signals = 0;
    ear->fd = -1;
    pmx__deliveries_await();
}

static void tell_ears(int signal)
{
    static const uint64_t one = 1;
    for (struct pmx__ear *ear = ears; ear; ear = ear->next) {
        int fd = ear->signals & pmx__signal_bit(signal) ? ear->fd : -1;
        if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
            continue; /* it is full of news */
    }
}

/*
 * Counting.
 */

void pmx__deliveries_enter(void)
{
    handlers++;
}

void pmx__deliveries_leave(void)
{
    handlers--;
}

void pmx__deliveries_await(void)
{
    while (handlers) /* each is there for a few steps */
        sched_yield();
}

uint64_t pmx__deliveries_of(int signal)
{
    return accounts[signal].count;
}

/* In the child of a fork, and of vfork(2), which has the parent's memory,
 * handlers go on and count nothing. */
void pmx__deliveries_count(int signal)
{
    if (owner != getpid() || atomic_exchange(&accounts[signal].noted, false))
        return;
    accounts[signal].count++;
    tell_ears(signal);
}

/*
 * What is no longer pending may become so again; only the thread that has seen
 * it can tell, as others may not have blocked it. What a handler has counted
 * since may have been pending just before.
 */
static void note(int signal, bool is_pending, uint64_t count_before)
{
    struct account *account = &accounts[signal];
    pthread_t self = pthread_self();
    if (account->count != count_before)
        return;
    if (!is_pending) {
        if (account->noted && pthread_equal(account->note_of, self))
            account->noted = false;
    } else if (!atomic_exchange(&account->noted, true)) {
        account->note_of = self;
        account->count++;
        tell_ears(signal);
    }
}

void pmx__deliveries_look(uint64_t signals)
{
    sigset_t pending;
    uint64_t before[PMX__SIGNALS + 1];
    for (int signal = 1; signal <= PMX__SIGNALS; signal++)
        before[signal] = accounts[signal].count;
    sigpending(&pending);
    for (int signal = 1; signal <= PMX__SIGNALS; signal++)
        if (signals & pmx__signal_bit(signal))
            note(signal, sigismember(&pending, signal) > 0, before[signal]);
}

void pmx__deliveries_renew(void)
{
    for (struct pmx__ear *ear = ears; ear; ear = ear->next) {
        ear->signals = 0;
        ear->fd = -1;
    }
    for (int signal = 1; signal <= PMX__SIGNALS; signal++)
        accounts[signal].noted = false;
    handlers = 0;
}
