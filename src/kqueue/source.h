/*
 * The contract between the core of kqueue and its source of wake-ups: the
 * descriptor that callers hold, which is where threads sleep, and which shows
 * others whether there is something to collect.
 *
 * Everything but open, close and wait's sleep runs with the queue locked.
 */
#ifndef PMX_KQUEUE_SOURCE_H
#define PMX_KQUEUE_SOURCE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "filter.h"

struct pmx__door;
struct pmx_kevent;
struct pmx__source;

/*
 * What a port provides.
 */

/* A new source; *fd is the descriptor for callers, which is the caller's to
 * close. 0 or -errno. */
int pmx__source_open(struct pmx__source **source, int *fd);

/* Frees the source; closes its own descriptors if they are `ours`. */
void pmx__source_close(struct pmx__source *source, bool ours);

/* Whether fd is this source's descriptor, or a duplicate of it. */
bool pmx__source_is(const struct pmx__source *source, int fd);

/* From now on fd, an open descriptor of this source, is the one to work on. */
void pmx__source_use(struct pmx__source *source, int fd);

/* Others look at the descriptor from now on: it has to tell the truth. */
void pmx__source_observe(struct pmx__queue *queue);
bool pmx__source_observed(const struct pmx__source *source);

/* Makes the descriptor readable, or no longer; a thread that sleeps wakes: for
 * what is pending in line if somebody looks, and in any case for what is urgent. */
void pmx__source_show(struct pmx__queue *queue, bool pending, bool urgent);

/*
 * One wait, of a thread that has come in through a door.
 *
 * fd          the door's descriptor, to sleep on
 * room        about as many knotes are to be raised
 * timeout_ns  the longest sleep; negative: no limit; 0: no sleep
 * sigmask     during the sleep; NULL: the thread's
 * cancel      the thread's cancel state while it is shielded; else NOT_SHIELDED
 * events      room for so many; a count of them has been filled, with what was
 *             collected at once, as nothing stood in line before it
 */
struct pmx__wait {
    struct pmx__door *door;
    int fd;
    int room;
    int64_t timeout_ns;
    const sigset_t *sigmask;
    int cancel;
    struct pmx_kevent *events;
    int capacity;
    int count;
};

/*
 * A thread that is cancelled with a lock in its hands takes it along. So it is
 * shielded before anything that may be a cancellation point, but for the sleep;
 * what makes no system call need not be.
 */
enum { PMX__NOT_SHIELDED = -1 };

static inline void pmx__shield(struct pmx__wait *wait)
{
    if (wait->cancel == PMX__NOT_SHIELDED)
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &wait->cancel);
}

static inline void pmx__unshield(struct pmx__wait *wait)
{
    if (wait->cancel != PMX__NOT_SHIELDED)
        pthread_setcancelstate(wait->cancel, NULL);
    wait->cancel = PMX__NOT_SHIELDED;
}

/*
 * Raises the knotes for which something happened. Sleeps, with the queue
 * unlocked, until there is something. May return early with nothing raised.
 * Returns 0 if nothing was there, more than 0 if something was, even if it came
 * to nothing, or -EBADF, -EINTR.
 */
int pmx__source_wait(struct pmx__queue *queue, struct pmx__wait *wait);

/*
 * What the core provides.
 */

static inline struct pmx__source *pmx__queue_source(const struct pmx__queue *queue)
{
    return pmx__base_of(queue)->source;
}

/* Whether an event may be collected at once. */
static inline bool pmx__wait_is_open(const struct pmx__queue *queue,
                                     const struct pmx__wait *wait)
{
    return wait->count < wait->capacity && pmx__list_empty(&pmx__base_of(queue)->ready);
}

/* Collects, where it may be, a knote that stays as it is and is in no line: it
 * has so many bytes. */
void pmx__collect_bytes(struct pmx__queue *queue, struct pmx__knote *knote,
                        int64_t bytes, struct pmx__wait *wait);

/* Puts the new set in the place of every descriptor of the queue. */
void pmx__queue_replace(struct pmx__queue *queue, int fd);

/* Around a sleep. */
void pmx__queue_unlock(struct pmx__queue *queue);
void pmx__queue_lock(struct pmx__queue *queue);

/* Of a thread that is cancelled asleep, after it has locked the queue again. */
void pmx__door_left(struct pmx__door *door);

/* If fd is a queue's descriptor: 1, how many of its knotes can be collected, and a
 * number that changes when there is one that was not there before. 0 otherwise.
 * Called with another queue locked. */
int pmx__queue_nested(int fd, int64_t *count, unsigned *news);

/* Whether fd is a queue's descriptor, or a duplicate of one. */
bool pmx__queue_is_at(int fd);

#endif
