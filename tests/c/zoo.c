/* The animals of zoo.h: one function each, {descriptor, peer or -1}. */
#include "zoo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_NUMBER 100

static void swap(int ends[2])
{
    int first = ends[0];
    ends[0] = ends[1];
    ends[1] = first;
}

static void drop_peer(int ends[2])
{
    CHECK_OK(close(ends[1]));
    ends[1] = -1;
}

static void pipe_with_data(int ends[2])
{
    make_pipe(ends);
    write_byte(ends[1]);
}

static void pipe_hung_up(int ends[2])
{
    make_pipe(ends);
    drop_peer(ends);
}

static void pipe_hung_up_with_data(int ends[2])
{
    pipe_with_data(ends);
    drop_peer(ends);
}

static void pipe_writable(int ends[2])
{
    make_pipe(ends);
    swap(ends);
}

static void pipe_full(int ends[2])
{
    make_pipe(ends);
    fill(ends[1]);
    swap(ends);
}

static void pipe_broken(int ends[2])
{
    pipe_writable(ends);
    drop_peer(ends);
}

static void pipe_broken_full(int ends[2])
{
    pipe_full(ends);
    drop_peer(ends);
}

static void socket_with_data(int ends[2])
{
    make_socketpair(ends);
    write_byte(ends[1]);
}

static void socket_full(int ends[2])
{
    make_socketpair(ends);
    fill(ends[0]);
}

static void socket_hung_up(int ends[2])
{
    make_socketpair(ends);
    drop_peer(ends);
}

/* The peer leaves with data unread, which is ECONNRESET. */
static void socket_reset(int ends[2])
{
    make_socketpair(ends);
    write_byte(ends[0]);
    drop_peer(ends);
}

static void socket_peer_finished(int ends[2])
{
    make_socketpair(ends);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
}

static void socket_finished(int ends[2])
{
    make_socketpair(ends);
    CHECK_OK(shutdown(ends[0], SHUT_RDWR));
}

static void datagram_with_data(int ends[2])
{
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
    write_byte(ends[1]);
}

static void socket_unconnected(int ends[2])
{
    ends[0] = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static void socket_listening(int ends[2])
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    socket_unconnected(ends);
    CHECK_OK(bind(ends[0], (struct sockaddr *)&nameless, sizeof(sa_family_t)));
    CHECK_OK(listen(ends[0], 1));
}

static void regular_file(int ends[2])
{
    ends[0] = make_file();
}

static void directory(int ends[2])
{
    ends[0] = CHECK_OK(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static void null_device(int ends[2])
{
    ends[0] = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void event_counter(int ends[2])
{
    ends[0] = CHECK_OK(eventfd(0, EFD_CLOEXEC));
}

static void event_counter_up(int ends[2])
{
    ends[0] = CHECK_OK(eventfd(1, EFD_CLOEXEC));
}

static void timer(int ends[2])
{
    ends[0] = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
}

/* POLLPRI and POLLERR at rest, of a file that lists what may change. */
static void mount_table(int ends[2])
{
    ends[0] = CHECK_OK(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
}

static void nested(int ends[2])
{
    struct epoll_event event = {.events = EPOLLIN};
    ends[0] = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    ends[1] = CHECK_OK(eventfd(1, EFD_CLOEXEC));
    CHECK_OK(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event));
}

static void (*const animals[])(int ends[2]) = {
    make_pipe,          pipe_with_data,
    pipe_hung_up,       pipe_hung_up_with_data,
    pipe_writable,      pipe_full,
    pipe_broken,        pipe_broken_full,
    make_socketpair,    socket_with_data,
    socket_full,        socket_hung_up,
    socket_reset,       socket_peer_finished,
    socket_finished,    datagram_with_data,
    socket_unconnected, socket_listening,
    regular_file,       directory,
    null_device,        event_counter,
    event_counter_up,   timer,
    mount_table,        nested,
};

#define ANIMALS ((unsigned)(sizeof(animals) / sizeof(animals[0])))

void zoo_change(struct zoo *zoo, struct random *random, unsigned cage)
{
    int ends[2] = {-1, -1};
    zoo_empty(zoo, cage);
    animals[random_below(random, ANIMALS)](ends);
    CHECK_OK(dup3(ends[0], zoo->fds[cage], O_CLOEXEC));
    CHECK_OK(close(ends[0]));
    zoo->peers[cage] = ends[1];
}

void zoo_empty(struct zoo *zoo, unsigned cage)
{
    if (is_open(zoo->fds[cage]))
        CHECK_OK(close(zoo->fds[cage]));
    if (zoo->peers[cage] >= 0)
        CHECK_OK(close(zoo->peers[cage]));
    zoo->peers[cage] = -1;
}

void zoo_restock(struct zoo *zoo, struct random *random)
{
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++)
        if (!is_open(zoo->fds[cage]))
            zoo_change(zoo, random, cage);
}

/* A number of the ring that nobody has open, neither this zoo nor a parent. */
static int next_number(unsigned *at)
{
    int number;
    do {
        *at = (*at + 389) % 919; /* primes: all of the ring */
        number = FIRST_NUMBER + (int)*at;
    } while (is_open(number));
    return number;
}

void zoo_open(struct zoo *zoo, struct random *random)
{
    unsigned at = random_below(random, 919);
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++) {
        zoo->fds[cage] = next_number(&at);
        zoo->peers[cage] = -1;
        zoo_change(zoo, random, cage);
    }
}

void zoo_close(struct zoo *zoo)
{
    for (unsigned cage = 0; cage < ZOO_CAGES; cage++)
        zoo_empty(zoo, cage);
}

short random_poll_events(struct random *random)
{
    static const short events[] = {POLLIN,     POLLOUT,    POLLPRI,    POLLRDHUP,
                                   POLLRDNORM, POLLWRNORM, POLLRDBAND, POLLWRBAND};
    int chosen = 0;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (random_below(random, 3) == 0)
            chosen |= events[i];
    return (short)chosen;
}
