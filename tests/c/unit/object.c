/* What descriptors of every kind say to EVFILT_READ and EVFILT_WRITE. */
#include "../../../src/kqueue/linux/object.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "../support.h"

/* What an object says of itself. */
struct answer {
    bool ready, eof, last;
    uint32_t fflags;
    int64_t data;
};

static struct answer ask_lowat(int fd, bool write, bool has_lowat, int64_t lowat)
{
    struct pmx__report is = {0};
    int kind = CHECK_OK(pmx__object_kind(fd));
    int ready = write ? pmx__object_write(kind, fd, 0, has_lowat, lowat, &is)
                      : pmx__object_read(kind, fd, 0, has_lowat, lowat, &is);
    CHECK(ready == 0 || ready == 1);
    return (struct answer){ready, is.eof, is.last, is.fflags, is.data};
}

static struct answer ask_read(int fd)
{
    return ask_lowat(fd, false, false, 0);
}

static struct answer ask_write(int fd)
{
    return ask_lowat(fd, true, false, 0);
}

static void check(struct answer is, bool ready, int64_t data, bool eof)
{
    CHECK_EQ_INT(is.ready, ready);
    CHECK_EQ_INT(is.data, data);
    CHECK(is.eof == eof && is.fflags == 0);
}

static void check_silent(int fd)
{
    CHECK(!ask_read(fd).ready && !ask_write(fd).ready);
}

/* Until poll(2) says so; loopback is not always faster than its caller. */
static void await_events(int fd, short events)
{
    struct pollfd pollfd = {.fd = fd, .events = events};
    CHECK_EQ_INT(poll(&pollfd, 1, 60000), 1);
}

static void write_bytes(int fd, int count)
{
    for (int i = 0; i < count; i++)
        write_byte(fd);
}

static int pending_error(int fd)
{
    int error = -1;
    socklen_t size = sizeof(error);
    CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    return error;
}

static int make_socket(int domain, int type)
{
    return CHECK_OK(socket(domain, type | SOCK_CLOEXEC, 0));
}

static struct sockaddr_in bind_loopback(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    CHECK_OK(bind(fd, (struct sockaddr *)&address, size));
    CHECK_OK(getsockname(fd, (struct sockaddr *)&address, &size));
    return address;
}

/* Closes with a reset instead of an end. */
static void close_hard(int fd)
{
    struct linger hard = {.l_onoff = 1};
    CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)));
    CHECK_OK(close(fd));
}

