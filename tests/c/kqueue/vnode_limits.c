/*
 * EVFILT_VNODE with much to do or little to do it with: thousands of files,
 * events faster than they are collected, races, and limits that are reached.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

enum { CROWD = 5000 };

/* Descriptors of the process that are inotify instances. */
static int instances(void)
{
    int count = 0;
    for (int fd = 0; fd < CROWD + 100; fd++) {
        char path[32], target[64] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof(target) - 1) > 0)
            count += strstr(target, "inotify") != NULL;
    }
    return count;
}

static int numbered_file(int number)
{
    char name[16];
    snprintf(name, sizeof(name), "%d", number);
    return new_file(name, 0);
}

static void check_crowd(struct pmx_kqueue *queue, const int *files)
{
    for (int i = 0; i < CROWD; i += 7) {
        grow(files[i], 1);
        CHECK_NOTES(queue, files[i], NOTE_WRITE | NOTE_EXTEND);
    }
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(fchmod(files[i], 0640));
    struct pmx_kevent *events = calloc(CROWD, sizeof(*events));
    CHECK(events);
    int count = 0;
    while (count < CROWD)
        count +=
            CHECK_OK(pmx_kqueue_control(queue, NULL, 0, events, CROWD, TOO_LONG, NULL));
    CHECK_EQ_INT(count, CROWD);
    CHECK_QUIET(queue);
    free(events);
}

/* One descriptor for all of them. */
TEST(five_thousand_files)
{
    struct tree tree;
    static int files[CROWD];
    if (limit_descriptors(CROWD + 100) < CROWD + 100)
        SKIP("the hard limit of descriptors is too low");
    tree_open(&tree);
    for (int i = 0; i < CROWD; i++)
        files[i] = numbered_file(i);
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < CROWD; i++)
        watch_notes(queue, files[i], NOTE_WRITE | NOTE_ATTRIB);
    CHECK_EQ_INT(instances(), 1);
    check_crowd(queue, files);
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(change(queue, (uintptr_t)files[i], EVFILT_VNODE, EV_DELETE));
    close_queue(queue);
    CHECK_EQ_INT(instances(), 0);
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(close(files[i]));
    tree_close(&tree);
}

/* And one watch for all knotes of a file. */
TEST(many_descriptors_of_one_file)
{
    enum { MANY = 500 };
    struct tree tree;
    int fds[MANY];
    tree_open(&tree);
    struct pmx_kqueue *queue = open_queue();
    fds[0] = new_file("file", 0);
    for (int i = 1; i < MANY; i++)
        fds[i] = CHECK_OK(dup(fds[0]));
    for (int i = 0; i < MANY; i++)
        watch_notes(queue, fds[i], i % 2 ? NOTE_WRITE : NOTE_ATTRIB);
    grow(fds[0], 1);
    struct pmx_kevent events[MANY];
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, MANY, TOO_LONG, NULL),
                  MANY / 2);
    for (int i = 0; i < MANY; i++)
        CHECK_OK(close(fds[i]));
    CHECK_QUIET(queue);
    close_queue(queue);
    tree_close(&tree);
}

/*
 * Another thread at the same time.
 */

enum { FILES = 50, WRITES = 10000 };

static void *write_all(void *argument)
{
    const int *files = argument;
    struct random random = {1};
    for (int i = 0; i < WRITES; i++)
        grow(files[random_below(&random, FILES)], 1);
    return NULL;
}

/* Every change is followed by an event: who looks at each has seen the last. */
TEST(ten_thousand_writes)
{
    struct tree tree;
    int files[FILES];
    int64_t sizes[FILES] = {0}, total = 0;
    tree_open(&tree);
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < FILES; i++) {
        files[i] = numbered_file(i);
        struct pmx_kevent add = entry((uintptr_t)files[i], EVFILT_VNODE,
                                      EV_ADD | EV_CLEAR, NOTE_WRITE, 0, TAG(i));
        CHECK_OK(apply(queue, add));
    }
    pthread_t writer = start_thread(write_all, files);
    while (total < WRITES) {
        struct pmx_kevent event;
        struct stat now;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        uintptr_t number = (uintptr_t)event.udata;
        CHECK_OK(fstat(files[number], &now));
        total += now.st_size - sizes[number];
        sizes[number] = now.st_size;
    }
    join_thread(writer);
    close_queue(queue);
    for (int i = 0; i < FILES; i++)
        CHECK_OK(close(files[i]));
    tree_close(&tree);
}

static atomic_bool is_over;

static void *rename_for_ever(void *argument)
{
    (void)argument;
    while (!is_over) {
        CHECK_OK(rename("file", "renamed"));
        CHECK_OK(rename("renamed", "file"));
    }
    return NULL;
}

