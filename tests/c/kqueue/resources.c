/*
 * What a queue costs: one descriptor, one more for users' events, one for all
 * timers, one for all files; no thread.
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
        CHECK_OK(apply(queue, entry(i, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL)));
    }
}

static void add_timers(struct pmx_kqueue *queue, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        CHECK_OK(
            apply(queue, entry(i, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, 86400, NULL)));
}

TEST(a_queue_is_one_descriptor)
{
    int before = descriptors();
    struct pmx_kqueue *queue = open_queue();
    CHECK_EQ_INT(descriptors() - before, 1);
    CHECK_QUIET(queue);
    CHECK_EQ_INT(descriptors() - before, 1);
    close_queue(queue);
    CHECK_EQ_INT(descriptors() - before, 0);
}

TEST(descriptors_cost_none)
{
    int ends[2];
    make_socketpair(ends);
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_READ, EV_ADD | EV_CLEAR));
    CHECK_OK(change(queue, (uintptr_t)ends[0], EVFILT_WRITE, EV_ADD));
    CHECK_OK(change(queue, (uintptr_t)ends[1], EVFILT_READ, EV_ADD));
    CHECK_EQ_UINT(take(queue).ident, ends[0]);
    CHECK_EQ_INT(descriptors() - before, 0);
    close_queue(queue);
    close_both(ends);
}

TEST(users_events_cost_one_descriptor)
{
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    CHECK_OK(pmx_kqueue_fd(queue));
    add_users(queue, 1000);
    CHECK_GE_INT(before + 1, descriptors());
    close_queue(queue);
}

TEST(timers_cost_one_descriptor_more)
{
    struct pmx_kqueue *queue = open_queue();
    int before = descriptors();
    add_timers(queue, 10000);
    CHECK_GE_INT(before + 2, descriptors());
    CHECK_OK(pmx_kqueue_fd(queue));
    add_users(queue, 1000);
    CHECK_GE_INT(before + 2, descriptors());
    close_queue(queue);
}

TEST(files_cost_one_descriptor_more)
{
    enum { FILES = 200 };
    int files[FILES];
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < FILES; i++)
        files[i] = make_disk_file();
    int before = descriptors();
    CHECK_OK(pmx_kqueue_fd(queue));
    for (int i = 0; i < FILES; i++)
        CHECK_OK(change(queue, (uintptr_t)files[i], EVFILT_READ, EV_ADD));
    CHECK_GE_INT(before + 2, descriptors());
    add_timers(queue, 10);
    add_users(queue, 10);
    CHECK_GE_INT(before + 3, descriptors());
    for (int i = 0; i < FILES; i++)
        CHECK_OK(close(files[i]));
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
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(pmx_kqueue_fd(queue));
    add_timers(queue, 10);
    add_users(queue, 10);
    CHECK_EQ_INT(entries_of("/proc/self/task"), 1);
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
