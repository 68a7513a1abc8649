/*
 * EVFILT_VNODE on files: which note each change is. Directories are in
 * vnode_directories.c, other objects in vnode_objects.c, knotes in
 * vnode_knotes.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

/* A watched file of some bytes with the name "file", and its queue. */
struct watched {
    struct tree tree;
    struct pmx_kqueue *queue;
    int file;
};

enum { SIZE = 10 };

static void begin_with(struct watched *watched, uint32_t notes)
{
    tree_open(&watched->tree);
    watched->file = new_file("file", SIZE);
    watched->queue = open_queue();
    watch_notes(watched->queue, watched->file, notes);
    CHECK_QUIET(watched->queue);
}

static void end(const struct watched *watched)
{
    CHECK_QUIET(watched->queue);
    close_queue(watched->queue);
    CHECK_OK(close(watched->file));
    tree_close(&watched->tree);
}

/*
 * Every change, and its hint.
 */

static void append(int file)
{
    CHECK_EQ_INT(pwrite(file, "x", 1, SIZE), 1);
}

static void overwrite(int file)
{
    CHECK_EQ_INT(pwrite(file, "x", 1, 0), 1);
}

static void overwrite_by_other(int file)
{
    int other = CHECK_OK(open("file", O_WRONLY | O_CLOEXEC));
    (void)file;
    overwrite(other);
    CHECK_OK(close(other));
}

static void empty(int file)
{
    CHECK_OK(ftruncate(file, 0));
}

static void empty_twice(int file)
{
    empty(file);
    empty(file);
}

static void empty_by_open(int file)
{
    (void)file;
    CHECK_OK(close(CHECK_OK(open("file", O_WRONLY | O_TRUNC | O_CLOEXEC))));
}

static void change_mode(int file)
{
    CHECK_OK(fchmod(file, 0640));
}

static void change_nothing_of_mode(int file)
{
    CHECK_OK(fchmod(file, 0600));
}

static void change_owner(int file)
{
    CHECK_OK(fchown(file, getuid(), getgid()));
}

static void change_times(int file)
{
    CHECK_OK(futimens(file, NULL));
}

static void add_link(int file)
{
    (void)file;
    CHECK_OK(link("file", "link"));
}

static void rename_it(int file)
{
    (void)file;
    CHECK_OK(rename("file", "renamed"));
}

static void move_it(int file)
{
    (void)file;
    new_directory("elsewhere");
    CHECK_OK(rename("file", "elsewhere/file"));
}

static void replace_it(int file)
{
    (void)file;
    touch_file("other");
    CHECK_OK(rename("other", "file"));
}

static void remove_it(int file)
{
    (void)file;
    CHECK_OK(unlink("file"));
}

static const struct {
    const char *name;
    void (*make)(int file);
    uint32_t hint;
} hints[] = {
    {"append", append, NOTE_WRITE | NOTE_EXTEND},
    {"overwrite", overwrite, NOTE_WRITE},
    {"overwrite-by-other", overwrite_by_other, NOTE_WRITE},
    {"empty", empty, NOTE_ATTRIB},
    {"empty-twice", empty_twice, NOTE_ATTRIB},
    {"empty-by-open", empty_by_open, NOTE_ATTRIB},
    {"mode", change_mode, NOTE_ATTRIB},
    {"same-mode", change_nothing_of_mode, NOTE_ATTRIB},
    {"owner", change_owner, NOTE_ATTRIB},
    {"times", change_times, NOTE_ATTRIB},
    {"link", add_link, NOTE_LINK},
    {"rename", rename_it, NOTE_RENAME},
    {"move", move_it, NOTE_RENAME},
    {"replace", replace_it, NOTE_DELETE},
    {"remove", remove_it, NOTE_DELETE},
};
typedef const __typeof__(hints[0]) *hint_ptr;

TEST_EACH(changes, hint_ptr hint, hints)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    hint->make(watched.file);
    CHECK_NOTES(watched.queue, watched.file, hint->hint);
    end(&watched);
}

