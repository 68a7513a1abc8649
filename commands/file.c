/*
 * file:PATH: the path names something. gone:PATH: it names nothing. With
 * --follow each time that it becomes so.
 */
#include "condition.h"
#include "kinds.h"
#include "path.h"

struct file {
    struct path path;
    bool looked;
    bool there; /* when it was looked at last; and what it was: */
    dev_t device;
    ino_t inode;
};

static bool is_new(const struct file *file)
{
    const struct stat *found = &file->path.trail.found;
    return !file->looked || !file->there || found->st_ino != file->inode ||
           found->st_dev != file->device;
}

static bool parse(struct condition *condition)
{
    ((struct file *)condition->state)->path.trail.object = -1;
    return true;
}

static void tell_of(struct condition *condition, const struct file *file, bool there)
{
    if (condition->kind == &kind_file && there && is_new(file))
        condition_fire(condition, "exists", "exists");
    if (condition->kind == &kind_gone && !there && (file->there || !file->looked))
        condition_fire(condition, "gone", "is gone");
}

static int look(struct condition *condition)
{
    struct file *file = condition->state;
    int there = path_look(&file->path, condition);
    if (there < 0)
        return -1;
    tell_of(condition, file, there);
    file->looked = true;
    file->there = there;
    file->device = file->path.trail.found.st_dev;
    file->inode = file->path.trail.found.st_ino;
    return 0;
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    const struct file *file = condition->state;
    return path_concerns(&file->path, event) ? look(condition) : 0;
}

static void end(struct condition *condition)
{
    path_end(&((struct file *)condition->state)->path, condition);
}

const struct kind kind_file = {
    .name = "file",
    .needs = "a path, as in file:/run/ready",
    .size = sizeof(struct file),
    .parse = parse,
    .begin = look,
    .event = event,
    .end = end,
};

const struct kind kind_gone = {
    .name = "gone",
    .needs = "a path, as in gone:/run/lock",
    .size = sizeof(struct file),
    .parse = parse,
    .begin = look,
    .event = event,
    .end = end,
};
