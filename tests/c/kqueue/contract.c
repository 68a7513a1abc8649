/*
 * The contract: what is true of every filter, tried on one subject of each
 * kind. Whoever waits, forks and shuts down is in contract_waits.c.
 */
#include "subjects.h"

TEST_EACH(comes_when_it_happens, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_RETURNS(target_add(&target, queue, 0), 0);
    CHECK_QUIET(queue);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    target_lower(&target, queue);
    CHECK_QUIET(queue);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    end(&target, queue);
}

/* The filter is run right after the knote is made. */
TEST_EACH(what_is_so_already_comes, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, 0));
    target_take(&target, queue, 0);
    end(&target, queue);
}

/* Adding and collecting in one call. */
TEST_EACH(one_call_adds_and_takes, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kevent both[1];
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    both[0] = target_entry(&target, EV_ADD, TAG(5));
    CHECK_RETURNS(pmx_kqueue_control(queue, both, 1, both, 1, -1, NULL), 1);
    CHECK_EQ_UINT(both[0].ident, target.ident);
    CHECK_EQ_UINT(both[0].flags, 0);
    CHECK_EQ_PTR(both[0].udata, TAG(5));
    end(&target, queue);
}

/* Level: as long as it lasts; an edge only once. */
TEST_EACH(comes_again_while_it_lasts, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    for (int i = 0; i < 3 && (i == 0 || !subject->flags); i++)
        target_take(&target, queue, 0);
    if (subject->flags & EV_CLEAR)
        CHECK_QUIET(queue);
    end(&target, queue);
}

/* A scan never returns one knote twice. */
TEST_EACH(comes_once_in_one_call, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kevent events[ROOM];
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    for (int i = 0; i < 3; i++)
        target_raise(&target, queue);
    take_count(queue, events, 1);
    end(&target, queue);
}

/* The filter is run again when the knote is collected. */
TEST_EACH(what_is_over_does_not_come, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    target_lower(&target, queue);
    CHECK_QUIET(queue);
    end(&target, queue);
}

TEST_EACH(delete_drops_what_is_pending, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    CHECK_RETURNS(target_touch(&target, queue, EV_DELETE), 0);
    CHECK_QUIET(queue);
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    end(&target, queue);
}

TEST_EACH(is_new_after_delete, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_ONESHOT | EV_DISABLE));
    CHECK_OK(target_touch(&target, queue, EV_DELETE));
    CHECK_OK(target_add(&target, queue, 0));
    CHECK_QUIET(queue);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    CHECK_OK(target_touch(&target, queue, EV_DELETE));
    end(&target, queue);
}

/* Two additions make one knote. */
TEST_EACH(is_one_however_often_added, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    for (int i = 0; i < 3; i++)
        CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    CHECK_OK(target_touch(&target, queue, EV_DELETE));
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    end(&target, queue);
}

TEST_EACH(unknown_is_enoent, const struct subject *subject, subjects)
{
    static const unsigned touches[] = {
        EV_DELETE, EV_ENABLE, EV_DISABLE, EV_FORCEONESHOT, EV_KEEPUDATA, EV_CLEAR, 0};
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++) {
        CHECK_ERRNO(target_touch(&target, queue, touches[i]), ENOENT);
        CHECK_EQ_INT(answer(queue, target_entry(&target, touches[i], TAG(i))), ENOENT);
    }
    end(&target, queue);
}

/* A disabled knote collects what happens, and shows it when it is enabled. */
TEST_EACH(happens_while_disabled, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    CHECK_RETURNS(target_touch(&target, queue, EV_DISABLE), 0);
    target_raise(&target, queue);
    CHECK_QUIET(queue);
    CHECK_RETURNS(target_touch(&target, queue, EV_ENABLE), 0);
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(disable_holds_back_what_is_pending, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    target_raise(&target, queue);
    CHECK_OK(target_touch(&target, queue, EV_DISABLE));
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(added_disabled, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    target_raise(&target, queue);
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(what_is_so_already_waits_for_enable, const struct subject *subject,
          descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, 0);
    end(&target, queue);
}

/* Observed, against the manual page: EV_ADD does not enable. */
TEST_EACH(add_does_not_enable, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    CHECK_RETURNS(target_add(&target, queue, 0), 0);
    target_raise(&target, queue);
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(add_with_enable_enables, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISABLE));
    CHECK_RETURNS(target_add(&target, queue, EV_ENABLE), 0);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(enable_and_disable_are_einval, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_ERRNO(target_add(&target, queue, EV_ENABLE | EV_DISABLE), EINVAL);
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    CHECK_OK(target_add(&target, queue, 0));
    CHECK_ERRNO(target_touch(&target, queue, EV_ENABLE | EV_DISABLE), EINVAL);
    target_raise(&target, queue);
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(oneshot_is_gone_when_taken, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_ONESHOT));
    CHECK_QUIET(queue);
    target_raise(&target, queue);
    target_take(&target, queue, EV_ONESHOT);
    CHECK_QUIET(queue);
    CHECK_ERRNO(target_touch(&target, queue, EV_ENABLE), ENOENT);
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    end(&target, queue);
}

TEST_EACH(clear_comes_once, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_CLEAR));
    CHECK_QUIET(queue);
    for (int i = 0; i < 3; i++) {
        target_raise(&target, queue);
        target_take(&target, queue, EV_CLEAR);
        CHECK_QUIET(queue);
        target_lower(&target, queue);
        CHECK_QUIET(queue);
    }
    end(&target, queue);
}

