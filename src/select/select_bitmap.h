/* The kernel's select(2) over an array of struct pollfd, without FD_SETSIZE. */
#ifndef PMX_SELECT_SELECT_BITMAP_H
#define PMX_SELECT_SELECT_BITMAP_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Waits for the classes that the events of the entries name and stores in
 * revents POLLIN, POLLOUT and POLLPRI for readable, writable and exceptional.
 * Entries with a negative descriptor are skipped. Returns 0 or more, or
 * -EBADF, -EINTR, -ENOMEM; then revents are as they were.
 */
int pmx__select_bitmap(struct pollfd *fds, size_t count, int64_t timeout_ns,
                       const sigset_t *sigmask);

#endif
