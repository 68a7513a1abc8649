/*
 * EVFILT_NETDEV, in a network namespace of the test's own, on a cable.
 */
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include "cable.h"
#include "queue.h"

#define ALL_NOTES (NOTE_LINKUP | NOTE_LINKDOWN | NOTE_LINKINV)

/* A cable that is connected if `up`, and a queue; in a namespace of their own. */
static struct pmx_kqueue *begin(uintptr_t *index, bool up)
{
    enter_own_network();
    *index = make_cable();
    set_up("a", true);
    set_up("veth0", up);
    await_running(up);
    return open_queue();
}

static void watch_link(struct pmx_kqueue *queue, uintptr_t index, unsigned flags,
                       uint32_t notes)
{
    CHECK_RETURNS(
        apply(queue, entry(index, EVFILT_NETDEV, EV_ADD | flags, notes, 0, NULL)), 0);
}

#define CHECK_LINK(queue_, index_, flags_, notes_, data_)           \
    do {                                                            \
        struct pmx_kevent taken_ = take(queue_);                    \
        CHECK_EVENT(&taken_, index_, EVFILT_NETDEV, flags_, data_); \
        CHECK_EQ_UINT(taken_.fflags, notes_);                       \
    } while (0)

/*
 * States.
 */

TEST(goes_up_and_down)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR, ALL_NOTES);
    CHECK_QUIET(queue);
    for (int i = 0; i < 3; i++) {
        plug_in();
        CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
        CHECK_QUIET(queue);
        pull_out();
        CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKDOWN, NOTE_LINKDOWN);
        CHECK_QUIET(queue);
    }
    close_queue(queue);
}

/* Only changes are told, not how things are. */
TEST(is_up_already)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, true);
    watch_link(queue, index, EV_CLEAR, ALL_NOTES);
    CHECK_QUIET(queue);
    set_up("a", false);
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKDOWN, NOTE_LINKDOWN);
    set_up("a", true);
    await_running(true);
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    close_queue(queue);
}

TEST(only_what_is_wanted)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR, NOTE_LINKDOWN);
    plug_in();
    CHECK_QUIET(queue);
    pull_out();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKDOWN, NOTE_LINKDOWN);
    close_queue(queue);
}

TEST(what_was_wanted_when_it_happened)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR, NOTE_LINKDOWN);
    plug_in();
    watch_link(queue, index, 0, NOTE_LINKUP);
    CHECK_QUIET(queue);
    pull_out();
    CHECK_QUIET(queue);
    plug_in();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    close_queue(queue);
}

TEST(stays_without_clear)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, 0, ALL_NOTES);
    plug_in();
    for (int i = 0; i < 3; i++)
        CHECK_LINK(queue, index, 0, NOTE_LINKUP, NOTE_LINKUP);
    pull_out();
    CHECK_LINK(queue, index, 0, NOTE_LINKUP | NOTE_LINKDOWN, NOTE_LINKDOWN);
    CHECK_OK(change(queue, index, EVFILT_NETDEV, EV_DELETE));
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(adds_up)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR, ALL_NOTES);
    plug_in();
    pull_out();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP | NOTE_LINKDOWN, NOTE_LINKDOWN);
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(collects_while_disabled)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR | EV_DISABLE, NOTE_LINKUP);
    plug_in();
    CHECK_QUIET(queue);
    check_shows(queue, false);
    CHECK_OK(
        apply(queue, entry(index, EVFILT_NETDEV, EV_ENABLE, NOTE_LINKUP, 0, NULL)));
    check_shows(queue, true);
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    check_shows(queue, false);
    close_queue(queue);
}

TEST(oneshot_and_dispatch)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_DISPATCH | EV_CLEAR, ALL_NOTES);
    plug_in();
    CHECK_LINK(queue, index, EV_DISPATCH | EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    pull_out();
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, index, EVFILT_NETDEV, EV_DELETE));
    watch_link(queue, index, EV_ONESHOT, ALL_NOTES);
    plug_in();
    CHECK_LINK(queue, index, EV_ONESHOT, NOTE_LINKUP, NOTE_LINKUP);
    CHECK_ERRNO(change(queue, index, EVFILT_NETDEV, EV_DELETE), ENOENT);
    close_queue(queue);
}

/* Of two ends of a cable, each has a knote. */
TEST(both_ends)
{
    uintptr_t index;
    struct pmx_kevent events[ROOM];
    struct pmx_kqueue *queue = begin(&index, true);
    uintptr_t other = if_nametoindex("veth0");
    watch_link(queue, index, EV_CLEAR, ALL_NOTES);
    watch_link(queue, other, EV_CLEAR, ALL_NOTES);
    pull_out();
    take_count(queue, events, 2);
    CHECK_EQ_UINT(event_of(events, 2, index, EVFILT_NETDEV)->fflags, NOTE_LINKDOWN);
    CHECK_EQ_UINT(event_of(events, 2, other, EVFILT_NETDEV)->fflags, NOTE_LINKDOWN);
    CHECK_OK(change(queue, other, EVFILT_NETDEV, EV_DELETE));
    plug_in();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    close_queue(queue);
}