TEST(renamed_while_it_is_added)
{
    struct tree tree;
    tree_open(&tree);
    struct pmx_kqueue *queue = open_queue();
    int file = new_file("file", 0);
    pthread_t renamer = start_thread(rename_for_ever, NULL);
    for (int i = 0; i < 300; i++) {
        watch_notes(queue, file, NOTE_RENAME | NOTE_WRITE);
        CHECK_NOTES(queue, file, NOTE_RENAME);
        CHECK_OK(change(queue, (uintptr_t)file, EVFILT_VNODE, EV_DELETE));
    }
    is_over = true;
    join_thread(renamer);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(file));
    tree_close(&tree);
}

struct removal {
    pthread_barrier_t both_start;
    const char *name;
    bool is_directory;
};

static void *remove_at_start(void *argument)
{
    struct removal *removal = argument;
    pthread_barrier_wait(&removal->both_start);
    CHECK_OK(removal->is_directory ? rmdir(removal->name) : unlink(removal->name));
    return NULL;
}

static void add_and_remove(struct pmx_kqueue *queue, int fd, bool is_directory)
{
    struct removal removal = {.name = "it", .is_directory = is_directory};
    struct stat now;
    CHECK_EQ_INT(pthread_barrier_init(&removal.both_start, NULL, 2), 0);
    pthread_t remover = start_thread(remove_at_start, &removal);
    pthread_barrier_wait(&removal.both_start);
    watch_notes(queue, fd, NOTE_DELETE | NOTE_ATTRIB | NOTE_WRITE);
    CHECK_OK(fstat(fd, &now));
    join_thread(remover);
    if (now.st_nlink)
        CHECK_EQ_UINT(take(queue).fflags & NOTE_DELETE, NOTE_DELETE);
    CHECK_OK(change(queue, (uintptr_t)fd, EVFILT_VNODE, EV_DELETE));
    CHECK_OK(close(fd));
    pthread_barrier_destroy(&removal.both_start);
}

/* Who finds a name after the knote is there hears when it goes. */
TEST(removed_while_it_is_added)
{
    struct tree tree;
    tree_open(&tree);
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 200; i++) {
        add_and_remove(queue, new_file("it", 0), false);
        new_directory("it");
        add_and_remove(queue, open_directory("it"), true);
    }
    CHECK_QUIET(queue);
    close_queue(queue);
    tree_close(&tree);
}

/*
 * More events than the kernel keeps.
 */

static int read_number(const char *path)
{
    char text[32] = "";
    int file = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
    CHECK(read(file, text, sizeof(text) - 1) > 0);
    CHECK_OK(close(file));
    return (int)strtol(text, NULL, 10);
}

/* Taking turns, or the kernel makes one event of them. */
static void overflow(int one, int another)
{
    int limit = read_number("/proc/sys/fs/inotify/max_queued_events");
    if (limit > 1000000)
        SKIP("the kernel keeps %d events", limit);
    for (int i = 0; i < limit; i++)
        CHECK_EQ_INT(pwrite(i % 2 ? one : another, "x", 1, 0), 1);
}

static void collect_all(struct pmx_kqueue *queue, uint32_t *notes, int count)
{
    struct pmx_kevent events[ROOM];
    for (int got; (got = CHECK_OK(collect(queue, events))) > 0;)
        for (int i = 0; i < got; i++) {
            CHECK(events[i].ident < (uintptr_t)count);
            notes[events[i].ident] |= events[i].fflags;
        }
}

/* What cannot be excluded is told; nothing that happened is missed. */
TEST(events_are_lost)
{
    struct tree tree;
    uint32_t notes[64] = {0};
    tree_open(&tree);
    struct pmx_kqueue *queue = open_queue();
    int one = new_file("one", 1), another = new_file("another", 1);
    int linked = new_file("linked", 1), idle = new_file("idle", 1);
    new_directory("directory");
    int directory = open_directory("directory");
    CHECK_OK(link("linked", "link"));
    watch_notes(queue, one, CHANGES_NOTES);
    watch_notes(queue, another, CHANGES_NOTES);
    watch_notes(queue, linked, CHANGES_NOTES);
    watch_notes(queue, idle, NOTE_DELETE | NOTE_LINK | NOTE_EXTEND);
    watch_notes(queue, directory, NOTE_DELETE);
    overflow(one, another);
    CHECK_OK(unlink("linked"));
    CHECK_OK(unlink("link"));
    grow(another, 1);
    CHECK_OK(rmdir("directory"));
    collect_all(queue, notes, 64);
    CHECK_EQ_UINT(notes[one] & (NOTE_WRITE | NOTE_DELETE), NOTE_WRITE);
    CHECK_EQ_UINT(notes[another] & NOTE_EXTEND, NOTE_EXTEND);
    CHECK_EQ_UINT(notes[linked] & NOTE_DELETE, NOTE_DELETE);
    CHECK_EQ_UINT(notes[directory], NOTE_DELETE);
    CHECK_EQ_UINT(notes[idle], 0);
    grow(linked, 1);
    CHECK_NOTES(queue, linked, NOTE_WRITE | NOTE_EXTEND);
    grow(one, 1);
    CHECK_NOTES(queue, one, NOTE_WRITE | NOTE_EXTEND);
    close_queue(queue);
    const int fds[] = {one, another, linked, idle, directory};
    for (int i = 0; i < 5; i++)
        CHECK_OK(close(fds[i]));
    tree_close(&tree);
}

