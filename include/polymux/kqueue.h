/*
 * kqueue: one queue of kernel events from any number of sources.
 *
 * A knote is one thing that a queue watches, known by its pair (ident,
 * filter): descriptor 5 for reading, timer 1. A program describes what it
 * wants in a list of changes, and one call applies the changes and collects
 * the events that are ready. The names and numbers of filters, flags and notes
 * are FreeBSD's, and so is what they mean.
 *
 * Threads: any number of threads may change and wait on one queue at once; an
 * event goes to one of them. pmx_kqueue_shutdown() wakes them all; a handle is
 * closed when no thread uses it any more.
 * Fork: the child's queue is dead, as on FreeBSD: every call on it fails with
 * EBADF and pmx_kqueue_close() frees its memory. The parent's is untouched.
 *
 * Source of the semantics: kqueue(2) and sys/event.h of FreeBSD.
 */
#ifndef POLYMUX_KQUEUE_H
#define POLYMUX_KQUEUE_H

#include <stdint.h>
#include <sys/select.h> /* sigset_t, under every standard */

#include <polymux/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A change or an event; laid out as FreeBSD's struct kevent of 64 bytes, and
 * allowed to be the same memory.
 *
 * ident   what is watched: a descriptor, a signal number, a process, a name of
 *         the caller's choice; the filter says which
 * filter  EVFILT_*
 * flags   EV_*: what to do with the knote; what is true of the event
 * fflags  NOTE_*: flags of the filter
 * data    a number of the filter
 * udata   the caller's own; comes back with every event of the knote
 * ext     ext[0] and ext[1] are the filter's, ext[2] and ext[3] the caller's,
 *         as udata
 */
struct __attribute__((__may_alias__)) pmx_kevent {
    uintptr_t ident;
    int16_t filter;
    uint16_t flags;
    uint32_t fflags;
    int64_t data;
    void *udata;
    uint64_t ext[4];
};

/* Fills a struct pmx_kevent; ext becomes 0. Each argument is evaluated once. */
static __inline__ void pmx_kevent_set(struct pmx_kevent *kevent, uintptr_t ident,
                                      int16_t filter, uint16_t flags, uint32_t fflags,
                                      int64_t data, void *udata)
{
    kevent->ident = ident;
    kevent->filter = filter;
    kevent->flags = flags;
    kevent->fflags = fflags;
    kevent->data = data;
    kevent->udata = udata;
    kevent->ext[0] = 0;
    kevent->ext[1] = 0;
    kevent->ext[2] = 0;
    kevent->ext[3] = 0;
}

/*
 * Filters.
 */
#define EVFILT_READ     (-1)  /* ident: a descriptor; data: bytes to read */
#define EVFILT_WRITE    (-2)  /* ident: a descriptor; data: room to write */
#define EVFILT_AIO      (-3)  /* ident: a struct aiocb; see pmx_kqueue_aio() */
#define EVFILT_VNODE    (-4)  /* ident: a descriptor; what happens to the file */
#define EVFILT_PROC     (-5)  /* ident: a process; fflags: what it did */
#define EVFILT_SIGNAL   (-6)  /* ident: a signal; data: how often it was sent */
#define EVFILT_TIMER    (-7)  /* ident: any; data: how long, then how often */
#define EVFILT_NETDEV   (-8)  /* ident: the index of a network interface */
#define EVFILT_FS       (-9)  /* not served: EINVAL */
#define EVFILT_LIO      (-10) /* not served: ENXIO */
#define EVFILT_USER     (-11) /* ident: any; raised by NOTE_TRIGGER */
#define EVFILT_SENDFILE (-12) /* not served: ENXIO */
#define EVFILT_EMPTY    (-13) /* ident: a descriptor; not served: EINVAL */

/*
 * Flags: what a change does.
 */
#define EV_ADD          0x0001 /* make the knote, or change it */
#define EV_DELETE       0x0002 /* drop the knote and what it has pending */
#define EV_ENABLE       0x0004 /* let it be collected */
#define EV_DISABLE      0x0008 /* keep it, and what it notices, from collection */
#define EV_FORCEONESHOT 0x0100 /* make it one-shot and raise it now */
#define EV_KEEPUDATA    0x0200 /* leave udata as it is; not with EV_ADD */

/*
 * Flags: the manner of a knote, decided by the EV_ADD that makes it.
 */
