/* The rules of kqueue as a table: see model.h. */
#include "model.h"

#include <poll.h>
#include <sys/ioctl.h>

struct model_knote *model_reads(struct model *model, unsigned fd)
{
    return &model->knotes[fd];
}

struct model_knote *model_writes(struct model *model, unsigned fd)
{
    return &model->knotes[MODEL_FDS + fd];
}

struct model_knote *model_user(struct model *model, unsigned ident)
{
    return &model->knotes[2 * MODEL_FDS + ident];
}

uintptr_t model_ident(const struct model *model, unsigned index)
{
    if (index < 2 * MODEL_FDS)
        return (uintptr_t)model->fds[index % MODEL_FDS].number;
    return index - 2 * MODEL_FDS;
}

int16_t model_filter(unsigned index)
{
    if (index >= 2 * MODEL_FDS)
        return EVFILT_USER;
    return index < MODEL_FDS ? EVFILT_READ : EVFILT_WRITE;
}

static int64_t bytes_in(int fd)
{
    int bytes;
    CHECK_OK(ioctl(fd, FIONREAD, &bytes));
    return bytes;
}

/* What the filter of a descriptor says: ready or not, EOF or not, data. */
static bool filter_says(const struct model *model, unsigned index, unsigned *flags,
                        int64_t *data)
{
    const struct model_fd *fd = &model->fds[index % MODEL_FDS];
    bool ended = fd->peer < 0;
    *flags = ended ? EV_EOF : 0;
    *data = 0;
    if (model_filter(index) == EVFILT_READ) {
        *data = bytes_in(fd->number);
        return ended || *data > 0;
    }
    struct pollfd room = {fd->number, POLLOUT, 0};
    return poll(&room, 1, 0) == 1;
}

static bool is_ready(const struct model *model, unsigned index)
{
    unsigned flags;
    int64_t data;
    return filter_says(model, index, &flags, &data);
}

static void touch_user(struct model_knote *knote, const struct pmx_kevent *change)
{
    knote->data = change->data;
    if (change->fflags & NOTE_TRIGGER)
        knote->pending = true;
}

/* The filter is run again, which an EV_CLEAR knote takes for news. */
static void touch_fd(struct model *model, unsigned index)
{
    struct model_knote *knote = &model->knotes[index];
    knote->pending |= knote->enabled && is_ready(model, index);
}

static void make(struct model_knote *knote, const struct pmx_kevent *change)
{
    *knote = (struct model_knote){
        .exists = true,
        .enabled = !(change->flags & EV_DISABLE),
        .flags = change->flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH),
    };
}

/* What a change does to one that exists. */
static void turn(struct model_knote *knote, unsigned flags)
{
    if (flags & (EV_ENABLE | EV_DISABLE))
        knote->enabled = flags & EV_ENABLE;
    if (!(flags & EV_FORCEONESHOT))
        return;
    knote->forced = true;
    knote->flags |= EV_ONESHOT;
}

static int refusal(const struct model *model, unsigned index,
                   const struct pmx_kevent *change)
{
    if (index < 2 * MODEL_FDS && !model->fds[index % MODEL_FDS].open)
        return EBADF;
    if (!model->knotes[index].exists && !(change->flags & EV_ADD))
        return ENOENT;
    return 0;
}

bool model_may_pass(const struct model *model, unsigned index,
                    const struct pmx_kevent *change)
{
    unsigned flags = change->flags & ~(unsigned)EV_KEEPUDATA;
    return model->knotes[index].gone && (flags == EV_ENABLE || flags == EV_DISABLE);
}

int model_change(struct model *model, unsigned index, const struct pmx_kevent *change)
{
    struct model_knote *knote = &model->knotes[index];
    bool is_new = !knote->exists;
    int error = refusal(model, index, change);
    if (error)
        return error;
    if (change->flags & EV_DELETE && !is_new) {
        knote->exists = false;
        return 0;
    }
    if (is_new)
        make(knote, change);
    else
        turn(knote, change->flags);
    if (!(change->flags & EV_KEEPUDATA))
        knote->udata = change->udata;
    if (index < 2 * MODEL_FDS)
        touch_fd(model, index);
    else if (is_new)
        knote->data = change->data;
    else
        touch_user(knote, change);
    return 0;
}

void model_news(struct model *model, unsigned fd)
{
    model_reads(model, fd)->pending = true;
}

void model_forget(struct model *model, unsigned fd)
{
    struct model_knote *both[] = {model_reads(model, fd), model_writes(model, fd)};
    for (int i = 0; i < 2; i++) {
        both[i]->gone |= both[i]->exists;
        both[i]->exists = false;
    }
}

bool model_ready(const struct model *model, unsigned index, struct pmx_kevent *event)
{
    const struct model_knote *knote = &model->knotes[index];
    unsigned flags = 0;
    int64_t data = knote->flags & EV_ONESHOT ? 0 : knote->data;
    bool is_user = model_filter(index) == EVFILT_USER;
    if (!knote->exists || !knote->enabled)
        return false;
    bool ready = knote->pending || !(is_user || knote->flags & EV_CLEAR);
    if (!is_user)
        ready &= filter_says(model, index, &flags, &data);
    if (!ready && !knote->forced)
        return false;
    *event = entry(model_ident(model, index), model_filter(index), flags | knote->flags,
                   0, data, knote->udata);
    return true;
}

void model_settle(struct model *model)
{
    for (unsigned i = 0; i < 2 * MODEL_FDS; i++) {
        struct model_knote *knote = &model->knotes[i];
        if (knote->exists && knote->enabled && !is_ready(model, i))
            knote->pending = false;
    }
}

void model_collected(struct model *model, unsigned index)
{
    struct model_knote *knote = &model->knotes[index];
    if (knote->flags & EV_CLEAR)
        knote->pending = false;
    if (knote->flags & EV_DISPATCH)
        knote->enabled = false;
    if (knote->flags & EV_ONESHOT)
        knote->exists = false;
}