/*
 * Limits, which a user namespace lets a test set for itself.
 */

static void set_limit(const char *name, int value)
{
    char path[64], text[16];
    snprintf(path, sizeof(path), "/proc/sys/user/%s", name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        SKIP("%s: %m", path);
    int size = snprintf(text, sizeof(text), "%d", value);
    CHECK_EQ_INT(write(file, text, (size_t)size), size);
    CHECK_OK(close(file));
}

static void need_limits_of_our_own(void)
{
    if (unshare(CLONE_NEWUSER) < 0)
        SKIP("no user namespace: %m");
}

static struct pmx_kevent adding(int fd, uint32_t notes)
{
    return entry((uintptr_t)fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, NULL);
}

/* /proc/sys/fs/inotify/max_user_watches */
TEST(no_watch_left)
{
    struct tree tree;
    int files[3];
    tree_open(&tree);
    for (int i = 0; i < 3; i++)
        files[i] = numbered_file(i);
    new_directory("directory");
    int directory = open_directory("directory");
    struct pmx_kqueue *queue = open_queue();
    need_limits_of_our_own();
    set_limit("max_inotify_watches", 2);
    watch_notes(queue, files[0], NOTE_WRITE);
    CHECK_ERRNO(apply(queue, adding(directory, NOTE_DELETE)), ENOSPC); /* needs two */
    CHECK_ERRNO(change(queue, (uintptr_t)directory, EVFILT_VNODE, EV_DELETE), ENOENT);
    watch_notes(queue, files[1], NOTE_WRITE);
    CHECK_EQ_INT(answer(queue, adding(files[2], NOTE_WRITE)), ENOSPC);
    CHECK_ERRNO(change(queue, (uintptr_t)files[2], EVFILT_VNODE, EV_DELETE), ENOENT);
    watch_notes(queue, CHECK_OK(dup2(files[1], files[2])), NOTE_WRITE); /* shares */
    CHECK_OK(change(queue, (uintptr_t)files[0], EVFILT_VNODE, EV_DELETE));
    watch_notes(queue, directory, NOTE_WRITE);
    CHECK_ERRNO(apply(queue, adding(directory, NOTE_DELETE)), ENOSPC);
    touch_file("directory/file"); /* and the knote is as it was */
    CHECK_NOTES(queue, directory, NOTE_WRITE);
    close_queue(queue);
    for (int i = 0; i < 3; i++)
        CHECK_OK(close(files[i]));
    CHECK_OK(close(directory));
    tree_close(&tree);
}

/* /proc/sys/fs/inotify/max_user_instances */
TEST(no_instance_left)
{
    struct tree tree;
    tree_open(&tree);
    int file = new_file("file", 0);
    struct pmx_kqueue *first = open_queue(), *second = open_queue();
    need_limits_of_our_own();
    set_limit("max_inotify_instances", 1);
    watch_notes(first, file, NOTE_WRITE);
    CHECK_ERRNO(apply(second, adding(file, NOTE_WRITE)), EMFILE);
    CHECK_ERRNO(change(second, (uintptr_t)file, EVFILT_VNODE, EV_DELETE), ENOENT);
    close_queue(first);
    watch_notes(second, file, NOTE_WRITE);
    grow(file, 1);
    CHECK_NOTES(second, file, NOTE_WRITE | NOTE_EXTEND);
    close_queue(second);
    CHECK_OK(close(file));
    tree_close(&tree);
}

/* inotify(7) wants to be allowed to read the file. */
TEST(not_allowed_to_read)
{
    DIFFERENCE("a file that may not be read can be watched by an open descriptor",
               "the change is EACCES");
    struct tree tree;
    uid_t self = geteuid();
    if (self == 0 && seteuid(65534) < 0)
        SKIP("cannot become somebody else: %m");
    tree_open(&tree);
    int file = new_file("file", 0);
    CHECK_OK(fchmod(file, 0200));
    struct pmx_kqueue *queue = open_queue();
    CHECK_ERRNO(apply(queue, adding(file, NOTE_WRITE)), EACCES);
    CHECK_ERRNO(change(queue, (uintptr_t)file, EVFILT_VNODE, EV_DELETE), ENOENT);
    CHECK_OK(fchmod(file, 0600));
    watch_notes(queue, file, NOTE_WRITE);
    CHECK_OK(fchmod(file, 0200));
    CHECK_ERRNO(apply(queue, adding(file, NOTE_ATTRIB)), EACCES);
    grow(file, 1);
    CHECK_NOTES(queue, file, NOTE_WRITE | NOTE_EXTEND);
    close_queue(queue);
    CHECK_OK(close(file));
    tree_close(&tree);
    CHECK_OK(seteuid(self));
    CHECK_OK(prctl(PR_SET_DUMPABLE, 1)); /* for sanitizers, that look for leaks */
}
