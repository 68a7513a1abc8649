/*
 * EVFILT_VNODE on directories: what happens to their names, and to themselves,
 * but not to what is in them.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

/* A watched directory "directory" beside another one, and its queue. In it are
 * a file and an empty directory, outside are others. */
struct watched {
    struct tree tree;
    struct pmx_kqueue *queue;
    int directory;
};

static void begin_with(struct watched *watched, uint32_t notes)
{
    tree_open(&watched->tree);
    new_directory("directory");
    touch_file("directory/file");
    new_directory("directory/inner");
    new_directory("outside");
    touch_file("outside/file");
    new_directory("outside/inner");
    watched->directory = open_directory("directory");
    watched->queue = open_queue();
    watch_notes(watched->queue, watched->directory, notes);
    CHECK_QUIET(watched->queue);
}

static void end(const struct watched *watched)
{
    CHECK_QUIET(watched->queue);
    close_queue(watched->queue);
    CHECK_OK(close(watched->directory));
    tree_close(&watched->tree);
}

/*
 * Every change, and its hint.
 */

static void create_file(void)
{
    touch_file("directory/new");
}

static void create_link(void)
{
    CHECK_OK(link("outside/file", "directory/new"));
}

static void create_symbolic_link(void)
{
    CHECK_OK(symlink("nowhere", "directory/new"));
}

static void create_fifo(void)
{
    CHECK_OK(mkfifo("directory/new", 0600));
}

static void create_directory(void)
{
    new_directory("directory/new");
}

static void remove_file(void)
{
    CHECK_OK(unlink("directory/file"));
}

static void remove_directory(void)
{
    CHECK_OK(rmdir("directory/inner"));
}

static void rename_file(void)
{
    CHECK_OK(rename("directory/file", "directory/new"));
}

static void rename_directory(void)
{
    CHECK_OK(rename("directory/inner", "directory/new"));
}

static void rename_file_over(void)
{
    touch_file("directory/new");
    CHECK_OK(rename("directory/new", "directory/file"));
}

static void rename_directory_over(void)
{
    new_directory("directory/new");
    CHECK_OK(rename("directory/new", "directory/inner"));
}

static void move_file_out(void)
{
    CHECK_OK(rename("directory/file", "outside/new"));
}

static void move_file_in(void)
{
    CHECK_OK(rename("outside/file", "directory/new"));
}

static void move_file_in_over(void)
{
    CHECK_OK(rename("outside/file", "directory/file"));
}

static void move_directory_out(void)
{
    CHECK_OK(rename("directory/inner", "outside/new"));
}

static void move_directory_in(void)
{
    CHECK_OK(rename("outside/inner", "directory/new"));
}

static void move_directory_in_over(void)
{
    CHECK_OK(rename("outside/inner", "directory/inner"));
}

static void change_mode(void)
{
    CHECK_OK(chmod("directory", 0750));
}

static void rename_it(void)
{
    CHECK_OK(rename("directory", "renamed"));
}

static void move_it(void)
{
    CHECK_OK(rename("directory", "outside/moved"));
}

static void empty_it(void)
{
    CHECK_OK(unlink("directory/file"));
    CHECK_OK(rmdir("directory/inner"));
}

#define MOVED (NOTE_WRITE | NOTE_EXTEND)

static const struct {
    const char *name;
    void (*make)(void);
    uint32_t hint;
} hints[] = {
    {"create-file", create_file, NOTE_WRITE},
    {"create-link", create_link, NOTE_WRITE},
    {"create-symbolic-link", create_symbolic_link, NOTE_WRITE},
    {"create-fifo", create_fifo, NOTE_WRITE},
    {"create-directory", create_directory, NOTE_WRITE | NOTE_LINK},
    {"remove-file", remove_file, NOTE_WRITE},
    {"remove-directory", remove_directory, NOTE_WRITE | NOTE_LINK},
    {"rename-file", rename_file, NOTE_WRITE},
    {"rename-directory", rename_directory, NOTE_WRITE},
    {"rename-file-over", rename_file_over, NOTE_WRITE},
    {"rename-directory-over", rename_directory_over, NOTE_WRITE | NOTE_LINK},
    {"move-file-out", move_file_out, MOVED},
    {"move-file-in", move_file_in, MOVED},
    {"move-file-in-over", move_file_in_over, MOVED},
    {"move-directory-out", move_directory_out, MOVED | NOTE_LINK},
    {"move-directory-in", move_directory_in, MOVED | NOTE_LINK},
    {"move-directory-in-over", move_directory_in_over, MOVED},
    {"mode", change_mode, NOTE_ATTRIB},
    {"rename", rename_it, NOTE_RENAME},
    {"move", move_it, NOTE_RENAME},
};
typedef const __typeof__(hints[0]) *hint_ptr;

