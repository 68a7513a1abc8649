/*
 * Events of inotify as notes of EVFILT_VNODE: see notes.h. Stands on statx(2)
 * for what inotify leaves open: whether the file grew by a write, whether it got
 * a name or lost one. Events that wait to be read may be several in one, so a
 * look tells what has become of the file, not each step on the way there; in
 * doubt it is a write.
 */
#include "notes.h"

#include <polymux/kqueue.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "inotify.h"

/* What happens to the names in a directory. */
#define NAMES ((uint32_t)(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO))

/* What only a look at the file explains. */
#define UNCLEAR ((uint32_t)(IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) | PMX__UNSEEN)

static const struct {
    uint32_t event, note;
} plain[] = {
    {IN_MOVE_SELF, NOTE_RENAME},    {IN_OPEN, NOTE_OPEN},
    {IN_CLOSE_NOWRITE, NOTE_CLOSE}, {IN_CLOSE_WRITE, NOTE_CLOSE_WRITE},
    {IN_ACCESS, NOTE_READ},
};
enum { PLAIN = sizeof(plain) / sizeof(plain[0]) };

static void tell(struct pmx__notes *notes, uint32_t hint)
{
    if (hint & notes->wanted)
        notes->seen |= hint;
}

/* The kernel calls a removed directory so, whatever its file system counts. */
static bool has_no_name(int fd)
{
    static const char mark[] = " (deleted)";
    char path[64], target[PATH_MAX];
    struct stat found;
    snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    ssize_t marked = (ssize_t)sizeof(mark) - 1;
    if (size < marked || memcmp(target + size - marked, mark, sizeof(mark) - 1) != 0)
        return false;
    target[size] = '\0';
    return lstat(target, &found) < 0;
}

static bool is_removed_directory(int fd, const struct statx *file)
{
    return S_ISDIR(file->stx_mode) && (file->stx_nlink == 0 || has_no_name(fd));
}

void pmx__notes_begin(struct pmx__notes *notes, int fd, const struct statx *file,
                      uint32_t wanted)
{
    *notes = (struct pmx__notes){
        .is_directory = S_ISDIR(file->stx_mode),
        .is_removed = is_removed_directory(fd, file),
        .wanted = wanted,
        .before = *file,
    };
}

void pmx__notes_want(struct pmx__notes *notes, int fd, uint32_t wanted)
{
    notes->is_removed = is_removed_directory(fd, &notes->before);
    notes->wanted = wanted;
}

/*
 * What to watch for.
 */

/* Whatever changes the names or the contents of a directory. To be told of a
 * change of its own attributes is to be told of those of all files in it. */
static uint32_t directory_mask(uint32_t wanted)
{
    uint32_t mask = 0;
    if (wanted & (NOTE_WRITE | NOTE_EXTEND | NOTE_LINK))
        mask |= NAMES;
    if (wanted & NOTE_ATTRIB)
        mask |= IN_ATTRIB;
    if (wanted & NOTE_DELETE)
        mask |= IN_MOVE_SELF;
    return mask;
}

/* A file's truncation is a change of its attributes. */
static uint32_t file_mask(uint32_t wanted)
{
    uint32_t mask = 0;
    if (wanted & (NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB))
        mask |= IN_MODIFY;
    if (wanted & (NOTE_ATTRIB | NOTE_LINK | NOTE_DELETE))
        mask |= IN_ATTRIB;
    return mask;
}

uint32_t pmx__notes_mask(const struct pmx__notes *notes, uint32_t wanted)
{
    uint32_t mask = notes->is_directory ? directory_mask(wanted) : file_mask(wanted);
    for (int i = 0; i < PLAIN; i++)
        if (wanted & plain[i].note)
            mask |= plain[i].event;
    return mask;
}

/* The removal of a directory that is open shows in the one above alone. */
uint32_t pmx__notes_mask_above(const struct pmx__notes *notes, uint32_t wanted)
{
    if (!notes->is_directory || !(wanted & NOTE_DELETE))
        return 0;
    return IN_DELETE | IN_MOVED_TO;
}

/*
 * Taking events.
 */

/* A name that left the directory for good, as far as can be told. */
static void tell_left(struct pmx__notes *notes)
{
    if (!notes->left)
        return;
    notes->left = 0;
    notes->directories -= notes->left_is_directory;
    tell(notes, NOTE_WRITE | NOTE_EXTEND | (notes->left_is_directory ? NOTE_LINK : 0));
}

/*
 * A name that came, from outside or from another name in here. Whether a
 * directory has replaced another one is not clear yet; IN_MOVED_TO and
 * IN_MOVED_FROM stand for the two ways it came.
 */
static void take_arrival(struct pmx__notes *notes, const struct inotify_event *event)
{
    bool is_directory = event->mask & IN_ISDIR;
    bool from_here = notes->left && notes->left == event->cookie;
    if (from_here)
        notes->left = 0;
    else
        notes->directories += is_directory;
    if (is_directory)
        notes->unclear |= from_here ? IN_MOVED_FROM : IN_MOVED_TO;
    else
        tell(notes, NOTE_WRITE | (from_here ? 0 : NOTE_EXTEND));
}