#define EV_ONESHOT  0x0010 /* drop it when it is collected */
#define EV_CLEAR    0x0020 /* collect it again only when something new happens */
#define EV_RECEIPT  0x0040 /* answer the change with an entry of EV_ERROR, data 0 */
#define EV_DISPATCH 0x0080 /* disable it when it is collected */

/*
 * Flags: in events alone; ignored in changes.
 */
#define EV_SYSFLAGS 0xf000
#define EV_DROP     0x1000
#define EV_FLAG1    0x2000
#define EV_FLAG2    0x4000
#define EV_ERROR    0x4000 /* data is the errno of the change that failed */
#define EV_EOF      0x8000 /* end of file, or the other side is gone */

/*
 * Notes of EVFILT_READ and EVFILT_WRITE.
 */
#define NOTE_LOWAT     0x0001 /* data is how much must be there; sockets */
#define NOTE_FILE_POLL 0x0002 /* a file is ready also at its end */

/*
 * Notes of EVFILT_VNODE: which changes of a file are wanted, and which have
 * happened. Every change that names the knote replaces what is wanted. What has
 * happened adds up until it is collected; without EV_CLEAR it stays.
 *
 * The descriptor is of a regular file, a directory or a named pipe, or is
 * O_PATH: a symbolic link itself. It need not have a name any more. Some changes
 * are two notes at once; who wants one of them gets both: NOTE_WRITE with
 * NOTE_EXTEND where a write made the file longer, or a rename brought a name
 * into the directory or out of it; NOTE_WRITE with NOTE_LINK where a directory
 * got or lost one in it.
 *
 * Stands on inotify(7): one instance for a queue, counted by
 * /proc/sys/fs/inotify/max_user_instances; a watch for each file, and one for
 * the directory above a directory whose NOTE_DELETE is wanted, counted by
 * max_user_watches. Where more events than max_queued_events wait for the queue
 * to be asked, some are lost: then each note is told that may have happened.
 * inotify does not see what other hosts do to files of a network file system,
 * or the server of FUSE and the kernel to theirs (/proc, /sys); nor writes to
 * mapped memory, or to what memfd_create(2) made. A file of an overlay is seen
 * through the overlay only.
 */
#define NOTE_DELETE      0x0001 /* one of its names was removed */
#define NOTE_WRITE       0x0002 /* written; in a directory: names changed */
#define NOTE_EXTEND      0x0004 /* it got longer */
#define NOTE_ATTRIB      0x0008 /* mode, owner or times set, or truncated */
#define NOTE_LINK        0x0010 /* it got a name; a directory: see above */
#define NOTE_RENAME      0x0020 /* it was renamed */
#define NOTE_REVOKE      0x0040 /* never comes: there is no revoke(2) */
#define NOTE_OPEN        0x0080 /* it was opened */
#define NOTE_CLOSE       0x0100 /* closed by one who could not write */
#define NOTE_CLOSE_WRITE 0x0200 /* closed by one who could */
#define NOTE_READ        0x0400 /* it was read */

/*
 * Notes of EVFILT_PROC, on any process, child or not. The process is left to be
 * waited for. NOTE_FORK, NOTE_EXEC and NOTE_TRACK stand on the kernel's process
 * connector: Linux 6.6 or CAP_NET_ADMIN, and the first network and pid
 * namespaces. Elsewhere the change fails with EOPNOTSUPP. Where more forks and
 * executions wait for the queue to be asked than there is room for, some are
 * lost: then each note is told that may have happened, and NOTE_TRACKERR.
 */
#define NOTE_EXIT      0x80000000 /* it ended; data: how, as wait(2) says */
#define NOTE_FORK      0x40000000
#define NOTE_EXEC      0x20000000
#define NOTE_PCTRLMASK 0xf0000000
#define NOTE_PDATAMASK 0x000fffff
#define NOTE_TRACK     0x00000001 /* watch its children likewise */
#define NOTE_TRACKERR  0x00000002 /* in events: a child could not be watched */
#define NOTE_CHILD     0x00000004 /* in events: a child tracked; data: its parent */

/*
 * Notes of EVFILT_NETDEV: changes of an interface's link, wanted and happened,
 * adding up as those of EVFILT_VNODE. The link is up while the interface can
 * pass packets: it is set up and has a carrier. data is the note that holds now.
 * An interface that is removed, or moved to another network namespace, ends its
 * knotes: with NOTE_LINKINV, wanted or not, and EV_EOF.
 *
 * Interfaces are those of the network namespace in which the thread is that
 * makes the queue's first such knote.
 */
