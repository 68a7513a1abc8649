/* Following a path: see trail.h. Stands on openat(2) with O_PATH. */
#include "trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LINKS = 40, HOLD = O_PATH | O_NOFOLLOW | O_CLOEXEC };

/* A path that is being followed. */
struct search {
    struct trail *trail;
    char rest[2 * PATH_MAX]; /* what is left of the path */
    int links;               /* followed so far */
};

static int here(const struct trail *trail)
{
    return trail->points[trail->place].fd;
}

/* Takes over a descriptor. 0 or -errno. */
static int add_point(struct trail *trail, int fd, bool is_link)
{
    struct stat status;
    int result = fstat(fd, &status) < 0         ? -errno
                 : trail->count == TRAIL_LENGTH ? -ENAMETOOLONG
                                                : 0;
    if (result < 0) {
        close(fd);
        return result;
    }
    if (!is_link)
        trail->place = trail->count;
    trail->points[trail->count++] = (struct waypoint){
        .fd = fd, .device = status.st_dev, .inode = status.st_ino, .is_link = is_link};
    return 0;
}

static int add_start(struct search *search)
{
    int fd = open(search->rest[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : add_point(search->trail, fd, false);
}

/* Takes the next name off the rest. Whether it is the last; what only slashes
 * follow is not, as it has to be a directory: then "." comes last. */
static int take_name(struct search *search, bool *is_last)
{
    const char *start = search->rest + strspn(search->rest, "/");
    size_t length = strcspn(start, "/");
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(search->trail->name, length ? start : ".", length ? length : 1);
    search->trail->name[length ? length : 1] = 0;
    *is_last = !start[length];
    memmove(search->rest, start + length, strlen(start + length) + 1);
    return 0;
}

/* The link's target goes before the rest. */
static int follow_link(struct search *search, int fd)
{
    char target[PATH_MAX];
    ssize_t size = readlinkat(fd, "", target, sizeof(target) - 1);
    int result = size < 0 ? -errno : 0;
    int added = add_point(search->trail, fd, true);
    if (result < 0 || added < 0)
        return result < 0 ? result : added;
    size_t rest = strlen(search->rest), length = (size_t)size;
    if (length + rest >= sizeof(search->rest))
        return -ENAMETOOLONG;
    if (++search->links > LINKS)
        return -ELOOP;
    memmove(search->rest + length, search->rest, rest + 1);
    memcpy(search->rest, target, length);
    return search->rest[0] == '/' ? add_start(search) : 0;
}

static int arrive(struct trail *trail, int fd, const struct stat *found)
{
    trail->object = fd;
    trail->found = *found;
    return 1;
}

enum { GO_ON = 2 };

/* One name further. GO_ON, what trail_follow() returns, or -errno. */
static int step(struct search *search)
{
    struct trail *trail = search->trail;
    struct stat found;
    bool is_last;
    int result = take_name(search, &is_last);
    if (result < 0)
        return result;
    int fd = openat(here(trail), trail->name, HOLD);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (fstat(fd, &found) < 0) {
        result = -errno;
    } else if (S_ISLNK(found.st_mode)) {
        result = follow_link(search, fd);
        return result < 0 ? result : GO_ON;
    } else if (is_last) {
        return arrive(trail, fd, &found);
    } else if (S_ISDIR(found.st_mode)) {
        result = add_point(trail, fd, false);
        return result < 0 ? result : GO_ON;
    }
    close(fd);
    return result;
}

int trail_follow(struct trail *trail, const char *path)
{
    struct search search = {.trail = trail};
    trail->count = 0;
    trail->object = -1;
    size_t length = strlen(path);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(search.rest, path, length + 1);
    int result = add_start(&search);
    if (result == 0)
        do
            result = step(&search);
        while (result == GO_ON);
    if (result < 0)
        trail_leave(trail);
    return result;
}

bool trail_equals(const struct trail *one, const struct trail *other)
{
    if (one->count != other->count || strcmp(one->name, other->name) != 0)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (one->points[i].inode != other->points[i].inode ||
            one->points[i].device != other->points[i].device)
            return false;
    return true;
}

bool trail_holds(const struct trail *trail)
{
    struct stat now;
    if (fstatat(here(trail), trail->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && trail->object < 0;
    return trail->object >= 0 && now.st_ino == trail->found.st_ino &&
           now.st_dev == trail->found.st_dev;
}

void trail_leave(struct trail *trail)
{
    if (trail->object >= 0)
        close(trail->object);
    trail->object = -1;
    while (trail->count > 0)
        close(trail->points[--trail->count].fd);
}
