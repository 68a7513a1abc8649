/* Files behind numbers: see identity.h. Stands on fstat(2). */
#include "identity.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

int pmx__identity_take(struct pmx__identity *identity, int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return -EBADF;
    *identity = (struct pmx__identity){.device = stat.st_dev, .inode = stat.st_ino};
    return 0;
}

int pmx__identity_verify(const struct pmx__identity *identity, int fd, int64_t *size)
{
    struct stat stat;
    if (fstat(fd, &stat) < 0)
        return -EBADF;
    if (stat.st_dev != identity->device || stat.st_ino != identity->inode)
        return -ENOENT;
    if (size)
        *size = stat.st_size;
    return 0;
}