TEST(kinds)
{
    int ends[2], null = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
    int directory = CHECK_OK(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int path = CHECK_OK(open("/", O_PATH | O_CLOEXEC));
    int file = make_file();
    int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    make_pipe(ends);
    CHECK_EQ_INT(pmx__object_kind(ends[0]), PMX__OBJECT_PIPE_READER);
    CHECK_EQ_INT(pmx__object_kind(ends[1]), PMX__OBJECT_PIPE_WRITER);
    CHECK_EQ_INT(pmx__object_kind(null), PMX__OBJECT_DEVICE);
    CHECK_EQ_INT(pmx__object_kind(directory), PMX__OBJECT_DIRECTORY);
    CHECK_EQ_INT(pmx__object_kind(file), PMX__OBJECT_FILE);
    CHECK_EQ_INT(pmx__object_kind(epoll), PMX__OBJECT_EPOLL);
    CHECK_EQ_INT(pmx__object_kind(path), -EBADF);
    CHECK_EQ_INT(pmx__object_kind(closed_fd()), -EBADF);
    CHECK_EQ_INT(pmx__object_kind(-1), -EBADF);
    check(ask_read(null), true, 0, false);
    check(ask_write(null), true, 0, false);
    close_both(ends);
    CHECK_OK(close(null));
    CHECK_OK(close(directory));
    CHECK_OK(close(path));
    CHECK_OK(close(file));
    CHECK_OK(close(epoll));
}

TEST(closed_descriptors)
{
    struct pmx__report report = {0};
    int fd = closed_fd();
    for (int kind = 0; kind <= PMX__OBJECT_DEVICE; kind++) {
        if (kind == PMX__OBJECT_EVENTFD || kind == PMX__OBJECT_TIMERFD)
            continue;
        CONTEXT("kind %d", kind);
        CHECK_EQ_INT(pmx__object_read(kind, fd, EPOLLIN, false, 0, &report), -EBADF);
        CHECK_EQ_INT(pmx__object_write(kind, fd, EPOLLOUT, false, 0, &report), -EBADF);
    }
}

TEST(pipe)
{
    int ends[2];
    make_pipe(ends);
    check(ask_read(ends[0]), false, 0, false);
    check(ask_write(ends[0]), false, 0, false);
    check(ask_read(ends[1]), false, 0, false);
    int size = CHECK_OK(fcntl(ends[1], F_GETPIPE_SZ));
    check(ask_write(ends[1]), true, size, false);
    write_bytes(ends[1], 3);
    check(ask_read(ends[0]), true, 3, false);
    check(ask_lowat(ends[0], false, true, 1000), true, 3, false);
    check(ask_write(ends[1]), true, size - 3, false);
    CHECK_OK(close(ends[1]));
    check(ask_read(ends[0]), true, 3, true);
    check(ask_write(ends[0]), true, 0, true);
    CHECK_OK(close(ends[0]));
}

TEST(pipe_without_reader)
{
    int ends[2];
    make_pipe(ends);
    write_bytes(ends[1], 3);
    CHECK_OK(close(ends[0]));
    check(ask_read(ends[1]), true, 0, true);
    int size = CHECK_OK(fcntl(ends[1], F_GETPIPE_SZ));
    check(ask_write(ends[1]), true, size - 3, true);
    CHECK(ask_write(ends[1]).last);
    CHECK(!ask_read(ends[1]).last);
    CHECK_EQ_INT(pmx__object_write_refusal(ends[1]), -EPIPE);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(pmx__object_write_refusal(ends[1]), 0);
}

TEST(full_pipe)
{
    int ends[2];
    make_pipe(ends);
    fill(ends[1]);
    CHECK(!ask_write(ends[1]).ready);
    char page[PIPE_BUF];
    CHECK_EQ_INT(read(ends[0], page, sizeof(page)), sizeof(page));
    check(ask_write(ends[1]), true, PIPE_BUF, false);
    close_both(ends);
}

TEST(fifo_that_never_had_a_writer)
{
    char name[] = "/tmp/polymux-fifo-XXXXXX";
    CHECK(mkdtemp(name));
    char fifo[64];
    snprintf(fifo, sizeof(fifo), "%s/fifo", name);
    CHECK_OK(mkfifo(fifo, 0600));
    int reader = CHECK_OK(open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    check(ask_read(reader), false, 0, false);
    int writer = CHECK_OK(open(fifo, O_WRONLY | O_CLOEXEC));
    write_byte(writer);
    check(ask_read(reader), true, 1, false);
    CHECK_OK(close(writer));
    check(ask_read(reader), true, 1, true);
    writer = CHECK_OK(open(fifo, O_RDWR | O_CLOEXEC));
    check(ask_read(reader), true, 1, false);
    CHECK_EQ_INT(pmx__object_kind(writer), PMX__OBJECT_FIFO_BOTH);
    check(ask_read(writer), true, 1, false);
    CHECK(ask_write(writer).ready);
    CHECK_OK(close(writer));
    writer = CHECK_OK(open(fifo, O_WRONLY | O_CLOEXEC));
    CHECK_OK(close(reader));
    CHECK(ask_write(writer).eof && !ask_write(writer).last);
    CHECK_EQ_INT(pmx__object_write_refusal(writer), 0);
    CHECK_OK(close(writer));
    CHECK_OK(unlink(fifo));
    CHECK_OK(rmdir(name));
}

struct pair {
    const char *name;
    void (*make)(int ends[2]);
};
static const struct pair streams[] = {{"unix", make_socketpair},
                                      {"tcp", make_tcp_pair}};

TEST_EACH(stream_bytes_and_room, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    check(ask_read(ends[0]), false, 0, false);
    struct answer empty = ask_write(ends[1]);
    CHECK(empty.ready && !empty.eof && empty.data > 1000);
    write_bytes(ends[1], 5);
    await_events(ends[0], POLLIN);
    check(ask_read(ends[0]), true, 5, false);
    fill(ends[1]);
    CHECK(!ask_write(ends[1]).ready);
    CHECK(ask_write(ends[1]).data < empty.data);
    close_both(ends);
}

TEST_EACH(low_water_mark, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    write_bytes(ends[1], 5);
    await_events(ends[0], POLLIN);
    check(ask_lowat(ends[0], false, true, 5), true, 5, false);
    CHECK(!ask_lowat(ends[0], false, true, 6).ready);
    int64_t room = ask_write(ends[0]).data;
    CHECK(ask_lowat(ends[0], true, true, room).ready);
    CHECK(!ask_lowat(ends[0], true, true, room + 1).ready);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    await_events(ends[0], POLLRDHUP);
    check(ask_lowat(ends[0], false, true, 6), true, 5, true);
    close_both(ends);
}

TEST_EACH(option_low_water_mark, const struct pair *pair, streams)
{
    int ends[2], least = 3;
    pair->make(ends);
    CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least)));
    write_bytes(ends[1], 2);
    CHECK(!ask_read(ends[0]).ready);
    write_byte(ends[1]);
    await_events(ends[0], POLLIN);
    check(ask_read(ends[0]), true, 3, false);
    close_both(ends);
}

