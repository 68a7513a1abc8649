/*
 * The classes of readiness of select(2) in terms of poll(2), as Linux has
 * them (fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET): the events to ask
 * for, and the events that make a descriptor ready. POLLIN, POLLOUT and
 * POLLPRI each stand in one class alone and so name it.
 */
#ifndef PMX_SELECT_CLASSES_H
#define PMX_SELECT_CLASSES_H

#include <poll.h>

#define PMX__READ_EVENTS   (POLLIN | POLLRDNORM | POLLRDBAND)
#define PMX__WRITE_EVENTS  (POLLOUT | POLLWRNORM | POLLWRBAND)
#define PMX__EXCEPT_EVENTS POLLPRI

#define PMX__READ_READY   (PMX__READ_EVENTS | POLLHUP | POLLERR)
#define PMX__WRITE_READY  (PMX__WRITE_EVENTS | POLLERR)
#define PMX__EXCEPT_READY PMX__EXCEPT_EVENTS

#endif
