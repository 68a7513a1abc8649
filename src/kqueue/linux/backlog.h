/* The length of a listening socket's queue of connections to accept. */
#ifndef PMX_KQUEUE_LINUX_BACKLOG_H
#define PMX_KQUEUE_LINUX_BACKLOG_H

/*
 * How many connections accept(2) would give. -EOPNOTSUPP where the kernel does
 * not tell, -EBADF when fd is closed or no socket.
 */
int pmx__backlog(int fd);

#endif
