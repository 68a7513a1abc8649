/*
 * EVFILT_READ and EVFILT_WRITE on sockets: what is ready, what data and fflags
 * say, and how a connection ends. States and errors of a socket are read by
 * the queue and never taken from it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "queue.h"
#include "sockets.h"

/* Both filters on one descriptor. */
static struct pmx_kqueue *watch_both(int fd)
{
    struct pmx_kqueue *queue = open_watching(fd, EVFILT_READ, 0);
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_ADD));
    return queue;
}

/* Of both filters an event, with these flags and fflags. */
static void check_both(struct pmx_kqueue *queue, int fd, unsigned read_flags,
                       unsigned write_flags, unsigned fflags)
{
    struct pmx_kevent events[ROOM];
    take_count(queue, events, 2);
    const struct pmx_kevent *in = event_of(events, 2, (uintptr_t)fd, EVFILT_READ);
    const struct pmx_kevent *out = event_of(events, 2, (uintptr_t)fd, EVFILT_WRITE);
    CHECK_EQ_UINT(in->flags, read_flags);
    CHECK_EQ_UINT(out->flags, write_flags);
    CHECK_EQ_UINT(in->fflags, read_flags ? fflags : 0);
    CHECK_EQ_UINT(out->fflags, write_flags ? fflags : 0);
}

TEST_EACH(read_data_is_the_bytes_queued, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, 0);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 5);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 5);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 5);
    read_bytes(ends[0], 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 3);
    write_bytes(ends[1], 10);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 13);
    read_bytes(ends[0], 13);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

static int64_t send_buffer(int fd)
{
    int size;
    socklen_t length = sizeof(size);
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length));
    return size;
}

TEST_EACH(write_data_is_the_room, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_WRITE, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_WRITE, 0, event.data);
    CHECK_GE_INT(event.data, 1);
    CHECK_GE_INT(send_buffer(ends[0]), event.data);
    fill(ends[0]);
    CHECK_QUIET(queue);
    CHECK_OK(shutdown(ends[1], SHUT_WR)); /* has no say in the other direction */
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST(a_little_room)
{
    int ends[2];
    char block[4096];
    make_socketpair(ends);
    DIFFERENCE("a socket is writable when there is room for SO_SNDLOWAT bytes",
               "it is when Linux says so, which waits for a good part of the buffer");
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_WRITE, 0);
    fill(ends[0]);
    read_byte(ends[1]);
    CHECK_EQ_INT(read(ends[1], block, sizeof(block)), sizeof(block));
    CHECK_QUIET(queue);
    while (recv(ends[1], block, sizeof(block), MSG_DONTWAIT) > 0)
        continue;
    CHECK_EQ_UINT(take(queue).ident, ends[0]);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(filters_do_not_mix, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    CHECK_EQ_INT(take(queue).filter, EVFILT_WRITE);
    write_bytes(ends[1], 2);
    check_both(queue, ends[0], 0, 0, 0);
    fill(ends[0]);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 2);
    read_bytes(ends[0], 2);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

/* End of file: with what is left, and then for ever. */
TEST_EACH(peer_has_finished, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, 0);
    write_bytes(ends[1], 5);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 5);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 5);
    read_bytes(ends[0], 5);
    for (int i = 0; i < 3; i++)
        CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 0);
    CHECK_OK(change(queue, ident, EVFILT_WRITE, EV_ADD));
    check_both(queue, ends[0], EV_EOF, 0, 0);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(own_end_is_shut, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    CHECK_OK(shutdown(ends[0], SHUT_RD));
    check_both(queue, ends[0], EV_EOF, 0, 0);
    CHECK_OK(shutdown(ends[0], SHUT_WR));
    check_both(queue, ends[0], EV_EOF, EV_EOF, 0);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(own_writing_end_is_shut, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    CHECK_OK(shutdown(ends[0], SHUT_WR));
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)ends[0], EVFILT_WRITE, EV_EOF, event.data);
    write_byte(ends[1]);
    check_both(queue, ends[0], 0, EV_EOF, 0);
    close_queue(queue);
    close_both(ends);
}

/* A unix socket knows at once that nobody reads any more; TCP when it is told. */
TEST(peer_of_a_unix_socket_is_gone)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    CHECK_OK(close(ends[1]));
    check_both(queue, ends[0], EV_EOF, EV_EOF, 0);
    struct pmx_kqueue *late = watch_both(ends[0]);
    check_both(late, ends[0], EV_EOF, EV_EOF, 0);
    close_queue(late);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

