/*
 * What this process does when a signal is delivered: what the application has
 * decided, and a count before it. Shared by all queues.
 */
#ifndef PMX_KQUEUE_LINUX_DISPOSITION_H
#define PMX_KQUEUE_LINUX_DISPOSITION_H

#include <stdint.h>

/* Before anything is counted in this process, or in the child of a fork. */
void pmx__disposition_prepare(void);

/* Deliveries of the signal (1 to PMX__SIGNALS) are counted from now on, where
 * that changes nothing else. */
void pmx__disposition_watch(int signal);

/* No longer, on behalf of one who watched: the last one puts back what the
 * application had decided, if it has not decided anew. */
void pmx__disposition_unwatch(int signal);

/* The application may have installed handlers of its own since: they are
 * counted, too. One system call for each signal. */
void pmx__disposition_renew(uint64_t signals);

#endif
