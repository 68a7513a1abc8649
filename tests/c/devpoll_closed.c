/*
 * /dev/poll and numbers that change their meaning: descriptors closed without
 * being removed, with and without a duplicate that keeps the file open, and
 * numbers that stand for another file afterwards.
 */
#include <fcntl.h>
#include <unistd.h>

#include "devpoll_api.h"
#include "support.h"

/* What becomes of the number of a registered descriptor, and when. */
struct fate {
    const char *name;
    bool by_file;    /* it is a file that is always ready, not a pipe */
    bool duplicated; /* the file lives on under another number */
    bool reused;     /* by a file that is ready */
    bool delivered;  /* after it was reported, not only registered */
};

static const struct fate fates[] = {
    {"closed", false, false, false, false},
    {"closed-delivered", false, false, false, true},
    {"closed-duplicated", false, true, false, false},
    {"closed-duplicated-delivered", false, true, false, true},
    {"reused", false, false, true, false},
    {"reused-delivered", false, false, true, true},
    {"reused-duplicated", false, true, true, false},
    {"reused-duplicated-delivered", false, true, true, true},
    {"file-closed", true, false, false, false},
    {"file-closed-delivered", true, false, false, true},
    {"file-closed-duplicated", true, true, false, true},
    {"file-reused", true, false, true, false},
    {"file-reused-duplicated", true, true, true, true},
};

struct scene {
    struct pmx_devpoll *devpoll;
    int fd; /* the number */
    int duplicate;
    int pipe[2]; /* whose writing end it was */
    int other[2];
};

static void scene_open(struct scene *scene, const struct fate *fate)
{
    *scene = (struct scene){.devpoll = devpoll_open(), .duplicate = -1};
    make_pipe(scene->pipe);
    make_pipe(scene->other);
    scene->fd = moved_fd(fate->by_file ? make_file() : dup(scene->pipe[1]), 100);
    CHECK_OK(close(scene->pipe[1]));
    CHECK_OK(pmx_devpoll_register(scene->devpoll, scene->fd, POLLOUT));
    if (fate->delivered)
        check_one(scene->devpoll, -1, scene->fd, POLLOUT);
    if (fate->duplicated)
        scene->duplicate = CHECK_OK(dup(scene->fd));
    if (fate->reused)
        CHECK_OK(dup2(scene->other[1], scene->fd));
    else
        CHECK_OK(close(scene->fd));
}

static void scene_close(struct scene *scene)
{
    CHECK_OK(pmx_devpoll_close(scene->devpoll));
    if (scene->duplicate >= 0)
        CHECK_OK(close(scene->duplicate));
    if (is_open(scene->fd))
        CHECK_OK(close(scene->fd));
    CHECK_OK(close(scene->pipe[0]));
    close_both(scene->other);
}

TEST_EACH(nothing_is_reported, const struct fate *fate, fates)
{
    struct scene scene;
    scene_open(&scene, fate);
    check_none(scene.devpoll);
    CHECK_EQ_INT(polled(scene.devpoll, scene.fd), -1);
    scene_close(&scene);
}

TEST_EACH(is_not_polled, const struct fate *fate, fates)
{
    struct scene scene;
    scene_open(&scene, fate);
    CHECK_EQ_INT(polled(scene.devpoll, scene.fd), -1);
    CHECK_EQ_UINT(pmx_devpoll_count(scene.devpoll), 0);
    check_none(scene.devpoll);
    scene_close(&scene);
}

TEST_EACH(others_are_reported, const struct fate *fate, fates)
{
    struct scene scene;
    int ends[2];
    scene_open(&scene, fate);
    make_pipe(ends);
    CHECK_OK(pmx_devpoll_register(scene.devpoll, ends[1], POLLOUT));
    check_one(scene.devpoll, -1, ends[1], POLLOUT);
    check_one(scene.devpoll, -1, ends[1], POLLOUT);
    scene_close(&scene);
    close_both(ends);
}

TEST_EACH(can_be_removed, const struct fate *fate, fates)
{
    struct scene scene;
    scene_open(&scene, fate);
    CHECK_RETURNS(pmx_devpoll_unregister(scene.devpoll, scene.fd), 0);
    CHECK_EQ_UINT(pmx_devpoll_count(scene.devpoll), 0);
    check_none(scene.devpoll);
    scene_close(&scene);
}

/* The mask that the number had for another file is gone with that. */
TEST_EACH(registered_anew, const struct fate *fate, fates)
{
    struct scene scene;
    scene_open(&scene, fate);
    CHECK_OK(dup2(scene.other[0], scene.fd));
    CHECK_RETURNS(pmx_devpoll_register(scene.devpoll, scene.fd, POLLIN), 0);
    CHECK_EQ_INT(polled(scene.devpoll, scene.fd), POLLIN);
    check_none(scene.devpoll);
    write_byte(scene.other[1]);
    check_one(scene.devpoll, -1, scene.fd, POLLIN);
    check_one(scene.devpoll, -1, scene.fd, POLLIN);
    scene_close(&scene);
}

TEST_EACH(modified_to_something_else, const struct fate *fate, fates)
{
    struct scene scene;
    int file = make_file();
    scene_open(&scene, fate);
    CHECK_OK(dup2(file, scene.fd));
    CHECK_RETURNS(pmx_devpoll_modify(scene.devpoll, scene.fd, POLLIN), 0);
    check_one(scene.devpoll, -1, scene.fd, POLLIN);
    CHECK_EQ_UINT(pmx_devpoll_count(scene.devpoll), 1);
    CHECK_OK(close(file));
    scene_close(&scene);
}