/* Asked for one note of the hint, all of it comes; for none of it, nothing. */
TEST_EACH(hint_comes_whole_or_not, hint_ptr hint, hints)
{
    for (uint32_t note = NOTE_DELETE; note <= NOTE_RENAME; note <<= 1) {
        struct watched watched;
        begin_with(&watched, note);
        hint->make(watched.file);
        if (note & hint->hint)
            CHECK_NOTES(watched.queue, watched.file, hint->hint);
        end(&watched);
    }
}

/* A hint that was not asked for leaves the knote as it was. */
TEST_EACH(next_change_is_seen, hint_ptr hint, hints)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES & ~hint->hint);
    hint->make(watched.file);
    CHECK_QUIET(watched.queue);
    if (hint->hint & NOTE_ATTRIB)
        grow(watched.file, 1);
    else
        CHECK_OK(fchmod(watched.file, 0644));
    CHECK_NOTES(watched.queue, watched.file,
                hint->hint & NOTE_ATTRIB ? NOTE_WRITE | NOTE_EXTEND : NOTE_ATTRIB);
    end(&watched);
}

TEST(what_changes_nothing)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    char byte;
    CHECK_EQ_INT(pread(watched.file, &byte, 1, 0), 1);
    CHECK_EQ_INT(write(watched.file, &byte, 0), 0);
    CHECK_OK(fsync(watched.file));
    CHECK_OK(rename("file", "file"));
    CHECK_OK(close(CHECK_OK(open("file", O_RDWR | O_CLOEXEC))));
    end(&watched);
}

/* Between two collections everything comes together. */
TEST(changes_add_up)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    add_link(watched.file);
    rename_it(watched.file);
    append(watched.file);
    CHECK_NOTES(watched.queue, watched.file,
                NOTE_LINK | NOTE_RENAME | NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(unlink("renamed"));
    change_mode(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE | NOTE_ATTRIB);
    end(&watched);
}

TEST(opening_reading_closing)
{
    struct watched watched;
    char byte;
    begin_with(&watched, NOTE_OPEN | NOTE_CLOSE | NOTE_CLOSE_WRITE | NOTE_READ);
    int reader = CHECK_OK(open("file", O_RDONLY | O_CLOEXEC));
    CHECK_NOTES(watched.queue, watched.file, NOTE_OPEN);
    CHECK_EQ_INT(read(reader, &byte, 1), 1);
    CHECK_NOTES(watched.queue, watched.file, NOTE_READ);
    CHECK_OK(close(reader));
    CHECK_NOTES(watched.queue, watched.file, NOTE_CLOSE);
    int writer = CHECK_OK(open("file", O_RDWR | O_CLOEXEC));
    CHECK_NOTES(watched.queue, watched.file, NOTE_OPEN);
    CHECK_EQ_INT(write(writer, "x", 1), 1);
    CHECK_QUIET(watched.queue);
    CHECK_OK(close(writer));
    CHECK_NOTES(watched.queue, watched.file, NOTE_CLOSE_WRITE);
    end(&watched);
}

TEST(closing_a_copy_is_no_close)
{
    struct watched watched;
    begin_with(&watched, NOTE_CLOSE | NOTE_CLOSE_WRITE);
    CHECK_OK(close(CHECK_OK(dup(watched.file))));
    end(&watched);
}

TEST(reading_nothing)
{
    DIFFERENCE("reading at the end of a file is NOTE_READ",
               "it is nothing, as no byte is read");
    struct watched watched;
    char byte;
    begin_with(&watched, NOTE_READ);
    CHECK_EQ_INT(pread(watched.file, &byte, 1, SIZE), 0);
    end(&watched);
}

/*
 * What Linux tells as one: a write, a truncation.
 */

TEST(cut_to_something)
{
    DIFFERENCE("cutting a file to a size other than 0 is NOTE_ATTRIB alone",
               "it is NOTE_WRITE as well, lest a write before or after be missed");
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    CHECK_OK(ftruncate(watched.file, SIZE / 2));
    CHECK_NOTES(watched.queue, watched.file, NOTE_ATTRIB | NOTE_WRITE);
    CHECK_OK(ftruncate(watched.file, SIZE / 2));
    CHECK_NOTES(watched.queue, watched.file, NOTE_WRITE);
    end(&watched);
}

