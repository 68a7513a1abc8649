/* The constants of the module: every one that the platform's headers have, and
 * those of kqueue, which the library's have. */
#include "module.h"

#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>

#include <polymux/kqueue.h>

struct constant {
    const char *name;
    long value; /* EPOLLET is 1 << 31 and positive, filters are negative */
};

/* clang-format off */
#define CONSTANT(name)  {#name, (long)(name)}
#define KQ_FILTER(name) {"KQ_FILTER_" #name, EVFILT_##name}
#define KQ_EV(name)     {"KQ_EV_" #name, EV_##name}
#define KQ_NOTE(name)   {"KQ_NOTE_" #name, NOTE_##name}
/* clang-format on */

static const struct constant constants[] = {
    CONSTANT(PIPE_BUF),
    CONSTANT(POLLIN),
    CONSTANT(POLLPRI),
    CONSTANT(POLLOUT),
    CONSTANT(POLLERR),
    CONSTANT(POLLHUP),
    CONSTANT(POLLNVAL),
    CONSTANT(POLLRDNORM),
    CONSTANT(POLLRDBAND),
    CONSTANT(POLLWRNORM),
    CONSTANT(POLLWRBAND),
    CONSTANT(POLLMSG),
    CONSTANT(POLLRDHUP),
    CONSTANT(EPOLLIN),
    CONSTANT(EPOLLOUT),
    CONSTANT(EPOLLPRI),
    CONSTANT(EPOLLERR),
    CONSTANT(EPOLLHUP),
    CONSTANT(EPOLLRDHUP),
    CONSTANT(EPOLLET),
    CONSTANT(EPOLLONESHOT),
    CONSTANT(EPOLLEXCLUSIVE),
    CONSTANT(EPOLLWAKEUP),
    CONSTANT(EPOLLRDNORM),
    CONSTANT(EPOLLRDBAND),
    CONSTANT(EPOLLWRNORM),
    CONSTANT(EPOLLWRBAND),
    CONSTANT(EPOLLMSG),
    CONSTANT(EPOLL_CLOEXEC),
    KQ_FILTER(READ),
    KQ_FILTER(WRITE),
    KQ_FILTER(AIO),
    KQ_FILTER(VNODE),
    KQ_FILTER(PROC),
    KQ_FILTER(SIGNAL),
    KQ_FILTER(TIMER),
    KQ_FILTER(NETDEV),
    KQ_FILTER(USER),
    KQ_EV(ADD),
    KQ_EV(DELETE),
    KQ_EV(ENABLE),
    KQ_EV(DISABLE),
    KQ_EV(ONESHOT),
    KQ_EV(CLEAR),
    KQ_EV(RECEIPT),
    KQ_EV(DISPATCH),
    KQ_EV(FORCEONESHOT),
    KQ_EV(KEEPUDATA),
    KQ_EV(SYSFLAGS),
    KQ_EV(FLAG1),
    KQ_EV(EOF),
    KQ_EV(ERROR),
    KQ_NOTE(LOWAT),
    KQ_NOTE(FILE_POLL),
    KQ_NOTE(DELETE),
    KQ_NOTE(WRITE),
    KQ_NOTE(EXTEND),
    KQ_NOTE(ATTRIB),
    KQ_NOTE(LINK),
    KQ_NOTE(RENAME),
    KQ_NOTE(REVOKE),
    KQ_NOTE(OPEN),
    KQ_NOTE(CLOSE),
    KQ_NOTE(CLOSE_WRITE),
    KQ_NOTE(READ),
    KQ_NOTE(EXIT),
    KQ_NOTE(FORK),
    KQ_NOTE(EXEC),
    KQ_NOTE(PCTRLMASK),
    KQ_NOTE(PDATAMASK),
    KQ_NOTE(TRACK),
    KQ_NOTE(CHILD),
    KQ_NOTE(TRACKERR),
    KQ_NOTE(LINKUP),
    KQ_NOTE(LINKDOWN),
    KQ_NOTE(LINKINV),
    KQ_NOTE(SECONDS),
    KQ_NOTE(MSECONDS),
    KQ_NOTE(USECONDS),
    KQ_NOTE(NSECONDS),
    KQ_NOTE(ABSTIME),
    KQ_NOTE(TRIGGER),
    KQ_NOTE(FFNOP),
    KQ_NOTE(FFAND),
    KQ_NOTE(FFOR),
    KQ_NOTE(FFCOPY),
    KQ_NOTE(FFCTRLMASK),
    KQ_NOTE(FFLAGSMASK),
};

int add_constants(PyObject *module)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(constants); i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    return 0;
}
