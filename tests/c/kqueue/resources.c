/*
 * What a queue costs: two descriptors at most, one more for all timers, one
 * more for all files; no thread.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "queue.h"

static int entries_of(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    CHECK(directory);
    for (struct dirent *at; (at = readdir(directory));)
        count += at->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* Besides the one that counts them. */
static int descriptors(void)
{
    return entries_of("/proc/self/fd") - 1;
}

static void add_users(struct pmx_kqueue *queue, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CHECK_OK(change(queue, i, EVFILT_USER, EV_ADD | EV_CLEAR));
        CHECK_OK(trigger(queue, i));
    }
}

static void add_timers(struct pmx_kqueue *queue, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        CHECK_OK(
            apply(queue, entry(i, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, 86400, NULL)));
}

/* An epoll set, and what makes it show what happens in user space. */
enum { FOR_A_QUEUE = 2 };

TEST(a_queue)
{
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    CHECK_QUIET(queue);
    CHECK_OK(pmx_kqueue_fd(queue));
    CHECK_GE_INT(before + FOR_A_QUEUE, descriptors());
    close_queue(queue);
    CHECK_EQ_INT(descriptors(), before);
}

TEST(watched_descriptors_cost_none)
{
    int ends[2], before = descriptors();
    make_socketpair(ends);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_CLEAR));
    CHECK_OK(change(queue, (uintptr_t)ends[1], EVFILT_WRITE, EV_ADD));
    CHECK_EQ_UINT(take(queue).ident, ends[1]);
    CHECK_GE_INT(before + 2 + FOR_A_QUEUE, descriptors());
    close_queue(queue);
    close_both(ends);
    CHECK_EQ_INT(descriptors(), before);
}

/* Watched in two ways, for reading and for writing: a second set, for all. */
TEST(two_filters_on_descriptors_cost_one)
{
    enum { PAIRS = 50 };
    int pairs[PAIRS][2];
    for (int i = 0; i < PAIRS; i++)
        make_socketpair(pairs[i]);
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < PAIRS; i++) {
        uintptr_t ident = (uintptr_t)pairs[i][0];
        CHECK_OK(change(queue, ident, EVFILT_READ, EV_ADD | (i % 2 ? EV_CLEAR : 0)));
        CHECK_OK(change(queue, ident, EVFILT_WRITE, EV_ADD | (i % 3 ? EV_CLEAR : 0)));
    }
    CHECK_GE_INT(before + FOR_A_QUEUE + 1, descriptors());
    close_queue(queue);
    CHECK_EQ_INT(descriptors(), before);
    for (int i = 0; i < PAIRS; i++)
        close_both(pairs[i]);
}

TEST(users_events_cost_none)
{
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(pmx_kqueue_fd(queue));
    add_users(queue, 1000);
    CHECK_GE_INT(before + FOR_A_QUEUE, descriptors());
    close_queue(queue);
    CHECK_EQ_INT(descriptors(), before);
}

TEST(all_timers_cost_one)
{
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    add_timers(queue, 10000);
    CHECK_OK(pmx_kqueue_fd(queue));
    add_users(queue, 1000);
    CHECK_GE_INT(before + FOR_A_QUEUE + 1, descriptors());
    close_queue(queue);
    CHECK_EQ_INT(descriptors(), before);
}

TEST(all_files_cost_one)
{
    enum { FILES = 200 };
    int files[FILES];
    for (int i = 0; i < FILES; i++)
        files[i] = make_disk_file();
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(pmx_kqueue_fd(queue));
    for (int i = 0; i < FILES; i++)
        CHECK_OK(change(queue, (uintptr_t)files[i], EVFILT_READ, EV_ADD));
    CHECK_GE_INT(before + FOR_A_QUEUE + 1, descriptors());
    add_timers(queue, 10);
    add_users(queue, 10);
    CHECK_GE_INT(before + FOR_A_QUEUE + 2, descriptors());
    close_queue(queue);
    CHECK_EQ_INT(descriptors(), before);
    for (int i = 0; i < FILES; i++)
        CHECK_OK(close(files[i]));
}

