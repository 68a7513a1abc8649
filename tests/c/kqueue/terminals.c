/* EVFILT_READ and EVFILT_WRITE on terminals, eventfds and timerfds. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "queue.h"

/* A terminal as it is by default, which deals in lines; ends[0] is the slave. */
static void make_terminal(int ends[2])
{
    ends[1] = CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    CHECK_OK(grantpt(ends[1]));
    CHECK_OK(unlockpt(ends[1]));
    ends[0] = CHECK_OK(open(ptsname(ends[1]), O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static void add(struct pmx_kqueue *queue, int fd, int16_t filter)
{
    CHECK_OK(change(queue, (uintptr_t)fd, filter, EV_ADD));
}

/* A line is there when it is ended, and not before; the master hears the echo. */
TEST(terminal_lines)
{
    int ends[2];
    make_terminal(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[0], EVFILT_READ);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(write(ends[1], "lin", 3), 3);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(write(ends[1], "es\n", 3), 3);
    CHECK_TAKES(queue, (uintptr_t)ends[0], EVFILT_READ, 0, 6);
    add(queue, ends[1], EVFILT_READ);
    struct pmx_kevent events[ROOM];
    take_count(queue, events, 2);
    CHECK_EQ_INT(event_of(events, 2, (uintptr_t)ends[1], EVFILT_READ)->data, 7);
    close_queue(queue);
    close_both(ends);
}

TEST(terminal_is_writable)
{
    int ends[2];
    make_terminal(ends);
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 2; i++) {
        add(queue, ends[i], EVFILT_WRITE);
        struct pmx_kevent event = take(queue);
        CHECK_EVENT(&event, (uintptr_t)ends[i], EVFILT_WRITE, 0, event.data);
        CHECK_OK(change(queue, (uintptr_t)ends[i], EVFILT_WRITE, EV_DELETE));
    }
    close_queue(queue);
    close_both(ends);
}

TEST(terminal_hangs_up)
{
    int ends[2];
    make_terminal(ends);
    struct pmx_kqueue *queue = open_queue();
    add(queue, ends[1], EVFILT_READ);
    CHECK_QUIET(queue);
    CHECK_OK(close(ends[0]));
    CHECK_TAKES(queue, (uintptr_t)ends[1], EVFILT_READ, EV_EOF, 0);
    close_queue(queue);
    CHECK_OK(close(ends[1]));
}

TEST(eventfd_counter)
{
    int fd = CHECK_OK(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    eventfd_t value;
    uintptr_t ident = (uintptr_t)fd;
    struct pmx_kqueue *queue = open_queue();
    add(queue, fd, EVFILT_READ);
    CHECK_QUIET(queue);
    CHECK_OK(eventfd_write(fd, 3));
    CHECK_EQ_UINT(take(queue).ident, ident);
    CHECK_OK(eventfd_read(fd, &value)); /* the queue has not read it */
    CHECK_EQ_UINT(value, 3);
    CHECK_QUIET(queue);
    add(queue, fd, EVFILT_WRITE);
    CHECK_EQ_INT(take(queue).filter, EVFILT_WRITE);
    CHECK_OK(eventfd_write(fd, UINT64_MAX - 1));
    CHECK_EQ_INT(take(queue).filter, EVFILT_READ);
    close_queue(queue);
    CHECK_OK(close(fd));
}

/* FreeBSD, which has eventfds, tells the counter. */
TEST(eventfd_data)
{
    int fd = CHECK_OK(eventfd(0, EFD_CLOEXEC));
    struct pmx_kqueue *queue = open_queue();
    add(queue, fd, EVFILT_READ);
    CHECK_OK(eventfd_write(fd, 3));
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_READ, 0, 3);
    CHECK_OK(eventfd_write(fd, 4));
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_READ, 0, 7);
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_READ, EV_DELETE));
    add(queue, fd, EVFILT_WRITE);
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_WRITE, 0, (int64_t)(UINT64_MAX - 1 - 7));
    close_queue(queue);
    CHECK_OK(close(fd));
}

/* Whatever else epoll takes, a queue takes. */
TEST(timerfd)
{
    const struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    struct pmx_kqueue *queue = open_queue();
    add(queue, fd, EVFILT_READ);
    CHECK_QUIET(queue);
    CHECK_OK(timerfd_settime(fd, 0, &soon, NULL));
    CHECK_EQ_UINT(take(queue).ident, fd);
    close_queue(queue);
    CHECK_OK(close(fd));
}
