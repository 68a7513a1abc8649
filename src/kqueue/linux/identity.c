/*
 * Files behind numbers: see identity.h. Stands on statx(2), fcntl(2) and, because
 * clocks of file systems are coarse, name_to_handle_at(2).
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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
static uint64_t version_of(int fd, const char *of)
{
    union handle handle;
    int mount;
    int flags = AT_EMPTY_PATH | AT_HANDLE_FID;
    handle.header.handle_bytes = MAX_HANDLE_SZ;
    int result = name_to_handle_at(fd, of, &handle.header, &mount, flags);
    if (result < 0 && errno == EINVAL)
        result = name_to_handle_at(fd, of, &handle.header, &mount, AT_EMPTY_PATH);
    if (result < 0)
        return 0;
    return hash(handle.bytes + sizeof(handle.header), handle.header.handle_bytes);
}

/* What fcntl(2) can set. */
enum { SETTABLE = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK };

/* All but the version. */
static int glance(struct pmx__identity *identity, int fd, const char *of,
                  struct statx *file)
{
    if (statx(fd, of, AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, file) < 0)
        return -EBADF;
    *identity = (struct pmx__identity){
        .opened = fcntl(fd, F_GETFL) & ~SETTABLE,
        .device = (uint64_t)file->stx_dev_major << 32 | file->stx_dev_minor,
        .inode = file->stx_ino,
    };
    if (file->stx_mask & STATX_BTIME)
        identity->born_ns =
            file->stx_btime.tv_sec * INT64_C(1000000000) + file->stx_btime.tv_nsec;
    return 0;
}

static bool is_opening(const struct pmx__identity *was, const struct pmx__identity *now)
{
    bool is_known = was->opened >= 0 && now->opened >= 0;
    return !is_known || was->opened == now->opened;
}

static bool is_same(const struct pmx__identity *was, const struct pmx__identity *now)
{
    return was->device == now->device && was->inode == now->inode &&
           (was->is_loose || was->born_ns == now->born_ns) && is_opening(was, now);
}

static bool is_of_overlay(int fd)
{
    struct statfs system;
    return fstatfs(fd, &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC;
}

int pmx__identity_take(struct pmx__identity *identity, int fd, const char *of)
{
    struct statx file;
    int result = glance(identity, fd, of, &file);
    if (result < 0)
        return result;
    identity->is_loose = is_of_overlay(fd);
    identity->version = identity->is_loose ? 0 : version_of(fd, of);
    return 0;
}

int pmx__identity_verify(const struct pmx__identity *identity, int fd, const char *of,
                         struct statx *file)
{
    struct pmx__identity now;
    struct statx unused;
    int result = glance(&now, fd, of, file ? file : &unused);
    if (result < 0)
        return result;
    bool is_version = identity->is_loose || identity->version == version_of(fd, of);
    return is_version && is_same(identity, &now) ? 0 : -ENOENT;
}

int pmx__identity_glance(const struct pmx__identity *identity, int fd,
                         struct statx *file)
{
    struct pmx__identity now;
    int result = glance(&now, fd, "", file);
    if (result < 0)
        return result;
    return is_same(identity, &now) ? 0 : -ENOENT;
}