TEST(signals_cost_two_descriptors_more)
{
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    for (uintptr_t signal = 1; signal <= 64; signal++)
        CHECK_OK(change(queue, signal, EVFILT_SIGNAL, EV_ADD));
    CHECK_QUIET(queue);
    CHECK_GE_INT(before + FOR_A_QUEUE + 2, descriptors());
    close_queue(queue);
}

/* Until it has ended. */
TEST(a_process_costs_one_descriptor)
{
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    pid_t child = CHECK_OK(fork());
    if (child == 0)
        _exit(0);
    CHECK_OK(apply(queue, entry((uintptr_t)child, EVFILT_PROC, EV_ADD | EV_DISABLE,
                                NOTE_EXIT, 0, NULL)));
    CHECK_OK(apply(
        queue, entry((uintptr_t)child, EVFILT_PROC, EV_DISABLE, NOTE_EXIT, 0, NULL)));
    CHECK_GE_INT(before + FOR_A_QUEUE + 1, descriptors());
    CHECK_OK(apply(
        queue, entry((uintptr_t)child, EVFILT_PROC, EV_ENABLE, NOTE_EXIT, 0, NULL)));
    CHECK_EQ_UINT(take(queue).ident, child);
    CHECK_GE_INT(before + FOR_A_QUEUE, descriptors());
    join_process(child);
    close_queue(queue);
}

/* More queues with files than a user has inotify instances, one at a time. */
TEST(instances_are_given_back)
{
    int file = make_disk_file();
    for (int i = 0; i < 300; i++) {
        struct pmx_kqueue *queue = open_queue();
        CHECK_OK(change(queue, (uintptr_t)file, EVFILT_READ, EV_ADD));
        close_queue(queue);
    }
    CHECK_OK(close(file));
}

TEST(no_threads)
{
    int before = entries_of("/proc/self/task"); /* a sanitizer may have one */
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(pmx_kqueue_fd(queue));
    add_timers(queue, 10);
    add_users(queue, 10);
    CHECK_EQ_INT(entries_of("/proc/self/task"), before);
    close_queue(queue);
}

/* A filter that needs a descriptor where there is none: the change fails. */
static void without_descriptors(struct pmx_kqueue *queue, struct pmx_kevent wanted)
{
    struct rlimit before;
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &before));
    limit_descriptors((size_t)closed_fd());
    int result = apply(queue, wanted), error = errno;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &before));
    if (result < 0) {
        CHECK_EQ_INT(error, EMFILE);
        CHECK_ERRNO(change(queue, wanted.ident, wanted.filter, EV_DELETE), ENOENT);
        CHECK_OK(apply(queue, wanted));
    }
    CHECK_OK(change(queue, wanted.ident, wanted.filter, EV_DELETE));
}

TEST(no_descriptor_left)
{
    need_limit_in_kernel();
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue();
    without_descriptors(queue, entry(1, EVFILT_TIMER, EV_ADD, 0, 5, NULL));
    without_descriptors(queue, entry(1, EVFILT_USER, EV_ADD, 0, 0, NULL));
    without_descriptors(queue, entry((uintptr_t)file, EVFILT_READ, EV_ADD, 0, 0, NULL));
    without_descriptors(queue, entry(SIGUSR1, EVFILT_SIGNAL, EV_ADD, 0, 0, NULL));
    without_descriptors(
        queue, entry((uintptr_t)getpid(), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL));
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Deleted knotes leave nothing: the numbers go up and down for long. */
TEST(adding_and_deleting_for_ever)
{
    int ends[2];
    make_pipe(ends);
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    for (unsigned i = 0; i < 20000; i++) {
        CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD));
        CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_DELETE));
        CHECK_OK(change(queue, i, EVFILT_USER, EV_ADD));
        CHECK_OK(change(queue, i, EVFILT_USER, EV_DELETE));
    }
    CHECK_GE_INT(before + 1, descriptors());
    close_queue(queue);
    close_both(ends);
}
