/*
 * Every allocation and every system call behind EVFILT_NETDEV fails once, on the
 * loopback interface, which each network namespace has: nothing is left of a
 * change that failed, and the next one works.
 */
#include <polymux/kqueue.h>

#include <net/if.h>

#include "../kqueue/queue.h"
#include "fault.h"

static const struct {
    const char *name;
    enum fault_site site;
    int error;
} causes[] = {
    {"allocation", FAULT_ALLOCATION, ENOMEM},
    {"socket", FAULT_SOCKET, EMFILE},
    {"send", FAULT_SEND, ENOBUFS},
    {"epoll_ctl", FAULT_EPOLL_CTL, ENOSPC},
};
typedef const __typeof__(causes[0]) *cause_ptr;

/* One attempt to add the knote: whether the fault has struck. */
static bool add_with_fault(struct pmx_kqueue *queue, uintptr_t index, cause_ptr cause,
                           int nth)
{
    struct pmx_kevent add =
        entry(index, EVFILT_NETDEV, EV_ADD | EV_CLEAR, NOTE_LINKDOWN, 0, NULL);
    fault_arm(cause->site, nth, cause->error);
    int result = apply(queue, add), error = errno;
    bool struck = fault_disarm();
    if (result < 0) {
        CHECK(struck);
        CHECK_EQ_INT(error, cause->error);
        CHECK_ERRNO(change(queue, index, EVFILT_NETDEV, EV_DELETE), ENOENT);
        CHECK_OK(apply(queue, add));
    }
    CHECK_QUIET(queue);
    CHECK_RETURNS(change(queue, index, EVFILT_NETDEV, EV_DELETE), 0);
    return struck;
}

TEST_EACH(add, cause_ptr cause, causes)
{
    uintptr_t index = if_nametoindex("lo");
    if (!index)
        SKIP("no loopback interface");
    int nth = 1;
    for (bool struck = true; struck; nth++) {
        struct pmx_kqueue *queue = open_queue();
        CONTEXT("at call %d", nth);
        struck = add_with_fault(queue, index, cause, nth);
        close_queue(queue);
    }
    CHECK_GE_INT(nth, 3); /* at least one call was there to fail */
}
