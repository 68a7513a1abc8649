/*
 * Files and directories with names, in a directory of the test's own, and what
 * EVFILT_VNODE says of them.
 */
#ifndef TESTS_KQUEUE_TREE_H
#define TESTS_KQUEUE_TREE_H

#include "queue.h"

/* Every note there is, and those of a change of some kind. */
#define ALL_NOTES 0x07ffU
#define CHANGES_NOTES \
    (NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME)

/* The directory that the test's process works in from now on. */
struct tree {
    char path[32];
};
void tree_open(struct tree *tree);
/* Removes it with all that is in it. */
void tree_close(const struct tree *tree);

/* A new file of so many bytes; its descriptor, for reading and writing. */
int new_file(const char *name, size_t size);
void new_directory(const char *name);
int open_directory(const char *name);
/* Opens the thing as O_PATH without following it. */
int open_path(const char *name);
void touch_file(const char *name);

/* A knote with EV_CLEAR for these notes. */
void watch_notes(struct pmx_kqueue *queue, int fd, uint32_t notes);

/* The next event, the only one, is of fd and has these notes. */
#define CHECK_NOTES(queue_, fd_, notes_)                          \
    do {                                                          \
        struct pmx_kevent taken_ = take(queue_);                  \
        CHECK_EVENT(&taken_, fd_, EVFILT_VNODE, taken_.flags, 0); \
        CHECK_EQ_UINT(taken_.fflags, notes_);                     \
    } while (0)

#endif
