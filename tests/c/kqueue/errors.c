/*
 * Changes that fail, and receipts: what comes back, what has been applied,
 * and that such a call neither collects nor waits.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "queue.h"

/* Both ways to be told: as errno, and as an entry. */
static void check_error(struct pmx_kqueue *queue, struct pmx_kevent wanted, int error)
{
    CONTEXT("ident %#jx, filter %d, flags %#x", (uintmax_t)wanted.ident, wanted.filter,
            wanted.flags);
    CHECK_ERRNO(apply(queue, wanted), error);
    CHECK_EQ_INT(answer(queue, wanted), error);
    wanted.flags |= EV_RECEIPT;
    CHECK_ERRNO(apply(queue, wanted), error);
    CHECK_EQ_INT(answer(queue, wanted), error);
}

static const unsigned operations[] = {EV_ADD,     EV_ADD | EV_DISABLE, EV_DELETE,
                                      EV_ENABLE,  EV_DISABLE,          0,
                                      EV_ONESHOT, EV_ADD | EV_ONESHOT};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void check_every_operation(struct pmx_kqueue *queue, uintptr_t ident,
                                  int16_t filter, int error)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        check_error(queue, entry(ident, filter, operations[i], 0, 0, TAG(7)), error);
}

/* The descriptor is looked at first: EBADF also where the key is unknown. */
TEST(ident_that_is_no_descriptor)
{
    int ends[2];
    make_pipe(ends);
    const uintptr_t idents[] = {(uintptr_t)closed_fd() + 100,
                                99999,
                                INT_MAX,
                                (uintptr_t)INT_MAX + 1,
                                UINTPTR_MAX,
                                (uintptr_t)INT_MIN,
                                ((uintptr_t)1 << 32) + (uintptr_t)ends[0]};
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(idents) / sizeof(idents[0]); i++) {
        check_every_operation(queue, idents[i], EVFILT_READ, EBADF);
        check_every_operation(queue, idents[i], EVFILT_WRITE, EBADF);
    }
    close_queue(queue);
    close_both(ends);
}

TEST(filters_that_do_not_exist)
{
    static const int16_t filters[] = {1, 2, 99, -99, -16, -17, INT16_MAX, INT16_MIN};
    int ends[2];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        check_every_operation(queue, (uintptr_t)ends[0], filters[i], EINVAL);
        check_every_operation(queue, UINTPTR_MAX, filters[i], EINVAL);
    }
    close_queue(queue);
    close_both(ends);
}

/* One that is not served is no different from one that does not exist. */
TEST(filters_that_are_not_served)
{
    static const int16_t filters[] = {EVFILT_FS, EVFILT_EMPTY};
    DIFFERENCE("EVFILT_FS tells of file systems, EVFILT_EMPTY when all was sent",
               "they are EINVAL, as a filter that there is not");
    int ends[2];
    make_socketpair(ends);
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        check_every_operation(queue, (uintptr_t)ends[0], filters[i], EINVAL);
    close_queue(queue);
    close_both(ends);
}

TEST(filters_not_to_be_registered_by_hand)
{
    static const int16_t filters[] = {EVFILT_LIO, EVFILT_SENDFILE};
    struct pmx_kqueue *queue = open_queue();
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        check_every_operation(queue, 0, filters[i], ENXIO);
    close_queue(queue);
}

/* An entry is the change, but for flags and data. */
TEST(an_entry_keeps_what_the_caller_wrote)
{
    struct pmx_kevent got;
    struct pmx_kevent bad = entry(99999, EVFILT_READ, EV_ADD, NOTE_LOWAT, 55, TAG(9));
    struct pmx_kqueue *queue = open_queue();
    bad.ext[2] = 22;
    bad.ext[3] = 33;
    CHECK_RETURNS(pmx_kqueue_control(queue, &bad, 1, &got, 1, -1, NULL), 1);
    CHECK_EVENT(&got, bad.ident, EVFILT_READ, EV_ERROR, EBADF);
    CHECK_EQ_UINT(got.fflags, NOTE_LOWAT);
    CHECK_EQ_PTR(got.udata, TAG(9));
    CHECK_EQ_UINT(got.ext[2], 22);
    CHECK_EQ_UINT(got.ext[3], 33);
    close_queue(queue);
}

