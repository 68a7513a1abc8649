/*
 * Answers in memory that the program maps (DP_ALLOC), as a program for the
 * patched Linux of 2000 asks for them: through the macros.
 */
#include <sys/devpoll.h>

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "../support.h"
#include "words.h"

enum { COUNT = 4 };

static int open_set(int count)
{
    int set = CHECK_OK(open("/dev/poll", O_RDWR | O_CLOEXEC));
    if (count)
        CHECK_RETURNS(ioctl(set, DP_ALLOC, count), 0);
    return set;
}

static void put(int set, int fd, short events)
{
    const struct pollfd entry = {fd, events, 0};
    CHECK_RETURNS(write(set, &entry, sizeof(entry)), sizeof(entry));
}

/* A set that has room and watches an end of a pipe that can be read. */
static int open_ready(int count, int ends[2])
{
    int set = open_set(count);
    make_pipe(ends);
    write_byte(ends[1]);
    put(set, ends[0], POLLIN);
    return set;
}

static void end_ready(int set, const int ends[2])
{
    close_both(ends);
    end(set);
}

static int wait_with(int set, int request, nfds_t count, int timeout)
{
    struct dvpoll dvpoll = {.dp_nfds = count, .dp_timeout = timeout};
    return ioctl(set, (unsigned)request, &dvpoll);
}

static int wait_in_room(int set, nfds_t count)
{
    return wait_with(set, DP_POLL, count, -1);
}

static struct pollfd *map_with(int set, size_t length, int protection, int flags)
{
    if (under_valgrind())
        SKIP("valgrind refuses to map the same pages a second time");
    errno = HARNESS_NO_ERRNO;
    void *mapped = mmap(NULL, length, protection, flags, set, 0);
    CHECK(mapped == MAP_FAILED || errno == HARNESS_NO_ERRNO);
    return mapped;
}

static struct pollfd *map(int set, int count)
{
    size_t length = DP_MMAP_SIZE((size_t)count);
    struct pollfd *answers = map_with(set, length, PROT_READ | PROT_WRITE, MAP_SHARED);
    CHECK(answers != MAP_FAILED);
    return answers;
}

static void unmap(void *answers, int count)
{
    CHECK_OK(munmap(answers, DP_MMAP_SIZE((size_t)count)));
}

static void check_answer(const struct pollfd *answer, int fd, short revents)
{
    CHECK_EQ_INT(answer->fd, fd);
    CHECK_EQ_INT(answer->events, revents);
    CHECK_EQ_INT(answer->revents, revents);
}

static int refused(const void *mapped)
{
    return mapped == MAP_FAILED ? -1 : 0;
}

/*
 * Waiting.
 */

TEST(answers_are_in_the_room)
{
    int first[2], second[2], set = open_ready(COUNT, first);
    struct pollfd *answers = map(set, COUNT);
    check_answer(answers, 0, 0);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    check_answer(answers, first[0], POLLIN);
    make_pipe(second);
    put(set, first[0], POLLREMOVE);
    put(set, second[1], POLLOUT);
    CHECK_RETURNS(wait_with(set, DP_PPOLL, COUNT, -1), 1);
    check_answer(answers, second[1], POLLOUT);
    unmap(answers, COUNT);
    close_both(second);
    end_ready(set, first);
}

TEST(no_more_than_were_asked_for)
{
    int first[2], second[2], set = open_ready(COUNT, first);
    struct pollfd *answers = map(set, COUNT);
    make_pipe(second);
    put(set, second[1], POLLOUT);
    CHECK_RETURNS(wait_in_room(set, 1), 1);
    check_answer(answers + 1, 0, 0);
    CHECK_RETURNS(wait_in_room(set, 2), 2);
    CHECK_EQ_INT(answers[0].fd + answers[1].fd, first[0] + second[1]);
    unmap(answers, COUNT);
    close_both(second);
    end_ready(set, first);
}

TEST(nothing_is_ready)
{
    int ends[2], set = open_ready(COUNT, ends);
    read_byte(ends[0]);
    int64_t start = now_ns();
    CHECK_RETURNS(wait_with(set, DP_POLL, COUNT, 2), 0);
    CHECK_RETURNS(wait_with(set, DP_POLL, 0, 2), 0);
    CHECK_GE_INT(now_ns() - start, 4 * MS);
    end_ready(set, ends);
}

