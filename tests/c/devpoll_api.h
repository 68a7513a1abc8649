/* Questions to a /dev/poll handle that several test files ask. */
#ifndef TESTS_DEVPOLL_API_H
#define TESTS_DEVPOLL_API_H

#include <polymux/devpoll.h>

/* A new handle. */
struct pmx_devpoll *devpoll_open(void);

/* Waits until one descriptor is ready, which is this one with these events. */
void check_one(struct pmx_devpoll *devpoll, int64_t timeout_ns, int fd, short revents);

/* Nothing is ready, in each way of waiting that ends. */
void check_none(struct pmx_devpoll *devpoll);

/* Answers come in no order. */
void sort_by_fd(struct pollfd *answers, int count);

/* The mask that fd is watched for, -1 if it is not. */
int polled(struct pmx_devpoll *devpoll, int fd);

#endif