TEST(enlarged_without_a_write)
{
    DIFFERENCE("enlarging a file by ftruncate(2) is NOTE_ATTRIB",
               "it is NOTE_WRITE and NOTE_EXTEND, as a write would be");
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    CHECK_OK(ftruncate(watched.file, SIZE + 1));
    CHECK_NOTES(watched.queue, watched.file, NOTE_WRITE | NOTE_EXTEND);
    end(&watched);
}

/* As a shell's redirection and most editors do; nobody looks in between. */
TEST(emptied_and_written_anew)
{
    for (size_t size = 1; size <= SIZE + 1; size += SIZE / 2) {
        struct watched watched;
        begin_with(&watched, NOTE_WRITE);
        int writer = CHECK_OK(open("file", O_WRONLY | O_TRUNC | O_CLOEXEC));
        write_bytes(writer, size);
        CHECK_OK(close(writer));
        CHECK_EQ_UINT(take(watched.queue).fflags & NOTE_WRITE, NOTE_WRITE);
        end(&watched);
    }
}

/*
 * Names.
 */

TEST(names_come_and_go)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    CHECK_OK(link("file", "second"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_LINK);
    CHECK_OK(link("file", "third"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_LINK);
    CHECK_OK(unlink("file"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    touch_file("other");
    CHECK_OK(rename("other", "third"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    CHECK_OK(unlink("second"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    end(&watched);
}

static void check_lives(const struct watched *watched)
{
    grow(watched->file, 1);
    CHECK_NOTES(watched->queue, watched->file, NOTE_WRITE | NOTE_EXTEND);
    overwrite(watched->file);
    CHECK_NOTES(watched->queue, watched->file, NOTE_WRITE);
    change_mode(watched->file);
    CHECK_NOTES(watched->queue, watched->file, NOTE_ATTRIB);
}

TEST(removed_file_is_watched_on)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    remove_it(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    check_lives(&watched);
    end(&watched);
}

/* Linux drops the watch when the last name goes that nobody holds. */
TEST(removed_under_another_name)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    add_link(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_LINK);
    remove_it(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    CHECK_OK(unlink("link"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    check_lives(&watched);
    end(&watched);
}

TEST(came_and_went_unseen)
{
    DIFFERENCE("a name that is added and removed before anybody collects is NOTE_LINK "
               "and NOTE_DELETE",
               "it is NOTE_ATTRIB, as there are as many names as before");
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    add_link(watched.file);
    CHECK_OK(unlink("link"));
    CHECK_NOTES(watched.queue, watched.file, NOTE_ATTRIB);
    end(&watched);
}

/* The watch goes unseen, with a write after it. */
TEST(removed_and_written)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    add_link(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_LINK);
    remove_it(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    CHECK_OK(unlink("link"));
    append(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND);
    check_lives(&watched);
    end(&watched);
}

TEST(file_without_a_name)
{
    struct pmx_kqueue *queue = open_queue();
    int file = make_disk_file();
    watch_notes(queue, file, CHANGES_NOTES);
    CHECK_QUIET(queue);
    grow(file, 1);
    CHECK_NOTES(queue, file, NOTE_WRITE | NOTE_EXTEND);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* The name leads to another file by now. */
TEST(name_of_another_file)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    replace_it(watched.file);
    CHECK_NOTES(watched.queue, watched.file, NOTE_DELETE);
    int now = CHECK_OK(open("file", O_RDWR | O_CLOEXEC));
    grow(now, 1);
    CHECK_QUIET(watched.queue);
    CHECK_OK(close(now));
    check_lives(&watched);
    end(&watched);
}

/* Removing the link that the file was opened by is nothing to the file. */
TEST(opened_by_a_symbolic_link)
{
    struct watched watched;
    begin_with(&watched, CHANGES_NOTES);
    CHECK_OK(symlink("file", "link"));
    int file = CHECK_OK(open("link", O_RDONLY | O_CLOEXEC));
    watch_notes(watched.queue, file, CHANGES_NOTES);
    CHECK_OK(unlink("link"));
    CHECK_QUIET(watched.queue);
    CHECK_OK(close(file));
    end(&watched);
}

/* There is no revoke(2); asking for it is all right. */
TEST(revoke_never_comes)
{
    struct watched watched;
    begin_with(&watched, NOTE_REVOKE);
    append(watched.file);
    change_mode(watched.file);
    remove_it(watched.file);
    end(&watched);
}