TEST(other_memory_is_filled_as_ever)
{
    struct pollfd own;
    int ends[2], set = open_ready(COUNT, ends);
    struct pollfd *answers = map(set, COUNT);
    struct dvpoll dvpoll = {.dp_fds = &own, .dp_nfds = 1, .dp_timeout = -1};
    CHECK_RETURNS(ioctl(set, DP_POLL, &dvpoll), 1);
    check_answer(&own, ends[0], POLLIN);
    check_answer(answers, 0, 0);
    dvpoll.dp_fds = answers + 1;
    CHECK_RETURNS(ioctl(set, DP_POLL, &dvpoll), 1);
    check_answer(answers + 1, ends[0], POLLIN);
    unmap(answers, COUNT);
    end_ready(set, ends);
}

/* The room is the set's: it is there without a mapping, and after one. */
TEST(waits_without_a_mapping)
{
    int ends[2], set = open_ready(COUNT, ends);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    struct pollfd *answers = map(set, COUNT);
    check_answer(answers, ends[0], POLLIN);
    unmap(answers, COUNT);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    end_ready(set, ends);
}

/*
 * Mapping.
 */

TEST(mapped_twice)
{
    int ends[2], set = open_ready(COUNT, ends);
    struct pollfd *first = map(set, COUNT), *second = map(set, COUNT);
    CHECK(first != second);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    check_answer(first, ends[0], POLLIN);
    check_answer(second, ends[0], POLLIN);
    first->fd = -5;
    CHECK_EQ_INT(second->fd, -5);
    unmap(first, COUNT);
    CHECK_EQ_INT(second->fd, -5);
    unmap(second, COUNT);
    end_ready(set, ends);
}

TEST(protection)
{
    int ends[2], set = open_ready(COUNT, ends);
    struct pollfd *none = map_with(set, 1, PROT_NONE, MAP_SHARED);
    struct pollfd *some = map_with(set, 1, PROT_READ, MAP_SHARED);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    check_answer(some, ends[0], POLLIN);
    CHECK_ERRNO(write(ends[1], none, 1), EFAULT);
    CHECK_RETURNS(write(ends[1], some, 1), 1);
    CHECK_ERRNO(read(ends[0], some, 1), EFAULT);
    unmap(none, 1);
    unmap(some, 1);
    end_ready(set, ends);
}

TEST(address)
{
    int ends[2], set = open_ready(COUNT, ends), flags = MAP_SHARED | MAP_FIXED;
    struct pollfd *there = map(set, COUNT), *here = map(set, COUNT);
    unmap(there, COUNT);
    CHECK_EQ_PTR(mmap(there, 1, PROT_READ, MAP_SHARED, set, 0), there);
    CHECK_EQ_PTR(mmap(here, 1, PROT_READ, flags, set, 0), here);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    check_answer(there, ends[0], POLLIN);
    check_answer(here, ends[0], POLLIN);
    flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
    CHECK_ERRNO(refused(mmap(here, 1, PROT_READ, flags, set, 0)), EEXIST);
    flags = MAP_SHARED | MAP_FIXED;
    CHECK_ERRNO(refused(mmap((char *)here + 1, 1, PROT_READ, flags, set, 0)), EINVAL);
    unmap(there, 1);
    unmap(here, 1);
    end_ready(set, ends);
}

/* Whole pages can be mapped, and no more. */
TEST(length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int rows = (int)(page / sizeof(struct pollfd)), set = open_set(rows + 1);
    struct pollfd *all = map_with(set, 2 * page, PROT_READ, MAP_SHARED);
    CHECK(all != MAP_FAILED);
    CHECK_EQ_INT(all[2 * rows - 1].fd, 0);
    CHECK_ERRNO(refused(map_with(set, 2 * page + 1, PROT_READ, MAP_SHARED)), EINVAL);
    CHECK_ERRNO(refused(map_with(set, SIZE_MAX, PROT_READ, MAP_SHARED)), EINVAL);
    CHECK_ERRNO(refused(map_with(set, 0, PROT_READ, MAP_SHARED)), EINVAL);
    CHECK_OK(munmap(all, 2 * page));
    end(set);
}

TEST(what_cannot_be_mapped)
{
    int64_t page = sysconf(_SC_PAGESIZE);
    int set = open_set(0), bare = open_set(2000);
    CHECK_ERRNO(refused(map_with(set, 1, PROT_READ, MAP_SHARED)), EINVAL);
    CHECK_ERRNO(refused(map_with(bare, 1, PROT_READ, MAP_PRIVATE)), EINVAL);
    CHECK_ERRNO(refused(map_with(bare, 1, PROT_READ, 0)), EINVAL);
    CHECK_ERRNO(refused(map_with(bare, 1, INT_MAX, MAP_SHARED)), EINVAL);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, bare, page)), EINVAL);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, bare, 1)), EINVAL);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, bare, -page)), EINVAL);
    CHECK_RETURNS(ioctl(bare, DP_ALLOC, 1), 0); /* nothing of that has mapped it */
    CHECK_OK(close(set));
    end(bare);
}

