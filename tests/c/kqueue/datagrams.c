/* EVFILT_READ and EVFILT_WRITE on datagram sockets, which have no end of file. */
#include <sys/socket.h>
#include <unistd.h>

#include "queue.h"
#include "sockets.h"

static void make_unix_pair(int ends[2])
{
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
}

static const struct stream kinds[] = {{"udp", make_udp_pair}, {"unix", make_unix_pair}};

static void send_datagram(int fd, size_t size)
{
    static const char bytes[64];
    CHECK_EQ_INT(send(fd, bytes, size, 0), size);
}

static void receive_datagram(int fd, size_t size)
{
    char bytes[64];
    CHECK_EQ_INT(recv(fd, bytes, sizeof(bytes), 0), size);
}

static void add(struct pmx_kqueue *queue, int fd, int16_t filter, unsigned flags)
{
    CHECK_OK(change(queue, (uintptr_t)fd, filter, EV_ADD | flags));
}

/* Payload alone counts: no addresses, no bookkeeping. */
TEST_EACH(data_of_one_datagram, const struct stream *kind, kinds)
{
    int ends[2];
    kind->make(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_READ, 0);
    CHECK_QUIET(queue);
    send_datagram(ends[1], 5);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 5);
    receive_datagram(ends[0], 5);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(data_of_two_datagrams, const struct stream *kind, kinds)
{
    int ends[2];
    kind->make(ends);
    struct pmx_kqueue *queue = open_queue();
    DIFFERENCE("data of a datagram socket is the bytes of all datagrams queued",
               "it is the size of the first one, all that Linux tells");
    add(queue, ends[0], EVFILT_READ, 0);
    send_datagram(ends[1], 5);
    send_datagram(ends[1], 7);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 5);
    receive_datagram(ends[0], 5);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 7);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(room_to_send, const struct stream *kind, kinds)
{
    int ends[2];
    kind->make(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_WRITE, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_WRITE, 0, event.data);
    CHECK_GE_INT(event.data, 1);
    close_queue(queue);
    close_both(ends);
}

/* Observed: the peer of a datagram socket may go without an end of file. */
TEST(peer_is_gone)
{
    int ends[2];
    make_unix_pair(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_READ, 0);
    CHECK_OK(close(ends[1]));
    CHECK_QUIET(queue);
    add(queue, ends[0], EVFILT_WRITE, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_WRITE, 0, event.data);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

/* An error that waits to be read is something to read, and no end of file. */
TEST(pending_error)
{
    int ends[2];
    char byte;
    make_udp_pair(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_READ, 0);
    CHECK_OK(close(ends[1]));
    CHECK_QUIET(queue);
    send_datagram(ends[0], 5); /* which nobody wants */
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 0);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 0);
    CHECK_ERRNO(recv(ends[0], &byte, 1, 0), ECONNREFUSED);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

TEST_EACH(clear_on_every_datagram, const struct stream *kind, kinds)
{
    int ends[2];
    kind->make(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_READ, EV_CLEAR);
    for (int i = 0; i < 3; i++) {
        send_datagram(ends[1], 5);
        struct pmx_kevent event = take(queue);
        CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_READ, EV_CLEAR, event.data);
        CHECK_QUIET(queue);
    }
    receive_datagram(ends[0], 5); /* is nothing new */
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}
