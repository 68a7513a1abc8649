/*
 * EVFILT_VNODE: what happens to a file or directory that is open. inotify.h
 * tells, notes.h says what it means.
 *
 * An event only makes a knote stand in line; it is looked at when it is
 * collected, once, however many events there were.
 */
#include <polymux/kqueue.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "../filter.h"
#include "filters.h"
#include "inotify.h"
#include "notes.h"
#include "set.h"

struct vnode {
    struct pmx__knote knote;
    struct pmx__notes notes;
    struct pmx__listener file;
    struct pmx__listener above; /* of the directory above; its mask may be 0: none */
    bool moved;                 /* the directory above may be another one now */
    bool unsure;                /* whether the file exists still */
};

static struct vnode *vnode_of(struct pmx__knote *knote)
{
    return (struct vnode *)(void *)knote;
}

/*
 * What is told.
 */

static void raise_if_pending(struct pmx__queue *queue, struct vnode *vnode)
{
    if (vnode->moved || vnode->unsure || pmx__notes_pending(&vnode->notes))
        pmx__set_raise(queue, &vnode->knote);
}

static void notice_file(struct pmx__queue *queue, struct pmx__listener *listener,
                        const struct inotify_event *event)
{
    struct vnode *vnode = pmx__list_entry(listener, struct vnode, file);
    vnode->moved |= (event->mask & (IN_MOVE_SELF | PMX__UNSEEN)) != 0;
    vnode->unsure |= (event->mask & PMX__UNSEEN) != 0;
    pmx__notes_take(&vnode->notes, event);
    raise_if_pending(queue, vnode);
}

static void notice_above(struct pmx__queue *queue, struct pmx__listener *listener,
                         const struct inotify_event *event)
{
    struct vnode *vnode = pmx__list_entry(listener, struct vnode, above);
    pmx__notes_take_above(&vnode->notes, event);
    raise_if_pending(queue, vnode);
}

/*
 * Listening.
 */

static int begin_above(struct pmx__queue *queue, struct vnode *vnode, uint32_t mask)
{
    vnode->above.mask = mask;
    vnode->above.quiet = vnode->file.quiet;
    int result = pmx__inotify_add(queue, &vnode->above);
    if (result < 0)
        vnode->above.mask = 0;
    return result;
}

static void end_above(struct pmx__queue *queue, struct vnode *vnode)
{
    if (!vnode->above.mask)
        return;
    pmx__inotify_remove(queue, &vnode->above);
    vnode->above.mask = 0;
}

/* Listens for what a knote for these notes has to know. 0, or -errno with
 * nothing changed. */
static int listen_for(struct pmx__queue *queue, struct vnode *vnode, uint32_t wanted)
{
    uint32_t above = pmx__notes_mask_above(&vnode->notes, wanted);
    bool is_new = above && !vnode->above.mask;
    int result = is_new ? begin_above(queue, vnode, above) : 0;
    if (result < 0)
        return result;
    result = pmx__inotify_change(queue, &vnode->file,
                                 pmx__notes_mask(&vnode->notes, wanted));
    if (result < 0 ? is_new : !above)
        end_above(queue, vnode);
    return result;
}

/* Whether the knote's events have to wake somebody. */
static int hush(struct pmx__queue *queue, struct vnode *vnode, bool quiet)
{
    int result = pmx__inotify_hush(queue, &vnode->file, quiet);
    if (result == 0 && vnode->above.mask)
        result = pmx__inotify_hush(queue, &vnode->above, quiet);
    return result;
}

/* The directory was moved: the one above may be another one. If that one cannot
 * be watched, the old one is all there is. */
static void follow(struct pmx__queue *queue, struct vnode *vnode)
{
    struct pmx__listener *above = &vnode->above;
    vnode->moved = false;
    if (!above->mask ||
        pmx__identity_verify(&above->identity, above->fd, "..", NULL) == 0)
        return;
    uint32_t mask = above->mask;
    end_above(queue, vnode);
    begin_above(queue, vnode, mask);
}

/*
 * Looking.
 */

static int verify(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    const struct pmx__listener *file = &vnode_of(knote)->file;
    return pmx__identity_verify(&file->identity, file->fd, "", NULL);
}

