/* EVFILT_READ and EVFILT_WRITE on pipes and named pipes. */
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "queue.h"

TEST(read_data_is_the_bytes_queued)
{
    int ends[2];
    make_pipe(ends);
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

TEST(write_data_is_the_room)
{
    static const char page[4096];
    int ends[2];
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[1];
    int size = CHECK_OK(fcntl(ends[1], F_GETPIPE_SZ));
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, 0);
    CHECK_TAKES(queue, ident, EVFILT_WRITE, 0, size);
    CHECK_EQ_INT(write(ends[1], page, sizeof(page)), sizeof(page));
    CHECK_TAKES(queue, ident, EVFILT_WRITE, 0, size - (int)sizeof(page));
    close_queue(queue);
    close_both(ends);
}

/* Room for PIPE_BUF bytes, which a write has or does not have all at once. */
TEST(writable_when_pipe_buf_fits)
{
    int ends[2];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, 0);
    fill(ends[1]);
    CHECK_QUIET(queue);
    read_byte(ends[0]);
    CHECK_QUIET(queue);
    read_bytes(ends[0], PIPE_BUF - 1);
    CHECK_TAKES(queue, (uintptr_t)ends[1], EVFILT_WRITE, 0, PIPE_BUF);
    close_queue(queue);
    close_both(ends);
}

/* A direction that a pipe does not have is accepted, as everywhere. */
TEST(wrong_ends)
{
    int ends[2];
    make_pipe(ends);
    DIFFERENCE("pipes are two-way: the reading end is writable",
               "pipes have one direction, in the other one nothing happens");
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_WRITE, 0);
    CHECK_OK(change(queue, (uintptr_t)ends[1], EVFILT_READ, EV_ADD));
    CHECK_QUIET(queue);
    write_byte(ends[1]);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST(writer_is_gone)
{
    int ends[2];
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, 0);
    write_bytes(ends[1], 5);
    CHECK_OK(close(ends[1]));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 5);
    struct pmx_kqueue *late = open_watching(ends[0], EVFILT_READ, 0);
    CHECK_TAKES(late, ident, EVFILT_READ, EV_EOF, 5);
    read_bytes(ends[0], 5);
    for (int i = 0; i < 3; i++)
        CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 0);
    close_queue(late);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

/* Observed: once, with room in data; then the knote is gone. */
TEST(reader_is_gone)
{
    int ends[2];
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[1];
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, 0);
    CHECK_EQ_UINT(take(queue).flags, 0);
    CHECK_OK(close(ends[0]));
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, ident, EVFILT_WRITE, EV_EOF | EV_ONESHOT, event.data);
    CHECK_GE_INT(event.data, 1);
    CHECK_QUIET(queue);
    CHECK_ERRNO(change(queue, ident, EVFILT_WRITE, EV_DELETE), ENOENT);
    CHECK_ERRNO(change(queue, ident, EVFILT_WRITE, EV_ADD), EPIPE);
    check_shows(queue, false);
    close_queue(queue);
    CHECK_OK(close(ends[1]));
}

TEST(reader_was_gone_before)
{
    int ends[2];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent add = entry((uintptr_t)ends[1], EVFILT_WRITE, EV_ADD, 0, 0, 0);
    CHECK_OK(close(ends[0]));
    CHECK_ERRNO(apply(queue, add), EPIPE);
    CHECK_EQ_INT(answer(queue, add), EPIPE);
    CHECK_ERRNO(change(queue, add.ident, EVFILT_WRITE, EV_DELETE), ENOENT);
    close_queue(queue);
    CHECK_OK(close(ends[1]));
}

/* Also where the pipe was full, and so not writable. */
TEST(reader_of_a_full_pipe_is_gone)
{
    int ends[2];
    make_pipe(ends);
    fill(ends[1]);
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, EV_CLEAR);
    CHECK_QUIET(queue);
    CHECK_OK(close(ends[0]));
    CHECK_EQ_UINT(take(queue).flags, EV_EOF | EV_ONESHOT | EV_CLEAR);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(ends[1]));
}

/* Observed: pipes know no low-water mark. */
TEST(low_water_mark_is_ignored)
{
    int ends[2];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent in =
        entry((uintptr_t)ends[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 1000, 0);
    struct pmx_kevent out =
        entry((uintptr_t)ends[1], EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 1 << 30, 0);
    CHECK_OK(apply(queue, in));
    write_byte(ends[1]);
    CHECK_EQ_UINT(take(queue).ident, in.ident);
    CHECK_OK(apply(queue, out));
    struct pmx_kevent events[ROOM];
    take_count(queue, events, 2);
    close_queue(queue);
    close_both(ends);
}

TEST(clear_on_new_bytes)
{
    int ends[2];
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, EV_CLEAR);
    write_bytes(ends[1], 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 2);
    CHECK_QUIET(queue);
    write_bytes(ends[1], 4);
    write_bytes(ends[1], 4); /* twice is one event */
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 10);
    CHECK_QUIET(queue);
    CHECK_OK(close(ends[1]));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR | EV_EOF, 10);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(ends[0]));
}

