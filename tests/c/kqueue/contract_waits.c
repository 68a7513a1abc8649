/*
 * The contract again, where a call sleeps, another thread acts, the process
 * forks, or a queue is closed with something in it.
 */
#include "sleeper.h"
#include "subjects.h"

/* The sleeper has got the target's event. */
static void check_woken(struct sleeper *sleeper, const struct target *target)
{
    sleeper_join(sleeper);
    CHECK_EQ_INT(sleeper->result, 1);
    CHECK_EQ_UINT(sleeper->event.ident, target->ident);
    CHECK_EQ_INT(sleeper->event.filter, target->subject->filter);
}

static void raise_while_asleep(const struct subject *subject, int64_t timeout_ns)
{
    struct target target;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    sleeper_start(&sleeper, queue, timeout_ns);
    target_raise(&target, queue);
    check_woken(&sleeper, &target);
    end(&target, queue);
}

TEST_EACH(wakes_a_sleeper, const struct subject *subject, subjects)
{
    raise_while_asleep(subject, -1);
    raise_while_asleep(subject, TOO_LONG);
    raise_while_asleep(subject, INT64_MAX);
}

TEST_EACH(wakes_a_sleeper_when_added, const struct subject *subject, descriptors)
{
    struct target target;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    sleeper_start(&sleeper, queue, -1);
    CHECK_OK(target_add(&target, queue, 0));
    check_woken(&sleeper, &target);
    end(&target, queue);
}

TEST_EACH(wakes_a_sleeper_when_enabled, const struct subject *subject, subjects)
{
    struct target target;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    target_raise(&target, queue);
    sleeper_start(&sleeper, queue, -1);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    check_woken(&sleeper, &target);
    end(&target, queue);
}

TEST_EACH(deleted_and_disabled_do_not_wake, const struct subject *subject, descriptors)
{
    struct target target;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    sleeper_start(&sleeper, queue, -1);
    CHECK_OK(target_touch(&target, queue, EV_DISABLE));
    target_raise(&target, queue);
    sleeper_sleeps(&sleeper);
    CHECK_OK(target_touch(&target, queue, EV_DELETE));
    sleeper_sleeps(&sleeper);
    CHECK_OK(target_add(&target, queue, 0));
    check_woken(&sleeper, &target);
    end(&target, queue);
}

TEST_EACH(shutdown_wakes_with_ebadf, const struct subject *subject, subjects)
{
    struct target target;
    struct sleeper sleeper;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    sleeper_start(&sleeper, queue, -1);
    CHECK_RETURNS(pmx_kqueue_usable(queue), 1);
    CHECK_RETURNS(pmx_kqueue_shutdown(queue), 0);
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, -1);
    CHECK_EQ_INT(sleeper.error, EBADF);
    CHECK_RETURNS(pmx_kqueue_usable(queue), 0);
    CHECK_ERRNO(target_add(&target, queue, 0), EBADF);
    CHECK_ERRNO(pmx_kqueue_fd(queue), EBADF);
    end(&target, queue);
}

/* What a queue still holds goes with it; the thing watched is untouched. */
TEST_EACH(close_drops_knotes, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject), *next;
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    close_queue(queue);
    next = open_queue();
    CHECK_QUIET(next);
    CHECK_OK(target_add(&target, next, 0));
    target_raise(&target, next);
    target_take(&target, next, 0);
    end(&target, next);
}

static void check_dead(struct target *target, struct pmx_kqueue *queue, int fd)
{
    struct pmx_kevent event;
    CHECK_RETURNS(pmx_kqueue_usable(queue), 0);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, &event, 1, -1, NULL), EBADF);
    CHECK_ERRNO(target_touch(target, queue, EV_DELETE), EBADF);
    CHECK_ERRNO(pmx_kqueue_fd(queue), EBADF);
    pmx_kqueue_close(queue);
    CHECK(!is_open(fd));
}

/* The child's queue is dead; the parent's does not notice. */
TEST_EACH(fork_leaves_the_parent_alone, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    int fd = CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    IN_CHILD(check_dead(&target, queue, fd));
    CHECK_RETURNS(pmx_kqueue_usable(queue), 1);
    target_take(&target, queue, 0);
    target_lower(&target, queue);
    CHECK_QUIET(queue);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    end(&target, queue);
}

/* Without room a call never waits, ready or not. */
TEST_EACH(no_room_never_waits, const struct subject *subject, subjects)
{
    static const int64_t timeouts[] = {0, TOO_LONG, -1};
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    for (int i = 0; i < 3; i++)
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, NULL, 0, timeouts[i], NULL),
                      0);
    target_raise(&target, queue);
    for (int i = 0; i < 3; i++)
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, NULL, 0, timeouts[i], NULL),
                      0);
    target_take(&target, queue, 0);
    end(&target, queue);
}

/* A wait ends when its time is over, and not before. */
TEST_EACH(waits_its_time_out, const struct subject *subject, subjects)
{
    static const int64_t timeouts[] = {1, 300 * US, 20 * MS};
    struct target target;
    struct pmx_kevent event;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    for (int i = 0; i < 3; i++) {
        int64_t start = now_ns();
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, timeouts[i], NULL),
                      0);
        CHECK_GE_INT(now_ns() - start, timeouts[i]);
    }
    end(&target, queue);
}

/* The descriptor is readable exactly while something can be collected. */
TEST_EACH(shows_in_the_descriptor, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    check_shows(queue, 0);
    target_raise(&target, queue);
    check_shows(queue, 1);
    target_take(&target, queue, 0);
    check_shows(queue, !subject->flags);
    target_lower(&target, queue);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    target_raise(&target, queue);
    check_shows(queue, 1);
    CHECK_OK(target_touch(&target, queue, EV_DELETE));
    check_shows(queue, 0);
    end(&target, queue);
}

/* A knote that was added disabled does not count; enabling shows it. */
TEST_EACH(disabled_does_not_show, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    target_raise(&target, queue);
    check_shows(queue, 0);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    check_shows(queue, 1);
    target_take(&target, queue, 0);
    end(&target, queue);
}
