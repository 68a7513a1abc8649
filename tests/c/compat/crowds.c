/* Queues in children and in threads. */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../support.h"
#include "words.h"

static void use_dead(int kq)
{
    check_is_none(kq, EBADF);
    check_is_none(kq, EBADF);
}

TEST(fork_dead_in_the_child)
{
    int kq = open_queue();
    IN_CHILD(use_dead(kq));
    check_works(kq);
    end(kq);
}

/* Under the dead one's number, too, which is as free as any. */
static void use_own(int kq)
{
    int own = moved_fd(open_queue(), kq + 10), another = open_queue();
    check_works(own);
    check_works(another);
    CHECK_OK(dup3(own, kq, O_CLOEXEC));
    CHECK_OK(close(own));
    check_works(kq);
    CHECK_OK(close(kq));
    if (another == kq)
        return;
    check_works(another);
    CHECK_OK(close(another));
}

TEST(fork_child_has_its_own)
{
    int kq = open_queue();
    IN_CHILD(use_own(kq));
    IN_CHILD(use_own(kq));
    check_works(kq);
    end(kq);
}

/* The child's copies are closed when it makes a queue of its own. */
static void count_descriptors(int kq)
{
    int own = open_queue();
    CHECK_GE_INT(kq, own);
    CHECK_OK(close(own));
}

TEST(fork_child_does_not_inherit)
{
    int kq = open_queue();
    IN_CHILD(count_descriptors(kq));
    check_works(kq);
    end(kq);
}

enum { THREADS = 4, TURNS = 300 };

static atomic_bool over;

static void *open_and_close(void *argument)
{
    (void)argument;
    for (int i = 0; i < TURNS; i++) {
        int kq = open_queue();
        int copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 0));
        check_works(i % 2 ? kq : copy);
        check_works(i % 2 ? copy : kq); /* one that is not known may be lost here */
        CHECK_OK(close(i % 3 ? kq : copy));
        check_works(i % 3 ? copy : kq);
        CHECK_OK(close(i % 3 ? copy : kq));
    }
    return NULL;
}

TEST(threads_with_their_own)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(open_and_close, NULL);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    let_it_notice();
}

static void *trigger_until_over(void *argument)
{
    while (!over)
        CHECK_OK(trigger(*(int *)argument));
    return NULL;
}

/* Two threads find one new number at once, and it has one handle. */
static void *use_copy(void *argument)
{
    CHECK_OK(trigger(*(int *)argument));
    return NULL;
}

TEST(threads_find_a_duplicate)
{
    int kq = open_queue();
    for (int i = 0; i < TURNS; i++) {
        pthread_t threads[THREADS];
        int copy = CHECK_OK(fcntl(kq, F_DUPFD_CLOEXEC, 0));
        for (int j = 0; j < THREADS; j++)
            threads[j] = start_thread(use_copy, &copy);
        for (int j = 0; j < THREADS; j++)
            join_thread(threads[j]);
        check_works(copy);
        CHECK_OK(close(copy));
    }
    end(kq);
}

/* The sanitizers' own locks do not survive a fork beside a thread that allocates
 * memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAKES_QUEUES trigger_until_over
#else
#define MAKES_QUEUES open_and_close
#endif

TEST(fork_beside_busy_threads)
{
    int kq = open_queue();
    pthread_t user = start_thread(trigger_until_over, &kq);
    pthread_t maker = start_thread(MAKES_QUEUES, &kq);
    for (int i = 0; i < 20; i++)
        IN_CHILD(use_own(kq));
    over = true;
    join_thread(user);
    join_thread(maker);
    end(kq);
}

static void *wait_for_ever(void *argument)
{
    struct kevent got;
    kevent(*(int *)argument, NULL, 0, &got, 1, NULL);
    FAIL("not cancelled");
}

/* A thread that is cancelled leaves the queue usable, and able to end. */
TEST(cancelled_in_a_wait)
{
    int before = closed_fd(), kq = open_queue();
    for (int i = 0; i < 10; i++) {
        pthread_t thread = start_thread(wait_for_ever, &kq);
        CHECK_EQ_INT(pthread_cancel(thread), 0);
        CHECK_EQ_PTR(join_thread(thread), PTHREAD_CANCELED);
    }
    check_works(kq);
    end(kq);
    CHECK_EQ_INT(closed_fd(), before);
}

static _Atomic pid_t sleeper;

static void *wait_in_vain(void *argument)
{
    struct kevent got;
    sleeper = gettid();
    CHECK_ERRNO(kevent(*(int *)argument, NULL, 0, &got, 1, NULL), EBADF);
    return NULL;
}

/* Who waits on a queue that is closed learns it when the library does. */
TEST(closed_under_a_wait)
{
    int kq = open_queue();
    pthread_t thread = start_thread(wait_in_vain, &kq);
    while (!sleeper)
        sched_yield();
    await_sleep(getpid(), sleeper);
    CHECK_OK(close(kq));
    let_it_notice();
    join_thread(thread);
}