TEST(clear_and_the_readers_own_reading)
{
    int ends[2];
    make_pipe(ends);
    DIFFERENCE("reading a part of a pipe raises an EV_CLEAR knote of it again",
               "only new bytes do, Linux tells nobody of reading");
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, EV_CLEAR);
    write_bytes(ends[1], 10);
    CHECK_EQ_INT(take(queue).data, 10);
    read_bytes(ends[0], 2);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST(clear_on_new_room)
{
    int ends[2];
    make_pipe(ends);
    uintptr_t ident = (uintptr_t)ends[1];
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, EV_CLEAR);
    CHECK_EQ_UINT(take(queue).flags, EV_CLEAR);
    CHECK_QUIET(queue);
    fill(ends[1]);
    CHECK_QUIET(queue);
    read_bytes(ends[0], (size_t)2 * PIPE_BUF);
    CHECK_TAKES(queue, ident, EVFILT_WRITE, EV_CLEAR, 2 * PIPE_BUF);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST(clear_and_a_little_room_more)
{
    int ends[2];
    make_pipe(ends);
    DIFFERENCE("each write to or read from a pipe raises an EV_CLEAR knote of writing",
               "it is raised when a full pipe is full no more");
    struct pmx_kqueue *queue = open_watching(ends[1], EVFILT_WRITE, EV_CLEAR);
    CHECK_EQ_UINT(take(queue).flags, EV_CLEAR);
    write_bytes(ends[1], 10);
    CHECK_QUIET(queue);
    read_bytes(ends[0], 10);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

TEST(oneshot_that_is_over)
{
    int ends[2];
    make_pipe(ends);
    DIFFERENCE("an EV_ONESHOT knote that became ready comes even if it is so no more",
               "it comes when it is ready, as any other");
    struct pmx_kqueue *queue = open_watching(ends[0], EVFILT_READ, EV_ONESHOT);
    write_byte(ends[1]);
    read_byte(ends[0]);
    CHECK_QUIET(queue);
    write_byte(ends[1]);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ONESHOT, 1);
    CHECK_QUIET(queue);
    close_queue(queue);
    close_both(ends);
}

static int open_fifo_end(const struct fifo *fifo, int flags)
{
    return CHECK_OK(open(fifo->path, flags | O_NONBLOCK | O_CLOEXEC));
}

/* That nobody has written yet is no end; a new writer takes the end back. */
TEST(writers_of_a_fifo_come_and_go)
{
    struct fifo fifo;
    make_fifo(&fifo);
    int reader = open_fifo_end(&fifo, O_RDONLY);
    uintptr_t ident = (uintptr_t)reader;
    struct pmx_kqueue *queue = open_watching(reader, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    int writer = open_fifo_end(&fifo, O_WRONLY);
    CHECK_QUIET(queue);
    write_bytes(writer, 4);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 4);
    read_bytes(reader, 4);
    CHECK_OK(close(writer));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 0);
    writer = open_fifo_end(&fifo, O_WRONLY);
    CHECK_QUIET(queue);
    write_bytes(writer, 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 2);
    CHECK_OK(close(writer));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_EOF, 2);
    close_queue(queue);
    CHECK_OK(close(reader));
    remove_fifo(&fifo);
}

TEST(clear_and_a_new_writer)
{
    struct fifo fifo;
    make_fifo(&fifo);
    DIFFERENCE("a new writer of a FIFO raises no EV_CLEAR knote of reading",
               "it does while there are bytes left of the one before, as for Linux it "
               "is news");
    int reader = open_fifo_end(&fifo, O_RDONLY);
    struct pmx_kqueue *queue = open_watching(reader, EVFILT_READ, EV_CLEAR);
    int writer = open_fifo_end(&fifo, O_WRONLY);
    CHECK_QUIET(queue);
    write_bytes(writer, 2);
    CHECK_OK(close(writer));
    CHECK_TAKES(queue, (uintptr_t)reader, EVFILT_READ, EV_CLEAR | EV_EOF, 2);
    writer = open_fifo_end(&fifo, O_WRONLY);
    CHECK_TAKES(queue, (uintptr_t)reader, EVFILT_READ, EV_CLEAR, 2);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(writer));
    CHECK_OK(close(reader));
    remove_fifo(&fifo);
}

TEST(fifo_opened_both_ways)
{
    struct fifo fifo;
    make_fifo(&fifo);
    int both = open_fifo_end(&fifo, O_RDWR);
    uintptr_t ident = (uintptr_t)both;
    struct pmx_kqueue *queue = open_watching(both, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    write_bytes(both, 3);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 3);
    read_bytes(both, 3);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, ident, EVFILT_WRITE, EV_ADD));
    CHECK_EQ_INT(take(queue).filter, EVFILT_WRITE);
    close_queue(queue);
    CHECK_OK(close(both));
    remove_fifo(&fifo);
}
