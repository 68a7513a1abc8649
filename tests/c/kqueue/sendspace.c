/* NOTE_LOWAT of EVFILT_WRITE: how much room a program wants before it is told. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sleeper.h"
#include "sockets.h"

static struct pmx_kevent wish(int fd, unsigned flags, int64_t room)
{
    return entry((uintptr_t)fd, EVFILT_WRITE, flags, NOTE_LOWAT, room, NULL);
}

/* How much room there is. */
static int64_t room_of(int fd)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_ADD));
    int64_t room = take(queue).data;
    close_queue(queue);
    return room;
}

/* Sends this much of nothing in particular. */
static void send_bytes(int fd, size_t count)
{
    static const char block[1000];
    for (size_t sent = 0; sent < count; sent += sizeof(block))
        CHECK_EQ_INT(send(fd, block, sizeof(block), MSG_DONTWAIT), sizeof(block));
}

static void receive_bytes(int fd, size_t count)
{
    static char block[1000];
    for (size_t left = count; left > 0;)
        left -= (size_t)CHECK_OK((int)recv(fd, block, sizeof(block), 0));
}

TEST_EACH(room_that_is_there, const struct stream *stream, streams)
{
    int ends[2];
    stream->make(ends);
    int64_t room = room_of(ends[0]);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, wish(ends[0], EV_ADD, room)));
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_WRITE, 0, room);
    CHECK_OK(apply(queue, wish(ends[0], EV_ADD, INT64_MAX)));
    CHECK_QUIET(queue);
    CHECK_OK(shutdown(ends[0], SHUT_WR));
    CHECK_OK(apply(queue, wish(ends[0], EV_ADD, INT64_MAX)));
    CHECK_EQ_UINT(take(queue).flags, EV_EOF);
    close_queue(queue);
    close_both(ends);
}

/* All the room there is when nothing is on its way, though one is told of less. */
TEST(room_that_comes)
{
    int ends[2];
    make_socketpair(ends);
    int64_t room = room_of(ends[0]);
    struct pmx_kqueue *queue = open_queue();
    struct sleeper sleeper;
    CHECK_OK(apply(queue, wish(ends[0], EV_ADD, room)));
    send_bytes(ends[0], 3000);
    CHECK_QUIET(queue);
    sleeper_start(&sleeper, queue, TOO_LONG);
    receive_bytes(ends[1], 1000);
    sleeper_sleeps(&sleeper);
    receive_bytes(ends[1], 2000);
    sleeper_join(&sleeper);
    CHECK_EVENT(&sleeper.event, (uintptr_t)ends[0], EVFILT_WRITE, 0, room);
    close_queue(queue);
    close_both(ends);
}

/* What the peer's window does not take stays in the sender's buffer. */
static void make_narrow_pair(int ends[2])
{
    int narrow = 4096, wide = 1 << 20;
    make_tcp_pair(ends);
    CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &wide, sizeof(wide)));
    CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_RCVBUF, &narrow, sizeof(narrow)));
}

TEST(room_that_comes_in_tcp)
{
    enum { SENT = 150000 };
    int ends[2];
    DIFFERENCE("NOTE_LOWAT of EVFILT_WRITE on TCP raises the event as soon as the room "
               "is there",
               "beyond a third of the buffer it may have to be asked for by a change, "
               "as Linux tells only of the first third");
    make_narrow_pair(ends);
    int64_t room = room_of(ends[0]);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, wish(ends[0], EV_ADD, room)));
    send_bytes(ends[0], SENT);
    CHECK_QUIET(queue);
    receive_bytes(ends[1], SENT);
    while (room_of(ends[0]) < room)
        continue; /* the last acknowledgement */
    CHECK_QUIET(queue);
    CHECK_OK(apply(queue, wish(ends[0], EV_ENABLE, room)));
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_WRITE, 0, room);
    close_queue(queue);
    close_both(ends);
}
