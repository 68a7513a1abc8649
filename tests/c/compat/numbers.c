/*
 * Queues closed, duplicated and moved without a word to the library: a number
 * is never mistaken, and nothing adds up.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../support.h"
#include "words.h"

TEST(no_queues)
{
    int ends[2], epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    make_pipe(ends);
    check_is_none(-1, EBADF);
    check_is_none(INT_MIN, EBADF);
    check_is_none(INT_MAX, EBADF);
    check_is_none(closed_fd() + 1000, EBADF);
    check_is_none(ends[0], EINVAL);
    check_is_none(epoll, EINVAL);
    close_both(ends);
    CHECK_OK(close(epoll));
}

TEST(closed)
{
    int before = closed_fd(), kq = open_queue();
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_OK(close(kq));
    check_is_none(kq, EBADF);
    let_it_notice();
    CHECK_EQ_INT(closed_fd(), before);
}

TEST(number_of_something_else)
{
    int ends[2], kq = open_queue();
    CHECK_OK(close(kq));
    make_pipe(ends);
    CHECK_EQ_INT(ends[0], kq);
    check_is_none(kq, EINVAL);
    write_byte(ends[1]);
    read_byte(ends[0]);
    close_both(ends);
    let_it_notice();
}

TEST(number_of_another_queue)
{
    int kq = open_queue();
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_OK(close(kq));
    CHECK_EQ_INT(kqueue1(O_CLOEXEC), kq);
    CHECK_ERRNO(change(kq, 1, EVFILT_USER, EV_ENABLE), ENOENT);
    CHECK_RETURNS(change(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR), 0);
    check_works(kq);
    end(kq);
}

/* A queue moves to a number that another one had, which is over. */
TEST(moved_over_another_queue)
{
    int first = open_queue(), second = CHECK_OK(kqueue1(O_CLOEXEC));
    CHECK_OK(dup3(first, second, O_CLOEXEC));
    CHECK_OK(close(first));
    check_works(second);
    check_is_none(first, EBADF);
    let_it_notice();
    check_works(second);
    end(second);
}

TEST(duplicate)
{
    int kq = open_queue(), copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 0));
    check_works(copy);
    check_works(kq);
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_OK(close(kq));
    let_it_notice();
    struct kevent got;
    CHECK_RETURNS(kevent(copy, NULL, 0, &got, 1, &no_time), 1);
    check_works(copy);
    end(copy);
}

/* One that was never used, when the library notices the first one's end. */
TEST(unknown_duplicate)
{
    int kq = open_queue(), copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 0));
    CHECK_OK(close(kq));
    let_it_notice();
    check_works(copy);
    end(copy);
}

TEST(unknown_duplicate_and_the_number_reused)
{
    int kq = open_queue(), copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 0));
    CHECK_OK(close(kq));
    CHECK_EQ_INT(open_queue(), kq);
    check_works(copy);
    check_works(kq);
    CHECK_OK(close(kq));
    end(copy);
}

TEST(high_numbers)
{
    int kq = moved_fd(open_queue(), 900);
    check_works(kq);
    CHECK_GE_INT(kq, 900);
    end(kq);
}

/* Nothing that is closed behind the library adds up. */
TEST(opened_and_closed)
{
    int before = closed_fd();
    for (int i = 0; i < 500; i++) {
        int kq = open_queue();
        CHECK_GE_INT(before + 4, kq);
        CHECK_RETURNS(change(kq, 2, EVFILT_TIMER, EV_ADD), 0);
        CHECK_OK(close(kq));
    }
    let_it_notice();
    CHECK_EQ_INT(closed_fd(), before);
}

/* While one queue is used, what another one had is given back. */
TEST(noticed_by_use)
{
    int before = closed_fd(), gone = open_queue();
    int kq = open_queue();
    CHECK_RETURNS(change(gone, 2, EVFILT_TIMER, EV_ADD), 0);
    CHECK_OK(close(gone));
    for (int i = 0; i < 200; i++)
        CHECK_RETURNS(change(kq, 1, EVFILT_USER, EV_ENABLE), 0);
    CHECK_EQ_INT(closed_fd(), before);
    for (int fd = before; fd < kq; fd++)
        CHECK(!is_open(fd));
    end(kq);
}

TEST(shows_in_poll)
{
    int kq = open_queue();
    struct pollfd shown = {kq, POLLIN | POLLOUT, 0};
    CHECK_EQ_INT(poll(&shown, 1, 0), 0);
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_EQ_INT(poll(&shown, 1, -1), 1);
    CHECK_EQ_INT(shown.revents, POLLIN);
    end(kq);
}
