/*
 * EVFILT_READ and EVFILT_WRITE on what epoll refuses: files, directories, and
 * devices such as /dev/null, which are always ready; others have no readiness.
 * Stands on identity.h and lseek(2) for what there is to read, and on inotify.h
 * to learn when a file that was read to its end grows.
 */
#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <polymux/kqueue.h>

#include "../filter.h"
#include "filters.h"
#include "identity.h"
#include "inotify.h"
#include "object.h"

/* What can change the size of a file, and of a directory. */
enum { CHANGES = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO };

/* A knote for reading, and a device for writing. */
struct file {
    struct pmx__knote knote;
    struct pmx__listener listener; /* fd and identity are set for all kinds */
    bool has_end;                  /* a file or a directory, to be listened to */
};

static struct file *file_of(struct pmx__knote *knote)
{
    return (struct file *)knote;
}

static int verify(struct pmx__queue *queue, struct pmx__knote *knote)
{
    (void)queue;
    const struct pmx__listener *listener = &file_of(knote)->listener;
    return pmx__identity_verify(&listener->identity, listener->fd, NULL);
}

/*
 * What there is to read: 1 if that is ready, 0 if not, -EBADF or -ENOENT. The
 * offset may be beyond the end.
 */
static int look(const struct file *file, int64_t *data)
{
    const struct pmx__listener *listener = &file->listener;
    int64_t size;
    int result = pmx__identity_verify(&listener->identity, listener->fd, &size);
    if (result < 0)
        return result;
    *data = 0;
    if (!file->has_end)
        return 1;
    off_t offset = lseek(listener->fd, 0, SEEK_CUR);
    *data = size - (offset < 0 ? 0 : offset);
    return *data != 0 || file->knote.fflags & NOTE_FILE_POLL;
}

static int raise_if_ready(struct pmx__queue *queue, struct file *file)
{
    int64_t data;
    int result = look(file, &data);
    if (result > 0)
        pmx__knote_raise(queue, &file->knote);
    return result < 0 ? result : 0;
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct file *file = file_of(knote);
    int result = 0;
    if (file->has_end)
        result = pmx__inotify_change(queue, &file->listener, CHANGES);
    return result < 0 ? result : raise_if_ready(queue, file);
}

static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct file *file = file_of(knote);
    if (file->has_end)
        pmx__inotify_change(queue, &file->listener, 0);
}

/* A descriptor that was closed is found out when something is asked of it. */
static void notice(struct pmx__queue *queue, struct pmx__listener *listener,
                   uint32_t events)
{
    (void)events;
    raise_if_ready(queue, pmx__list_entry(listener, struct file, listener));
}

/* Begins to listen, if it is a file that has an end. */
static int listen_to(struct pmx__queue *queue, struct file *file, int kind)
{
    struct pmx__listener *listener = &file->listener;
    file->has_end = kind == PMX__OBJECT_FILE || kind == PMX__OBJECT_DIRECTORY;
    if (!file->has_end)
        return pmx__identity_take(&listener->identity, listener->fd);
    listener->mask = file->knote.enabled ? CHANGES : 0;
    listener->notice = notice;
    return pmx__inotify_add(queue, listener);
}

static int detach_read(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct file *file = file_of(knote);
    if (file->has_end)
        pmx__inotify_remove(queue, &file->listener);
    return verify(queue, knote);
}

/* The kind of a descriptor that epoll has refused, or -errno. */
static int kind_of(const struct pmx__knote *knote)
{
    int kind = pmx__object_kind((int)knote->ident);
    return kind >= 0 && pmx__object_has_poll(kind) ? -ENODEV : kind;
}

static int attach_read(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct file *file = file_of(knote);
    int kind = kind_of(knote);
    if (kind < 0)
        return kind;
    file->listener.fd = (int)knote->ident;
    int result = listen_to(queue, file, kind);
    if (result < 0)
        return result;
    result = raise_if_ready(queue, file);
    if (result < 0)
        detach_read(queue, knote);
    return result;
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    int result = look(file_of(knote), &report->data);
    return result < 0 ? -EBADF : result;
}

/* Always ready, as a device is. */
static int attach_write(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct file *file = file_of(knote);
    int kind = kind_of(knote);
    if (kind < 0)
        return kind;
    file->listener.fd = (int)knote->ident;
    int result = pmx__identity_take(&file->listener.identity, file->listener.fd);
    return result < 0 ? result : raise_if_ready(queue, file);
}

const struct pmx__filter pmx__file_read = {
    .number = EVFILT_READ,
    .descriptor = true,
    .size = sizeof(struct file),
    .attach = attach_read,
    .detach = detach_read,
    .verify = verify,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .shut = pmx__inotify_shut,
};

const struct pmx__filter pmx__file_write = {
    .number = EVFILT_WRITE,
    .descriptor = true,
    .size = sizeof(struct file),
    .attach = attach_write,
    .detach = verify,
    .verify = verify,
    .arm = arm,
    .collect = collect,
};
