/*
 * Handles: made, closed, shut down, made over a descriptor, and with the
 * descriptor closed behind them.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue.h"

static void add_user(struct pmx_kqueue *queue, uintptr_t ident)
{
    CHECK_OK(change(queue, ident, EVFILT_USER, EV_ADD));
}

TEST(close_on_exec)
{
    struct pmx_kqueue *queue = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_EQ_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_RETURNS(pmx_kqueue_fd(queue), fd);
    CHECK_RETURNS(pmx_kqueue_usable(queue), 1);
    close_queue(queue);
    CHECK(!is_open(fd));
}

/* A queue has nothing to read or write; a program finds that out at once. */
TEST(is_no_stream)
{
    char byte = 0;
    struct stat stat;
    DIFFERENCE(
        "to read from a queue's descriptor or write to it is ENXIO, to seek "
        "ESPIPE, and fstat(2) calls it a FIFO",
        "to read or write is EINVAL, to seek does nothing, and fstat(2) knows no "
        "type, as of any epoll set");
    struct pmx_kqueue *queue = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_ERRNO((int)read(fd, &byte, 1), EINVAL);
    CHECK_ERRNO((int)write(fd, &byte, 1), EINVAL);
    CHECK_OK(fstat(fd, &stat));
    CHECK(!S_ISFIFO(stat.st_mode));
    close_queue(queue);
}

TEST(null_is_no_queue)
{
    CHECK_RETURNS(pmx_kqueue_close(NULL), 0);
}

TEST(no_descriptor_left)
{
    need_limit_in_kernel();
    struct rlimit before;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    limit_descriptors((size_t)closed_fd());
    CHECK_NULL_ERRNO(pmx_kqueue_create(), EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    close_queue(open_queue());
}

TEST(closed_behind_the_handle)
{
    struct pmx_kevent event;
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    CHECK_RETURNS(pmx_kqueue_check(queue), 0);
    CHECK_OK(close(CHECK_OK(pmx_kqueue_fd(queue))));
    CHECK_ERRNO(pmx_kqueue_check(queue), EBADF);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, NULL), EBADF);
    CHECK_ERRNO(pmx_kqueue_close(queue), EBADF);
}

/* What has the number now, be it a queue as well, is neither taken nor closed. */
TEST(number_with_a_new_owner)
{
    struct pmx_kqueue *queue = open_queue(), *other = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_OK(dup3(CHECK_OK(pmx_kqueue_fd(other)), fd, O_CLOEXEC));
    CHECK_ERRNO(pmx_kqueue_check(queue), EBADF);
    CHECK_RETURNS(pmx_kqueue_check(other), 0);
    CHECK_ERRNO(pmx_kqueue_close(queue), EBADF);
    CHECK(is_open(fd));
    CHECK_OK(close(fd));
    close_queue(other);
}

TEST(shut_down)
{
    struct pmx_kevent event;
    struct pmx_kqueue *queue = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    add_user(queue, 1);
    CHECK_OK(trigger(queue, 1));
    CHECK_RETURNS(pmx_kqueue_shutdown(queue), 0);
    CHECK(!is_open(fd));
    CHECK_RETURNS(pmx_kqueue_usable(queue), 0);
    CHECK_ERRNO(pmx_kqueue_check(queue), EBADF);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, NULL), EBADF);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, NULL, 0, 0, NULL), EBADF);
    CHECK_ERRNO(trigger(queue, 1), EBADF);
    CHECK_ERRNO(pmx_kqueue_fd(queue), EBADF);
    CHECK_RETURNS(pmx_kqueue_close(queue), 0);
}

/* A handle over the same number: whoever is closed first closes it for both. */
TEST(second_handle_over_one_number)
{
    struct pmx_kqueue *first = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(first));
    add_user(first, 1);
    struct pmx_kqueue *second = pmx_kqueue_from_fd(fd);
    CHECK(second);
    CHECK_RETURNS(pmx_kqueue_fd(second), fd);
    CHECK_OK(trigger(second, 1));
    CHECK_EQ_INT(take(first).filter, EVFILT_USER);
    CHECK_EQ_INT(take(second).filter, EVFILT_USER);
    CHECK_RETURNS(pmx_kqueue_close(first), 0);
    CHECK(!is_open(fd));
    CHECK_ERRNO(trigger(second, 1), EBADF);
    CHECK_ERRNO(pmx_kqueue_close(second), EBADF);
}

/* A handle over a duplicate shares the queue and lives on its own. */
TEST(handle_over_a_duplicate)
{
    struct pmx_kqueue *first = open_queue();
    int copy = CHECK_OK(fcntl(CHECK_OK(pmx_kqueue_fd(first)), F_DUPFD_CLOEXEC, 0));
    struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
    CHECK(second);
    CHECK_RETURNS(pmx_kqueue_fd(second), copy);
    add_user(first, 1);
    CHECK_OK(trigger(second, 1));
    CHECK_EQ_INT(take(first).filter, EVFILT_USER);
    close_queue(first);
    CHECK(is_open(copy));
    CHECK_RETURNS(pmx_kqueue_usable(second), 1);
    CHECK_EQ_INT(take(second).filter, EVFILT_USER);
    CHECK_RETURNS(change(second, 1, EVFILT_USER, EV_DELETE), 0);
    close_queue(second);
    CHECK(!is_open(copy));
}