static void take_departure(struct pmx__notes *notes, const struct inotify_event *event)
{
    tell_left(notes);
    notes->left = event->cookie;
    notes->left_is_directory = event->mask & IN_ISDIR;
}

static void take_name(struct pmx__notes *notes, const struct inotify_event *event)
{
    bool is_directory = event->mask & IN_ISDIR;
    switch (event->mask & NAMES) {
    case IN_MOVED_TO:
        take_arrival(notes, event);
        return;
    case IN_MOVED_FROM:
        take_departure(notes, event);
        return;
    case IN_CREATE:
    case IN_DELETE:
        if (is_directory)
            notes->directories += event->mask & IN_CREATE ? 1 : -1;
        tell(notes, NOTE_WRITE | (is_directory ? NOTE_LINK : 0));
        return;
    }
}

void pmx__notes_take(struct pmx__notes *notes, const struct inotify_event *event)
{
    if (event->len) {
        take_name(notes, event);
        return;
    }
    for (int i = 0; i < PLAIN; i++)
        if (event->mask & plain[i].event)
            tell(notes, plain[i].note);
    notes->unclear |= event->mask & UNCLEAR;
}

void pmx__notes_take_above(struct pmx__notes *notes, const struct inotify_event *event)
{
    if (event->mask & (IN_ISDIR | PMX__UNSEEN))
        notes->unclear |= IN_DELETE_SELF;
}

/*
 * Looking.
 */

static void settle_directory(struct pmx__notes *notes, int fd, const struct statx *file)
{
    if (!notes->is_removed && is_removed_directory(fd, file)) {
        notes->is_removed = true;
        tell(notes, NOTE_DELETE);
    } else if (notes->unclear & IN_ATTRIB) {
        tell(notes, NOTE_ATTRIB);
    }
}

/* Directories that came by a rename, and what they replaced, if the file system
 * counts them. */
static void settle_arrivals(struct pmx__notes *notes, const struct statx *file)
{
    int64_t more = (int64_t)file->stx_nlink - notes->before.stx_nlink;
    bool replaced = file->stx_nlink >= 2 && more < notes->directories;
    if (notes->unclear & IN_MOVED_FROM)
        tell(notes, NOTE_WRITE | (replaced ? NOTE_LINK : 0));
    if (notes->unclear & IN_MOVED_TO)
        tell(notes, NOTE_WRITE | NOTE_EXTEND | (replaced ? 0 : NOTE_LINK));
}

static bool has_other_owner_or_mode(const struct statx *a, const struct statx *b)
{
    return a->stx_mode != b->stx_mode || a->stx_uid != b->stx_uid ||
           a->stx_gid != b->stx_gid;
}

static void settle_links(struct pmx__notes *notes, const struct statx *file)
{
    if (file->stx_nlink < notes->before.stx_nlink)
        tell(notes, NOTE_DELETE);
    else if (file->stx_nlink > notes->before.stx_nlink)
        tell(notes, NOTE_LINK);
    else if (notes->unclear & IN_ATTRIB)
        tell(notes, NOTE_ATTRIB);
    if (has_other_owner_or_mode(file, &notes->before))
        tell(notes, NOTE_ATTRIB);
}

/*
 * A file that was cut may have been written as well, before or after; one that
 * is empty now has nothing to show for it. One that was enlarged without a write
 * looks like one that was written.
 */
static void settle_contents(struct pmx__notes *notes, const struct statx *file)
{
    bool is_regular = S_ISREG(file->stx_mode);
    bool grew = file->stx_size > notes->before.stx_size;
    if (!is_regular || file->stx_size)
        tell(notes, NOTE_WRITE | (grew ? NOTE_EXTEND : 0));
    if (is_regular && (!file->stx_size || file->stx_size < notes->before.stx_size))
        tell(notes, NOTE_ATTRIB);
}

static bool has_other_contents(const struct statx *a, const struct statx *b)
{
    return a->stx_size != b->stx_size || a->stx_mtime.tv_sec != b->stx_mtime.tv_sec ||
           a->stx_mtime.tv_nsec != b->stx_mtime.tv_nsec;
}

static void settle_file(struct pmx__notes *notes, const struct statx *file)
{
    bool is_unseen = notes->unclear & PMX__UNSEEN;
    if (notes->unclear & (IN_ATTRIB | PMX__UNSEEN))
        settle_links(notes, file);
    if (notes->unclear & IN_MODIFY ||
        (is_unseen && has_other_contents(file, &notes->before)))
        settle_contents(notes, file);
}

/* Events were lost: what cannot be excluded has happened. */
static void settle_lost(struct pmx__notes *notes)
{
    uint32_t known = NOTE_DELETE | NOTE_REVOKE;
    if (!notes->is_directory)
        known |= NOTE_LINK | NOTE_EXTEND;
    notes->seen |= notes->wanted & ~known;
}

void pmx__notes_settle(struct pmx__notes *notes, int fd, const struct statx *file)
{
    tell_left(notes);
    if (notes->unclear & IN_Q_OVERFLOW)
        settle_lost(notes);
    if (notes->unclear && notes->is_directory) {
        settle_arrivals(notes, file);
        settle_directory(notes, fd, file);
    } else if (notes->unclear) {
        settle_file(notes, file);
    }
    notes->unclear = 0;
    notes->directories = 0;
    notes->before = *file;
}