#define NOTE_LINKUP   0x0001
#define NOTE_LINKDOWN 0x0002
#define NOTE_LINKINV  0x0004

/*
 * Notes of EVFILT_TIMER: the unit of data. None of them is milliseconds; two
 * of them are EINVAL.
 */
#define NOTE_SECONDS  0x0001
#define NOTE_MSECONDS 0x0002
#define NOTE_USECONDS 0x0004
#define NOTE_NSECONDS 0x0008
#define NOTE_ABSTIME  0x0010 /* data is a time since the Epoch; fires once */

/*
 * Notes of EVFILT_USER: 24 bits of the caller's, an operation on them, and the
 * trigger.
 */
#define NOTE_FFNOP      0x00000000 /* leave the stored bits */
#define NOTE_FFAND      0x40000000 /* and them with fflags */
#define NOTE_FFOR       0x80000000 /* or them with fflags */
#define NOTE_FFCOPY     0xc0000000 /* replace them by fflags */
#define NOTE_FFCTRLMASK 0xc0000000
#define NOTE_FFLAGSMASK 0x00ffffff
#define NOTE_TRIGGER    0x01000000 /* raise the event */

struct pmx_kqueue;

/*
 * A new queue, its descriptor close-on-exec. Close it with pmx_kqueue_close().
 * NULL with EMFILE, ENFILE or ENOMEM.
 */
PMX_API struct pmx_kqueue *pmx_kqueue_create(void);

/*
 * A second handle over the queue of descriptor fd, which pmx_kqueue_fd() gave
 * or which is a duplicate (dup(2)) of such a descriptor. Handles over one
 * queue share its knotes. After success the handle owns fd as well: the first
 * handle over one number that is closed closes it for all of them. After
 * failure nothing has changed. NULL with
 *   EBADF   fd is not open, or belonged to a queue of the process before fork
 *   EINVAL  fd is not a queue of this library
 *   ENOMEM
 */
PMX_API struct pmx_kqueue *pmx_kqueue_from_fd(int fd);

/*
 * Shuts the queue of this handle down, if it is not yet, and frees the handle,
 * which is gone also when the call fails. No other thread may be in a call on
 * this handle; shut it down first where one may be. NULL is allowed. Returns
 * 0, or -1 with EBADF: the descriptor had been closed already, by another
 * handle or behind the library's back.
 */
PMX_API int pmx_kqueue_close(struct pmx_kqueue *kqueue);

/*
 * Closes the handle's descriptor and makes every further call on the handle
 * fail with EBADF; threads that wait through it return at once with EBADF.
 * When it was the queue's last descriptor, the queue's knotes are dropped. The
 * handle must still be closed. Any thread, while others are in calls.
 * Returns 0, or -1 with EBADF as pmx_kqueue_close().
 */
PMX_API int pmx_kqueue_shutdown(struct pmx_kqueue *kqueue);

/*
 * The queue's descriptor, or -1 with EBADF after a shutdown and in the child
 * of a fork. It is readable in poll, select, epoll and other queues exactly
 * while an event can be collected, and never writable; with EVFILT_VNODE,
 * EVFILT_NETDEV, NOTE_FORK, NOTE_EXEC or NOTE_TRACK also when something has
 * happened that no knote wants, until somebody collects. It belongs to the
 * handle; do not close it. From the first call on, the descriptor has to show
 * what happens in user space, too: user events and timers cost a system call
 * more. A program that does not nest the queue need not ask.
 */
PMX_API int pmx_kqueue_fd(struct pmx_kqueue *kqueue);

/*
 * 1 while calls on the handle reach its queue; 0 after a shutdown and in the
 * child of a fork. It makes no system call. Never fails.
 */
PMX_API int pmx_kqueue_usable(const struct pmx_kqueue *kqueue);

/*
 * Whether the handle's descriptor is open still and its queue's: 0, or -1 with
 * EBADF after a shutdown, in the child of a fork, and where the descriptor was
 * closed behind the library's back, whatever its number stands for now.
 */
PMX_API int pmx_kqueue_check(struct pmx_kqueue *kqueue);

/* A timeout that is none: it fails where a time would be waited for. */
#define PMX_KQUEUE_NO_TIME INT64_MIN