/* The other order, with a shutdown for a close. */
TEST(duplicate_is_shut_down)
{
    struct pmx_kqueue *first = open_queue();
    int copy = CHECK_OK(fcntl(CHECK_OK(pmx_kqueue_fd(first)), F_DUPFD_CLOEXEC, 0));
    struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
    CHECK(second);
    add_user(second, 1);
    CHECK_RETURNS(pmx_kqueue_shutdown(second), 0);
    CHECK(!is_open(copy));
    CHECK_OK(trigger(first, 1));
    CHECK_EQ_INT(take(first).filter, EVFILT_USER);
    CHECK_RETURNS(pmx_kqueue_close(second), 0);
    CHECK_OK(trigger(first, 1));
    close_queue(first);
}

TEST(from_fd_of_something_else)
{
    int ends[2], epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
    make_pipe(ends);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(-1), EBADF);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(INT_MIN), EBADF);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(INT_MAX), EBADF);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(closed_fd() + 100), EBADF);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(ends[0]), EINVAL);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(epoll), EINVAL);
    struct pmx_kqueue *queue = open_queue();
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(ends[0]), EINVAL);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(epoll), EINVAL);
    close_queue(queue);
    CHECK_OK(close(epoll));
    close_both(ends);
}

/* A number that was a queue's and is another thing's now. */
TEST(from_fd_of_a_number_that_was_a_queue)
{
    struct pmx_kqueue *queue = open_queue();
    int fd = CHECK_OK(pmx_kqueue_fd(queue)), ends[2];
    close_queue(queue);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(fd), EBADF);
    make_pipe(ends);
    CHECK_EQ_INT(ends[0], fd);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(fd), EINVAL);
    close_both(ends);
}

/* Sends a descriptor and receives it, under another number. */
static int send_and_receive(int fd)
{
    int ends[2], received;
    char byte = 0;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec content = {&byte, 1};
    struct msghdr message = {.msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    make_socketpair(ends);
    CHECK_EQ_INT(sendmsg(ends[0], &message, 0), 1);
    CHECK_EQ_INT(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC), 1);
    memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
    close_both(ends);
    return received;
}

/* The number of a queue within another becomes the other's own. */
TEST(from_fd_of_what_was_a_queue_within)
{
    struct pmx_kqueue *outer = open_queue(), *inner = open_queue();
    int number = CHECK_OK(pmx_kqueue_fd(inner));
    CHECK_OK(change(outer, (uintptr_t)number, EVFILT_READ, EV_ADD));
    add_user(inner, 1);
    CHECK_OK(trigger(inner, 1));
    int copy = CHECK_OK(fcntl(number, F_DUPFD_CLOEXEC, 0));
    struct pmx_kqueue *other = pmx_kqueue_from_fd(copy);
    CHECK(other);
    CHECK_OK(dup3(CHECK_OK(pmx_kqueue_fd(outer)), number, O_CLOEXEC));
    CHECK_ERRNO(pmx_kqueue_close(inner), EBADF);
    struct pmx_kqueue *again = pmx_kqueue_from_fd(number);
    CHECK(again);
    CHECK_QUIET(outer);
    close_queue(again);
    close_queue(other);
    close_queue(outer);
}

TEST(sent_through_a_socket)
{
    struct pmx_kqueue *queue = open_queue();
    DIFFERENCE("the descriptor of a queue cannot be sent through a socket",
               "it can, as any; in this process it is a duplicate, in another nothing");
    int copy = send_and_receive(CHECK_OK(pmx_kqueue_fd(queue)));
    struct pmx_kqueue *second = pmx_kqueue_from_fd(copy);
    CHECK(second);
    add_user(second, 1);
    CHECK_OK(trigger(queue, 1));
    CHECK_EQ_INT(take(second).filter, EVFILT_USER);
    close_queue(second);
    close_queue(queue);
}

/* Many queues, closed in another order. */
TEST(many_queues)
{
    enum { QUEUES = 200 };
    struct pmx_kqueue *queues[QUEUES];
    for (int i = 0; i < QUEUES; i++) {
        queues[i] = open_queue();
        add_user(queues[i], 1);
        CHECK_OK(trigger(queues[i], 1));
    }
    for (int i = 0; i < QUEUES; i++)
        CHECK_EQ_UINT(take(queues[i * 7 % QUEUES]).ident, 1);
    for (int i = 0; i < QUEUES; i++)
        close_queue(queues[i * 7 % QUEUES]);
}
