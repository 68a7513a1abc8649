/* Queues in a child process: dead there, as new as ever in the parent. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sleeper.h"

static void add_user(struct pmx_kqueue *queue, uintptr_t ident)
{
    CHECK_OK(change(queue, ident, EVFILT_USER, EV_ADD | EV_CLEAR));
}

static void check_works(struct pmx_kqueue *queue)
{
    CHECK_OK(trigger(queue, 1));
    CHECK_TAKES(queue, 1, EVFILT_USER, EV_CLEAR, 0);
    CHECK_QUIET(queue);
}

static void check_dead(struct pmx_kqueue *queue)
{
    CHECK_RETURNS(pmx_kqueue_usable(queue), 0);
    CHECK_ERRNO(pmx_kqueue_check(queue), EBADF);
    CHECK_ERRNO(trigger(queue, 1), EBADF);
    CHECK_ERRNO(pmx_kqueue_control(queue, NULL, 0, NULL, 0, 0, NULL), EBADF);
    CHECK_ERRNO(pmx_kqueue_fd(queue), EBADF);
}

static void die(struct pmx_kqueue *queue)
{
    check_dead(queue);
    pmx_kqueue_close(queue);
}

TEST(child_may_close)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    IN_CHILD(die(queue));
    check_works(queue);
    close_queue(queue);
}

TEST(child_may_leave_it_open)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    IN_CHILD(check_dead(queue));
    check_works(queue);
    close_queue(queue);
}

static void shut_down(struct pmx_kqueue *queue)
{
    CHECK_ERRNO(pmx_kqueue_shutdown(queue), EBADF);
    die(queue);
}

TEST(child_may_shut_it_down)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    IN_CHILD(shut_down(queue));
    check_works(queue);
    close_queue(queue);
}

static void fork_again(struct pmx_kqueue *queue)
{
    IN_CHILD(die(queue));
    die(queue);
}

TEST(grandchild)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    IN_CHILD(fork_again(queue));
    check_works(queue);
    close_queue(queue);
}

/* A child has queues of its own, beside the dead one and after it. */
static void use_own(struct pmx_kqueue *inherited)
{
    struct pmx_kqueue *before = open_queue();
    add_user(before, 1);
    check_works(before);
    die(inherited);
    struct pmx_kqueue *after = open_queue();
    add_user(after, 1);
    check_works(after);
    check_works(before);
    close_queue(before);
    close_queue(after);
}

TEST(child_has_queues_of_its_own)
{
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    IN_CHILD(use_own(queue));
    check_works(queue);
    close_queue(queue);
}

/* The parent asked for the descriptor, so the number is known; no way back in. */
static int parents_fd;

static void enter_by_number(struct pmx_kqueue *queue)
{
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(parents_fd), EBADF);
    check_dead(queue);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(parents_fd), EBADF);
    pmx_kqueue_close(queue);
    CHECK_NULL_ERRNO(pmx_kqueue_from_fd(parents_fd), EBADF);
}

TEST(no_handle_over_the_parents_number)
{
    struct pmx_kqueue *queue = open_queue();
    parents_fd = CHECK_OK(pmx_kqueue_fd(queue));
    add_user(queue, 1);
    IN_CHILD(enter_by_number(queue));
    check_works(queue);
    close_queue(queue);
}

/* Descriptors, timers, files: the child closes, the parent's go on. */
TEST(all_filters_go_on)
{
    int ends[2], file = make_disk_file();
    struct pmx_kevent events[ROOM];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    CHECK_OK(apply(queue, entry(2, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, 5, NULL)));
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD));
    CHECK_OK(change(queue, (uintptr_t)file, EVFILT_READ, EV_ADD));
    IN_CHILD(die(queue));
    CHECK_TAKES(queue, 2, EVFILT_TIMER, EV_ONESHOT | EV_CLEAR, 1);
    write_byte(ends[1]);
    grow(file, 1);
    CHECK_OK(trigger(queue, 1));
    take_count(queue, events, 3);
    close_queue(queue);
    close_both(ends);
    CHECK_OK(close(file));
}

/* Forked by one thread while another is in the middle of a wait. */
TEST(fork_beside_a_sleeper)
{
    struct sleeper sleeper;
    struct pmx_kqueue *queue = open_queue();
    add_user(queue, 1);
    sleeper_start(&sleeper, queue, -1);
    IN_CHILD(die(queue));
    sleeper_sleeps(&sleeper);
    CHECK_OK(trigger(queue, 1));
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    close_queue(queue);
}

/* Forked while other threads hold whatever locks there are. */
struct busy {
    struct pmx_kqueue *queue;
    _Atomic bool over;
};

static void make_another(void)
{
    struct pmx_kqueue *other = open_queue();
    add_user(other, 1);
    close_queue(other);
}

/* The sanitizers' own locks do not survive a fork beside a thread that allocates
 * memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MAKES_OTHERS = false };
#else
enum { MAKES_OTHERS = true };
#endif

static void *be_busy(void *argument)
{
    struct busy *busy = argument;
    while (!busy->over) {
        CHECK_OK(trigger(busy->queue, 1));
        if (MAKES_OTHERS)
            make_another();
    }
    return NULL;
}

TEST(fork_beside_a_busy_thread)
{
    struct busy busy = {.queue = open_queue()};
    add_user(busy.queue, 1);
    pthread_t thread = start_thread(be_busy, &busy);
    for (int i = 0; i < 50; i++)
        IN_CHILD(use_own(busy.queue));
    busy.over = true;
    join_thread(thread);
    CHECK_EQ_UINT(take(busy.queue).ident, 1);
    close_queue(busy.queue);
}
