/* /dev/poll: what <polymux/devpoll.h> promises of one handle in one thread. */
#include <polymux/devpoll.h>

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devpoll_api.h"
#include "support.h"

/* The events of one descriptor that a set of it alone has at once. */
static short ask(int fd, short events)
{
    struct pollfd answer[2];
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_RETURNS(pmx_devpoll_register(devpoll, fd, events), 0);
    int count = CHECK_OK(pmx_devpoll_wait(devpoll, answer, 2, 0, NULL));
    CHECK(count <= 1);
    CHECK_RETURNS(pmx_devpoll_close(devpoll), 0);
    if (count == 0)
        return 0;
    CHECK_EQ_INT(answer[0].fd, fd);
    CHECK_EQ_INT(answer[0].events, events);
    return answer[0].revents;
}

TEST(handle_has_a_close_on_exec_descriptor)
{
    struct pmx_devpoll *devpoll = devpoll_open();
    int fd = pmx_devpoll_fd(devpoll);
    CHECK_EQ_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_RETURNS(pmx_devpoll_register(devpoll, closed_fd(), POLLIN), 0);
    CHECK_RETURNS(pmx_devpoll_close(devpoll), 0);
    CHECK(!is_open(fd));
    CHECK_RETURNS(pmx_devpoll_close(NULL), 0);
}

TEST(closed_behind_the_handle)
{
    struct pollfd answer;
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_RETURNS(pmx_devpoll_check(devpoll), 0);
    CHECK_OK(close(pmx_devpoll_fd(devpoll)));
    CHECK_ERRNO(pmx_devpoll_check(devpoll), EBADF);
    CHECK_ERRNO(pmx_devpoll_wait(devpoll, &answer, 1, -1, NULL), EBADF);
    CHECK_ERRNO(pmx_devpoll_close(devpoll), EBADF);
}

/* What has the number now, be it a set as well, is neither taken nor closed. */
TEST(number_with_a_new_owner)
{
    struct pmx_devpoll *devpoll = devpoll_open(), *other = devpoll_open();
    int fd = pmx_devpoll_fd(devpoll);
    CHECK_OK(dup3(pmx_devpoll_fd(other), fd, O_CLOEXEC));
    CHECK_ERRNO(pmx_devpoll_check(devpoll), EBADF);
    CHECK_RETURNS(pmx_devpoll_check(other), 0);
    CHECK_ERRNO(pmx_devpoll_close(devpoll), EBADF);
    CHECK(is_open(fd));
    CHECK_OK(close(fd));
    CHECK_RETURNS(pmx_devpoll_close(other), 0);
}

/* Looking does not light what is out. */
TEST(checked_while_nothing_is_ready)
{
    struct pmx_devpoll *devpoll = devpoll_open();
    struct pollfd shown = {pmx_devpoll_fd(devpoll), POLLIN, 0};
    CHECK_RETURNS(pmx_devpoll_check(devpoll), 0);
    CHECK_EQ_INT(poll(&shown, 1, 0), 0);
    CHECK_RETURNS(pmx_devpoll_register(devpoll, closed_fd(), POLLIN), 0);
    CHECK_RETURNS(pmx_devpoll_check(devpoll), 0);
    CHECK_EQ_INT(poll(&shown, 1, 0), 1);
    CHECK_RETURNS(pmx_devpoll_close(devpoll), 0);
}

