/*
 * EVFILT_USER: an event that the program raises itself, with 24 bits and a
 * number of its own. All in user space.
 */
#include <polymux/kqueue.h>

#include "../filter.h"
#include "filters.h"

struct user {
    struct pmx__knote knote; /* fflags and data are what is reported */
    bool triggered;
};

static struct user *user_of(struct pmx__knote *knote)
{
    return (struct user *)(void *)knote;
}

/* The fflags of the knote are its first bits, as they are: NOTE_TRIGGER among
 * them means nothing yet. */
static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    (void)knote;
    return 0;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    (void)knote;
    return 0;
}

static uint32_t combined(uint32_t stored, uint32_t fflags)
{
    uint32_t bits = fflags & NOTE_FFLAGSMASK;
    switch (fflags & NOTE_FFCTRLMASK) {
    case NOTE_FFAND:
        return stored & bits;
    case NOTE_FFOR:
        return stored | bits;
    case NOTE_FFCOPY:
        return bits;
    default:
        return stored;
    }
}

static int touch(struct pmx__queue *queue, struct pmx__knote *knote,
                 const struct pmx__touch *change)
{
    (void)queue;
    struct user *user = user_of(knote);
    knote->fflags = combined(knote->fflags, change->fflags);
    knote->data = change->data;
    if (change->fflags & NOTE_TRIGGER)
        user->triggered = true;
    if (change->reset)
        user->triggered = false;
    return 0;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    if (user_of(knote)->triggered)
        pmx__knote_raise(queue, knote);
    return 0;
}

/* One that comes but once comes bare, as on FreeBSD. */
static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    if (!user_of(knote)->triggered)
        return 0;
    report->fflags = knote->once ? 0 : knote->fflags;
    report->data = knote->once ? 0 : knote->data;
    return 1;
}

static void clear(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    user_of(knote)->triggered = false;
}

const struct pmx__filter pmx__user = {
    .number = EVFILT_USER,
    .size = sizeof(struct user),
    .attach = attach,
    .detach = detach,
    .touch = touch,
    .arm = arm,
    .collect = collect,
    .clear = clear,
};
