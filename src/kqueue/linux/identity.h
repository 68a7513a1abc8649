/*
 * Which file a descriptor number stood for, so that a number that was closed
 * and used again is told from the one that was. Another opening of the very
 * same file, for the same access, is taken for the old one.
 */
#ifndef PMX_KQUEUE_LINUX_IDENTITY_H
#define PMX_KQUEUE_LINUX_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros where the file system does not know. */
struct pmx__identity {
    bool is_loose; /* a file of an overlay: born anew when it is first changed */
    int opened;    /* O_*: how, as far as that cannot change; negative: unknown */
    uint64_t device;
    uint64_t inode;   /* the number of a removed file is soon another one's */
    int64_t born_ns;  /* but that one is younger, */
    uint64_t version; /* or at least has another file handle */
};

struct statx;

/* `of` is "" for the file of fd itself, ".." for the directory it is in. 0, or
 * -EBADF. */
int pmx__identity_take(struct pmx__identity *identity, int fd, const char *of);

/* 0 with what there is to know of the file in *file, unless that is NULL;
 * -EBADF where fd is closed, -ENOENT where it is another file. */
int pmx__identity_verify(const struct pmx__identity *identity, int fd, const char *of,
                         struct statx *file);

/* The same by half the system calls, of a file that is known to exist still, so
 * that its number cannot have become another one's. */
int pmx__identity_glance(const struct pmx__identity *identity, int fd,
                         struct statx *file);

#endif
