/*
 * A knote belongs to a descriptor number and ends with it: close, dup, dup2,
 * and the number's next owner.
 */
#include <fcntl.h>
#include <unistd.h>

#include "sleeper.h"
#include "subjects.h"

static int add(struct pmx_kqueue *queue, int fd, int16_t filter, void *udata)
{
    return apply(queue, entry((uintptr_t)fd, filter, EV_ADD, 0, 0, udata));
}

static int touch(struct pmx_kqueue *queue, int fd, int16_t filter, unsigned flags)
{
    return change(queue, (uintptr_t)fd, filter, flags);
}

/* A pipe with one byte in it, and a second descriptor of its reading end. */
struct doubled {
    int fd;
    int copy;
    int writer;
};

static void make_doubled(struct doubled *doubled)
{
    int ends[2];
    make_pipe(ends);
    write_byte(ends[1]);
    *doubled = (struct doubled){
        .fd = ends[0],
        .copy = CHECK_OK(fcntl(ends[0], F_DUPFD_CLOEXEC, 0)),
        .writer = ends[1],
    };
}

static void close_doubled(const struct doubled *doubled)
{
    CHECK_OK(close(doubled->fd));
    CHECK_OK(close(doubled->copy));
    CHECK_OK(close(doubled->writer));
}

/* Opens another thing of the target's kind, watched under the same number. */
static void open_next(struct target *next, const struct target *target)
{
    int number = (int)target->ident;
    *next = (struct target){.subject = target->subject};
    next->subject->open(next);
    if (next->fds[0] == number)
        return;
    CHECK(!next->inner && !is_open(number));
    CHECK_OK(dup3(next->fds[0], number, O_CLOEXEC));
    CHECK_OK(close(next->fds[0]));
    next->fds[0] = number;
    next->ident = target->ident;
}

/* Nothing is left of it, in the queue or in poll. */
static void check_gone(struct pmx_kqueue *queue)
{
    CHECK_QUIET(queue);
    CHECK_QUIET(queue);
    check_shows(queue, false);
}

TEST_EACH(closed, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, 0));
    target_take(&target, queue, 0);
    subject->close(&target);
    check_gone(queue);
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), EBADF);
    CHECK_ERRNO(target_touch(&target, queue, EV_ENABLE), EBADF);
    close_queue(queue);
}

TEST_EACH(closed_before_it_was_taken, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_ONESHOT));
    subject->close(&target);
    check_gone(queue);
    close_queue(queue);
}

TEST_EACH(closed_while_disabled, const struct subject *subject, descriptors)
{
    struct target target, next;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    subject->close(&target);
    check_gone(queue);
    open_next(&next, &target);
    CHECK_ERRNO(target_touch(&next, queue, EV_ENABLE), ENOENT);
    target_raise(&next, queue);
    check_gone(queue);
    end(&next, queue);
}

/* The next owner of a number inherits nothing, and can be added. */
TEST_EACH(number_with_a_new_owner, const struct subject *subject, descriptors)
{
    struct target target, next;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(apply(queue, target_entry(&target, EV_ADD, TAG(1))));
    target_take(&target, queue, 0);
    subject->close(&target);
    open_next(&next, &target);
    target_raise(&next, queue);
    check_gone(queue);
    CHECK_ERRNO(target_touch(&next, queue, EV_DELETE), ENOENT);
    CHECK_OK(apply(queue, target_entry(&next, EV_ADD, TAG(2))));
    CHECK_EQ_PTR(target_take(&next, queue, 0).udata, TAG(2));
    end(&next, queue);
}

/* Of its new owner, or of none, a number has no knote to be touched. */
static void touched_when_gone(const struct subject *subject, unsigned flags)
{
    struct target target, next;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    subject->close(&target);
    CHECK_ERRNO(target_touch(&target, queue, flags), EBADF);
    open_next(&next, &target);
    CHECK_OK(target_add(&next, queue, 0));
    subject->close(&next);
    open_next(&next, &target);
    CHECK_ERRNO(target_touch(&next, queue, flags), ENOENT);
    target_raise(&next, queue);
    check_gone(queue);
    end(&next, queue);
}