/* The caller's array of changes is read, never written. */
TEST(changes_are_not_written_to)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_kevent got[ROOM], before[3];
    struct pmx_kevent changes[] = {
        entry(99999, EVFILT_READ, EV_ADD, NOTE_LOWAT, 1, TAG(1)),
        entry((uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_RECEIPT, NOTE_LOWAT, 9, 0),
        entry(1, EVFILT_USER, EV_ADD, NOTE_FFCOPY | 5, 8, TAG(2)),
    };
    struct pmx_kqueue *queue = open_queue();
    memcpy(before, changes, sizeof(changes));
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 3, got, ROOM, -1, NULL), 2);
    CHECK_EQ_INT(memcmp(before, changes, sizeof(changes)), 0);
    close_queue(queue);
    close_both(ends);
}

/* Of a successful EV_ADD the receipt has fflags and data 0. */
TEST(a_receipt_has_no_fflags)
{
    int ends[2];
    struct pmx_kevent got;
    make_socketpair(ends);
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent add = entry((uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_RECEIPT,
                                  NOTE_LOWAT, 10, TAG(4));
    CHECK_RETURNS(pmx_kqueue_control(queue, &add, 1, &got, 1, -1, NULL), 1);
    CHECK_EVENT(&got, (uintptr_t)ends[0], EVFILT_READ, EV_ERROR, 0);
    CHECK_EQ_UINT(got.fflags, 0);
    CHECK_EQ_PTR(got.udata, TAG(4));
    close_queue(queue);
    close_both(ends);
}

/* [bad, ok, bad, ok]: a closed descriptor, a readable pipe, its writable end. */
struct mixture {
    struct pmx_kqueue *queue;
    int ends[2];
    struct pmx_kevent changes[4];
    struct pmx_kevent got[ROOM];
};

static void mix(struct mixture *mixture)
{
    uintptr_t closed = (uintptr_t)closed_fd() + 100;
    mixture->queue = open_queue();
    make_pipe(mixture->ends);
    write_bytes(mixture->ends[1], 3);
    mixture->changes[0] = entry(closed, EVFILT_READ, EV_ADD, 0, 0, TAG(1));
    mixture->changes[1] =
        entry((uintptr_t)mixture->ends[0], EVFILT_READ, EV_ADD, 0, 0, TAG(2));
    mixture->changes[2] = entry(closed, EVFILT_WRITE, EV_ADD, 0, 0, TAG(3));
    mixture->changes[3] =
        entry((uintptr_t)mixture->ends[1], EVFILT_WRITE, EV_ADD, 0, 0, TAG(4));
}

static int run_mixture(struct mixture *mixture, int room, int64_t timeout_ns)
{
    return pmx_kqueue_control(mixture->queue, mixture->changes, 4, mixture->got, room,
                              timeout_ns, NULL);
}

/* Which of the good ones were registered: collects, and ends the test. */
static void check_registered(struct mixture *mixture, int count)
{
    int ready = CHECK_OK(collect(mixture->queue, mixture->got));
    CHECK_EQ_INT(ready, count);
    if (count > 0)
        CHECK_EQ_PTR(
            event_of(mixture->got, count, (uintptr_t)mixture->ends[0], EVFILT_READ)
                ->udata,
            TAG(2));
    if (count > 1)
        CHECK_EQ_PTR(
            event_of(mixture->got, count, (uintptr_t)mixture->ends[1], EVFILT_WRITE)
                ->udata,
            TAG(4));
    close_queue(mixture->queue);
    close_both(mixture->ends);
}

TEST(mixture_without_room_ends_at_the_first_error)
{
    struct mixture mixture;
    mix(&mixture);
    CHECK_ERRNO(run_mixture(&mixture, 0, -1), EBADF);
    check_registered(&mixture, 0);
}

/* The first error takes the room, the second has none. */
TEST(mixture_with_room_for_one_ends_at_the_second_error)
{
    struct mixture mixture;
    mix(&mixture);
    CHECK_ERRNO(run_mixture(&mixture, 1, -1), EBADF);
    check_registered(&mixture, 1);
}

static void mixture_with_room(int room, int64_t timeout_ns)
{
    struct mixture mixture;
    mix(&mixture);
    CHECK_RETURNS(run_mixture(&mixture, room, timeout_ns), 2);
    CHECK_EVENT(&mixture.got[0], mixture.changes[0].ident, EVFILT_READ, EV_ERROR,
                EBADF);
    CHECK_EQ_PTR(mixture.got[0].udata, TAG(1));
    CHECK_EVENT(&mixture.got[1], mixture.changes[2].ident, EVFILT_WRITE, EV_ERROR,
                EBADF);
    CHECK_EQ_PTR(mixture.got[1].udata, TAG(3));
    check_registered(&mixture, 2);
}

/* All are applied; nothing is collected, and nobody waits. */
TEST(mixture_with_room_for_all)
{
    mixture_with_room(2, -1);
    mixture_with_room(8, -1);
    mixture_with_room(8, 0);
    mixture_with_room(8, TOO_LONG);
}

/* Changes before an error are applied. */
TEST(good_before_bad)
{
    struct mixture mixture;
    mix(&mixture);
    CHECK_ERRNO(
        pmx_kqueue_control(mixture.queue, mixture.changes + 1, 2, NULL, 0, -1, NULL),
        EBADF);
    check_registered(&mixture, 1);
}

/* Changes that ask for receipts: users' events 0, 1, 2, ... */
static void ask_for_receipts(struct pmx_kevent *changes, int count)
{
    for (int i = 0; i < count; i++)
        changes[i] = entry((uintptr_t)i, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, 0);
}

static int exists(struct pmx_kqueue *queue, uintptr_t ident)
{
    return change(queue, ident, EVFILT_USER, 0) == 0;
}

/* Observed: the call ends with 0; it does not count the receipts before. */
TEST(more_receipts_than_room)
{
    struct pmx_kevent changes[3], got[2];
    struct pmx_kqueue *queue = open_queue();
    ask_for_receipts(changes, 3);
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 3, got, 1, -1, NULL), 0);
    CHECK(exists(queue, 0));
    CHECK(exists(queue, 1));
    CHECK(!exists(queue, 2));
    close_queue(queue);
}