TEST_EACH(changes, hint_ptr hint, hints)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    hint->make();
    CHECK_NOTES(watched.queue, watched.directory, hint->hint);
    end(&watched);
}

TEST_EACH(hint_comes_whole_or_not, hint_ptr hint, hints)
{
    for (uint32_t note = NOTE_DELETE; note <= NOTE_RENAME; note <<= 1) {
        struct watched watched;
        begin_with(&watched, note);
        hint->make();
        if (note & hint->hint)
            CHECK_EQ_UINT(take(watched.queue).fflags & hint->hint, hint->hint);
        end(&watched);
    }
}

/* Whatever is done to a file or directory in it is not done to the directory. */
TEST(what_is_in_it)
{
    struct watched watched;
    char byte;
    begin_with(&watched, ALL_NOTES);
    int file = CHECK_OK(open("directory/file", O_RDWR | O_CLOEXEC));
    CHECK_EQ_INT(write(file, "x", 1), 1);
    CHECK_EQ_INT(pread(file, &byte, 1, 0), 1);
    CHECK_OK(ftruncate(file, 0));
    CHECK_OK(fchmod(file, 0644));
    CHECK_OK(close(file));
    CHECK_OK(link("directory/file", "outside/link"));
    CHECK_OK(chmod("directory/inner", 0750));
    touch_file("directory/inner/file");
    CHECK_OK(close(open_directory("directory/inner")));
    end(&watched);
}

/*
 * Removal, which Linux shows in the directory above alone.
 */

TEST(removed)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE);
    empty_it();
    CHECK_QUIET(watched.queue);
    CHECK_OK(rmdir("directory"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE);
    end(&watched);
}

TEST(removed_with_everything_watched)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    empty_it();
    CHECK_NOTES(watched.queue, watched.directory, NOTE_WRITE | NOTE_LINK);
    CHECK_OK(rmdir("directory"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE);
    end(&watched);
}

TEST(replaced)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE);
    empty_it();
    new_directory("new");
    CHECK_OK(rename("new", "directory"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE);
    end(&watched);
}

TEST(moved_and_removed)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE);
    empty_it();
    CHECK_OK(rename("directory", "outside/moved"));
    CHECK_QUIET(watched.queue);
    CHECK_OK(rmdir("outside/moved"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE);
    end(&watched);
}

TEST(moved_and_removed_unseen)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE | NOTE_RENAME);
    empty_it();
    CHECK_OK(rename("directory", "outside/moved"));
    CHECK_OK(rmdir("outside/moved"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE | NOTE_RENAME);
    end(&watched);
}

TEST(moved_there_and_back)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE | NOTE_RENAME);
    empty_it();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(rename("directory", "outside/moved"));
        CHECK_NOTES(watched.queue, watched.directory, NOTE_RENAME);
        CHECK_OK(rename("outside/moved", "directory"));
        CHECK_NOTES(watched.queue, watched.directory, NOTE_RENAME);
    }
    CHECK_OK(rmdir("directory"));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_DELETE);
    end(&watched);
}

/* Others beside it are removed, moved and replaced. */
TEST(others_are_removed)
{
    struct watched watched;
    begin_with(&watched, NOTE_DELETE);
    new_directory("other");
    CHECK_OK(rmdir("other"));
    new_directory("other");
    CHECK_OK(rename("other", "outside/other"));
    CHECK_OK(rename("outside/other", "other"));
    touch_file("file");
    CHECK_OK(unlink("file"));
    end(&watched);
}

/* One of many with the same directory above, which is watched too. */
TEST(one_of_many_is_removed)
{
    enum { MANY = 20 };
    struct tree tree;
    struct pmx_kqueue *queue = open_queue();
    int fds[MANY];
    char name[16];
    tree_open(&tree);
    int above = open_directory(".");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%d", i);
        new_directory(name);
        fds[i] = open_directory(name);
        watch_notes(queue, fds[i], NOTE_DELETE);
    }
    watch_notes(queue, above, NOTE_WRITE);
    for (int i = 0; i < MANY; i += 3) {
        struct pmx_kevent events[ROOM];
        snprintf(name, sizeof(name), "%d", i);
        CHECK_OK(rmdir(name));
        take_count(queue, events, 2);
        CHECK_EQ_UINT(event_of(events, 2, (uintptr_t)fds[i], EVFILT_VNODE)->fflags,
                      NOTE_DELETE);
        CHECK_EQ_UINT(event_of(events, 2, (uintptr_t)above, EVFILT_VNODE)->fflags,
                      NOTE_WRITE | NOTE_LINK);
    }
    CHECK_QUIET(queue);
    close_queue(queue);
    for (int i = 0; i < MANY; i++)
        CHECK_OK(close(fds[i]));
    CHECK_OK(close(above));
    tree_close(&tree);
}