/*
 * Making and giving up.
 */

TEST(counts)
{
    struct pollfd none = {0, 0, 0};
    int set = open_set(0);
    CHECK_ERRNO(ioctl(set, DP_ALLOC, 0), EINVAL);
    CHECK_ERRNO(ioctl(set, DP_ALLOC, -1), EINVAL);
    CHECK_ERRNO(ioctl(set, DP_ALLOC, INT_MIN), EINVAL);
    CHECK_ERRNO(ioctl(set, DP_FREE, &none), EINVAL);
    CHECK_ERRNO(wait_in_room(set, 1), EFAULT);
    CHECK_RETURNS(ioctl(set, DP_ALLOC, 5L), 0);
    CHECK_ERRNO(wait_in_room(set, 6), EINVAL);
    CHECK_ERRNO(wait_in_room(set, ULONG_MAX), EINVAL);
    CHECK_RETURNS(wait_with(set, DP_POLL, 5, 0), 0);
    end(set);
}

TEST(made_anew_where_nothing_was_mapped)
{
    int before = shared_mappings(), ends[2], set = open_ready(1, ends);
    CHECK_RETURNS(ioctl(set, DP_ALLOC, 3000), 0);
    CHECK_EQ_INT(shared_mappings(), before + 1);
    struct pollfd *answers = map(set, 3000);
    CHECK_ERRNO(ioctl(set, DP_ALLOC, 5000), EPERM);
    CHECK_EQ_INT(shared_mappings(), before + 2);
    CHECK_RETURNS(wait_in_room(set, 3000), 1);
    check_answer(answers, ends[0], POLLIN);
    unmap(answers, 3000);
    end_ready(set, ends);
}

TEST(given_up)
{
    int before = shared_mappings(), ends[2], set = open_ready(COUNT, ends);
    struct pollfd *answers = map(set, COUNT);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    CHECK_RETURNS(ioctl(set, DP_FREE), 0);
    CHECK_EQ_INT(shared_mappings(), before + 1);
    CHECK_ERRNO(ioctl(set, DP_FREE), EINVAL);
    CHECK_ERRNO(wait_in_room(set, COUNT), EFAULT);
    check_answer(answers, ends[0], POLLIN);
    answers->fd = -5;
    CHECK_RETURNS(ioctl(set, DP_ALLOC, COUNT + 1), 0);
    CHECK_RETURNS(wait_in_room(set, COUNT + 1), 1);
    CHECK_EQ_INT(answers->fd, -5);
    unmap(answers, COUNT);
    end_ready(set, ends);
}

TEST(closed)
{
    int before = shared_mappings(), ends[2], set = open_ready(COUNT, ends);
    struct pollfd *answers = map(set, COUNT);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    end(set);
    CHECK_EQ_INT(shared_mappings(), before + 1);
    check_answer(answers, ends[0], POLLIN);
    CHECK_ERRNO(refused(map_with(set, 1, PROT_READ, MAP_SHARED)), EBADF);
    unmap(answers, COUNT);
    close_both(ends);
}

TEST(nothing_adds_up)
{
    int before = shared_mappings();
    for (int i = 0; i < 300; i++) {
        int set = open_set(1000);
        unmap(map(set, 1000), 1000);
        CHECK_OK(close(set));
        CHECK_GE_INT(before + 4, shared_mappings());
    }
    let_it_notice();
    CHECK_EQ_INT(shared_mappings(), before);
}

/*
 * Everything else is the system's.
 */

/* Two pages that differ, the second one behind 4 GiB. */
TEST(other_files)
{
    const int64_t far = INT64_C(1) << 32, page = sysconf(_SC_PAGESIZE);
    int file = make_file();
    CHECK_RETURNS(pwrite(file, "a", 1, 0), 1);
    CHECK_RETURNS(pwrite(file, "b", 1, far), 1);
    char *near = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
    char *distant = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file, far);
    CHECK_EQ_INT(*near, 'a');
    CHECK_EQ_INT(*distant, 'b');
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, file, 1)), EINVAL);
    CHECK_ERRNO(refused(mmap(NULL, 0, PROT_READ, MAP_SHARED, file, page)), EINVAL);
    CHECK_ERRNO(ioctl(file, DP_ALLOC, &page), ENOTTY);
    CHECK_OK(munmap(near, 1));
    CHECK_OK(munmap(distant, 1));
    CHECK_OK(close(file));
}

