/*
 * /dev/poll as <sys/devpoll.h> documents it, written as a Solaris program
 * writes it: through the macros.
 */
#include <sys/devpoll.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/event.h>
#include <sys/stat.h>

#include "../support.h"

static int open_set(void)
{
    return CHECK_OK(open("/dev/poll", O_RDWR | O_CLOEXEC));
}

static int put(int set, int fd, short events)
{
    const struct pollfd entry = {fd, events, 0};
    return (int)write(set, &entry, sizeof(entry));
}

static void check_put(int set, int fd, short events)
{
    CHECK_RETURNS(put(set, fd, events), sizeof(struct pollfd));
}

static int poll_set(int set, struct pollfd *answers, nfds_t room, int timeout)
{
    struct dvpoll dvpoll = {.dp_fds = answers, .dp_nfds = room, .dp_timeout = timeout};
    return ioctl(set, DP_POLL, &dvpoll);
}

static void check_answer(int set, int fd, short events, short revents)
{
    struct pollfd answers[2];
    CHECK_RETURNS(poll_set(set, answers, 2, -1), 1);
    CHECK_EQ_INT(answers[0].fd, fd);
    CHECK_EQ_INT(answers[0].events, events);
    CHECK_EQ_INT(answers[0].revents, revents);
}

/* Calls that fail make the library look at what it has. */
static void end(int set)
{
    CHECK_OK(close(set));
    for (int i = 0; i < 20; i++)
        kevent(-1, NULL, 0, NULL, 0, NULL);
}

TEST(close_on_exec)
{
    int with = open_set(), without = CHECK_OK(open("/dev/poll", O_RDWR));
    CHECK_EQ_INT(fcntl(with, F_GETFD), FD_CLOEXEC);
    CHECK_EQ_INT(fcntl(without, F_GETFD), 0);
    CHECK_OK(close(with));
    end(without);
}

TEST(entries)
{
    int ends[2], set = open_set();
    make_socketpair(ends);
    check_put(set, ends[0], POLLIN);
    check_put(set, ends[0], POLLOUT);
    check_answer(set, ends[0], POLLIN | POLLOUT, POLLOUT);
    write_byte(ends[1]);
    check_answer(set, ends[0], POLLIN | POLLOUT, POLLIN | POLLOUT);
    check_put(set, ends[0], POLLREMOVE);
    check_put(set, ends[0], POLLIN);
    check_answer(set, ends[0], POLLIN, POLLIN);
    check_put(set, ends[0], POLLREMOVE);
    check_put(set, ends[0], POLLREMOVE);
    CHECK_RETURNS(poll_set(set, (struct pollfd[1]){{0}}, 1, 0), 0);
    close_both(ends);
    end(set);
}

TEST(many_entries_in_one_write)
{
    int first[2], second[2], set = open_set();
    struct pollfd answers[4];
    make_pipe(first);
    make_pipe(second);
    const struct pollfd entries[] = {{first[1], POLLOUT, 0},
                                     {-1, POLLIN, 0},
                                     {second[1], POLLOUT, 0},
                                     {first[1], POLLREMOVE, 0},
                                     {first[0], POLLIN, 0}};
    CHECK_RETURNS(pwrite(set, entries, sizeof(entries), 0), sizeof(entries));
    CHECK_RETURNS(poll_set(set, answers, 4, -1), 1);
    CHECK_EQ_INT(answers[0].fd, second[1]);
    CHECK_RETURNS(write(set, entries, 0), 0);
    close_both(first);
    close_both(second);
    end(set);
}

TEST(is_polled)
{
    int ends[2], set = open_set();
    make_pipe(ends);
    struct pollfd entry = {ends[0], 0, 0x1234};
    CHECK_RETURNS(ioctl(set, DP_ISPOLLED, &entry), 0);
    CHECK_EQ_INT(entry.revents, 0x1234);
    check_put(set, ends[0], POLLIN | POLLPRI);
    CHECK_RETURNS(ioctl(set, DP_ISPOLLED, &entry), 1);
    CHECK_EQ_INT(entry.revents, POLLIN | POLLPRI);
    close_both(ends);
    end(set);
}

TEST(errors)
{
    struct pollfd entry = {0, POLLIN, 0};
    struct dvpoll dvpoll = {.dp_fds = NULL, .dp_nfds = 1, .dp_timeout = -1};
    int set = open_set();
    CHECK_ERRNO(write(set, &entry, sizeof(entry) - 1), EINVAL);
    CHECK_ERRNO(write(set, NULL, sizeof(entry)), EFAULT);
    CHECK_ERRNO(put(set, set, POLLIN), EINVAL);
    CHECK_ERRNO(ioctl(set, DP_POLL, NULL), EFAULT);
    CHECK_ERRNO(ioctl(set, DP_POLL, &dvpoll), EFAULT);
    CHECK_ERRNO(ioctl(set, DP_ISPOLLED, NULL), EFAULT);
    end(set);
}

TEST(only_sleeping)
{
    int set = open_set();
    int64_t start = now_ns();
    CHECK_RETURNS(poll_set(set, NULL, 0, 2), 0);
    CHECK_GE_INT(now_ns() - start, 2 * MS);
    CHECK_RETURNS(poll_set(set, NULL, 0, 0), 0);
    CHECK_RETURNS(poll_set(set, (struct pollfd[1]){{0}}, 1, 2), 0);
    CHECK_GE_INT(now_ns() - start, 4 * MS);
    end(set);
}

