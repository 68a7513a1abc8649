/* EVFILT_USER: bits, the operations on them, data, and the latch. */
#include "queue.h"

static int touch(struct pmx_kqueue *queue, unsigned flags, uint32_t fflags)
{
    return apply(queue, entry(1, EVFILT_USER, flags, fflags, 0, NULL));
}

static struct pmx_kqueue *open_user(unsigned flags, uint32_t fflags)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_RETURNS(touch(queue, EV_ADD | flags, fflags), 0);
    return queue;
}

static void check_event(struct pmx_kqueue *queue, unsigned flags, uint32_t fflags)
{
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, 1, EVFILT_USER, flags, 0);
    CHECK_EQ_UINT(event.fflags, fflags);
}

TEST(any_ident)
{
    static const uintptr_t idents[] = {0, 1, UINTPTR_MAX, (uintptr_t)1 << 40, 3};
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 5; i++)
        CHECK_OK(change(queue, idents[i], EVFILT_USER, EV_ADD | EV_ONESHOT));
    for (int i = 0; i < 5; i++) {
        CHECK_OK(trigger(queue, idents[i]));
        CHECK_EQ_UINT(take(queue).ident, idents[i]);
    }
    close_queue(queue);
}

/* Data and udata of the call that triggers come with the event. */
TEST(data_of_the_trigger)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    CHECK_QUIET(queue);
    CHECK_OK(apply(queue, entry(1, EVFILT_USER, 0, NOTE_TRIGGER, 42, TAG(9))));
    for (int i = 0; i < 2; i++) {
        struct pmx_kevent event = take(queue);
        CHECK_EVENT(&event, 1, EVFILT_USER, 0, 42);
        CHECK_EQ_PTR(event.udata, TAG(9));
        CHECK_EQ_UINT(event.fflags, 0);
    }
    CHECK_OK(apply(queue, entry(1, EVFILT_USER, 0, NOTE_TRIGGER, INT64_MIN, NULL)));
    CHECK_TAKES(queue, 1, EVFILT_USER, 0, INT64_MIN);
    CHECK_OK(apply(queue, entry(1, EVFILT_USER, EV_ADD, 0, 0, TAG(3))));
    CHECK_TAKES(queue, 1, EVFILT_USER, 0, 0);
    close_queue(queue);
}

/* FreeBSD's way: NOTE_TRIGGER of the EV_ADD that makes the knote is no trigger. */
TEST(trigger_in_the_first_add)
{
    struct pmx_kqueue *queue = open_user(EV_CLEAR, NOTE_TRIGGER | 5);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, EV_CLEAR, NOTE_TRIGGER | 5); /* observed: it stays */
    close_queue(queue);
}

TEST(trigger_in_the_second_add)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    CHECK_OK(touch(queue, EV_ADD, NOTE_TRIGGER));
    check_event(queue, 0, 0);
    close_queue(queue);
}

/* Observed: in one call EV_CLEAR wins over the trigger. */
TEST(trigger_and_reset_in_one_call)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    CHECK_OK(touch(queue, EV_CLEAR, NOTE_TRIGGER));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, EV_ADD | EV_CLEAR, NOTE_TRIGGER));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, 0, 0); /* EV_CLEAR was not kept */
    check_event(queue, 0, 0);
    close_queue(queue);
}

TEST(reset)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, 0, 0);
    CHECK_OK(touch(queue, EV_ADD | EV_CLEAR, 0));
    CHECK_QUIET(queue);
    check_shows(queue, false);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, 0, 0);
    close_queue(queue);
}

/* Several triggers are one event. */
TEST(triggers_add_up_to_one)
{
    struct pmx_kqueue *queue = open_user(EV_CLEAR, 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, EV_CLEAR, 0);
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* Observed, number by number. */
TEST(operations)
{
    struct pmx_kqueue *queue = open_user(EV_CLEAR, NOTE_FFCOPY | 0xf);
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, 0, NOTE_FFOR | NOTE_TRIGGER | 0xf0));
    check_event(queue, EV_CLEAR, NOTE_FFCOPY | 0xff);
    CHECK_OK(touch(queue, 0, NOTE_FFAND | NOTE_TRIGGER | 0x3c));
    check_event(queue, EV_CLEAR, 0x3c);
    CHECK_OK(touch(queue, 0, NOTE_FFNOP | NOTE_TRIGGER | 0x1));
    check_event(queue, EV_CLEAR, 0x3c);
    CHECK_OK(touch(queue, 0, NOTE_FFCOPY | 0xabc));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, EV_CLEAR, 0xabc);
    CHECK_OK(touch(queue, 0, NOTE_FFCOPY | 0xffffffff));
    check_event(queue, EV_CLEAR, NOTE_FFLAGSMASK);
    close_queue(queue);
}

