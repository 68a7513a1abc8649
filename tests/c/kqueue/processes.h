/*
 * Children for tests of processes: they do what they are told, one byte at a
 * time, so that nothing is left to chance.
 */
#ifndef TESTS_KQUEUE_PROCESSES_H
#define TESTS_KQUEUE_PROCESSES_H

#include <sys/types.h>

#include "queue.h"

/* A child that obeys orders. */
struct servant {
    pid_t pid;
    int orders; /* written by the test */
    int answers;
};

void servant_start(struct servant *servant);

/* Runs `sleep`-like programs no more: the servant executes itself as `true`. */
void servant_executes(struct servant *servant);

/* It forks a child that exits with this code, waits for it; the child's pid. */
pid_t servant_forks(struct servant *servant, int code);

/* It exits with this code, and is a zombie when the call returns. */
void servant_exits(struct servant *servant, int code);

/* Waits for it; its wait status. */
int servant_reap(struct servant *servant);

/* Until the process is a zombie, which is nobody's business to reap. */
void await_zombie(pid_t pid);

/* A process's knote, added. */
int add_process(struct pmx_kqueue *queue, pid_t pid, unsigned flags, uint32_t fflags);

/* The next event, the only one: an exit with this wait status. */
void check_exit(struct pmx_kqueue *queue, pid_t pid, int status);

/* Skips the test where the kernel announces nothing to this process. */
void need_connector(struct pmx_kqueue *queue);

/* Becomes a user without privileges. */
void become_nobody(void);

#endif
