/*
 * Numbers and handles: see numbers.h. The table is a directory of leaves, which
 * readers walk without a lock: nothing that they may stand on is ever freed. A
 * longer directory replaces a shorter one, and struct pmx__numbers are used
 * again. Whoever finds one counts itself in, unless nobody is in, and looks
 * whether it is where it was found.
 */
#include "numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/cancel.h"
#include "../base/process_lock.h"
#include "../base/result.h"

enum { LEAF = 512, SWEPT = 2 };

typedef _Atomic(struct pmx__number *) place;

struct directory {
    struct directory *shorter;
    size_t count;
    _Atomic(place *) leaves[];
};

static void renew(bool was_held);

static struct pmx__process_lock lock = PMX__PROCESS_LOCK(renew);
static int cancel_state; /* of the thread that has the lock */
static _Atomic(struct directory *) directory;
static struct pmx__list present = {&present, &present};
static struct pmx__list dropped = {&dropped, &dropped};
static struct pmx__list unused = {&unused, &unused};

/* What a thread that there is no more may have left half changed is lost. */
static void renew(bool was_held)
{
    if (!was_held)
        return;
    directory = NULL;
    pmx__list_init(&present);
    pmx__list_init(&dropped);
    pmx__list_init(&unused);
}

void pmx__numbers_lock(void)
{
    int before = pmx__cancel_off();
    pmx__process_lock_take(&lock);
    cancel_state = before;
}

static struct pmx__number *entry(struct pmx__list *link)
{
    return pmx__list_entry(link, struct pmx__number, link);
}

static void shut(struct pmx__number *number)
{
    pmx__list_remove(&number->link);
    if (number->kind->shut)
        number->kind->shut(number->handle);
    pmx__number_release(number);
}

void pmx__numbers_unlock(void)
{
    struct pmx__list mine;
    int before = cancel_state;
    pmx__list_init(&mine);
    pmx__list_move(&dropped, &mine);
    pmx__process_lock_release(&lock);
    while (!pmx__list_empty(&mine))
        shut(entry(mine.next));
    pmx__cancel_as(before);
}

/*
 * The table.
 */

static place *place_of(int fd)
{
    struct directory *now = directory;
    size_t leaf = (size_t)fd / LEAF;
    if (fd < 0 || !now || leaf >= now->count || !now->leaves[leaf])
        return NULL;
    return now->leaves[leaf] + (size_t)fd % LEAF;
}

static int lengthen(size_t count)
{
    struct directory *shorter = directory;
    size_t before = shorter ? shorter->count : 0;
    size_t now = before * 2 > count ? before * 2 : count;
    struct directory *longer = calloc(1, sizeof(*longer) + now * sizeof(place *));
    if (!longer)
        return -ENOMEM;
    longer->shorter = shorter;
    longer->count = now;
    for (size_t i = 0; i < before; i++)
        longer->leaves[i] = shorter->leaves[i];
    directory = longer;
    return 0;
}

static int make_place(int fd)
{
    size_t leaf = (size_t)fd / LEAF;
    if (!directory || leaf >= directory->count)
        if (lengthen(leaf + 1) < 0)
            return -ENOMEM;
    if (!directory->leaves[leaf])
        directory->leaves[leaf] = calloc(LEAF, sizeof(place));
    return directory->leaves[leaf] ? 0 : -ENOMEM;
}

int pmx__numbers_reserve(int fd)
{
    int result = make_place(fd);
    if (result < 0 || !pmx__list_empty(&unused))
        return result;
    struct pmx__number *number = calloc(1, sizeof(*number));
    if (!number)
        return -ENOMEM;
    pmx__list_append(&unused, &number->link);
    return 0;
}

/* The table's own count goes with the list. */
static void drop(struct pmx__number *number)
{
    pmx__list_remove(&number->link);
    pmx__list_append(&dropped, &number->link);
}

void pmx__numbers_put(int fd, const struct pmx__kind *kind, void *handle)
{
    struct pmx__number *number = entry(unused.next);
    pmx__list_remove(&number->link);
    pmx__list_append(&present, &number->link);
    number->fd = fd;
    number->kind = kind;
    number->handle = handle;
    number->users = 1;
    struct pmx__number *before = atomic_exchange(place_of(fd), number);
    if (before)
        drop(before);
}

struct pmx__number *pmx__number_at(int fd, const struct pmx__kind *kind)
{
    place *at = place_of(fd);
    struct pmx__number *number = at ? *at : NULL;
    unsigned users = number ? atomic_load(&number->users) : 0;
    while (users)
        if (atomic_compare_exchange_weak(&number->users, &users, users + 1))
            break;
    if (!users)
        return NULL;
    if (*at == number && number->kind == kind)
        return number;
    pmx__number_release(number);
    return NULL;
}

struct pmx__number *pmx__number_still_at(int fd, const struct pmx__kind *kind)
{
    int saved = errno;
    struct pmx__number *number = pmx__number_at(fd, kind);
    if (!number || kind->check(number->handle) == 0)
        return number;
    pmx__number_release(number);
    errno = saved;
    return NULL;
}

void pmx__number_release(struct pmx__number *number)
{
    if (atomic_fetch_sub(&number->users, 1) > 1)
        return;
    int saved = errno, before = pmx__cancel_off();
    number->kind->close(number->handle);
    pmx__process_lock_take(&lock);
    pmx__list_append(&unused, &number->link);
    pmx__process_lock_release(&lock);
    pmx__cancel_as(before);
    errno = saved;
}

/*
 * Verifying.
 */

static int verify(struct pmx__number *number)
{
    if (number->kind->check(number->handle) == 0)
        return 0;
    int fd = number->fd;
    int result = number->kind->forsake ? number->kind->forsake(number->handle) : 0;
    if (result < 0)
        return result;
    if (*place_of(fd) == number) { /* it may have been put anew while forsaken */
        *place_of(fd) = NULL;
        drop(number);
    }
    return 0;
}

int pmx__numbers_verify(int fd)
{
    place *at = place_of(fd);
    return at && *at ? verify(*at) : 0;
}

void pmx__numbers_sweep(void)
{
    pmx__numbers_lock();
    for (int i = 0; i < SWEPT && !pmx__list_empty(&present); i++) {
        struct pmx__list *first = present.next;
        pmx__list_remove(first);
        pmx__list_append(&present, first);
        verify(entry(first));
    }
    pmx__numbers_unlock();
}

/*
 * Making.
 */

/* The number that the next descriptor gets is free, so what it stood for is
 * over, which has to be seen here before the handles see it. */
static int verify_next(void)
{
    int next = eventfd(0, EFD_CLOEXEC);
    if (next < 0)
        return -errno;
    int result = pmx__numbers_verify(next);
    close(next);
    return result;
}

static int make_locked(const struct pmx__kind *kind, bool close_on_exec)
{
    int result = verify_next();
    if (result < 0)
        return result;
    void *handle = kind->create();
    if (!handle)
        return -errno;
    int fd = kind->fd(handle);
    result = pmx__numbers_reserve(fd);
    if (result < 0) {
        kind->close(handle);
        return result;
    }
    if (!close_on_exec)
        fcntl(fd, F_SETFD, 0);
    pmx__numbers_put(fd, kind, handle);
    return fd;
}

int pmx__numbers_make(const struct pmx__kind *kind, bool close_on_exec)
{
    int saved = errno;
    pmx__numbers_sweep();
    pmx__numbers_lock();
    int result = make_locked(kind, close_on_exec);
    pmx__numbers_unlock();
    return pmx__result(result, saved);
}