/* A name that looks like the kernel's word for a removed one. */
TEST(called_deleted)
{
    struct tree tree;
    struct pmx_kqueue *queue = open_queue();
    tree_open(&tree);
    new_directory("not (deleted)");
    int directory = open_directory("not (deleted)");
    watch_notes(queue, directory, NOTE_DELETE | NOTE_ATTRIB);
    CHECK_OK(chmod("not (deleted)", 0750));
    CHECK_NOTES(queue, directory, NOTE_ATTRIB);
    CHECK_OK(rmdir("not (deleted)"));
    CHECK_NOTES(queue, directory, NOTE_DELETE);
    close_queue(queue);
    CHECK_OK(close(directory));
    tree_close(&tree);
}

TEST(removed_before)
{
    struct watched watched;
    begin_with(&watched, NOTE_WRITE);
    empty_it();
    CHECK_NOTES(watched.queue, watched.directory, NOTE_WRITE | NOTE_LINK);
    CHECK_OK(rmdir("directory"));
    watch_notes(watched.queue, watched.directory, NOTE_DELETE | NOTE_ATTRIB);
    CHECK_QUIET(watched.queue);
    CHECK_OK(fchmod(watched.directory, 0750));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_ATTRIB);
    end(&watched);
}

TEST(opening_reading_closing)
{
    struct watched watched;
    begin_with(&watched, NOTE_OPEN | NOTE_CLOSE | NOTE_CLOSE_WRITE | NOTE_READ);
    int directory = open_directory("directory");
    CHECK_NOTES(watched.queue, watched.directory, NOTE_OPEN);
    CHECK_OK(close(directory));
    CHECK_NOTES(watched.queue, watched.directory, NOTE_CLOSE);
    end(&watched);
}

/* The root has itself above. */
TEST(root)
{
    struct pmx_kqueue *queue = open_queue();
    int directory = open_directory("/");
    watch_notes(queue, directory, NOTE_DELETE | NOTE_RENAME | NOTE_LINK);
    CHECK_QUIET(queue);
    CHECK_RETURNS(change(queue, (uintptr_t)directory, EVFILT_VNODE, EV_DELETE), 0);
    close_queue(queue);
    CHECK_OK(close(directory));
}

/*
 * File systems of other manners, in a mount namespace of the test's own.
 */

static void mount_overlay(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
        SKIP("a mount needs privilege");
    CHECK_OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("none", "layers", "tmpfs", 0, NULL));
    new_directory("layers/lower");
    new_directory("layers/lower/directory");
    new_directory("layers/upper");
    new_directory("layers/work");
    if (mount("none", "merged", "overlay", 0,
              "lowerdir=layers/lower,upperdir=layers/upper,workdir=layers/work") < 0)
        SKIP("no overlay file system here: %m");
}

/* An overlay counts one link for a merged directory, removed or not. */
TEST(overlay)
{
    struct tree tree;
    struct pmx_kqueue *queue = open_queue();
    tree_open(&tree);
    new_directory("layers");
    new_directory("merged");
    mount_overlay();
    int directory = open_directory("merged/directory");
    watch_notes(queue, directory, CHANGES_NOTES);
    touch_file("merged/directory/file");
    CHECK_NOTES(queue, directory, NOTE_WRITE);
    new_directory("merged/directory/inner");
    CHECK_NOTES(queue, directory, NOTE_WRITE | NOTE_LINK);
    CHECK_OK(rmdir("merged/directory/inner"));
    CHECK_OK(unlink("merged/directory/file"));
    CHECK_NOTES(queue, directory, NOTE_WRITE | NOTE_LINK);
    CHECK_OK(rmdir("merged/directory"));
    CHECK_NOTES(queue, directory, NOTE_DELETE);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(directory));
    CHECK_OK(umount2("merged", MNT_DETACH));
    CHECK_OK(umount2("layers", MNT_DETACH));
    tree_close(&tree);
}