TEST(pipe_masks)
{
    int ends[2];
    make_pipe(ends);
    CHECK_EQ_INT(ask(ends[0], POLLIN | POLLOUT | POLLPRI), 0);
    CHECK_EQ_INT(ask(ends[1], POLLOUT), POLLOUT);
    CHECK_EQ_INT(ask(ends[1], 0), 0);
    write_byte(ends[1]);
    CHECK_EQ_INT(ask(ends[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(ask(ends[0], POLLIN), POLLIN | POLLHUP);
    CHECK_EQ_INT(ask(ends[0], 0), POLLHUP);
    CHECK_OK(close(ends[0]));
}

TEST(every_bit_of_a_mask)
{
    int ends[2];
    make_socketpair(ends);
    CHECK_EQ_INT(ask(ends[0], -1), POLLOUT | POLLWRNORM | POLLWRBAND);
    CHECK_OK(close(ends[1]));
    CHECK_EQ_INT(ask(ends[0], SHRT_MIN), POLLHUP);
    CHECK_OK(close(ends[0]));
}

TEST(what_epoll_refuses_is_always_ready)
{
    int file = make_file();
    int directory = CHECK_OK(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int null = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK_EQ_INT(ask(file, POLLIN | POLLOUT | POLLPRI), POLLIN | POLLOUT);
    CHECK_EQ_INT(ask(file, POLLRDNORM | POLLWRNORM), POLLRDNORM | POLLWRNORM);
    CHECK_EQ_INT(ask(file, POLLPRI), 0);
    CHECK_EQ_INT(ask(directory, POLLIN), POLLIN);
    CHECK_EQ_INT(ask(null, POLLOUT), POLLOUT);
    CHECK_OK(close(file));
    CHECK_OK(close(directory));
    CHECK_OK(close(null));
}

TEST(path_descriptor_is_invalid)
{
    int path = CHECK_OK(open("/", O_PATH | O_CLOEXEC));
    CHECK_EQ_INT(ask(path, POLLIN), POLLNVAL);
    CHECK_OK(close(path));
}

TEST(is_level_triggered)
{
    int ends[2], file = make_file();
    make_pipe(ends);
    write_byte(ends[1]);
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_OK(pmx_devpoll_register(devpoll, ends[0], POLLIN));
    for (int i = 0; i < 3; i++)
        check_one(devpoll, -1, ends[0], POLLIN);
    read_byte(ends[0]);
    check_none(devpoll);
    CHECK_OK(pmx_devpoll_register(devpoll, file, POLLOUT));
    for (int i = 0; i < 3; i++)
        check_one(devpoll, -1, file, POLLOUT);
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(file));
    close_both(ends);
}

TEST(registering_again_adds_to_the_mask)
{
    int ends[2], file = make_file(), closed = closed_fd() + 100;
    make_socketpair(ends);
    write_byte(ends[1]);
    struct pmx_devpoll *devpoll = devpoll_open();
    const int fds[] = {ends[0], file, closed};
    for (int i = 0; i < 3; i++) {
        CHECK_RETURNS(pmx_devpoll_register(devpoll, fds[i], POLLIN), 0);
        CHECK_RETURNS(pmx_devpoll_register(devpoll, fds[i], POLLOUT), 0);
        CHECK_EQ_UINT(pmx_devpoll_count(devpoll), 1);
        CHECK_EQ_INT(polled(devpoll, fds[i]), POLLIN | POLLOUT);
        check_one(devpoll, 0, fds[i], fds[i] == closed ? POLLNVAL : POLLIN | POLLOUT);
        CHECK_RETURNS(pmx_devpoll_unregister(devpoll, fds[i]), 0);
        CHECK_EQ_INT(polled(devpoll, fds[i]), -1);
        check_none(devpoll);
    }
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(file));
    close_both(ends);
}

TEST(modify_replaces_the_mask)
{
    int ends[2], file = make_file();
    make_socketpair(ends);
    write_byte(ends[1]);
    struct pmx_devpoll *devpoll = devpoll_open();
    const int fds[] = {ends[0], file};
    for (int i = 0; i < 2; i++) {
        CHECK_RETURNS(pmx_devpoll_modify(devpoll, fds[i], POLLIN), 0);
        check_one(devpoll, -1, fds[i], POLLIN);
        CHECK_RETURNS(pmx_devpoll_modify(devpoll, fds[i], POLLOUT), 0);
        check_one(devpoll, -1, fds[i], POLLOUT);
        CHECK_RETURNS(pmx_devpoll_modify(devpoll, fds[i], POLLPRI), 0);
        check_none(devpoll);
        CHECK_EQ_INT(polled(devpoll, fds[i]), POLLPRI);
    }
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(file));
    close_both(ends);
}

TEST(removing_the_unknown)
{
    int closed = closed_fd();
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_RETURNS(pmx_devpoll_unregister(devpoll, 0), 0);
    CHECK_RETURNS(pmx_devpoll_unregister(devpoll, closed), 0);
    CHECK_RETURNS(pmx_devpoll_unregister(devpoll, -1), 0);
    CHECK_EQ_INT(polled(devpoll, 0), -1);
    CHECK_EQ_INT(polled(devpoll, -1), -1);
    CHECK_OK(pmx_devpoll_close(devpoll));
}

TEST(errors_of_changes)
{
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_ERRNO(pmx_devpoll_register(devpoll, -1, POLLIN), EBADF);
    CHECK_ERRNO(pmx_devpoll_modify(devpoll, INT_MIN, POLLIN), EBADF);
    CHECK_ERRNO(pmx_devpoll_register(devpoll, pmx_devpoll_fd(devpoll), POLLIN), EINVAL);
    CHECK_EQ_UINT(pmx_devpoll_count(devpoll), 0);
    check_none(devpoll);
    CHECK_OK(pmx_devpoll_close(devpoll));
}

/* The numbers that the handle takes for itself are no descriptors to watch. */
TEST(own_descriptors_are_refused)
{
    int before = closed_fd();
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_OK(pmx_devpoll_register(devpoll, before + 100, POLLIN));
    for (int fd = before; is_open(fd); fd++)
        CHECK_ERRNO(pmx_devpoll_register(devpoll, fd, POLLIN), EINVAL);
    check_one(devpoll, 0, before + 100, POLLNVAL);
    CHECK_OK(pmx_devpoll_close(devpoll));
}

TEST(sets_within_sets)
{
    enum { DEPTH = 8 };
    int ends[2], result = 0, depth = 1;
    struct pmx_devpoll *chain[DEPTH];
    make_pipe(ends);
    for (int i = 0; i < DEPTH; i++)
        chain[i] = devpoll_open();
    for (; depth < DEPTH && result == 0; depth++)
        result = pmx_devpoll_register(chain[depth], pmx_devpoll_fd(chain[depth - 1]),
                                      POLLIN);
    CHECK_EQ_INT(result, -1);
    CHECK(errno == ELOOP || errno == EINVAL);
    CHECK_ERRNO(pmx_devpoll_register(chain[0], pmx_devpoll_fd(chain[1]), POLLIN),
                ELOOP);
    CHECK_OK(pmx_devpoll_register(chain[0], ends[0], POLLIN));
    check_none(chain[1]);
    write_byte(ends[1]);
    check_one(chain[1], -1, pmx_devpoll_fd(chain[0]), POLLIN);
    for (int i = 0; i < DEPTH; i++)
        CHECK_OK(pmx_devpoll_close(chain[i]));
    close_both(ends);
}

TEST(maxready_out_of_range)
{
    struct pollfd answer;
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK_ERRNO(pmx_devpoll_wait(devpoll, &answer, 0, -1, NULL), EINVAL);
    CHECK_ERRNO(pmx_devpoll_wait(devpoll, &answer, INT_MIN, 0, NULL), EINVAL);
    CHECK_RETURNS(pmx_devpoll_wait(devpoll, &answer, INT_MAX, 0, NULL), 0);
    CHECK_OK(pmx_devpoll_close(devpoll));
}

/* The own descriptor is readable while a wait would not sleep. */
TEST(own_descriptor_is_pollable)
{
    int ends[2], file = make_file(), closed = closed_fd() + 100;
    make_pipe(ends);
    struct pmx_devpoll *devpoll = devpoll_open();
    struct pollfd own = {.fd = pmx_devpoll_fd(devpoll), .events = POLLIN};
    const int fds[] = {ends[1], file, closed};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(poll(&own, 1, 0), 0);
        CHECK_OK(pmx_devpoll_register(devpoll, fds[i], POLLOUT));
        CHECK_EQ_INT(poll(&own, 1, 0), 1);
        check_one(devpoll, 0, fds[i], fds[i] == closed ? POLLNVAL : POLLOUT);
        CHECK_EQ_INT(poll(&own, 1, 0), 1);
        CHECK_OK(pmx_devpoll_unregister(devpoll, fds[i]));
    }
    CHECK_EQ_INT(poll(&own, 1, 0), 0);
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(file));
    close_both(ends);
}