/*
 * Applies changes, in their order, then collects events.
 *
 * changes     nchanges entries; may be the same array as events. An entry
 *             whose filter is 0 is skipped.
 * events      where up to nevents events are stored
 * timeout_ns  nanoseconds on CLOCK_MONOTONIC; 0 does not sleep, negative has
 *             no limit, but PMX_KQUEUE_NO_TIME is EINVAL. Not looked at where
 *             the call ends before it collects, as it does when nevents is 0.
 * sigmask     the signal mask during the wait, or NULL
 *
 * A knote goes when its descriptor is closed, which is found out when something
 * happens or a change is made. EV_ENABLE and EV_DISABLE alone may take a number
 * that was closed for what it was: they succeed, and nothing comes of it.
 *
 * A change that fails, or that has EV_RECEIPT, is answered with an entry in
 * events: a copy of the change whose flags are EV_ERROR and whose data is the
 * errno, 0 for success; later changes are still applied. After at least one
 * such entry the call returns their number at once, without collecting. When
 * there is no room for an entry, the call ends there: -1 with the errno of the
 * change, or 0 after a receipt; the rest of the changes is not applied.
 *
 * Ready knotes are collected in the order in which they became ready; one that
 * stays ready goes to the end of the line, so that all have their turn however
 * small nevents is.
 *
 * Returns the number of entries stored; 0 when the time is over. On error
 * returns -1 with
 *   EACCES  EVFILT_READ or EVFILT_VNODE on a file that the process is not allowed
 *           to read, or NOTE_DELETE of a directory in such a one
 *   EBADF   the queue is closed or was shut down; ident is no open descriptor
 *   EINTR   a signal handler ran while nothing was ready; the changes have
 *           been applied
 *   EINVAL  nchanges or nevents is negative; filter is unknown or does not
 *           take this ident; EV_ENABLE with EV_DISABLE; EV_KEEPUDATA with
 *           EV_ADD; the filter's fflags or data are out of range;
 *           timeout_ns is PMX_KQUEUE_NO_TIME, and the changes are applied
 *   EMFILE, ENFILE
 *           no descriptor is left for the knote, or for the queue's first of
 *           its kind; or /proc/sys/fs/inotify/max_user_instances is reached
 *   ENODEV  EVFILT_READ or EVFILT_WRITE on a device that has no readiness
 *   ENOENT  a change without EV_ADD names no knote
 *   ENOMEM
 *   ENOSPC  /proc/sys/fs/epoll/max_user_watches is reached, or for files
 *           /proc/sys/fs/inotify/max_user_watches
 *   ENXIO   the filter cannot be registered by hand; there is no network
 *           interface of this index
 *   EOPNOTSUPP
 *           the kernel does not tell this process what fflags ask for
 *   EPIPE   EVFILT_WRITE on a pipe that nobody can read any more
 *   ESRCH   there is no process ident
 */
PMX_API int pmx_kqueue_control(struct pmx_kqueue *kqueue,
                               const struct pmx_kevent *changes, int nchanges,
                               struct pmx_kevent *events, int nevents,
                               int64_t timeout_ns, const sigset_t *sigmask);

struct aiocb;

/*
 * Prepares a request of asynchronous I/O, before it is submitted by aio_read(3),
 * aio_write(3), aio_fsync(3) or lio_listio(3): its end will be an event of
 * EVFILT_AIO in this queue. Stands in for SIGEV_KEVENT of FreeBSD.
 *
 * The event's ident is the request; EV_EOF is in its flags; data is its
 * aio_error(3): 0, or why it failed, or ECANCELED. It comes once. The result is
 * left to be taken with aio_return(3). The request must stay where it is until
 * then, or until its knote was deleted; EV_DELETE also takes back what was
 * prepared but not submitted. A request that is prepared once more is new.
 *
 * flags  0, or of EV_ONESHOT, EV_CLEAR, EV_DISPATCH; shown in the event
 *
 * Sets aio_sigevent and nothing else of the request. Returns 0, or -1 with
 *   EBADF   the queue is closed or was shut down
 *   EINVAL  request is NULL; flags has others
 *   EMFILE, ENFILE, ENOMEM
 */
PMX_API int pmx_kqueue_aio(struct pmx_kqueue *kqueue, struct aiocb *request,
                           uint16_t flags, void *udata);

#ifdef __cplusplus
}
#endif

#endif