TEST(as_many_receipts_as_room)
{
    struct pmx_kevent changes[2], got[2];
    struct pmx_kqueue *queue = open_queue();
    ask_for_receipts(changes, 2);
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 2, got, 2, -1, NULL), 2);
    CHECK_EVENT(&got[0], 0, EVFILT_USER, EV_ERROR, 0);
    CHECK_EVENT(&got[1], 1, EVFILT_USER, EV_ERROR, 0);
    close_queue(queue);
}

TEST(receipt_beside_a_plain_change)
{
    struct pmx_kevent changes[2], got[ROOM];
    struct pmx_kqueue *queue = open_queue();
    ask_for_receipts(changes, 2);
    changes[1].flags = EV_ADD;
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 2, got, ROOM, -1, NULL), 1);
    CHECK_EVENT(&got[0], 0, EVFILT_USER, EV_ERROR, 0);
    CHECK(exists(queue, 1));
    close_queue(queue);
}

/* The room was used up by what came before. */
TEST(error_after_the_last_receipt)
{
    struct pmx_kevent changes[3], got[1];
    struct pmx_kqueue *queue = open_queue();
    ask_for_receipts(changes, 3);
    changes[1].filter = 99;
    CHECK_ERRNO(pmx_kqueue_control(queue, changes, 3, got, 1, -1, NULL), EINVAL);
    CHECK(exists(queue, 0));
    CHECK(!exists(queue, 2));
    close_queue(queue);
}

TEST(receipt_after_the_last_error)
{
    struct pmx_kevent changes[3], got[1];
    struct pmx_kqueue *queue = open_queue();
    ask_for_receipts(changes, 3);
    changes[0].filter = 99;
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 3, got, 1, -1, NULL), 0);
    CHECK(exists(queue, 1));
    CHECK(!exists(queue, 2));
    close_queue(queue);
}

/* Filter 0 is no change at all, whatever else the entry says. */
TEST(filter_0_is_skipped)
{
    struct pmx_kevent changes[3], got[ROOM];
    struct pmx_kqueue *queue = open_queue();
    changes[0] = entry(99999, 0, EV_ADD | EV_RECEIPT, 0, 0, 0);
    changes[1] = entry(UINTPTR_MAX, 0, EV_ENABLE | EV_DISABLE, 0, 0, 0);
    changes[2] = entry(1, EVFILT_USER, EV_ADD, 0, 0, 0);
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 3, NULL, 0, -1, NULL), 0);
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 3, got, ROOM, 0, NULL), 0);
    CHECK(exists(queue, 1));
    close_queue(queue);
}