TEST(peer_of_a_tcp_socket_is_gone)
{
    int ends[2];
    make_tcp_pair(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    CHECK_OK(close(ends[1]));
    await_readable(ends[0]);
    check_both(queue, ends[0], EV_EOF, 0, 0);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

static int socket_error(int fd)
{
    int error;
    socklen_t length = sizeof(error);
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
    return error;
}

/* The error comes in fflags as long as nobody has taken it from the socket. */
TEST(reset)
{
    int ends[2];
    char byte;
    make_tcp_pair(ends);
    struct pmx_kqueue *queue = watch_both(ends[0]);
    reset_connection(ends[1]);
    await_readable(ends[0]);
    for (int i = 0; i < 3; i++)
        check_both(queue, ends[0], EV_EOF, EV_EOF, ECONNRESET);
    CHECK_ERRNO(read(ends[0], &byte, 1), ECONNRESET);
    check_both(queue, ends[0], EV_EOF, EV_EOF, 0);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

/* An error that a queue has told is still there for SO_ERROR. */
TEST(error_is_not_taken_from_the_socket)
{
    int ends[2];
    make_tcp_pair(ends);
    struct pmx_kqueue *first = watch_both(ends[0]), *second = watch_both(ends[0]);
    reset_connection(ends[1]);
    await_readable(ends[0]);
    check_both(first, ends[0], EV_EOF, EV_EOF, ECONNRESET);
    check_both(second, ends[0], EV_EOF, EV_EOF, ECONNRESET);
    CHECK_EQ_INT(socket_error(ends[0]), ECONNRESET);
    check_both(first, ends[0], EV_EOF, EV_EOF, 0);
    close_queue(first);
    close_queue(second);
    CHECK_OK(close(ends[0]));
}

TEST(refused_connection)
{
    int fd = connect_to_nobody();
    struct pmx_kqueue *queue = open_watching(fd, EVFILT_WRITE, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)fd, EVFILT_WRITE, EV_EOF, event.data);
    CHECK_EQ_UINT(event.fflags, ECONNREFUSED);
    CHECK_EQ_INT(socket_error(fd), ECONNREFUSED);
    close_queue(queue);
    CHECK_OK(close(fd));
}

TEST(refused_connection_read)
{
    char byte;
    int fd = connect_to_nobody();
    struct pmx_kqueue *queue = open_watching(fd, EVFILT_READ, 0);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)fd, EVFILT_READ, EV_EOF, 0);
    CHECK_EQ_UINT(event.fflags, ECONNREFUSED);
    CHECK_ERRNO(recv(fd, &byte, 1, 0), ECONNREFUSED);
    close_queue(queue);
    CHECK_OK(close(fd));
}

TEST(connection_made)
{
    int listener = listen_on_loopback(4);
    int fd = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    struct pmx_kqueue *queue = watch_both(fd);
    CHECK_QUIET(queue);
    connect_to(fd, listener);
    CHECK_EQ_INT(take(queue).filter, EVFILT_WRITE);
    CHECK_EQ_INT(socket_error(fd), 0);
    close_queue(queue);
    CHECK_OK(close(fd));
    CHECK_OK(close(listener));
}

/* Neither readable nor writable nor at an end, whatever poll(2) says. */
TEST(unconnected)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    for (int i = 0; i < 3; i++) {
        int fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue; /* no IPv6 here */
        struct pmx_kqueue *queue = watch_both(fd);
        CHECK_QUIET(queue);
        check_shows(queue, false);
        close_queue(queue);
        CHECK_OK(close(fd));
    }
}

TEST(listening)
{
    int listener = listen_on_loopback(8), callers[3];
    struct pmx_kqueue *queue = watch_both(listener);
    CHECK_QUIET(queue);
    for (int i = 0; i < 3; i++) {
        callers[i] = CHECK_OK(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        connect_to(callers[i], listener);
        CHECK_TAKES(queue, (uintptr_t)listener, EVFILT_READ, 0, i + 1);
    }
    for (int i = 3; i > 0; i--) {
        CHECK_TAKES(queue, (uintptr_t)listener, EVFILT_READ, 0, i);
        CHECK_OK(close(CHECK_OK(accept(listener, NULL, NULL))));
        CHECK_OK(close(callers[i - 1]));
    }
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(listener));
}

