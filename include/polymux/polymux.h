/*
 * libpolymux: every Unix way to wait for I/O, on the Unix you have.
 *
 * This header is the sum of the library's headers; each interface can also
 * be included alone. What they have in common (errors, time, signals,
 * threads, fork) is written in <polymux/api.h>.
 */
#ifndef POLYMUX_POLYMUX_H
#define POLYMUX_POLYMUX_H

#include <polymux/api.h>
#include <polymux/devpoll.h>
#include <polymux/epoll.h>
#include <polymux/kqueue.h>
#include <polymux/poll.h>
#include <polymux/select.h>

#endif
