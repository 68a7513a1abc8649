/* The constants of the module: every one that the platform's headers have. */
#include "module.h"

#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>

struct constant {
    const char *name;
    unsigned value; /* EPOLLET is 1 << 31 and positive */
};

#define CONSTANT(name)          \
    {                           \
#name, (unsigned)(name) \
    }

static const struct constant constants[] = {
    CONSTANT(PIPE_BUF),       CONSTANT(POLLIN),        CONSTANT(POLLPRI),
    CONSTANT(POLLOUT),        CONSTANT(POLLERR),       CONSTANT(POLLHUP),
    CONSTANT(POLLNVAL),       CONSTANT(POLLRDNORM),    CONSTANT(POLLRDBAND),
    CONSTANT(POLLWRNORM),     CONSTANT(POLLWRBAND),    CONSTANT(POLLMSG),
    CONSTANT(POLLRDHUP),      CONSTANT(EPOLLIN),       CONSTANT(EPOLLOUT),
    CONSTANT(EPOLLPRI),       CONSTANT(EPOLLERR),      CONSTANT(EPOLLHUP),
    CONSTANT(EPOLLRDHUP),     CONSTANT(EPOLLET),       CONSTANT(EPOLLONESHOT),
    CONSTANT(EPOLLEXCLUSIVE), CONSTANT(EPOLLWAKEUP),   CONSTANT(EPOLLRDNORM),
    CONSTANT(EPOLLRDBAND),    CONSTANT(EPOLLWRNORM),   CONSTANT(EPOLLWRBAND),
    CONSTANT(EPOLLMSG),       CONSTANT(EPOLL_CLOEXEC),
};

int add_constants(PyObject *module)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(constants); i++)
        if (PyModule_AddIntConstant(module, constants[i].name,
                                    (long)constants[i].value) < 0)
            return -1;
    return 0;
}
