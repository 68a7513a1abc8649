/*
 * EVFILT_VNODE: what becomes of notes in a knote, and knotes that share a file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

/* A queue and a file in a tree of its own. */
struct stage {
    struct tree tree;
    struct pmx_kqueue *queue;
    int file;
    uintptr_t ident;
};

static void begin(struct stage *stage)
{
    tree_open(&stage->tree);
    stage->queue = open_queue();
    stage->file = new_file("file", 1);
    stage->ident = (uintptr_t)stage->file;
}

static void end(const struct stage *stage)
{
    close_queue(stage->queue);
    CHECK_OK(close(stage->file));
    tree_close(&stage->tree);
}

static void touch_notes(const struct stage *stage, unsigned flags, uint32_t notes)
{
    CHECK_RETURNS(
        apply(stage->queue, entry(stage->ident, EVFILT_VNODE, flags, notes, 0, NULL)),
        0);
}

/* Level: notes add up, and come again and again. */
TEST(notes_stay_without_clear)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD, CHANGES_NOTES);
    CHECK_QUIET(stage.queue);
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(fchmod(stage.file, 0640));
    uint32_t all = NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB;
    CHECK_NOTES(stage.queue, stage.file, all);
    touch_notes(&stage, EV_ADD, NOTE_DELETE);
    CHECK_NOTES(stage.queue, stage.file, all);
    touch_notes(&stage, EV_ADD, 0);
    CHECK_NOTES(stage.queue, stage.file, all);
    CHECK_OK(rename("file", "renamed"));
    CHECK_NOTES(stage.queue, stage.file, all);
    end(&stage);
}

TEST(flags_of_events)
{
    static const unsigned manners[] = {0, EV_CLEAR, EV_DISPATCH, EV_ONESHOT};
    for (int i = 0; i < 4; i++) {
        struct stage stage;
        begin(&stage);
        touch_notes(&stage, EV_ADD | manners[i], NOTE_WRITE);
        grow(stage.file, 1);
        CHECK_EQ_UINT(take(stage.queue).flags, manners[i]);
        end(&stage);
    }
}

TEST(several_changes_are_one_event)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD | EV_ONESHOT, NOTE_WRITE);
    grow(stage.file, 1);
    CHECK_OK(fchmod(stage.file, 0640));
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_QUIET(stage.queue);
    CHECK_ERRNO(change(stage.queue, stage.ident, EVFILT_VNODE, EV_ENABLE), ENOENT);
    end(&stage);
}

/* Every change replaces what is wanted, whatever else it does. */
TEST(every_touch_replaces_what_is_wanted)
{
    static const unsigned touches[] = {EV_ADD, EV_DISABLE, EV_ENABLE, 0, EV_CLEAR};
    for (int i = 0; i < 5; i++) {
        struct stage stage;
        begin(&stage);
        touch_notes(&stage, EV_ADD | EV_CLEAR, NOTE_WRITE);
        touch_notes(&stage, touches[i], 0);
        touch_notes(&stage, EV_ENABLE, 0);
        grow(stage.file, 1);
        CHECK_OK(fchmod(stage.file, 0640));
        CHECK_QUIET(stage.queue);
        touch_notes(&stage, touches[i], NOTE_ATTRIB);
        touch_notes(&stage, EV_ENABLE, NOTE_ATTRIB);
        CHECK_QUIET(stage.queue);
        grow(stage.file, 1);
        CHECK_QUIET(stage.queue);
        CHECK_OK(fchmod(stage.file, 0644));
        CHECK_NOTES(stage.queue, stage.file, NOTE_ATTRIB);
        end(&stage);
    }
}

/* What happened before a touch is for those notes that were wanted then. */
TEST(what_was_wanted_when_it_happened)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD | EV_CLEAR, NOTE_WRITE);
    grow(stage.file, 1);
    CHECK_OK(fchmod(stage.file, 0640));
    touch_notes(&stage, EV_ADD, NOTE_ATTRIB | NOTE_DELETE);
    CHECK_OK(unlink("file"));
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND | NOTE_DELETE);
    end(&stage);
}

TEST(collects_while_disabled)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD | EV_CLEAR | EV_DISABLE, CHANGES_NOTES);
    grow(stage.file, 1);
    CHECK_OK(link("file", "link"));
    CHECK_QUIET(stage.queue);
    check_shows(stage.queue, false);
    CHECK_OK(rename("file", "renamed"));
    touch_notes(&stage, EV_ENABLE, CHANGES_NOTES);
    check_shows(stage.queue, true);
    CHECK_NOTES(stage.queue, stage.file,
                NOTE_WRITE | NOTE_EXTEND | NOTE_LINK | NOTE_RENAME);
    check_shows(stage.queue, false);
    end(&stage);
}