TEST(no_files)
{
    int ends[2], count = 1;
    make_pipe(ends);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, ends[0], 0)), ENODEV);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, -1, 0)), EBADF);
    CHECK_ERRNO(refused(mmap(NULL, 1, PROT_READ, MAP_SHARED, INT_MAX, 0)), EBADF);
    CHECK_ERRNO(ioctl(-1, DP_ALLOC, &count), EBADF);
    CHECK_ERRNO(ioctl(-1, DP_FREE), EBADF);
    close_both(ends);
}

/* The system looks at no descriptor then, so neither is that of a set one. */
TEST(without_a_file)
{
    int set = open_set(1), flags = MAP_PRIVATE | MAP_ANONYMOUS;
    struct pollfd *memory = map_with(set, 100000, PROT_READ | PROT_WRITE, flags);
    CHECK(memory != MAP_FAILED);
    memory->fd = 1;
    CHECK_OK(munmap(memory, 100000));
    flags = MAP_SHARED | MAP_ANONYMOUS;
    memory = map_with(-1, 100000, PROT_READ | PROT_WRITE, flags);
    CHECK(memory != MAP_FAILED);
    CHECK_OK(munmap(memory, 100000));
    end(set);
}

TEST(number_of_something_else)
{
    int set = open_set(COUNT), count = COUNT;
    CHECK_OK(close(set));
    int file = make_file();
    CHECK_EQ_INT(file, set);
    CHECK_RETURNS(write(file, "a", 1), 1);
    char *mapped = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK_EQ_INT(*mapped, 'a');
    CHECK_ERRNO(ioctl(file, DP_ALLOC, &count), ENOTTY);
    CHECK_OK(munmap(mapped, 1));
    end(file);
}

/*
 * Fork and threads.
 */

static void use_parents(int set, struct pollfd *answers)
{
    CHECK_ERRNO(ioctl(set, DP_ALLOC, 1), EACCES);
    CHECK_ERRNO(ioctl(set, DP_FREE), EACCES);
    CHECK_ERRNO(wait_in_room(set, COUNT), EACCES);
    CHECK_ERRNO(refused(map_with(set, 1, PROT_READ, MAP_SHARED)), EACCES);
    answers[1].fd = -5;
    end(set);
    CHECK_EQ_INT(answers[1].fd, -5);
}

TEST(fork_leaves_the_parent_alone)
{
    int ends[2], set = open_ready(COUNT, ends);
    struct pollfd *answers = map(set, COUNT);
    IN_CHILD(use_parents(set, answers));
    CHECK_EQ_INT(answers[1].fd, -5);
    CHECK_RETURNS(wait_in_room(set, COUNT), 1);
    check_answer(answers, ends[0], POLLIN);
    unmap(answers, COUNT);
    end_ready(set, ends);
}

struct shared {
    int set;
    _Atomic(pid_t) sleeper;
    atomic_bool is_over;
};

static void *sleep_on(void *argument)
{
    struct shared *shared = argument;
    shared->sleeper = gettid();
    CHECK_RETURNS(wait_in_room(shared->set, COUNT), 1);
    return NULL;
}

/* A wait keeps the room that it has begun in. */
TEST(given_up_during_a_wait)
{
    int ends[2];
    struct shared shared = {.set = open_ready(COUNT, ends)};
    struct pollfd *answers = map(shared.set, COUNT);
    read_byte(ends[0]);
    pthread_t thread = start_thread(sleep_on, &shared);
    while (!shared.sleeper)
        sched_yield();
    await_sleep(getpid(), shared.sleeper);
    CHECK_RETURNS(ioctl(shared.set, DP_FREE), 0);
    write_byte(ends[1]);
    join_thread(thread);
    check_answer(answers, ends[0], POLLIN);
    CHECK_ERRNO(wait_in_room(shared.set, COUNT), EFAULT);
    unmap(answers, COUNT);
    end_ready(shared.set, ends);
}

static void *wait_on(void *argument)
{
    struct shared *shared = argument;
    while (!shared->is_over) {
        int result = wait_in_room(shared->set, COUNT);
        CHECK(result == 1 || (result < 0 && errno == EFAULT));
    }
    return NULL;
}

TEST(many_threads)
{
    int ends[2];
    pthread_t threads[3];
    struct shared shared = {.set = open_ready(COUNT, ends)};
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(wait_on, &shared);
    for (int i = 0; i < 500; i++) {
        struct pollfd *answers = map(shared.set, COUNT);
        CHECK_RETURNS(ioctl(shared.set, DP_FREE), 0);
        CHECK_RETURNS(ioctl(shared.set, DP_ALLOC, COUNT), 0);
        unmap(answers, COUNT);
    }
    shared.is_over = true;
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    end_ready(shared.set, ends);
}
