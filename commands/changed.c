/*
 * changed:PATH: what the path names was written or given other attributes, or
 * the path names something else than before, or nothing any more, or something
 * at last. What was before the command watches is no change.
 */
#include <string.h>
#include <unistd.h>

#include "condition.h"
#include "kinds.h"
#include "path.h"

enum { CHANGES = NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB };

struct changed {
    struct path path;
    int object;           /* watched; or -1 */
    bool object_is_blind; /* the kernel tells nothing of it */
    bool there;
    struct stat before;
};

static bool parse(struct condition *condition)
{
    struct changed *changed = condition->state;
    changed->path.trail.object = -1;
    changed->object = -1;
    return true;
}

static void drop_object(struct condition *condition, struct changed *changed)
{
    if (changed->object < 0)
        return;
    condition_unwatch(condition, (uintptr_t)changed->object, EVFILT_VNODE);
    close(changed->object);
    changed->object = -1;
    changed->object_is_blind = false;
}

/* Watches what the path names now. */
static void take_object(struct condition *condition, struct changed *changed)
{
    drop_object(condition, changed);
    changed->object = dup(changed->path.trail.object);
    changed->object_is_blind =
        changed->object < 0 || condition_watch(condition, (uintptr_t)changed->object,
                                               EVFILT_VNODE, EV_CLEAR, CHANGES, 0) < 0;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
    return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

static bool is_same_time(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

static bool is_unchanged(const struct stat *one, const struct stat *other)
{
    return one->st_size == other->st_size &&
           is_same_time(&one->st_mtim, &other->st_mtim) &&
           is_same_time(&one->st_ctim, &other->st_ctim);
}

static bool is_blind(const struct changed *changed)
{
    return changed->path.is_blind || changed->object_is_blind;
}

/* What is found, beside what was before. */
static void compare(struct condition *condition, const struct changed *changed,
                    bool there)
{
    const struct stat *now = &changed->path.trail.found, *before = &changed->before;
    if (changed->there && !there)
        condition_fire(condition, "gone", "is gone");
    else if (!changed->there && there)
        condition_fire(condition, "appeared", "has appeared");
    else if (there && !is_same_file(now, before))
        condition_fire(condition, "replaced", "was replaced");
    else if (there && is_blind(changed) && !is_unchanged(now, before))
        condition_fire(condition, "written", "was changed");
}

/* The object is watched before it is looked at, and for as long as it is this. */
static void note_object(struct condition *condition, struct changed *changed,
                        bool there)
{
    const struct stat *now = &changed->path.trail.found;
    if (!there)
        drop_object(condition, changed);
    else if (changed->object < 0 || !is_same_file(now, &changed->before))
        take_object(condition, changed);
    changed->there = there;
    if (there)
        changed->before = *now;
}

static int look(struct condition *condition, bool is_first)
{
    struct changed *changed = condition->state;
    int there = path_look(&changed->path, condition);
    if (there < 0)
        return -1;
    if (!is_first)
        compare(condition, changed, there);
    note_object(condition, changed, there);
    if (changed->object_is_blind && !changed->path.is_blind)
        return backoff_wait(&changed->path.backoff, condition);
    return 0;
}

static int begin(struct condition *condition)
{
    return look(condition, true);
}

static int event(struct condition *condition, const struct pmx_kevent *event)
{
    const struct changed *changed = condition->state;
    bool is_objects = event->filter == EVFILT_VNODE && changed->object >= 0 &&
                      event->ident == (uintptr_t)changed->object;
    if (is_objects && event->fflags & (NOTE_WRITE | NOTE_EXTEND))
        condition_fire(condition, "written", "was written");
    else if (is_objects)
        condition_fire(condition, "attributes", "has other attributes");
    else if (path_concerns(&changed->path, event))
        return look(condition, false);
    return 0;
}

static void end(struct condition *condition)
{
    struct changed *changed = condition->state;
    drop_object(condition, changed);
    path_end(&changed->path, condition);
}

const struct kind kind_changed = {
    .name = "changed",
    .needs = "a path, as in changed:/etc/hosts",
    .size = sizeof(struct changed),
    .parse = parse,
    .begin = begin,
    .event = event,
    .end = end,
};