/* A file that is watched exists, so that nothing else can have its number. */
static int look_at_file(const struct vnode *vnode, struct statx *now)
{
    const struct pmx__listener *file = &vnode->file;
    if (vnode->unsure)
        return pmx__identity_verify(&file->identity, file->fd, "", now);
    return pmx__identity_glance(&file->identity, file->fd, now);
}

/* Makes clear what has happened. 0, -EBADF or -ENOENT. */
static int look(struct pmx__queue *queue, struct vnode *vnode)
{
    struct statx now;
    if (vnode->moved)
        follow(queue, vnode);
    int result = look_at_file(vnode, &now);
    if (result < 0)
        return result;
    vnode->unsure = false;
    pmx__notes_settle(&vnode->notes, vnode->file.fd, &now);
    return 0;
}

/*
 * The filter.
 */

/* What has names and can be watched; O_PATH names anything. 0 or -errno. */
static int check_object(int fd, const struct statx *file)
{
    struct statfs system;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -EBADF;
    switch (file->stx_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
        return 0;
    case S_IFIFO: /* a pipe without a name lives in a file system of its own */
        return fstatfs(fd, &system) == 0 && system.f_type != PIPEFS_MAGIC ? 0 : -EINVAL;
    default:
        return flags & O_PATH && file->stx_mode & S_IFMT ? 0 : -EINVAL;
    }
}

static void prepare(struct vnode *vnode, const struct statx *file)
{
    struct pmx__knote *knote = &vnode->knote;
    pmx__notes_begin(&vnode->notes, (int)knote->ident, file, knote->fflags);
    vnode->file = (struct pmx__listener){
        .fd = (int)knote->ident,
        .quiet = !knote->enabled,
        .notice = notice_file,
        .mask = pmx__notes_mask(&vnode->notes, knote->fflags),
    };
    vnode->above = (struct pmx__listener){
        .fd = (int)knote->ident,
        .above = true,
        .notice = notice_above,
    };
}

/* What the file is before it is watched is what changes are changes of. */
static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct vnode *vnode = vnode_of(knote);
    struct statx file;
    int fd = (int)knote->ident;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &file) < 0)
        return -EBADF;
    int result = check_object(fd, &file);
    if (result < 0)
        return result;
    prepare(vnode, &file);
    result = pmx__inotify_add(queue, &vnode->file);
    if (result < 0)
        return result;
    uint32_t above = pmx__notes_mask_above(&vnode->notes, knote->fflags);
    result = above ? begin_above(queue, vnode, above) : 0;
    if (result < 0)
        pmx__inotify_remove(queue, &vnode->file);
    return result;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct vnode *vnode = vnode_of(knote);
    end_above(queue, vnode);
    pmx__inotify_remove(queue, &vnode->file);
    return verify(queue, knote);
}

/* What has happened until now was for those notes that were wanted then. */
static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *change)
{
    struct vnode *vnode = vnode_of(knote);
    knote->data = change->data;
    if (change->fflags == knote->fflags)
        return 0;
    pmx__inotify_catch_up(queue);
    int result = look(queue, vnode);
    if (result < 0)
        return result;
    pmx__notes_want(&vnode->notes, vnode->file.fd, change->fflags);
    result = listen_for(queue, vnode, change->fflags);
    if (result < 0)
        vnode->notes.wanted = knote->fflags;
    else
        knote->fflags = change->fflags;
    return result;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct vnode *vnode = vnode_of(knote);
    int result = hush(queue, vnode, false);
    if (result == 0)
        raise_if_pending(queue, vnode);
    return result;
}

/* It goes on collecting, but that need not show. */
static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    hush(queue, vnode_of(knote), true);
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    struct vnode *vnode = vnode_of(knote);
    if (look(queue, vnode) < 0)
        return -EBADF;
    pmx__knote_lower(knote); /* what came while looking has been looked at, too */
    report->fflags = vnode->notes.seen;
    return report->fflags != 0;
}

static void clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    vnode_of(knote)->notes.seen = 0;
}

const struct pmx__filter pmx__vnode = {
    .number = EVFILT_VNODE,
    .descriptor = true,
    .size = sizeof(struct vnode),
    .attach = attach,
    .detach = detach,
    .verify = verify,
    .touch = touch,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .clear = clear,
    .shut = pmx__inotify_shut,
};
