/*
 * How often each signal was sent to this process, as far as Linux tells, and who
 * wants to know; one account for all queues. What is done in a signal handler
 * makes no promise but that of signal-safety(7).
 */
#ifndef PMX_KQUEUE_LINUX_DELIVERIES_H
#define PMX_KQUEUE_LINUX_DELIVERIES_H

#include <stdbool.h>
#include <stdint.h>

/* Signals are numbered from 1; in a mask, signal 1 is bit 0. */
enum { PMX__SIGNALS = 64 };

static inline uint64_t pmx__signal_bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

/* A queue that listens: its eventfd is written to for these signals. */
struct pmx__ear;

/* A new ear, deaf at first; NULL when out of memory. */
struct pmx__ear *pmx__ear_open(int eventfd);
void pmx__ear_tune(struct pmx__ear *ear, uint64_t signals);

/* Afterwards no handler writes to the eventfd. */
void pmx__ear_close(struct pmx__ear *ear);

uint64_t pmx__deliveries_of(int signal);

/* In a handler: the signal was delivered. */
void pmx__deliveries_count(int signal);

/* Counts those signals that are blocked and have become pending. */
void pmx__deliveries_look(uint64_t signals);

/* Around what a handler does with memory that may go. */
void pmx__deliveries_enter(void);
void pmx__deliveries_leave(void);

/* Waits until no handler is between the two that was there before. */
void pmx__deliveries_await(void);

/* The process has forked: nobody listens in this one. */
void pmx__deliveries_renew(void);

#endif
