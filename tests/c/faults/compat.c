/*
 * Every allocation and every system call of the compat library fails once: a
 * call fails as a whole, leaves nothing behind, and works the next time.
 */
#define POLYMUX_DEVPOLL_NO_MACROS
#include <sys/devpoll.h>
#include <sys/event.h>

#include <fcntl.h>
#include <unistd.h>

#include "../compat/words.h"
#include "../support.h"
#include "fault.h"

struct cause {
    const char *name;
    enum fault_site site;
    int error;
};

static const struct cause causes[] = {
    {"memory", FAULT_ALLOCATION, ENOMEM},
    {"epoll", FAULT_EPOLL_CREATE1, EMFILE},
    {"eventfd", FAULT_EVENTFD, ENFILE},
    {"epoll_ctl", FAULT_EPOLL_CTL, ENOSPC},
};

static const struct cause causes_of_rooms[] = {
    {"memory", FAULT_ALLOCATION, ENOMEM},
    {"mmap", FAULT_MMAP, ENOMEM},
    {"mremap", FAULT_MREMAP, EAGAIN},
    {"mprotect", FAULT_MPROTECT, EACCES},
};

static int open_devpoll(void)
{
    return pmx_compat_open("/dev/poll", O_RDWR | O_CLOEXEC);
}

static int make_queue(void)
{
    return kqueue1(O_CLOEXEC);
}

/* One attempt; whether the fault has struck. */
static bool make(int (*maker)(void), const struct cause *cause, int nth)
{
    fault_arm(cause->site, nth, cause->error);
    int fd = maker();
    int error = errno;
    bool struck = fault_disarm();
    CHECK(fd >= 0 || (struck && error == cause->error));
    if (fd >= 0)
        end(fd);
    return struck;
}

/* The first time in a process, and when everything is there already. */
static void make_all(int (*maker)(void), const struct cause *cause)
{
    for (int nth = 1; make(maker, cause, nth); nth++)
        continue;
    long live = fault_live_blocks();
    for (int nth = 1; make(maker, cause, nth); nth++)
        CHECK_EQ_INT(fault_live_blocks(), live);
    end(CHECK_OK(maker()));
}

TEST_EACH(kqueue, const struct cause *cause, causes)
{
    make_all(make_queue, cause);
}

TEST_EACH(devpoll, const struct cause *cause, causes)
{
    make_all(open_devpoll, cause);
}

static void *map_room(int set)
{
    return pmx_compat_mmap(NULL, DP_MMAP_SIZE(1000), PROT_READ, MAP_SHARED, set, 0);
}

/* What one attempt finds, if anything, is what it gives back. */
static bool use_room(int set, const struct cause *cause, int nth)
{
    int before = shared_mappings();
    fault_arm(cause->site, nth, cause->error);
    void *mapped = MAP_FAILED;
    bool has_room = pmx_compat_ioctl(set, DP_ALLOC, 1000) == 0;
    if (has_room)
        mapped = map_room(set);
    int error = errno;
    bool struck = fault_disarm();
    CHECK(mapped != MAP_FAILED || (struck && error == cause->error));
    CHECK_EQ_INT(shared_mappings(), before + has_room + (mapped != MAP_FAILED));
    if (mapped != MAP_FAILED)
        CHECK_OK(munmap(mapped, DP_MMAP_SIZE(1000)));
    if (has_room)
        CHECK_OK(pmx_compat_ioctl(set, DP_FREE));
    return struck;
}

TEST_EACH(room, const struct cause *cause, causes_of_rooms)
{
    if (under_valgrind())
        SKIP("valgrind refuses to map the same pages a second time");
    int set = CHECK_OK(open_devpoll());
    long live = fault_live_blocks();
    int nth = 1, before = shared_mappings();
    while (use_room(set, cause, nth))
        nth++;
    CHECK_GE_INT(nth, 2);
    CHECK_EQ_INT(fault_live_blocks(), live);
    CHECK_EQ_INT(shared_mappings(), before);
    end(set);
}

/* A new room that cannot be made leaves the one that there is. */
TEST_EACH(another_room, const struct cause *cause, causes_of_rooms)
{
    int set = CHECK_OK(open_devpoll());
    struct dvpoll dvpoll = {.dp_nfds = 5};
    CHECK_OK(pmx_compat_ioctl(set, DP_ALLOC, 5));
    fault_arm(cause->site, 1, cause->error);
    int result = pmx_compat_ioctl(set, DP_ALLOC, 1);
    if (fault_disarm())
        CHECK_EQ_INT(result, -1);
    else
        dvpoll.dp_nfds = 1;
    CHECK_RETURNS(pmx_compat_ioctl(set, DP_POLL, &dvpoll), 0);
    CHECK_OK(pmx_compat_ioctl(set, DP_FREE));
    end(set);
}

/* A duplicate that cannot be taken on stays open, and works afterwards. */
TEST(duplicate)
{
    int kq = open_queue();
    bool struck = true;
    for (int nth = 1; struck; nth++) {
        int copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 700 + 600 * nth));
        fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
        int result = trigger(copy), error = errno;
        struck = fault_disarm();
        CHECK(result == 0 || (struck && error == ENOMEM));
        check_works(copy);
        CHECK_OK(close(copy));
        check_works(kq);
    }
    end(kq);
}

/* A queue whose duplicates cannot be looked for is not given up. */
TEST(unknown_duplicate)
{
    bool struck = true;
    for (int nth = 1; struck; nth++) {
        int kq = open_queue();
        int copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 700 + 600 * nth));
        CHECK_OK(close(kq));
        fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
        int other = kqueue1(O_CLOEXEC);
        struck = fault_disarm();
        check_works(copy);
        if (other >= 0)
            CHECK_OK(close(other));
        end(copy);
    }
}

/* The numbers of sets grow: each growth fails once. */
TEST(growth)
{
    int kq = open_queue();
    for (int number = 100; number < 4000; number += 500) {
        bool struck = true;
        for (int nth = 1; struck; nth++) {
            int copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, number));
            fault_arm(FAULT_ALLOCATION, nth, ENOMEM);
            int result = trigger(copy);
            struck = fault_disarm();
            CHECK(struck || result == 0);
            CHECK_OK(close(copy));
        }
    }
    check_works(kq);
    end(kq);
}