/*
 * Interfaces that are not, or not any more.
 */

TEST(interface_goes)
{
    static const uint32_t wanted[] = {ALL_NOTES, NOTE_LINKINV, NOTE_LINKUP, 0};
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    for (int i = 0; i < 4; i++) {
        unsigned flags = EV_CLEAR | EV_EOF | EV_ONESHOT;
        watch_link(queue, index, EV_CLEAR, wanted[i]);
        remove_cable();
        CHECK_LINK(queue, index, flags, NOTE_LINKINV, NOTE_LINKINV);
        CHECK_ERRNO(change(queue, index, EVFILT_NETDEV, EV_DELETE), ENOENT);
        index = make_cable();
    }
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(interface_goes_while_disabled)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, true);
    watch_link(queue, index, EV_DISABLE, ALL_NOTES);
    remove_cable();
    CHECK_QUIET(queue);
    CHECK_OK(apply(queue, entry(index, EVFILT_NETDEV, EV_ENABLE, ALL_NOTES, 0, NULL)));
    struct pmx_kevent event = take(queue);
    CHECK_EQ_UINT(event.flags, EV_EOF | EV_ONESHOT);
    CHECK_EQ_UINT(event.fflags & NOTE_LINKINV, NOTE_LINKINV);
    close_queue(queue);
}

TEST(unknown_interface)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    const uintptr_t unknown[] = {0, 99999, INT32_MAX, UINTPTR_MAX, index | 1UL << 32};
    for (int i = 0; i < 5; i++) {
        struct pmx_kevent add =
            entry(unknown[i], EVFILT_NETDEV, EV_ADD, ALL_NOTES, 0, NULL);
        CHECK_ERRNO(apply(queue, add), ENXIO);
        CHECK_EQ_INT(answer(queue, add), ENXIO);
        CHECK_ERRNO(change(queue, unknown[i], EVFILT_NETDEV, EV_DELETE), ENOENT);
    }
    close_queue(queue);
}

/*
 * What it costs, and what is lost.
 */

static int lowest_free(void)
{
    int fd = CHECK_OK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK_OK(close(fd));
    return fd;
}

/* One socket, close-on-exec, while there is a knote. */
TEST(one_descriptor)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    uintptr_t other = if_nametoindex("veth0");
    int fd = lowest_free();
    watch_link(queue, index, 0, ALL_NOTES);
    watch_link(queue, other, 0, ALL_NOTES);
    CHECK_EQ_INT(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    CHECK_EQ_INT(lowest_free(), fd + 1);
    CHECK_OK(change(queue, index, EVFILT_NETDEV, EV_DELETE));
    CHECK_OK(change(queue, other, EVFILT_NETDEV, EV_DELETE));
    CHECK_EQ_INT(lowest_free(), fd);
    CHECK_ERRNO(apply(queue, entry(99999, EVFILT_NETDEV, EV_ADD, ALL_NOTES, 0, NULL)),
                ENXIO);
    CHECK_EQ_INT(lowest_free(), fd);
    close_queue(queue);
}

TEST(no_descriptor_left)
{
    uintptr_t index;
    need_limit_in_kernel();
    struct pmx_kqueue *queue = begin(&index, false);
    struct pmx_kevent add = entry(index, EVFILT_NETDEV, EV_ADD, ALL_NOTES, 0, NULL);
    limit_descriptors((size_t)lowest_free());
    CHECK_ERRNO(apply(queue, add), EMFILE);
    CHECK_ERRNO(change(queue, index, EVFILT_NETDEV, EV_DELETE), ENOENT);
    close_queue(queue);
}

/* More messages than the socket holds: what is so in the end is told. */
TEST(messages_are_lost)
{
    enum { MANY = 3000 };
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, true);
    watch_link(queue, index, EV_CLEAR, NOTE_LINKINV | NOTE_LINKDOWN);
    for (int i = 0; i < MANY; i++)
        set_up("lo", i % 2);
    pull_out();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKDOWN, NOTE_LINKDOWN);
    plug_in();
    CHECK_QUIET(queue);
    for (int i = 0; i < MANY; i++)
        set_up("lo", i % 2);
    remove_cable();
    struct pmx_kevent event = take(queue);
    CHECK_EQ_UINT(event.fflags & NOTE_LINKINV, NOTE_LINKINV);
    close_queue(queue);
}

/* The child's queue is dead, the parent's does not notice. */
TEST(fork_leaves_the_parent_alone)
{
    uintptr_t index;
    struct pmx_kqueue *queue = begin(&index, false);
    watch_link(queue, index, EV_CLEAR, ALL_NOTES);
    pid_t child = fork();
    if (child == 0) {
        CHECK_ERRNO(change(queue, index, EVFILT_NETDEV, EV_DELETE), EBADF);
        pmx_kqueue_close(queue);
        _exit(0);
    }
    join_process(child);
    plug_in();
    CHECK_LINK(queue, index, EV_CLEAR, NOTE_LINKUP, NOTE_LINKUP);
    close_queue(queue);
}