TEST_EACH(touched_for_its_new_owner, const struct subject *subject, descriptors)
{
    touched_when_gone(subject, 0);
    touched_when_gone(subject, EV_DELETE);
}

/* Enabled or disabled for its new owner, the knote is gone none the less. */
TEST_EACH(switched_for_its_new_owner, const struct subject *subject, descriptors)
{
    static const unsigned switches[] = {EV_ENABLE, EV_DISABLE};
    DIFFERENCE("EV_ENABLE and EV_DISABLE of a number that was closed, or has a new "
               "owner, fail",
               "they may succeed, and nothing comes of it");
    for (int i = 0; i < 2; i++) {
        struct target target, next;
        struct pmx_kqueue *queue = begin(&target, subject);
        CHECK_OK(target_add(&target, queue, 0));
        subject->close(&target);
        CHECK(target_touch(&target, queue, switches[i]) == 0 || errno == EBADF);
        open_next(&next, &target);
        CHECK(target_touch(&next, queue, switches[i]) == 0 || errno == ENOENT);
        target_raise(&next, queue);
        check_gone(queue);
        CHECK_ERRNO(target_touch(&next, queue, EV_DELETE), ENOENT);
        end(&next, queue);
    }
}

/* The same without anything between: the first the queue hears is the EV_ADD. */
TEST_EACH(number_added_for_its_new_owner, const struct subject *subject, descriptors)
{
    struct target target, next;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(apply(queue, target_entry(&target, EV_ADD | EV_ONESHOT, TAG(1))));
    subject->close(&target);
    open_next(&next, &target);
    CHECK_OK(apply(queue, target_entry(&next, EV_ADD, TAG(2))));
    CHECK_QUIET(queue);
    target_raise(&next, queue);
    CHECK_EQ_PTR(target_take(&next, queue, 0).udata, TAG(2));
    target_take(&next, queue, 0); /* not one-shot, as the old one was */
    end(&next, queue);
}

/* The number's knote goes although the open file lives on, and is ready. */
TEST(closed_with_a_copy_open)
{
    struct doubled pipe;
    make_doubled(&pipe);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, pipe.fd, EVFILT_READ, NULL));
    CHECK_TAKES(queue, (uintptr_t)pipe.fd, EVFILT_READ, 0, 1);
    CHECK_OK(close(pipe.fd));
    check_gone(queue);
    CHECK_ERRNO(touch(queue, pipe.fd, EVFILT_READ, EV_DELETE), EBADF);
    write_byte(pipe.writer);
    check_gone(queue);
    CHECK_OK(add(queue, pipe.copy, EVFILT_READ, NULL));
    CHECK_TAKES(queue, (uintptr_t)pipe.copy, EVFILT_READ, 0, 2);
    close_queue(queue);
    CHECK_OK(close(pipe.copy));
    CHECK_OK(close(pipe.writer));
}

TEST(copies_have_knotes_of_their_own)
{
    struct doubled pipe;
    struct pmx_kevent events[ROOM];
    make_doubled(&pipe);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, pipe.fd, EVFILT_READ, TAG(1)));
    CHECK_OK(add(queue, pipe.copy, EVFILT_READ, TAG(2)));
    take_count(queue, events, 2);
    CHECK_EQ_PTR(event_of(events, 2, (uintptr_t)pipe.fd, EVFILT_READ)->udata, TAG(1));
    CHECK_EQ_PTR(event_of(events, 2, (uintptr_t)pipe.copy, EVFILT_READ)->udata, TAG(2));
    CHECK_OK(close(pipe.copy));
    CHECK_TAKES(queue, (uintptr_t)pipe.fd, EVFILT_READ, 0, 1);
    CHECK_OK(close(pipe.fd));
    check_gone(queue);
    close_queue(queue);
    CHECK_OK(close(pipe.writer));
}

/* What comes is of the second knote, and of the file that writer writes to. */
static void check_new_owner(struct pmx_kqueue *queue, int fd, int writer)
{
    write_bytes(writer, 3);
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)fd, EVFILT_READ, 0, 3);
    CHECK_EQ_PTR(event.udata, TAG(2));
}

