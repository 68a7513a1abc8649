/*
 * Every allocation and every system call of /dev/poll fails, one at a time:
 * what was registered stays registered, what was not is not, nothing is lost,
 * and the same call works afterwards.
 */
#include <polymux/devpoll.h>

#include <unistd.h>

#include "../devpoll_api.h"
#include "../support.h"
#include "fault.h"

static const int errors[] = {ENOMEM, EIO, EDOM};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static const enum fault_site sites[] = {
    FAULT_ALLOCATION, FAULT_EPOLL_CREATE1, FAULT_EPOLL_CTL, FAULT_EPOLL_WAIT,
    FAULT_PPOLL,      FAULT_EVENTFD,       FAULT_FSTAT,
};
#define SITES (sizeof(sites) / sizeof(sites[0]))

/* A set in which one of each kind is ready: from the kernel, a file, a number
 * that is not open. */
struct scene {
    struct pmx_devpoll *devpoll;
    int fds[3];
    int pipe[2];
};

enum { FROM_KERNEL, FILE_READY, NOT_OPEN };

static void scene_open(struct scene *scene, int registered)
{
    scene->devpoll = devpoll_open();
    make_pipe(scene->pipe);
    scene->fds[FROM_KERNEL] = scene->pipe[1];
    scene->fds[FILE_READY] = make_file();
    scene->fds[NOT_OPEN] = closed_fd() + 200;
    for (int i = 0; i < registered; i++)
        CHECK_OK(pmx_devpoll_register(scene->devpoll, scene->fds[i], POLLOUT));
}

static void scene_close(struct scene *scene)
{
    CHECK_OK(pmx_devpoll_close(scene->devpoll));
    CHECK_OK(close(scene->fds[FILE_READY]));
    close_both(scene->pipe);
}

/* The first ones are polled for POLLOUT and ready, the others are neither. */
static void check_scene(struct scene *scene, int registered)
{
    struct pollfd answers[4];
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(polled(scene->devpoll, scene->fds[i]),
                     i < registered ? POLLOUT : -1);
    CHECK_EQ_UINT(pmx_devpoll_count(scene->devpoll), registered);
    for (int i = 0; i < 2; i++)
        CHECK_RETURNS(pmx_devpoll_wait(scene->devpoll, answers, 4, 0, NULL),
                      registered);
}

TEST(create)
{
    long live_before = fault_live_blocks();
    fault_smear_errno(EDOM);
    for (size_t i = 0; i < SITES; i++) {
        fault_arm(sites[i], 1, ENOMEM);
        struct pmx_devpoll *devpoll = pmx_devpoll_create();
        int error = errno;
        CHECK_EQ_INT(fault_disarm(), devpoll == NULL);
        CHECK(devpoll || error == ENOMEM);
        CHECK_OK(pmx_devpoll_close(devpoll));
    }
    CHECK_EQ_INT(fault_live_blocks(), live_before);
}

/* The handle is gone though close has failed; the harness counts descriptors. */
TEST(close)
{
    for (int nth = 1; nth <= 2; nth++) {
        long live_before = fault_live_blocks();
        struct scene scene;
        scene_open(&scene, 3);
        fault_arm(FAULT_CLOSE, nth, EIO);
        int result = pmx_devpoll_close(scene.devpoll);
        CHECK(fault_disarm());
        CHECK_EQ_INT(result, nth == 1 ? -1 : 0);
        scene.devpoll = NULL;
        scene_close(&scene);
        CHECK_EQ_INT(fault_live_blocks(), live_before);
    }
}

/* Fails the nth call of a site in an attempt; false when there are not so many. */
static bool fails(enum fault_site site, int nth, int error,
                  int (*attempt)(struct scene *), struct scene *scene)
{
    fault_arm(site, nth, error);
    int result = attempt(scene);
    int seen = errno;
    bool struck = fault_disarm();
    if (!struck)
        CHECK_OK(result);
    else if (result < 0)
        CHECK_EQ_INT(seen, site == FAULT_ALLOCATION ? ENOMEM : error);
    return struck && result < 0;
}

static int next; /* of the scene's descriptors */

static int register_next(struct scene *scene)
{
    return pmx_devpoll_register(scene->devpoll, scene->fds[next], POLLOUT);
}

TEST(register)
{
    for (size_t e = 0; e < ERRORS; e++)
        for (next = 0; next < 3; next++)
            for (size_t i = 0; i < SITES; i++) {
                struct scene scene;
                int nth = 1;
                scene_open(&scene, next);
                while (fails(sites[i], nth++, errors[e], register_next, &scene))
                    check_scene(&scene, next);
                check_scene(&scene, next + 1);
                scene_close(&scene);
            }
}

static int add_priority(struct scene *scene)
{
    return pmx_devpoll_register(scene->devpoll, scene->fds[next], POLLPRI);
}

