/*
 * Included before the tests of tests/c/kqueue, which are compiled a second time:
 * what they do with handles is done with descriptors, through kqueue(),
 * kevent() and close(2). What descriptors have no word for skips its test: a
 * shutdown, and a wait with a signal mask.
 */
#ifndef TESTS_COMPAT_SHIM_H
#define TESTS_COMPAT_SHIM_H

#include <polymux/kqueue.h>

struct pmx_kqueue *shim_create(void);
struct pmx_kqueue *shim_from_fd(int fd);
int shim_close(struct pmx_kqueue *kqueue);
int shim_shutdown(struct pmx_kqueue *kqueue);
int shim_fd(struct pmx_kqueue *kqueue);
int shim_check(struct pmx_kqueue *kqueue);
int shim_usable(const struct pmx_kqueue *kqueue);
int shim_control(struct pmx_kqueue *kqueue, const struct pmx_kevent *changes,
                 int nchanges, struct pmx_kevent *events, int nevents,
                 int64_t timeout_ns, const sigset_t *sigmask);

#define pmx_kqueue_create   shim_create
#define pmx_kqueue_from_fd  shim_from_fd
#define pmx_kqueue_close    shim_close
#define pmx_kqueue_shutdown shim_shutdown
#define pmx_kqueue_fd       shim_fd
#define pmx_kqueue_check    shim_check
#define pmx_kqueue_usable   shim_usable
#define pmx_kqueue_control  shim_control

#endif