/* Who has left before being accepted still counts. */
TEST(listening_on_a_unix_socket)
{
    int listener = listen_in_unix(8);
    struct pmx_kqueue *queue = watch_both(listener);
    CHECK_QUIET(queue);
    for (int i = 0; i < 3; i++) {
        call_in_unix(listener);
        CHECK_TAKES(queue, (uintptr_t)listener, EVFILT_READ, 0, i + 1);
    }
    for (int i = 3; i > 0; i--) {
        CHECK_TAKES(queue, (uintptr_t)listener, EVFILT_READ, 0, i);
        CHECK_OK(close(CHECK_OK(accept(listener, NULL, NULL))));
    }
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(listener));
}

TEST_EACH(low_water_mark_of_reading, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, entry(ident, EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, 0)));
    write_bytes(ends[1], 9);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 1);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 10);
    read_bytes(ends[0], 8);
    CHECK_QUIET(queue);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 2);
    close_queue(queue);
    close_both(ends);
}

/* Its own for every queue, and none of the socket's business. */
TEST_EACH(low_water_marks_of_two_queues, const struct stream *stream, streams)
{
    int ends[2], mark;
    socklen_t length = sizeof(mark);
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue(), *plain = open_queue();
    CHECK_OK(apply(queue, entry(ident, EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, 0)));
    CHECK_OK(change(plain, ident, EVFILT_READ, EV_ADD));
    CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &mark, &length));
    CHECK_EQ_INT(mark, 1);
    write_bytes(ends[1], 3);
    CHECK_TAKES(plain, ident, EVFILT_READ, 0, 3);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_queue(plain);
    close_both(ends);
}

/* Observed: any later change of the knote replaces its mark. */
TEST_EACH(low_water_mark_is_dropped_by_a_touch, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, entry(ident, EVFILT_READ, EV_ADD, NOTE_LOWAT, 10, 0)));
    write_bytes(ends[1], 3);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, ident, EVFILT_READ, EV_ENABLE));
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 3);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(low_water_mark_of_nothing, const struct stream *stream, streams)
{
    int ends[2];
    DIFFERENCE("with NOTE_LOWAT of 0 a socket is readable also when it is empty",
               "it is readable when there is a byte, as before Linux tells nothing");
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, entry(ident, EVFILT_READ, EV_ADD, NOTE_LOWAT, 0, 0)));
    CHECK_QUIET(queue);
    write_bytes(ends[1], 1);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 1);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(low_water_mark_of_writing, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue();
    int64_t much = INT64_C(1) << 40;
    CHECK_OK(apply(queue, entry(ident, EVFILT_WRITE, EV_ADD, NOTE_LOWAT, much, 0)));
    CHECK_QUIET(queue);
    CHECK_OK(apply(queue, entry(ident, EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 1, 0)));
    CHECK_EQ_UINT(take(queue).ident, ident);
    close_queue(queue);
    close_both(ends);
}

/* An urgent byte is no data, and does not hide what comes after it. */
TEST(bytes_behind_an_urgent_one)
{
    int ends[2];
    make_tcp_pair(ends);
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, 0);
    CHECK_RETURNS(send(ends[1], "!", 1, MSG_OOB), 1);
    struct pollfd urgent = {.fd = ends[0], .events = POLLPRI};
    CHECK_RETURNS(poll(&urgent, 1, -1), 1);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 3);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 3);
    char byte;
    CHECK_RETURNS(recv(ends[0], &byte, 1, MSG_OOB), 1);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 3);
    close_queue(queue);
    close_both(ends);
}

/* SO_RCVLOWAT, where the knote has no mark of its own. */
TEST(low_water_mark_of_the_socket)
{
    int ends[2], mark = 4;
    make_tcp_pair(ends);
    CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)));
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, 0);
    write_bytes(ends[1], 3);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 1);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 4);
    close_queue(queue);
    close_both(ends);
}

/* New bytes, and they alone, bring the event back, with all there is. */
TEST_EACH(clear_on_new_bytes, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, EV_CLEAR);
    write_bytes(ends[1], 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 2);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 8);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 10);
    read_bytes(ends[0], 2); /* on a socket this is nothing new */
    CHECK_QUIET(queue);
    write_bytes(ends[1], 1);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 9);
    close_queue(queue);
    close_both(ends);
}

TEST_EACH(clear_tells_the_end_once, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, EV_CLEAR);
    write_bytes(ends[1], 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 2);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR | EV_EOF, 2);
    CHECK_QUIET(queue);
    read_bytes(ends[0], 2);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}