/* A number whose old file lives on under a copy, and is ready for ever. */
TEST(new_owner_beside_the_living_old_file)
{
    struct doubled old;
    int ends[2];
    make_doubled(&old);
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, old.fd, EVFILT_READ, TAG(1)));
    CHECK_EQ_PTR(take(queue).udata, TAG(1));
    CHECK_OK(dup3(ends[0], old.fd, O_CLOEXEC));
    check_gone(queue);
    CHECK_ERRNO(touch(queue, old.fd, EVFILT_READ, EV_DELETE), ENOENT);
    CHECK_OK(add(queue, old.fd, EVFILT_READ, TAG(2)));
    check_gone(queue);
    write_byte(old.writer);
    check_gone(queue);
    check_new_owner(queue, old.fd, ends[1]);
    close_queue(queue);
    close_both(ends);
    close_doubled(&old);
}

/* The same, where the queue hears of the new owner by its EV_ADD alone. */
TEST(new_owner_added_beside_the_living_old_file)
{
    struct doubled old;
    int ends[2];
    make_doubled(&old);
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, old.fd, EVFILT_READ, TAG(1)));
    CHECK_OK(dup3(ends[0], old.fd, O_CLOEXEC));
    CHECK_OK(add(queue, old.fd, EVFILT_READ, TAG(2)));
    check_gone(queue);
    check_new_owner(queue, old.fd, ends[1]);
    close_queue(queue);
    close_both(ends);
    close_doubled(&old);
}

TEST(new_owner_that_is_readable_too)
{
    struct doubled old;
    int ends[2];
    DIFFERENCE(
        "a number that has a new owner has lost its knotes",
        "an event of an old one may still come, with the new owner's bytes, while "
        "the old file lives on in a copy and both are readable");
    make_doubled(&old);
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, old.fd, EVFILT_READ, TAG(1)));
    write_bytes(ends[1], 3);
    CHECK_OK(dup3(ends[0], old.fd, O_CLOEXEC));
    CHECK_TAKES(queue, (uintptr_t)old.fd, EVFILT_READ, 0, 3);
    read_bytes(ends[0], 3);
    check_gone(queue);
    CHECK_ERRNO(touch(queue, old.fd, EVFILT_READ, EV_DELETE), ENOENT);
    close_queue(queue);
    close_both(ends);
    CHECK_OK(close(old.fd));
    CHECK_OK(close(old.copy));
    CHECK_OK(close(old.writer));
}

/* Disabled, both of them, while the old file was still the number's. */
TEST(new_owner_under_two_disabled_knotes)
{
    int old[2], ends[2];
    make_socketpair(old);
    make_socketpair(ends);
    write_byte(old[1]);
    struct pmx_kqueue *queue = open_queue();
    for (int16_t filter = EVFILT_READ; filter >= EVFILT_WRITE; filter--) {
        CHECK_OK(touch(queue, old[0], filter, EV_ADD));
        CHECK_OK(touch(queue, old[0], filter, EV_DISABLE));
    }
    int copy = CHECK_OK(fcntl(old[0], F_DUPFD_CLOEXEC, 0));
    CHECK_OK(dup3(ends[0], old[0], O_CLOEXEC));
    check_gone(queue);
    CHECK_ERRNO(touch(queue, old[0], EVFILT_READ, EV_DELETE), ENOENT);
    CHECK_ERRNO(touch(queue, old[0], EVFILT_WRITE, EV_DELETE), ENOENT);
    close_queue(queue);
    CHECK_OK(close(copy));
    close_both(old);
    close_both(ends);
}

/* With two knotes, in all manners, of an old file that is ready for ever. */
static void swap_under_two(unsigned reads, unsigned writes)
{
    int old[2], ends[2];
    CONTEXT("reading %#x, writing %#x", reads, writes);
    make_socketpair(old);
    make_socketpair(ends);
    write_byte(old[1]);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(touch(queue, old[0], EVFILT_READ, EV_ADD | reads));
    CHECK_OK(touch(queue, old[0], EVFILT_WRITE, EV_ADD | writes));
    int copy = CHECK_OK(fcntl(old[0], F_DUPFD_CLOEXEC, 0));
    CHECK_OK(dup3(ends[0], old[0], O_CLOEXEC));
    check_gone(queue);
    CHECK_ERRNO(touch(queue, old[0], EVFILT_READ, EV_DELETE), ENOENT);
    CHECK_ERRNO(touch(queue, old[0], EVFILT_WRITE, EV_DELETE), ENOENT);
    close_queue(queue);
    CHECK_OK(close(copy));
    close_both(old);
    close_both(ends);
}