TEST_EACH(clear_sees_what_is_so_already, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_CLEAR));
    target_take(&target, queue, EV_CLEAR);
    CHECK_QUIET(queue);
    end(&target, queue);
}

/* Observed: being enabled runs the filter, and so does another EV_ADD. */
TEST_EACH(clear_comes_again_when_touched, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_CLEAR));
    target_take(&target, queue, EV_CLEAR);
    CHECK_OK(target_touch(&target, queue, EV_DISABLE));
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, EV_CLEAR);
    CHECK_QUIET(queue);
    CHECK_OK(target_add(&target, queue, 0));
    target_take(&target, queue, EV_CLEAR);
    CHECK_QUIET(queue);
    end(&target, queue);
}

TEST_EACH(clear_touched_before_it_is_taken, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, EV_CLEAR));
    CHECK_OK(target_add(&target, queue, 0));
    target_take(&target, queue, EV_CLEAR);
    CHECK_QUIET(queue);
    end(&target, queue);
}

TEST_EACH(dispatch_is_disabled_when_taken, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISPATCH));
    target_raise(&target, queue);
    target_take(&target, queue, EV_DISPATCH);
    CHECK_QUIET(queue);
    CHECK_OK(target_add(&target, queue, EV_DISPATCH)); /* which does not enable */
    target_raise(&target, queue);
    CHECK_QUIET(queue);
    CHECK_OK(target_touch(&target, queue, EV_ENABLE));
    target_take(&target, queue, EV_DISPATCH);
    CHECK_QUIET(queue);
    end(&target, queue);
}

TEST_EACH(oneshot_wins_over_dispatch, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, EV_DISPATCH | EV_ONESHOT));
    target_raise(&target, queue);
    target_take(&target, queue, EV_DISPATCH | EV_ONESHOT);
    CHECK_ERRNO(target_touch(&target, queue, EV_ENABLE), ENOENT);
    end(&target, queue);
}

/* The EV_ADD that makes a knote decides its manner; no later one changes it. */
TEST_EACH(manner_is_final, const struct subject *subject, descriptors)
{
    static const unsigned manners[] = {EV_ONESHOT, EV_DISPATCH, EV_CLEAR, EV_RECEIPT};
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++) {
        CHECK_OK(target_add(&target, queue, 0));
        CHECK_OK(target_add(&target, queue, manners[i]));
        CHECK_OK(target_touch(&target, queue, EV_ENABLE | manners[i]));
        target_take(&target, queue, 0);
        target_take(&target, queue, 0);
        CHECK_OK(target_touch(&target, queue, EV_DELETE));
        CHECK_OK(target_add(&target, queue, manners[i]));
        CHECK_OK(target_add(&target, queue, 0));
        target_take(&target, queue, manners[i]);
        target_touch(&target, queue, EV_DELETE); /* ENOENT after EV_ONESHOT */
    }
    end(&target, queue);
}

TEST_EACH(receipt_with_room, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    unsigned flags = EV_ADD | EV_RECEIPT;
    CHECK_EQ_INT(answer(queue, target_entry(&target, flags, TAG(3))), 0);
    target_raise(&target, queue);
    target_take(&target, queue, EV_RECEIPT); /* it stays */
    CHECK_EQ_INT(answer(queue, target_entry(&target, EV_DELETE | EV_RECEIPT, 0)), 0);
    CHECK_EQ_INT(answer(queue, target_entry(&target, EV_DELETE | EV_RECEIPT, 0)),
                 ENOENT);
    end(&target, queue);
}

TEST_EACH(receipt_without_room, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_RETURNS(target_add(&target, queue, EV_RECEIPT), 0);
    target_raise(&target, queue);
    target_take(&target, queue, EV_RECEIPT);
    end(&target, queue);
}

/* A receipt ends the call without collecting, ready or not. */
TEST_EACH(receipt_comes_alone, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(target_add(&target, queue, 0));
    CHECK_EQ_INT(answer(queue, target_entry(&target, EV_ENABLE | EV_RECEIPT, 0)), 0);
    target_take(&target, queue, 0);
    end(&target, queue);
}

