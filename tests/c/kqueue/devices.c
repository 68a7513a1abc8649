/*
 * EVFILT_READ and EVFILT_WRITE on devices that epoll does not take: some are
 * always ready, of others nothing can be said.
 */
#include <fcntl.h>
#include <unistd.h>

#include "queue.h"

struct device {
    const char *name;
};
static const struct device memory[] = {{"/dev/null"}, {"/dev/zero"}, {"/dev/full"}};

TEST_EACH(always_ready, const struct device *device, memory)
{
    int fd = CHECK_OK(open(device->name, O_RDWR | O_CLOEXEC));
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_READ, EV_ADD));
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_READ, 0, 0);
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_READ, 0, 0);
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_READ, EV_DELETE));
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_ADD | EV_CLEAR));
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_WRITE, EV_CLEAR, 0);
    CHECK_QUIET(queue);
    CHECK_OK(close(fd));
    CHECK_ERRNO(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_DELETE), EBADF);
    close_queue(queue);
}

TEST(closed_device)
{
    int fd = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_READ, EV_ADD));
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_ADD));
    CHECK_OK(close(fd));
    CHECK_QUIET(queue);
    check_shows(queue, false);
    close_queue(queue);
}

/* A character device that knows nothing of readiness, and can be opened; -1 if
 * there is none. */
static int open_blind_device(void)
{
    static const char *const paths[] = {"/dev/vsock", "/dev/loop-control", "/dev/kvm",
                                        "/dev/mem"};
    int fd = -1;
    for (size_t i = 0; fd < 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
        fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    return fd;
}

TEST(devices_without_readiness)
{
    int fd = open_blind_device();
    if (fd < 0)
        SKIP("there is no such device to open");
    struct pmx_kqueue *queue = open_queue();
    CHECK_ERRNO(change(queue, (uintptr_t)fd, EVFILT_READ, EV_ADD), ENODEV);
    CHECK_ERRNO(change(queue, (uintptr_t)fd, EVFILT_WRITE, EV_ADD), ENODEV);
    CHECK_ERRNO(change(queue, (uintptr_t)fd, EVFILT_READ, EV_DELETE), ENOENT);
    close_queue(queue);
    CHECK_OK(close(fd));
}
