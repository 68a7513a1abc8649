/*
 * Which file a descriptor number stood for, so that a number that was closed
 * and used again is told from the one that was. Another opening of the very
 * same file is taken for the old one.
 */
#ifndef PMX_KQUEUE_LINUX_IDENTITY_H
#define PMX_KQUEUE_LINUX_IDENTITY_H

#include <stdint.h>

/* All zeros where the file system does not know. */
struct pmx__identity {
    uint64_t device;
    uint64_t inode;   /* the number of a removed file is soon another one's */
    int64_t born_ns;  /* but that one is younger, */
    uint64_t version; /* or at least has another file handle */
};

/* 0, or -EBADF. */
int pmx__identity_take(struct pmx__identity *identity, int fd);

/* 0 with the file's size in *size unless that is NULL; -EBADF where fd is
 * closed, -ENOENT where it is another file. */
int pmx__identity_verify(const struct pmx__identity *identity, int fd, int64_t *size);

#endif
