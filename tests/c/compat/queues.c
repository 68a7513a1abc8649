/* kqueue() and kevent() as they are documented, but for what numbers do. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../support.h"
#include "words.h"

TEST(close_on_exec)
{
    int plain = CHECK_OK(kqueue()), without = CHECK_OK(kqueue1(0));
    int with = CHECK_OK(kqueue1(O_CLOEXEC)),
        flagged = CHECK_OK(kqueuex(KQUEUE_CLOEXEC));
    int unflagged = CHECK_OK(kqueuex(0));
    CHECK_EQ_INT(fcntl(plain, F_GETFD), 0);
    CHECK_EQ_INT(fcntl(without, F_GETFD), 0);
    CHECK_EQ_INT(fcntl(with, F_GETFD), FD_CLOEXEC);
    CHECK_EQ_INT(fcntl(flagged, F_GETFD), FD_CLOEXEC);
    CHECK_EQ_INT(fcntl(unflagged, F_GETFD), 0);
    CHECK_OK(close(plain));
    CHECK_OK(close(without));
    CHECK_OK(close(with));
    CHECK_OK(close(flagged));
    end(unflagged);
}

TEST(other_flags)
{
    CHECK_ERRNO(kqueue1(O_NONBLOCK), EINVAL);
    CHECK_ERRNO(kqueue1(O_CLOEXEC | O_RDWR), EINVAL);
    CHECK_ERRNO(kqueuex(KQUEUE_CPONFORK), EINVAL);
    CHECK_ERRNO(kqueuex(KQUEUE_CLOEXEC | 4), EINVAL);
}

TEST(no_descriptor_left)
{
    need_limit_in_kernel();
    struct rlimit before;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    limit_descriptors((size_t)closed_fd());
    CHECK_ERRNO(kqueue(), EMFILE);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    end(open_queue());
}

/*
 * What programs try before they believe in kqueue.
 */

/* An error comes back as an entry, at once and without a time limit. */
TEST(probe_of_an_error)
{
    int kq = CHECK_OK(kqueue());
    struct kevent got, bad = entry((uintptr_t)-1, EVFILT_READ, EV_ADD | EV_ENABLE);
    CHECK_RETURNS(kevent(kq, &bad, 1, &got, 1, NULL), 1);
    CHECK_EQ_UINT(got.ident, (uintptr_t)-1);
    CHECK_EQ_UINT(got.flags, EV_ERROR);
    CHECK_EQ_INT(got.data, EBADF);
    end(kq);
}

/* A full pipe can be written to when half of it has been read. */
TEST(probe_of_a_full_pipe)
{
    int ends[2], kq = CHECK_OK(kqueue());
    char bytes[8192];
    struct kevent got, wanted;
    make_pipe(ends);
    fill(ends[1]);
    wanted = entry((uintptr_t)ends[1], EVFILT_WRITE, EV_ADD | EV_ENABLE);
    CHECK_RETURNS(kevent(kq, &wanted, 1, &got, 1, &no_time), 0);
    for (int i = 0; i < 4; i++)
        CHECK_OK((int)read(ends[0], bytes, sizeof(bytes)));
    CHECK_RETURNS(kevent(kq, NULL, 0, &got, 1, NULL), 1);
    CHECK_EQ_UINT(got.ident, ends[1]);
    CHECK_EQ_INT(got.filter, EVFILT_WRITE);
    close_both(ends);
    end(kq);
}

/* The same array for both. */
TEST(one_array)
{
    int ends[2], kq = CHECK_OK(kqueue());
    make_pipe(ends);
    write_byte(ends[1]);
    struct kevent both = entry((uintptr_t)ends[0], EVFILT_READ, EV_ADD);
    both.udata = &both;
    both.ext[2] = 7;
    CHECK_RETURNS(kevent(kq, &both, 1, &both, 1, NULL), 1);
    CHECK_EQ_INT(both.data, 1);
    CHECK_EQ_PTR(both.udata, &both);
    CHECK_EQ_UINT(both.ext[2], 7);
    close_both(ends);
    end(kq);
}

TEST(macro_evaluates_once)
{
    struct kevent two[2] = {{0}}, *at = two;
    int ident = 5;
    EV_SET(at++, ident++, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, -1, &ident);
    CHECK_EQ_PTR(at, two + 1);
    CHECK_EQ_INT(ident, 6);
    CHECK_EQ_UINT(two[0].ident, 5);
    CHECK_EQ_INT(two[0].data, -1);
    CHECK_EQ_UINT(two[0].fflags, NOTE_SECONDS);
    CHECK_EQ_PTR(two[0].udata, &ident);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_UINT(two[0].ext[i], 0);
}

/*
 * Time.
 */

TEST(bad_timeouts_fail_after_the_changes)
{
    static const struct timespec bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    int kq = open_queue();
    struct kevent got, wanted = entry(1, EVFILT_USER, EV_DELETE);
    for (int i = 0; i < 3; i++) {
        wanted = entry(1, EVFILT_USER, EV_DELETE);
        CHECK_ERRNO(kevent(kq, &wanted, 1, &got, 1, &bad[i]), EINVAL);
        CHECK_RETURNS(kevent(kq, &wanted, 1, &got, 1, &bad[i]), 1);
        CHECK_EQ_INT(got.data, ENOENT);
        CHECK_RETURNS(kevent(kq, NULL, 0, NULL, 0, &bad[i]), 0);
        CHECK_RETURNS(change(kq, 1, EVFILT_USER, EV_ADD), 0);
    }
    end(kq);
}

TEST(bad_timeouts_leave_what_is_ready)
{
    static const struct timespec bad = {0, -1};
    struct kevent got;
    int kq = open_queue();
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_ERRNO(kevent(kq, NULL, 0, &got, 1, &bad), EINVAL);
    CHECK_RETURNS(kevent(kq, NULL, 0, &got, 1, &no_time), 1);
    end(kq);
}

TEST(very_long_timeouts_have_no_limit)
{
    static const time_t most = sizeof(time_t) > 4 ? (time_t)INT64_MAX : INT_MAX;
    const struct timespec times[] = {{most, 999999999}, {most / 1000000000, 999999999}};
    int kq = open_queue(), ends[2];
    struct kevent got;
    make_pipe(ends);
    CHECK_RETURNS(change(kq, (uintptr_t)ends[0], EVFILT_READ, EV_ADD), 0);
    for (int i = 0; i < 2; i++) {
        struct nudge nudge;
        nudge_start(&nudge, 0, ends[1]);
        CHECK_EQ_INT(kevent(kq, NULL, 0, &got, 1, &times[i]), 1);
        nudge_join(&nudge);
        read_byte(ends[0]);
    }
    close_both(ends);
    end(kq);
}

TEST(waits_its_time_out)
{
    static const struct timespec time = {0, 2 * MS};
    struct kevent got;
    int kq = open_queue();
    int64_t start = now_ns();
    CHECK_RETURNS(kevent(kq, NULL, 0, &got, 1, &time), 0);
    CHECK_GE_INT(now_ns() - start, 2 * MS);
    end(kq);
}

TEST(negative_counts)
{
    struct kevent got;
    int kq = open_queue();
    CHECK_ERRNO(kevent(kq, &got, -1, NULL, 0, NULL), EINVAL);
    CHECK_ERRNO(kevent(kq, NULL, 0, &got, -1, NULL), EINVAL);
    end(kq);
}
