/*
 * Which file a descriptor number stood for, so that a number that was closed
 * and used again is told from the one that was. Another opening of the very
 * same file is taken for the old one.
 */
#ifndef PMX_KQUEUE_LINUX_IDENTITY_H
#define PMX_KQUEUE_LINUX_IDENTITY_H

#include <stdint.h>
#include <sys/types.h>

struct pmx__identity {
    dev_t device;
    ino_t inode;
};

/* 0, or -EBADF. */
int pmx__identity_take(struct pmx__identity *identity, int fd);

/* 0 with the file's size in *size unless that is NULL; -EBADF where fd is
 * closed, -ENOENT where it is another file. */
int pmx__identity_verify(const struct pmx__identity *identity, int fd, int64_t *size);

#endif