TEST_EACH(half_close, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    write_bytes(ends[1], 2);
    CHECK_OK(shutdown(ends[1], SHUT_WR));
    CHECK(ask_write(ends[1]).eof);
    CHECK(ask_write(ends[1]).ready);
    await_events(ends[0], POLLRDHUP);
    check(ask_read(ends[0]), true, 2, true);
    read_byte(ends[0]);
    read_byte(ends[0]);
    check(ask_read(ends[0]), true, 0, true);
    CHECK(ask_write(ends[0]).ready);
    CHECK(!ask_write(ends[0]).eof);
    close_both(ends);
}

TEST_EACH(own_shutdown_of_reading, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    CHECK_OK(shutdown(ends[0], SHUT_RD));
    check(ask_read(ends[0]), true, 0, true);
    close_both(ends);
}

TEST_EACH(shutdown_of_both, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    CHECK_OK(shutdown(ends[0], SHUT_RDWR));
    check(ask_read(ends[0]), true, 0, true);
    CHECK(ask_write(ends[0]).eof);
    close_both(ends);
}

TEST_EACH(reset_stays_readable, const struct pair *pair, streams)
{
    int ends[2];
    pair->make(ends);
    write_byte(ends[0]); /* AF_UNIX resets when this is not read */
    close_hard(ends[1]);
    await_events(ends[0], POLLRDHUP);
    for (int i = 0; i < 3; i++) {
        CHECK(ask_read(ends[0]).eof);
        CHECK(ask_write(ends[0]).eof);
        CHECK_EQ_UINT(ask_read(ends[0]).fflags, ECONNRESET);
        CHECK_EQ_UINT(ask_write(ends[0]).fflags, ECONNRESET);
    }
    CHECK_EQ_INT(pending_error(ends[0]), ECONNRESET);
    check(ask_read(ends[0]), true, 0, true);
    CHECK_EQ_UINT(ask_write(ends[0]).fflags, 0);
    CHECK_OK(close(ends[0]));
}

TEST(refused_connection)
{
    int nobody = make_socket(AF_INET, SOCK_STREAM);
    struct sockaddr_in address = bind_loopback(nobody);
    int fd = make_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    check_silent(fd);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&address, sizeof(address)), EINPROGRESS);
    await_events(fd, POLLOUT);
    CHECK_EQ_UINT(ask_write(fd).fflags, ECONNREFUSED);
    CHECK_EQ_UINT(ask_read(fd).fflags, ECONNREFUSED);
    CHECK(ask_write(fd).eof);
    CHECK_EQ_INT(pending_error(fd), ECONNREFUSED);
    CHECK(ask_write(fd).eof);
    CHECK_OK(close(fd));
    CHECK_OK(close(nobody));
}

TEST(listening_tcp)
{
    int listener = make_socket(AF_INET, SOCK_STREAM), clients[3];
    struct sockaddr_in address = bind_loopback(listener);
    check_silent(listener);
    CHECK_OK(listen(listener, 8));
    check_silent(listener);
    for (int i = 0; i < 3; i++) {
        clients[i] = make_socket(AF_INET, SOCK_STREAM);
        CHECK_OK(connect(clients[i], (struct sockaddr *)&address, sizeof(address)));
        await_events(listener, POLLIN);
    }
    check(ask_read(listener), true, 3, false);
    CHECK(!ask_write(listener).ready);
    CHECK_OK(close(CHECK_OK(accept(listener, NULL, NULL))));
    check(ask_read(listener), true, 2, false);
    for (int i = 0; i < 3; i++)
        CHECK_OK(close(clients[i]));
    CHECK_OK(close(listener));
}

TEST(listening_unix)
{
    int listener = make_socket(AF_UNIX, SOCK_STREAM), clients[3];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);
    CHECK_OK(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)));
    CHECK_OK(getsockname(listener, (struct sockaddr *)&address, &size));
    check_silent(listener);
    CHECK_OK(listen(listener, 8));
    check_silent(listener);
    for (int i = 0; i < 3; i++) {
        clients[i] = make_socket(AF_UNIX, SOCK_STREAM);
        CHECK_OK(connect(clients[i], (struct sockaddr *)&address, size));
    }
    CHECK_OK(close(clients[0])); /* counts until it is accepted */
    check(ask_read(listener), true, 3, false);
    CHECK(!ask_write(listener).ready);
    CHECK_OK(close(CHECK_OK(accept(listener, NULL, NULL))));
    check(ask_read(listener), true, 2, false);
    CHECK_OK(close(clients[1]));
    CHECK_OK(close(clients[2]));
    CHECK_OK(close(listener));
}

