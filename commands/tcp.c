/*
 * tcp:HOST:PORT: a port accepts connections. One is made and closed again;
 * where that fails, all addresses of the host are tried again later.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backoff.h"
#include "condition.h"
#include "kinds.h"
#include "lookup.h"
#include "number.h"

/* What a host that does not answer at all is given. */
#define PATIENCE_NS INT64_C(5000000000)

struct tcp {
    char host[NI_MAXHOST]; /* the port is behind it */
    const char *port;
    struct lookup lookup;
    int next; /* the address to be tried next */
    int fd;   /* that connects; or -1 */
    struct backoff backoff;
};

/* Cuts HOST:PORT or [HOST]:PORT in two. */
static bool cut(struct tcp *tcp)
{
    char *colon = strrchr(tcp->host, ':');
    int port;
    if (!colon || !number_parse(colon + 1, 1, 65535, &port))
        return false;
    *colon = 0;
    tcp->port = colon + 1;
    size_t length = strlen(tcp->host);
    if (tcp->host[0] == '[' && tcp->host[length - 1] == ']') {
        tcp->host[length - 1] = 0;
        memmove(tcp->host, tcp->host + 1, length - 1);
        return length > 2;
    }
    return length > 0 && !strchr(tcp->host, ':');
}

static bool parse(struct condition *condition)
{
    struct tcp *tcp = condition->state;
    size_t length = strlen(condition->argument);
    tcp->fd = tcp->lookup.fd = -1;
    if (length >= sizeof(tcp->host))
        return false;
    memcpy(tcp->host, condition->argument, length);
    return cut(tcp);
}

static void hang_up(struct condition *condition, struct tcp *tcp)
{
    condition_unset_timer(condition);
    if (tcp->fd >= 0) {
        condition_unwatch(condition, (uintptr_t)tcp->fd, EVFILT_WRITE);
        close(tcp->fd);
    }
    tcp->fd = -1;
}

/* A connection to a port of our own host that nobody listens on can reach
 * itself, when the kernel gives it this port. */
static bool is_connected_to_itself(int fd)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
           own_size == peer_size && memcmp(&own, &peer, own_size) == 0;
}

static bool is_connected(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 &&
           !is_connected_to_itself(fd);
}

/* Whether the connection is under way. One that is made at once shows as that. */
static bool call(struct condition *condition, struct tcp *tcp,
                 const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(name->sa_family, type, IPPROTO_TCP);
    if (fd < 0)
        return false;
    tcp->fd = fd;
    bool is_called = connect(fd, name, address->size) == 0 || errno == EINPROGRESS;
    if (is_called &&
        condition_watch(condition, (uintptr_t)fd, EVFILT_WRITE, EV_ONESHOT, 0, 0) ==
            0 &&
        condition_set_timer(condition, PATIENCE_NS) == 0)
        return true;
    hang_up(condition, tcp);
    return false;
}

static int call_next(struct condition *condition, struct tcp *tcp)
{
    const struct answer *found = &tcp->lookup.answer;
    while (tcp->next < found->count)
        if (call(condition, tcp, &found->addresses[tcp->next++]))
            return 0;
    return backoff_wait(&tcp->backoff, condition);
}

/* A name that means nothing yet may mean something later. */
static int call_found(struct condition *condition, struct tcp *tcp)
{
    const struct answer *found = &tcp->lookup.answer;
    if (found->error)
        condition_tell(condition, "%s", gai_strerror(found->error));
    tcp->next = 0;
    return call_next(condition, tcp);
}

static int call_all(struct condition *condition, struct tcp *tcp)
{
    bool is_found = lookup_begin(&tcp->lookup, condition, tcp->host, tcp->port);
    return is_found ? call_found(condition, tcp) : 0;
}

static int begin(struct condition *condition)
{
    condition_tell(condition, "EVFILT_WRITE on connections, retried " BACKOFF_WORDS);
    return call_all(condition, condition->state);
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    struct tcp *tcp = condition->state;
    if (event->filter == EVFILT_READ) {
        lookup_finish(&tcp->lookup, condition);
        return call_found(condition, tcp);
    }
    bool answers = event->filter == EVFILT_WRITE && is_connected(tcp->fd);
    bool is_next = tcp->fd >= 0;
    hang_up(condition, tcp);
    if (!answers)
        return is_next ? call_next(condition, tcp) : call_all(condition, tcp);
    condition_fire(condition, "accepts", "accepts connections");
    condition->over = true;
    return 0;
}

static void end(struct condition *condition)
{
    struct tcp *tcp = condition->state;
    hang_up(condition, tcp);
    lookup_end(&tcp->lookup, condition);
}

const struct kind kind_tcp = {
    .name = "tcp",
    .needs = "a host and a port, as in tcp:example.org:443 or tcp:[::1]:80",
    .size = sizeof(struct tcp),
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = end,
};