/* Removed, and the duplicate has moved back to the number. */
TEST_EACH(comes_back, const struct fate *fate, fates)
{
    struct scene scene;
    scene_open(&scene, fate);
    if (scene.duplicate >= 0) {
        CHECK_OK(pmx_devpoll_unregister(scene.devpoll, scene.fd));
        CHECK_OK(dup2(scene.duplicate, scene.fd));
        check_none(scene.devpoll);
        CHECK_RETURNS(pmx_devpoll_register(scene.devpoll, scene.fd, POLLOUT), 0);
        check_one(scene.devpoll, -1, scene.fd, POLLOUT);
        check_one(scene.devpoll, -1, scene.fd, POLLOUT);
    }
    scene_close(&scene);
}

/* A child of fork is a duplicate of everything, too. */
TEST(closed_while_a_child_has_it)
{
    int ends[2], stop[2];
    struct pmx_devpoll *devpoll = devpoll_open();
    make_pipe(ends);
    make_pipe(stop);
    CHECK_OK(pmx_devpoll_register(devpoll, ends[1], POLLOUT));
    pid_t child = fork();
    if (child == 0) {
        read_byte(stop[0]);
        _exit(0);
    }
    CHECK_OK(close(ends[1]));
    check_none(devpoll);
    write_byte(stop[1]);
    join_process(child);
    CHECK_OK(pmx_devpoll_close(devpoll));
    CHECK_OK(close(ends[0]));
    close_both(stop);
}

/* The number is the lowest, so the next one that any call would get. */
TEST(number_that_is_not_open)
{
    int ends[2];
    struct pmx_devpoll *devpoll = devpoll_open();
    int fd = closed_fd();
    CHECK_RETURNS(pmx_devpoll_register(devpoll, fd, 0), 0);
    for (int i = 0; i < 3; i++)
        check_one(devpoll, i - 1, fd, POLLNVAL);
    CHECK_EQ_INT(polled(devpoll, fd), 0);
    make_pipe(ends);
    CHECK_EQ_INT(ends[0], fd);
    check_none(devpoll);
    CHECK_OK(pmx_devpoll_register(devpoll, fd, POLLIN));
    write_byte(ends[1]);
    check_one(devpoll, -1, fd, POLLIN);
    CHECK_OK(pmx_devpoll_close(devpoll));
    close_both(ends);
}

/* It is watched from the first wait on that finds it open; so is a file. */
TEST(number_that_is_opened)
{
    int ends[2], file = make_file(), fd = closed_fd() + 200;
    make_pipe(ends);
    for (int maxready = 1; maxready < 4; maxready++) {
        struct pmx_devpoll *devpoll = devpoll_open();
        struct pollfd answers[4];
        CHECK_OK(pmx_devpoll_register(devpoll, fd, POLLOUT));
        CHECK_OK(pmx_devpoll_register(devpoll, fd + 1, POLLOUT));
        CHECK_OK(dup2(ends[1], fd));
        CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, maxready, 0, NULL),
                      maxready < 2 ? 1 : 2);
        CHECK_OK(pmx_devpoll_unregister(devpoll, fd + 1));
        check_one(devpoll, 0, fd, POLLOUT);
        CHECK_OK(close(fd));
        CHECK_OK(pmx_devpoll_modify(devpoll, fd, POLLIN));
        check_one(devpoll, 0, fd, POLLNVAL);
        CHECK_OK(dup2(file, fd));
        check_one(devpoll, 0, fd, POLLIN);
        check_one(devpoll, 0, fd, POLLIN);
        CHECK_OK(pmx_devpoll_close(devpoll));
        CHECK_OK(close(fd));
    }
    CHECK_OK(close(file));
    close_both(ends);
}

/* Numbers that are not open, as many as there are bits; those of the bits are
 * opened after so many waits for one of them. */
enum { NUMBERS = 7, ALL_NUMBERS = (1 << NUMBERS) - 1 };

static void open_numbers(int first, int bits, int fd)
{
    for (int i = 0; i < NUMBERS; i++)
        if (bits & 1 << i)
            CHECK_OK(dup2(fd, first + i));
}

static void close_numbers(int first, int bits)
{
    for (int i = 0; i < NUMBERS; i++)
        if (bits & 1 << i)
            CHECK_OK(close(first + i));
}

static void open_some(int first, int bits, int waits, int fd)
{
    struct pollfd answers[NUMBERS];
    int seen = 0;
    struct pmx_devpoll *devpoll = devpoll_open();
    for (int i = 0; i < NUMBERS; i++)
        CHECK_OK(pmx_devpoll_register(devpoll, first + i, POLLIN));
    for (int i = 0; i < waits; i++)
        CHECK_RETURNS(pmx_devpoll_wait(devpoll, answers, 1, 0, NULL), 1);
    open_numbers(first, bits, fd);
    int count = CHECK_OK(pmx_devpoll_wait(devpoll, answers, NUMBERS, 0, NULL));
    for (int i = 0; i < count; i++) {
        CHECK_EQ_INT(answers[i].revents, POLLNVAL);
        seen |= 1 << (answers[i].fd - first);
    }
    CHECK_EQ_INT(seen, ALL_NUMBERS & ~bits);
    CHECK_EQ_INT(count, NUMBERS - __builtin_popcount((unsigned)bits));
    CHECK_OK(pmx_devpoll_close(devpoll));
    close_numbers(first, bits);
}

TEST(some_numbers_are_opened)
{
    int ends[2], first = closed_fd() + 200;
    make_pipe(ends);
    for (int waits = 0; waits < NUMBERS; waits++)
        for (int bits = 0; bits <= ALL_NUMBERS; bits++)
            open_some(first, bits, waits, ends[0]);
    close_both(ends);
}