TEST(bits_of_the_add_come_back)
{
    struct pmx_kqueue *queue = open_user(0, 0x5);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, 0, 0x5);
    CHECK_OK(touch(queue, EV_DISABLE, 0));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, EV_ENABLE, 0));
    check_event(queue, 0, 0x5);
    close_queue(queue);
}

/* Bits are collected over several touches, delivered or not. */
TEST(bits_add_up)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    for (int bit = 0; bit < 24; bit++)
        CHECK_OK(touch(queue, 0, NOTE_FFOR | 1u << bit));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, 0, NOTE_FFLAGSMASK);
    close_queue(queue);
}

/* With EV_CLEAR the latch is down after the event; the bits stay. */
TEST(clear_keeps_the_bits)
{
    struct pmx_kqueue *queue = open_user(EV_CLEAR, 0);
    CHECK_OK(touch(queue, 0, NOTE_FFOR | NOTE_TRIGGER | 1));
    check_event(queue, EV_CLEAR, 1);
    CHECK_OK(touch(queue, 0, NOTE_FFOR | NOTE_TRIGGER | 2));
    check_event(queue, EV_CLEAR, 3);
    close_queue(queue);
}

/* A one-shot's event is the bare knote: no data, no bits. */
TEST(oneshot_has_no_data)
{
    struct pmx_kqueue *queue = open_user(EV_ONESHOT, 0);
    CHECK_OK(apply(queue,
                   entry(1, EVFILT_USER, 0, NOTE_FFOR | NOTE_TRIGGER | 7, 42, TAG(2))));
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, 1, EVFILT_USER, EV_ONESHOT, 0);
    CHECK_EQ_UINT(event.fflags, 0);
    CHECK_EQ_PTR(event.udata, TAG(2));
    CHECK_ERRNO(touch(queue, 0, NOTE_TRIGGER), ENOENT);
    close_queue(queue);
}

/* The latch of a disabled knote is kept, and EV_ENABLE may raise it as well. */
TEST(trigger_while_dispatched)
{
    struct pmx_kqueue *queue = open_user(EV_DISPATCH | EV_CLEAR, 0);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    check_event(queue, EV_DISPATCH | EV_CLEAR, 0);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    CHECK_QUIET(queue);
    CHECK_OK(touch(queue, EV_ENABLE, 0));
    check_event(queue, EV_DISPATCH | EV_CLEAR, 0);
    CHECK_OK(touch(queue, EV_ENABLE, NOTE_TRIGGER));
    check_event(queue, EV_DISPATCH | EV_CLEAR, 0);
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(disabled_and_reset)
{
    struct pmx_kqueue *queue = open_user(EV_DISABLE, 0);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    CHECK_OK(touch(queue, EV_CLEAR, 0));
    CHECK_OK(touch(queue, EV_ENABLE, 0));
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(deleted_with_its_latch_up)
{
    struct pmx_kqueue *queue = open_user(0, 0);
    CHECK_OK(touch(queue, 0, NOTE_TRIGGER));
    CHECK_OK(touch(queue, EV_DELETE, 0));
    CHECK_OK(touch(queue, EV_ADD, 0));
    CHECK_QUIET(queue);
    close_queue(queue);
}

/* One call triggers and takes. */
TEST(trigger_and_take)
{
    struct pmx_kqueue *queue = open_user(EV_CLEAR, 0);
    struct pmx_kevent both = entry(1, EVFILT_USER, 0, NOTE_TRIGGER, 8, NULL);
    CHECK_RETURNS(pmx_kqueue_control(queue, &both, 1, &both, 1, -1, NULL), 1);
    CHECK_EVENT(&both, 1, EVFILT_USER, EV_CLEAR, 8);
    close_queue(queue);
}
