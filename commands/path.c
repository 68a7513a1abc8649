/* Watching a path: see path.h. Stands on EVFILT_VNODE. */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "condition.h"

#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif
#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#ifndef CEPH_SUPER_MAGIC
#define CEPH_SUPER_MAGIC 0x00c36400
#endif

/* File systems that change without this kernel's doing, or without telling. */
static bool is_told_of(int fd)
{
    static const unsigned silent[] = {
        PROC_SUPER_MAGIC, SYSFS_MAGIC,      NFS_SUPER_MAGIC,  SMB_SUPER_MAGIC,
        CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC, CEPH_SUPER_MAGIC,
        V9FS_MAGIC,       AFS_SUPER_MAGIC,  CODA_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
    };
    struct statfs system;
    if (fstatfs(fd, &system) < 0)
        return false;
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++)
        if ((unsigned)system.f_type == silent[i])
            return false;
    return true;
}

static uint32_t notes_of(const struct trail *trail, size_t point)
{
    if (point == trail->place)
        return NOTE_WRITE | NOTE_DELETE | NOTE_RENAME;
    return trail->points[point].is_link ? NOTE_DELETE | NOTE_RENAME : NOTE_RENAME;
}

/* A directory above may not be ours to read, which telling of the end takes. */
static int watch_point(struct condition *condition, const struct trail *trail, size_t i)
{
    uintptr_t fd = (uintptr_t)trail->points[i].fd;
    uint32_t notes = notes_of(trail, i);
    int result = condition_watch(condition, fd, EVFILT_VNODE, EV_CLEAR, notes, 0);
    if (result == -EACCES && notes & NOTE_DELETE)
        result = condition_watch(condition, fd, EVFILT_VNODE, EV_CLEAR,
                                 notes & ~(uint32_t)NOTE_DELETE, 0);
    return result;
}

/* Whether all of the trail is watched. */
static bool watch_trail(struct condition *condition, const struct trail *trail)
{
    bool is_whole = is_told_of(trail->points[trail->place].fd);
    for (size_t i = 0; i < trail->count; i++)
        if (watch_point(condition, trail, i) < 0)
            is_whole = false;
    return is_whole;
}

static void leave(struct condition *condition, struct trail *trail)
{
    for (size_t i = 0; i < trail->count; i++)
        condition_unwatch(condition, (uintptr_t)trail->points[i].fd, EVFILT_VNODE);
    trail_leave(trail);
}

/*
 * What is opened may have been moved before it was watched, so the path is
 * followed a second time: if it goes the same way, all that follows is told, and
 * what it names now is what counts.
 */
static int follow_watched(struct path *path, struct condition *condition)
{
    struct trail again;
    bool is_same;
    int result;
    do {
        result = trail_follow(&path->trail, condition->argument);
        if (result < 0)
            return result;
        path->is_blind = !watch_trail(condition, &path->trail);
        result = trail_follow(&again, condition->argument);
        is_same = result >= 0 && trail_equals(&path->trail, &again);
        if (!is_same)
            leave(condition, &path->trail);
        if (result >= 0 && !is_same)
            trail_leave(&again);
    } while (result >= 0 && !is_same);
    if (result < 0)
        return result;
    int object = path->trail.object;
    path->trail.object = again.object;
    path->trail.found = again.found;
    again.object = object;
    trail_leave(&again);
    return result;
}

static void tell(struct path *path, const struct condition *condition)
{
    char link[32], place[PATH_MAX] = "";
    if (!condition->session->options.verbose)
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d",
             path->trail.points[path->trail.place].fd);
    if (readlink(link, place, sizeof(place) - 1) < 0 || !strcmp(place, path->told))
        return;
    memcpy(path->told, place, sizeof(place));
    condition_tell(condition, "EVFILT_VNODE on %s%s", place,
                   path->is_blind
                       ? ", where not all is told: looked at again " BACKOFF_WORDS
                       : "");
}

/* What cannot be followed for now, such as a loop of links or a directory that
 * may not be searched, leads nowhere. */
int path_look(struct path *path, struct condition *condition)
{
    condition_unset_timer(condition);
    leave(condition, &path->trail);
    int result = follow_watched(path, condition);
    if (result == -EMFILE || result == -ENFILE || result == -ENAMETOOLONG)
        return condition_complain(condition, "%s", strerror(-result));
    if (result < 0) {
        path->is_blind = true;
        condition_tell(condition, "%s: looked at again " BACKOFF_WORDS,
                       strerror(-result));
        result = 0;
    } else {
        tell(path, condition);
    }
    if (path->is_blind && backoff_wait(&path->backoff, condition) < 0)
        return -1;
    return result;
}

bool path_concerns(const struct path *path, const struct pmx_kevent *event)
{
    const struct trail *trail = &path->trail;
    bool is_about_names = event->filter == EVFILT_VNODE && event->fflags == NOTE_WRITE;
    return !is_about_names || trail->count == 0 || !trail_holds(trail);
}

void path_end(struct path *path, struct condition *condition)
{
    condition_unset_timer(condition);
    leave(condition, &path->trail);
}