/* More is ready than asked for: none is left out, whatever kind it is of. */
static void take_turns(int files, int pipes, int maxready)
{
    enum { MOST = 12, WAITS = 240 };
    int fds[MOST], ends[2], seen[MOST] = {0};
    struct pollfd answers[MOST];
    struct pmx_devpoll *devpoll = devpoll_open();
    make_pipe(ends);
    for (int i = 0; i < files + pipes; i++) {
        fds[i] = i < files ? make_file() : CHECK_OK(dup(ends[1]));
        CHECK_OK(pmx_devpoll_register(devpoll, fds[i], POLLOUT));
    }
    for (int i = 0; i < WAITS; i++) {
        int count = CHECK_OK(pmx_devpoll_wait(devpoll, answers, maxready, 0, NULL));
        CHECK_EQ_INT(count, maxready);
        for (int j = 0; j < count; j++)
            for (int k = 0; k < files + pipes; k++)
                seen[k] += fds[k] == answers[j].fd;
    }
    for (int i = 0; i < files + pipes; i++) {
        CHECK_GE_INT(seen[i], WAITS * maxready / 2 / (files > pipes ? files : pipes));
        CHECK_OK(close(fds[i]));
    }
    CHECK_OK(pmx_devpoll_close(devpoll));
    close_both(ends);
}

TEST(small_maxready_takes_turns)
{
    take_turns(0, 5, 2);
    take_turns(5, 0, 2);
    take_turns(3, 3, 1);
    take_turns(6, 6, 2);
    take_turns(4, 8, 4);
    take_turns(8, 4, 4);
}

/* More than one batch of the kernel's, each once, and no limit in between. */
TEST(thousands_of_descriptors)
{
    int ends[2];
    make_socketpair(ends);
    int count = (int)limit_descriptors(20000) - 100;
    int first = CHECK_OK(dup(ends[0]));
    struct pollfd *answers = calloc((size_t)count + 1, sizeof(*answers));
    struct pmx_devpoll *devpoll = devpoll_open();
    CHECK(answers);
    for (int i = 0; i < count; i++) {
        int fd = i ? CHECK_OK(dup(ends[0])) : first;
        CHECK_RETURNS(pmx_devpoll_register(devpoll, fd, POLLOUT), 0);
    }
    CHECK_EQ_UINT(pmx_devpoll_count(devpoll), count);
    for (int i = 0; i < 2; i++) {
        CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, count + 1, -1, NULL), count);
        sort_by_fd(answers, count);
        for (int j = 1; j < count; j++)
            CHECK(answers[j - 1].fd < answers[j].fd && answers[j].revents == POLLOUT);
    }
    CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 1000, -1, NULL), 1000);
    CHECK_OK(pmx_devpoll_close(devpoll));
    for (int i = 0; i < count; i++)
        CHECK_OK(close(answers[i].fd));
    free(answers);
    close_both(ends);
}