TEST(new_owner_under_two_knotes)
{
    static const unsigned manners[] = {0, EV_CLEAR, EV_ONESHOT, EV_DISPATCH,
                                       EV_DISABLE};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            swap_under_two(manners[i], manners[j]);
}

/* Closed, and opened again at once from a copy: same number, same open file. */
TEST(closed_and_copied_back)
{
    struct doubled pipe;
    make_doubled(&pipe);
    struct pmx_kqueue *queue = open_queue();
    DIFFERENCE("a descriptor that is closed and opened again from a copy of the same "
               "open file has lost its knotes",
               "the knotes stay, as nothing has changed that Linux would show");
    CHECK_OK(add(queue, pipe.fd, EVFILT_READ, NULL));
    CHECK_OK(close(pipe.fd));
    CHECK_OK(dup3(pipe.copy, pipe.fd, O_CLOEXEC));
    CHECK_TAKES(queue, (uintptr_t)pipe.fd, EVFILT_READ, 0, 1);
    CHECK_RETURNS(touch(queue, pipe.fd, EVFILT_READ, EV_DELETE), 0);
    check_gone(queue);
    close_queue(queue);
    close_doubled(&pipe);
}

/* Both knotes of a descriptor go with it. */
TEST(closed_with_both_filters)
{
    int ends[2];
    make_socketpair(ends);
    write_byte(ends[1]);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, ends[0], EVFILT_READ, NULL));
    CHECK_OK(add(queue, ends[0], EVFILT_WRITE, NULL));
    int copy = CHECK_OK(fcntl(ends[0], F_DUPFD_CLOEXEC, 0));
    CHECK_OK(close(ends[0]));
    check_gone(queue);
    CHECK_EQ_INT(fcntl(copy, F_DUPFD_CLOEXEC, ends[0]), ends[0]);
    close_queue(queue);
    CHECK_OK(close(copy));
    close_both(ends);
}

/* Many numbers change hands at once. */
TEST(a_crowd_changes_hands)
{
    enum { CROWD = 100 };
    int fds[CROWD], ends[2], other[2];
    struct pmx_kevent events[CROWD];
    make_pipe(ends);
    make_pipe(other);
    write_byte(ends[1]);
    write_bytes(other[1], 2);
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < CROWD; i++) {
        fds[i] = CHECK_OK(fcntl(ends[0], F_DUPFD_CLOEXEC, 0));
        CHECK_OK(add(queue, fds[i], EVFILT_READ, NULL));
    }
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(dup3(other[0], fds[i], O_CLOEXEC));
    for (int i = 0; i < CROWD; i += 2)
        CHECK_OK(add(queue, fds[i], EVFILT_READ, NULL));
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, CROWD, 0, NULL),
                  CROWD / 2);
    for (int i = 0; i < CROWD / 2; i++)
        CHECK_EQ_INT(events[i].data, 2);
    close_queue(queue);
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(close(fds[i]));
    close_both(ends);
    close_both(other);
}

/* Closing what is watched is no event: who sleeps sleeps on. */
TEST(closing_does_not_wake)
{
    struct doubled pipe;
    struct sleeper sleeper;
    make_doubled(&pipe);
    read_byte(pipe.fd);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add(queue, pipe.fd, EVFILT_READ, NULL));
    CHECK_OK(change(queue, 1, EVFILT_USER, EV_ADD));
    sleeper_start(&sleeper, queue, TOO_LONG);
    CHECK_OK(close(pipe.fd));
    write_byte(pipe.writer); /* wakes the epoll, which has the copy's file */
    sleeper_sleeps(&sleeper);
    CHECK_OK(trigger(queue, 1));
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    CHECK_EQ_INT(sleeper.event.filter, EVFILT_USER);
    close_queue(queue);
    CHECK_OK(close(pipe.copy));
    CHECK_OK(close(pipe.writer));
}