TEST_EACH(every_touch_sets_udata, const struct subject *subject, subjects)
{
    static const unsigned touches[] = {EV_ENABLE, EV_DISABLE, 0};
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(apply(queue, target_entry(&target, EV_ADD, TAG(100))));
    for (unsigned i = 0; i < 3; i++) {
        CHECK_OK(target_touch(&target, queue, EV_KEEPUDATA | EV_DISABLE));
        target_raise(&target, queue);
        CHECK_OK(apply(queue, target_entry(&target, touches[i], TAG(i + 1))));
        CHECK_OK(target_touch(&target, queue, EV_KEEPUDATA | EV_ENABLE));
        CHECK_EQ_PTR(target_take(&target, queue, 0).udata, TAG(i + 1));
    }
    end(&target, queue);
}

TEST_EACH(udata_is_kept_when_asked, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    target_raise(&target, queue);
    CHECK_OK(apply(queue, target_entry(&target, EV_ADD, TAG(6))));
    CHECK_RETURNS(apply(queue, target_entry(&target, EV_ENABLE | EV_KEEPUDATA, TAG(7))),
                  0);
    CHECK_EQ_PTR(target_take(&target, queue, 0).udata, TAG(6));
    CHECK_ERRNO(apply(queue, target_entry(&target, EV_ADD | EV_KEEPUDATA, TAG(8))),
                EINVAL);
    CHECK_EQ_PTR(target_take(&target, queue, 0).udata, TAG(6));
    end(&target, queue);
}

/* ext[2] and ext[3] are the caller's, as udata is. */
TEST_EACH(ext_comes_back, const struct subject *subject, descriptors)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    struct pmx_kevent add = target_entry(&target, EV_ADD, NULL);
    add.ext[2] = UINT64_C(0xfedcba9876543210);
    add.ext[3] = 4;
    target_raise(&target, queue);
    CHECK_OK(apply(queue, add));
    struct pmx_kevent event = target_take(&target, queue, 0);
    CHECK_EQ_UINT(event.ext[2], add.ext[2]);
    CHECK_EQ_UINT(event.ext[3], add.ext[3]);
    end(&target, queue);
}

/* It fires at once, ready or not, and is gone. */
TEST_EACH(force_oneshot, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_OK(target_add(&target, queue, 0));
    CHECK_QUIET(queue);
    CHECK_RETURNS(target_touch(&target, queue, EV_FORCEONESHOT), 0);
    target_take(&target, queue, EV_ONESHOT);
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    end(&target, queue);
}

/* Observed: on a knote that it makes, and that is not ready, it does nothing. */
TEST_EACH(force_oneshot_with_add, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_RETURNS(target_add(&target, queue, EV_FORCEONESHOT), 0);
    CHECK_QUIET(queue);
    CHECK_RETURNS(target_touch(&target, queue, EV_DELETE), 0);
    end(&target, queue);
}

TEST_EACH(add_with_delete, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_RETURNS(target_add(&target, queue, EV_DELETE), 0); /* makes it */
    CHECK_RETURNS(target_touch(&target, queue, EV_ENABLE), 0);
    CHECK_RETURNS(target_add(&target, queue, EV_DELETE), 0); /* deletes it */
    CHECK_ERRNO(target_touch(&target, queue, EV_DELETE), ENOENT);
    end(&target, queue);
}

/* No EV_ADD, no EV_ENABLE, nothing that is not a manner. */
TEST_EACH(returned_flags, const struct subject *subject, subjects)
{
    unsigned manner = EV_CLEAR | EV_DISPATCH | EV_RECEIPT;
    struct target target;
    struct pmx_kqueue *queue = begin(&target, subject);
    CHECK_RETURNS(target_add(&target, queue, manner | EV_ENABLE | EV_SYSFLAGS), 0);
    target_raise(&target, queue);
    target_take(&target, queue, manner);
    end(&target, queue);
}

TEST_EACH(every_queue_gets_it, const struct subject *subject, subjects)
{
    struct target target;
    struct pmx_kqueue *first = begin(&target, subject), *second = open_queue();
    CHECK_OK(target_add(&target, first, EV_CLEAR));
    CHECK_OK(target_add(&target, second, 0));
    target_raise(&target, first);
    if (subject->filter == EVFILT_TIMER || subject->filter == EVFILT_USER)
        target_raise(&target, second);
    target_take(&target, first, EV_CLEAR);
    target_take(&target, second, 0);
    CHECK_QUIET(first);
    CHECK_OK(target_touch(&target, first, EV_DELETE));
    CHECK_OK(target_touch(&target, second, EV_DELETE));
    close_queue(second);
    end(&target, first);
}