TEST(dispatched)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD | EV_CLEAR | EV_DISPATCH, CHANGES_NOTES);
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(fchmod(stage.file, 0640));
    CHECK_QUIET(stage.queue);
    touch_notes(&stage, EV_ENABLE, CHANGES_NOTES);
    CHECK_NOTES(stage.queue, stage.file, NOTE_ATTRIB);
    end(&stage);
}

/* A directory is followed by its parent while its removal is wanted, and only
 * then; being enabled and disabled goes for both. */
TEST(removal_of_a_directory_is_wanted_later)
{
    struct stage stage;
    begin(&stage);
    new_directory("directory");
    int directory = open_directory("directory");
    uintptr_t ident = (uintptr_t)directory;
    watch_notes(stage.queue, directory, NOTE_WRITE);
    watch_notes(stage.queue, directory, NOTE_WRITE | NOTE_DELETE);
    watch_notes(stage.queue, directory, NOTE_ATTRIB);
    CHECK_OK(apply(stage.queue, entry(ident, EVFILT_VNODE, EV_DISABLE, 0, 0, NULL)));
    CHECK_OK(apply(stage.queue,
                   entry(ident, EVFILT_VNODE, EV_DISABLE, NOTE_DELETE, 0, NULL)));
    CHECK_OK(rmdir("directory"));
    CHECK_QUIET(stage.queue);
    check_shows(stage.queue, false);
    CHECK_OK(apply(stage.queue,
                   entry(ident, EVFILT_VNODE, EV_ENABLE, NOTE_DELETE, 0, NULL)));
    CHECK_NOTES(stage.queue, directory, NOTE_DELETE);
    CHECK_QUIET(stage.queue);
    CHECK_OK(close(directory));
    end(&stage);
}

/*
 * Knotes that share a file.
 */

TEST(what_was_before_is_not_told)
{
    struct stage stage;
    begin(&stage);
    touch_notes(&stage, EV_ADD | EV_CLEAR, CHANGES_NOTES);
    grow(stage.file, 1);
    CHECK_OK(fchmod(stage.file, 0640));
    int copy = CHECK_OK(dup(stage.file));
    watch_notes(stage.queue, copy, CHANGES_NOTES);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB);
    CHECK_QUIET(stage.queue);
    CHECK_OK(close(copy));
    end(&stage);
}

TEST(each_gets_what_it_wants)
{
    struct stage stage;
    struct pmx_kevent events[ROOM];
    begin(&stage);
    int copy = CHECK_OK(dup(stage.file));
    int other = CHECK_OK(open("file", O_RDONLY | O_CLOEXEC));
    watch_notes(stage.queue, stage.file, NOTE_WRITE);
    watch_notes(stage.queue, copy, NOTE_ATTRIB);
    watch_notes(stage.queue, other, NOTE_ATTRIB | NOTE_RENAME);
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(rename("file", "renamed"));
    CHECK_NOTES(stage.queue, other, NOTE_RENAME);
    CHECK_OK(fchmod(stage.file, 0640));
    take_count(stage.queue, events, 2);
    event_of(events, 2, (uintptr_t)copy, EVFILT_VNODE);
    event_of(events, 2, (uintptr_t)other, EVFILT_VNODE);
    CHECK_OK(change(stage.queue, (uintptr_t)other, EVFILT_VNODE, EV_DELETE));
    CHECK_OK(fchmod(stage.file, 0644));
    CHECK_NOTES(stage.queue, copy, NOTE_ATTRIB);
    CHECK_OK(close(copy));
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(close(other));
    end(&stage);
}

/* The last name goes; all of them go on. */
TEST(shared_file_is_removed)
{
    struct stage stage;
    struct pmx_kevent events[ROOM];
    begin(&stage);
    CHECK_OK(link("file", "link"));
    int other = CHECK_OK(open("link", O_RDWR | O_CLOEXEC));
    touch_notes(&stage, EV_ADD | EV_CLEAR, NOTE_DELETE | NOTE_WRITE);
    watch_notes(stage.queue, other, NOTE_WRITE);
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
    CHECK_NOTES(stage.queue, stage.file, NOTE_DELETE);
    for (int i = 0; i < 2; i++) {
        grow(other, 1);
        take_count(stage.queue, events, 2);
        for (int j = 0; j < 2; j++)
            CHECK_EQ_UINT(events[j].fflags, NOTE_WRITE | NOTE_EXTEND);
    }
    CHECK_OK(close(other));
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    end(&stage);
}

