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