static int modify_back(struct scene *scene)
{
    return pmx_devpoll_modify(scene->devpoll, scene->fds[next], POLLOUT);
}

TEST(change)
{
    for (size_t i = 0; i < SITES; i++) {
        struct scene scene;
        scene_open(&scene, 3);
        for (next = 0; next < 3; next++) {
            for (int nth = 1; fails(sites[i], nth, EIO, add_priority, &scene); nth++)
                check_scene(&scene, 3);
            CHECK_EQ_INT(polled(scene.devpoll, scene.fds[next]), POLLOUT | POLLPRI);
            for (int nth = 1; fails(sites[i], nth, EIO, modify_back, &scene); nth++)
                CHECK_EQ_INT(polled(scene.devpoll, scene.fds[next]), POLLOUT | POLLPRI);
            check_scene(&scene, 3);
        }
        scene_close(&scene);
    }
}

static int query_next(struct scene *scene)
{
    short events = 0;
    int result = pmx_devpoll_query(scene->devpoll, scene->fds[next], &events);
    CHECK(result < 0 || (result == 1 && events == POLLOUT));
    return result;
}

static int unregister_next(struct scene *scene)
{
    return pmx_devpoll_unregister(scene->devpoll, scene->fds[next]);
}

TEST(query_and_unregister)
{
    for (size_t i = 0; i < SITES; i++) {
        struct scene scene;
        scene_open(&scene, 3);
        for (next = 2; next >= 0; next--) {
            for (int nth = 1; fails(sites[i], nth, EIO, query_next, &scene); nth++)
                check_scene(&scene, next + 1);
            for (int nth = 1; fails(sites[i], nth, EIO, unregister_next, &scene); nth++)
                check_scene(&scene, next + 1);
            check_scene(&scene, next);
        }
        scene_close(&scene);
    }
}

static int wait_now(struct scene *scene)
{
    struct pollfd answers[4];
    return pmx_devpoll_wait(scene->devpoll, answers, 4, 0, NULL);
}

static int wait_a_bit(struct scene *scene)
{
    struct pollfd answers[4];
    return pmx_devpoll_wait(scene->devpoll, answers, 4, 1 * MS, NULL);
}

/* An error of any call is told, or makes no difference. */
TEST(wait)
{
    for (size_t i = 0; i < SITES; i++)
        for (int nth = 1; nth < 12; nth++)
            for (int registered = 0; registered <= 3; registered++) {
                struct scene scene;
                scene_open(&scene, registered);
                fails(sites[i], nth, EIO, wait_now, &scene);
                fails(sites[i], nth, EIO, wait_a_bit, &scene);
                check_scene(&scene, registered);
                scene_close(&scene);
            }
}

TEST(interrupted_sleep)
{
    struct scene scene;
    scene_open(&scene, 0);
    CHECK(fails(FAULT_PPOLL, 1, EINTR, wait_a_bit, &scene));
    scene_close(&scene);
}

/* An answer whose descriptor could not be armed again is an answer, and the
 * next wait arms it. */
TEST(lapsed_descriptor)
{
    struct scene scene;
    scene_open(&scene, 1);
    fault_arm(FAULT_EPOLL_CTL, 1, EIO);
    check_one(scene.devpoll, 0, scene.fds[0], POLLOUT);
    CHECK(fault_disarm());
    fault_arm(FAULT_EPOLL_CTL, 1, EIO);
    CHECK_ERRNO(wait_now(&scene), EIO);
    CHECK(fault_disarm());
    check_scene(&scene, 1);
    CHECK_OK(pmx_devpoll_modify(scene.devpoll, scene.fds[0], POLLIN));
    check_none(scene.devpoll);
    scene_close(&scene);
}

/* A beacon that could not be put out when the last file went. */
TEST(beacon_left_burning)
{
    struct scene scene;
    scene_open(&scene, 2);
    CHECK_OK(pmx_devpoll_unregister(scene.devpoll, scene.fds[FROM_KERNEL]));
    fault_arm(FAULT_EPOLL_CTL, 1, EIO);
    CHECK_RETURNS(pmx_devpoll_unregister(scene.devpoll, scene.fds[FILE_READY]), 0);
    CHECK(fault_disarm());
    int64_t start = now_ns();
    CHECK_RETURNS(wait_a_bit(&scene), 0);
    CHECK_GE_INT(now_ns() - start, 1 * MS);
    CHECK_RETURNS(wait_now(&scene), 0);
    scene_close(&scene);
}

/* A file whose status cannot be had is a file in trouble, and still there. */
TEST(file_in_trouble)
{
    struct scene scene;
    scene_open(&scene, 2);
    fault_arm(FAULT_FSTAT, 1, EIO);
    CHECK_RETURNS(wait_now(&scene), 2);
    CHECK(fault_disarm());
    scene_close(&scene);
}