TEST(datagrams)
{
    int ends[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends));
    CHECK(!ask_read(ends[0]).ready);
    CHECK(ask_write(ends[0]).ready);
    CHECK_EQ_INT(send(ends[1], "", 0, 0), 0);
    check(ask_read(ends[0]), true, 0, false);
    CHECK_EQ_INT(recv(ends[0], NULL, 0, 0), 0);
    write_bytes(ends[1], 1);
    check(ask_read(ends[0]), true, 1, false);
    read_byte(ends[0]);
    CHECK_OK(close(ends[1]));
    check(ask_read(ends[0]), false, 0, false);
    CHECK(!ask_write(ends[0]).eof);
    CHECK_OK(close(ends[0]));
}

TEST(refused_datagram)
{
    int nobody = make_socket(AF_INET, SOCK_DGRAM);
    struct sockaddr_in address = bind_loopback(nobody);
    CHECK_OK(close(nobody));
    int fd = make_socket(AF_INET, SOCK_DGRAM);
    CHECK_OK(connect(fd, (struct sockaddr *)&address, sizeof(address)));
    CHECK_EQ_INT(send(fd, "x", 1, 0), 1);
    await_events(fd, POLLERR);
    check(ask_read(fd), true, 0, false);
    CHECK(ask_write(fd).ready);
    CHECK_EQ_INT(pending_error(fd), ECONNREFUSED);
    CHECK(!ask_read(fd).ready);
    CHECK_OK(close(fd));
}

TEST(sequenced_packets)
{
    int ends[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
    CHECK(!ask_read(ends[0]).ready);
    CHECK(ask_write(ends[0]).ready);
    write_byte(ends[1]);
    check(ask_read(ends[0]), true, 1, false);
    CHECK_OK(shutdown(ends[0], SHUT_WR));
    CHECK(ask_write(ends[0]).eof);
    CHECK(ask_write(ends[1]).ready && !ask_write(ends[1]).eof);
    CHECK_OK(close(ends[1]));
    check(ask_read(ends[0]), true, 1, true);
    CHECK(ask_write(ends[0]).eof);
    CHECK_OK(close(ends[0]));
}

TEST(urgent_data_does_not_hide_the_rest)
{
    int ends[2];
    make_tcp_pair(ends);
    CHECK_EQ_INT(send(ends[1], "!", 1, MSG_OOB), 1);
    write_bytes(ends[1], 2);
    await_events(ends[0], POLLIN);
    CHECK(ask_read(ends[0]).ready);
    close_both(ends);
}

TEST(eventfd)
{
    int fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
    check(ask_read(fd), false, 0, false);
    check(ask_write(fd), true, (int64_t)(UINT64_MAX - 1), false);
    CHECK_OK(eventfd_write(fd, 300));
    check(ask_read(fd), true, 300, false);
    check(ask_write(fd), true, (int64_t)(UINT64_MAX - 301), false);
    CHECK_OK(eventfd_write(fd, UINT64_MAX - 1 - 300));
    CHECK(!ask_write(fd).ready);
    CHECK_OK(close(fd));
}

TEST(timerfd)
{
    int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    check(ask_read(fd), false, 0, false);
    struct itimerspec once = {.it_value.tv_nsec = 1};
    CHECK_OK(timerfd_settime(fd, 0, &once, NULL));
    await_events(fd, POLLIN);
    check(ask_read(fd), true, 1, false);
    CHECK_OK(close(fd));
}

TEST(terminal)
{
    int master = CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_OK(grantpt(master));
    CHECK_OK(unlockpt(master));
    int slave = CHECK_OK(open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_EQ_INT(pmx__object_kind(master), PMX__OBJECT_TTY);
    CHECK_EQ_INT(pmx__object_kind(slave), PMX__OBJECT_TTY);
    CHECK(!ask_read(slave).ready);
    CHECK(ask_write(slave).ready);
    CHECK_EQ_INT(write(master, "hello", 5), 5);
    CHECK(!ask_read(slave).ready);
    write_byte(slave);
    await_events(master, POLLIN);
    CHECK_EQ_INT(write(master, "\n", 1), 1);
    await_events(slave, POLLIN);
    check(ask_read(slave), true, 6, false);
    CHECK(ask_read(master).data > 0);
    CHECK_OK(close(master));
    CHECK(ask_read(slave).eof);
    CHECK(ask_write(slave).eof);
    CHECK_OK(close(slave));
}
