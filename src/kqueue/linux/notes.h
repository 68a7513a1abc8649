/*
 * What EVFILT_VNODE makes of inotify's events: which of them a file has to be
 * watched for, and which notes they are.
 *
 * What happens to a file is told in hints of one note or several. A knote that
 * asked for any note of a hint gets the whole hint, as on FreeBSD.
 */
#ifndef PMX_KQUEUE_LINUX_NOTES_H
#define PMX_KQUEUE_LINUX_NOTES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct inotify_event;

/* What has happened to one file. */
struct pmx__notes {
    bool is_directory;
    bool is_removed;        /* a directory, and told */
    bool left_is_directory; /* see left */
    int directories;        /* how many more than before there should be in it */
    uint32_t wanted;        /* NOTE_*: what was asked for */
    uint32_t seen;          /* NOTE_*: what has happened of it */
    uint32_t unclear;       /* IN_*: happened too, but what it is, the file tells */
    uint32_t left;          /* the cookie of a name that left the directory, or 0 */
    struct statx before;    /* the file, when it was last looked at */
};

/* The file, which is fd, is as it is; nothing has happened. */
void pmx__notes_begin(struct pmx__notes *notes, int fd, const struct statx *file,
                      uint32_t wanted);

/* Other notes are wanted from now on; what was before is nobody's. */
void pmx__notes_want(struct pmx__notes *notes, int fd, uint32_t wanted);

/* IN_*, to be watched for on the file and on the directory above it. */
uint32_t pmx__notes_mask(const struct pmx__notes *notes, uint32_t wanted);
uint32_t pmx__notes_mask_above(const struct pmx__notes *notes, uint32_t wanted);

/* An event of the file. */
void pmx__notes_take(struct pmx__notes *notes, const struct inotify_event *event);

/* An event of the directory above, about anything in there. */
void pmx__notes_take_above(struct pmx__notes *notes, const struct inotify_event *event);

/* Whether anything has happened that pmx__notes_settle() could tell of. */
static inline bool pmx__notes_pending(const struct pmx__notes *notes)
{
    return notes->seen || notes->unclear || notes->left;
}

/* What is unclear becomes clear by a look at the file, which is fd. */
void pmx__notes_settle(struct pmx__notes *notes, int fd, const struct statx *file);

#endif