TEST(negative_counts)
{
    struct pmx_kevent add = entry(1, EVFILT_USER, EV_ADD, 0, 0, 0), got[1];
    struct pmx_kqueue *queue = open_queue();
    static const int counts[] = {-1, INT_MIN};
    for (int i = 0; i < 2; i++) {
        CHECK_ERRNO(pmx_kqueue_control(queue, &add, 1, got, counts[i], 0, NULL),
                    EINVAL);
        CHECK_ERRNO(pmx_kqueue_control(queue, &add, counts[i], got, 1, 0, NULL),
                    EINVAL);
        CHECK_ERRNO(
            pmx_kqueue_control(queue, NULL, counts[i], NULL, counts[i], -1, NULL),
            EINVAL);
    }
    CHECK(!exists(queue, 1));
    close_queue(queue);
}

/* One array for changes and answers. */
TEST(one_array_for_both)
{
    struct pmx_kevent both[3];
    struct pmx_kqueue *queue = open_queue();
    both[0] = entry(9999, EVFILT_READ, EV_ADD, 0, 0, TAG(1));
    both[1] = entry(1, EVFILT_USER, EV_ADD | EV_RECEIPT, 0, 0, TAG(2));
    both[2] = entry(9998, EVFILT_WRITE, EV_ADD, 0, 0, TAG(3));
    CHECK_RETURNS(pmx_kqueue_control(queue, both, 3, both, 3, -1, NULL), 3);
    CHECK_EVENT(&both[0], 9999, EVFILT_READ, EV_ERROR, EBADF);
    CHECK_EVENT(&both[1], 1, EVFILT_USER, EV_ERROR, 0);
    CHECK_EVENT(&both[2], 9998, EVFILT_WRITE, EV_ERROR, EBADF);
    CHECK_EQ_PTR(both[2].udata, TAG(3));
    close_queue(queue);
}

/* An entry written over a change that has not been read yet would show here. */
TEST(one_array_for_both_where_only_later_ones_fail)
{
    struct pmx_kevent both[4];
    struct pmx_kqueue *queue = open_queue();
    for (unsigned i = 0; i < 4; i++)
        both[i] = entry(i, i % 2 ? 99 : EVFILT_USER, EV_ADD, 0, 0, TAG(i));
    CHECK_RETURNS(pmx_kqueue_control(queue, both, 4, both, 4, -1, NULL), 2);
    CHECK_EVENT(&both[0], 1, 99, EV_ERROR, EINVAL);
    CHECK_EVENT(&both[1], 3, 99, EV_ERROR, EINVAL);
    CHECK(exists(queue, 0));
    CHECK(exists(queue, 2));
    close_queue(queue);
}

/* A failed change leaves the knote as it was. */
TEST(a_failed_change_changes_nothing)
{
    int ends[2];
    make_pipe(ends);
    write_byte(ends[1]);
    uintptr_t ident = (uintptr_t)ends[0];
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(apply(queue, entry(ident, EVFILT_READ, EV_ADD, 0, 0, TAG(1))));
    unsigned both = EV_ENABLE | EV_DISABLE;
    CHECK_ERRNO(apply(queue, entry(ident, EVFILT_READ, both, 0, 0, TAG(2))), EINVAL);
    CHECK_ERRNO(apply(queue, entry(ident, EVFILT_READ, EV_ADD | both, 0, 0, TAG(2))),
                EINVAL);
    CHECK_EQ_PTR(take(queue).udata, TAG(1));
    close_queue(queue);
    close_both(ends);
}

/* A timeout that is none fails, but not before the changes are made. */
TEST(no_time)
{
    struct pmx_kevent change = entry(1, EVFILT_USER, EV_ADD, 0, 0, NULL), got;
    struct pmx_kevent bad = entry(2, EVFILT_USER, EV_DELETE, 0, 0, NULL);
    const int64_t no_time = PMX_KQUEUE_NO_TIME;
    struct pmx_kqueue *queue = open_queue();
    CHECK_ERRNO(pmx_kqueue_control(queue, &change, 1, &got, 1, no_time, NULL), EINVAL);
    CHECK(exists(queue, 1));
    CHECK_RETURNS(pmx_kqueue_control(queue, &bad, 1, &got, 1, no_time, NULL), 1);
    CHECK_EQ_INT(got.data, ENOENT);
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, NULL, 0, no_time, NULL), 0);
    close_queue(queue);
}