/* A signal that is blocked but for the wait ends it, with room and without. */
TEST(signal_mask)
{
    struct pollfd answer;
    sigset_t none = mask_of(0);
    int set = open_set();
    count_signal(SIGUSR1, 0);
    block_signal(SIGUSR1);
    for (nfds_t room = 0; room < 2; room++) {
        struct dvpoll dvpoll = {&answer, room, -1, &none};
        CHECK_OK(raise(SIGUSR1));
        dvpoll.dp_timeout = 0;
        CHECK_RETURNS(ioctl(set, DP_POLL, &dvpoll), 0);
        dvpoll.dp_timeout = -1;
        CHECK_ERRNO(ioctl(set, DP_PPOLL, &dvpoll), EINTR);
        CHECK_EQ_INT(signals_counted(), (int)room + 1);
    }
    end(set);
}

/*
 * Everything else is the system's.
 */

TEST(other_files)
{
    struct stat status;
    char path[] = "/tmp/devpoll-test-XXXXXX", bytes[4] = "";
    int count = 0, temporary = CHECK_OK(mkostemp(path, O_CLOEXEC));
    CHECK_OK(close(temporary));
    CHECK_OK(unlink(path));
    int file = CHECK_OK(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    CHECK_OK(unlink(path));
    CHECK_OK(fstat(file, &status));
    CHECK_EQ_INT(status.st_mode & 0137, 0);
    CHECK_EQ_INT(status.st_mode & 0600, 0600);
    CHECK_EQ_INT(write(file, "abc", 3), 3);
    CHECK_EQ_INT(pwrite(file, "x", 1, 1), 1);
    CHECK_EQ_INT(pread(file, bytes, 3, 0), 3);
    CHECK_EQ_STR(bytes, "axc");
    CHECK_OK(lseek(file, 0, SEEK_SET) == 0 ? 0 : -1);
    CHECK_OK(ioctl(file, FIONREAD, &count));
    CHECK_EQ_INT(count, 3);
    CHECK_ERRNO(ioctl(file, DP_POLL, &count), ENOTTY);
    CHECK_OK(close(file));
    CHECK_ERRNO(open("/dev/poll/nothing", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("", O_RDONLY), ENOENT);
}

TEST(no_descriptors)
{
    struct pollfd entry = {0, POLLIN, 0};
    CHECK_ERRNO(write(-1, &entry, sizeof(entry)), EBADF);
    CHECK_ERRNO(pwrite(-1, &entry, sizeof(entry), 0), EBADF);
    CHECK_ERRNO(ioctl(-1, DP_ISPOLLED, &entry), EBADF);
}

TEST(number_of_something_else)
{
    int ends[2], set = open_set();
    CHECK_OK(close(set));
    CHECK_ERRNO(put(set, 0, POLLIN), EBADF);
    make_socketpair(ends);
    CHECK_EQ_INT(ends[0], set);
    CHECK_EQ_INT(write(set, "x", 1), 1);
    read_byte(ends[1]);
    close_both(ends);
    end(open_set());
}

TEST(opened_and_closed)
{
    int before = closed_fd();
    for (int i = 0; i < 300; i++) {
        int set = open_set();
        CHECK_GE_INT(before + 4, set);
        check_put(set, 0, POLLIN);
        CHECK_OK(close(set));
    }
    CHECK_GE_INT(before + 2, closed_fd());
    end(open_set());
}

/*
 * Fork and threads.
 */

static void use_parents(int set)
{
    struct pollfd answer;
    int ends[2];
    CHECK_ERRNO(put(set, 0, POLLIN), EACCES);
    CHECK_ERRNO(poll_set(set, &answer, 1, 0), EACCES);
    CHECK_ERRNO(poll_set(set, NULL, 0, 0), EACCES);
    CHECK_ERRNO(ioctl(set, DP_ISPOLLED, &answer), EACCES);
    CHECK_OK(close(set));
    make_socketpair(ends);
    CHECK_EQ_INT(ends[0], set);
    CHECK_EQ_INT(write(set, "x", 1), 1);
    int own = open_set();
    check_put(own, ends[1], POLLIN);
    check_answer(own, ends[1], POLLIN, POLLIN);
    _exit(0);
}

TEST(fork_leaves_the_parent_alone)
{
    int ends[2], set = open_set();
    make_pipe(ends);
    check_put(set, ends[0], POLLIN);
    write_byte(ends[1]);
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        use_parents(set);
    join_process(child);
    check_answer(set, ends[0], POLLIN, POLLIN);
    close_both(ends);
    end(set);
}

static void *live_and_die(void *argument)
{
    int ends[2];
    (void)argument;
    make_pipe(ends);
    write_byte(ends[1]);
    for (int i = 0; i < 300; i++) {
        int set = open_set();
        check_put(set, ends[0], POLLIN);
        check_answer(set, ends[0], POLLIN, POLLIN);
        CHECK_OK(close(set));
    }
    close_both(ends);
    return NULL;
}

TEST(sets_come_and_go)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start_thread(live_and_die, NULL);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    end(open_set());
}

static void *sleep_cancelled(void *argument)
{
    static int survived;
    pthread_cancel(pthread_self());
    CHECK_RETURNS(poll_set(*(int *)argument, (struct pollfd[1]){{0}}, 1, 1), 0);
    CHECK_RETURNS(poll_set(*(int *)argument, NULL, 0, 1), 0);
    return &survived;
}

TEST(no_cancellation_point)
{
    int set = open_set();
    pthread_t thread = start_thread(sleep_cancelled, &set);
    CHECK(join_thread(thread) != PTHREAD_CANCELED);
    end(set);
}
