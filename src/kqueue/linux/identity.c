/*
 * Files behind numbers: see identity.h. Stands on statx(2) and, because clocks
 * of file systems are coarse, name_to_handle_at(2).
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Of Linux 6.5: file systems tell that cannot find a file by it again. */
#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

union handle {
    struct file_handle header;
    unsigned char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* FNV-1a. */
static uint64_t hash(const unsigned char *bytes, unsigned count)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < count; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

/* A file's handle has its inode's generation in it. 0 where there is none. */
static uint64_t version_of(int fd)
{
    union handle handle;
    int mount;
    int flags = AT_EMPTY_PATH | AT_HANDLE_FID;
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    int result = name_to_handle_at(fd, "", &handle.header, &mount, flags);
    if (result < 0 && errno == EINVAL)
        result = name_to_handle_at(fd, "", &handle.header, &mount, AT_EMPTY_PATH);
    if (result < 0)
        return 0;
    return hash(handle.bytes + sizeof(handle.header), handle.header.handle_bytes);
}

static int identify(struct pmx__identity *identity, int fd, int64_t *size)
{
    struct statx file;
    unsigned wanted = STATX_INO | STATX_SIZE | STATX_BTIME;
    if (statx(fd, "", AT_EMPTY_PATH, wanted, &file) < 0)
        return -EBADF;
    *identity = (struct pmx__identity){
        .device = (uint64_t)file.stx_dev_major << 32 | file.stx_dev_minor,
        .inode = file.stx_ino,
        .version = version_of(fd),
    };
    if (file.stx_mask & STATX_BTIME)
        identity->born_ns =
            file.stx_btime.tv_sec * INT64_C(1000000000) + file.stx_btime.tv_nsec;
    if (size)
        *size = (int64_t)file.stx_size;
    return 0;
}

int pmx__identity_take(struct pmx__identity *identity, int fd)
{
    return identify(identity, fd, NULL);
}

int pmx__identity_verify(const struct pmx__identity *identity, int fd, int64_t *size)
{
    struct pmx__identity now;
    int result = identify(&now, fd, size);
    if (result < 0)
        return result;
    bool is_same = identity->device == now.device && identity->inode == now.inode &&
                   identity->born_ns == now.born_ns && identity->version == now.version;
    return is_same ? 0 : -ENOENT;
}