/* Another filter of the same file. */
TEST(read_beside_vnode)
{
    struct stage stage;
    struct pmx_kevent events[ROOM];
    begin(&stage);
    CHECK_OK(lseek(stage.file, 0, SEEK_END) < 0 ? -1 : 0);
    CHECK_OK(change(stage.queue, stage.ident, EVFILT_READ, EV_ADD | EV_CLEAR));
    touch_notes(&stage, EV_ADD | EV_CLEAR, NOTE_WRITE);
    CHECK_QUIET(stage.queue);
    grow(stage.file, 2);
    take_count(stage.queue, events, 2);
    CHECK_EQ_INT(event_of(events, 2, stage.ident, EVFILT_READ)->data, 2);
    CHECK_EQ_UINT(event_of(events, 2, stage.ident, EVFILT_VNODE)->fflags,
                  NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(change(stage.queue, stage.ident, EVFILT_READ, EV_DELETE));
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_OK(change(stage.queue, stage.ident, EVFILT_READ, EV_ADD | EV_DISABLE));
    touch_notes(&stage, EV_DELETE, 0);
    CHECK_OK(change(stage.queue, stage.ident, EVFILT_READ, EV_ENABLE));
    CHECK_TAKES(stage.queue, stage.ident, EVFILT_READ, 0, 3);
    end(&stage);
}

/*
 * Descriptors that are closed.
 */

TEST(closed)
{
    struct stage stage;
    begin(&stage);
    int copy = CHECK_OK(dup(stage.file));
    watch_notes(stage.queue, copy, CHANGES_NOTES);
    grow(stage.file, 1);
    CHECK_OK(close(copy));
    CHECK_QUIET(stage.queue);
    CHECK_ERRNO(change(stage.queue, (uintptr_t)copy, EVFILT_VNODE, EV_DELETE), EBADF);
    CHECK_EQ_INT(dup2(stage.file, copy), copy);
    grow(stage.file, 1);
    CHECK_QUIET(stage.queue);
    CHECK_OK(close(copy));
    end(&stage);
}

/* The number is another file's now, which may even have the removed one's inode. */
TEST(number_with_a_new_owner)
{
    struct stage stage;
    begin(&stage);
    for (int i = 0; i < 50; i++) {
        int old = new_file("old", 0);
        watch_notes(stage.queue, old, CHANGES_NOTES);
        CHECK_OK(unlink("old"));
        CHECK_OK(close(old));
        int fresh = new_file("new", 0);
        CHECK_EQ_INT(fresh, old);
        grow(fresh, 1);
        CHECK_QUIET(stage.queue);
        CHECK_ERRNO(change(stage.queue, (uintptr_t)fresh, EVFILT_VNODE, EV_DELETE),
                    ENOENT);
        CHECK_OK(unlink("new"));
        CHECK_OK(close(fresh));
    }
    end(&stage);
}

TEST(opened_again)
{
    struct stage stage;
    begin(&stage);
    watch_notes(stage.queue, stage.file, CHANGES_NOTES);
    CHECK_OK(close(stage.file));
    CHECK_EQ_INT(open("file", O_WRONLY | O_CLOEXEC), stage.file);
    DIFFERENCE("a file that is opened anew under the number that it had has no knotes",
               "it has those of before, if nobody has looked in between: another "
               "opening of the same file is taken for the old one");
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    end(&stage);
}

TEST(in_another_queue)
{
    struct stage stage;
    begin(&stage);
    struct pmx_kqueue *outer = open_queue();
    uintptr_t inner = (uintptr_t)CHECK_OK(pmx_kqueue_fd(stage.queue));
    touch_notes(&stage, EV_ADD | EV_CLEAR, NOTE_WRITE);
    CHECK_OK(change(outer, inner, EVFILT_READ, EV_ADD));
    CHECK_QUIET(outer);
    grow(stage.file, 1);
    CHECK_TAKES(outer, inner, EVFILT_READ, 0, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    CHECK_QUIET(outer);
    close_queue(outer);
    end(&stage);
}

TEST(unknown_notes_are_harmless)
{
    struct stage stage;
    begin(&stage);
    watch_notes(stage.queue, stage.file, ~ALL_NOTES);
    grow(stage.file, 1);
    CHECK_QUIET(stage.queue);
    watch_notes(stage.queue, stage.file, UINT32_MAX);
    grow(stage.file, 1);
    CHECK_NOTES(stage.queue, stage.file, NOTE_WRITE | NOTE_EXTEND);
    end(&stage);
}
