/* What sock_diag(7) tells of a socket of AF_UNIX, and no other call does. */
#ifndef PMX_KQUEUE_LINUX_UNIXDIAG_H
#define PMX_KQUEUE_LINUX_UNIXDIAG_H

/* The length of a listening socket's queue of connections to accept, or -errno:
 * -EBADF when fd is closed. */
int pmx__unixdiag_backlog(int fd);

/* Whether sending has been shut down, by this side or the other: 1, 0, -errno. */
int pmx__unixdiag_cannot_send(int fd);

#endif
