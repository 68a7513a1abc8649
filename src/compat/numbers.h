/*
 * Plain descriptors and the handles that they stand for. A program closes its
 * descriptors without telling, so a number is found here first and checked then:
 * whether it still is its handle's.
 *
 * Finding takes no lock. A handle is closed when its number has been dropped
 * and the last call on it has ended.
 */
#ifndef PMX_COMPAT_NUMBERS_H
#define PMX_COMPAT_NUMBERS_H

#include <stdatomic.h>

#include "../base/list.h"

/*
 * What there is to say of a kind of handles.
 *
 * check      0, or -1 where the descriptor is not the handle's any more
 * forsake    before a handle is dropped: whatever else can be found of it is
 *            saved. 0 or -errno: it cannot be dropped now. Locked; may be NULL
 * shut       ends the calls of other threads; may be NULL
 */
struct pmx__kind {
    int (*check)(void *handle);
    int (*forsake)(void *handle);
    void (*shut)(void *handle);
    void (*close)(void *handle);
};

struct pmx__number {
    int fd;
    const struct pmx__kind *kind;
    void *handle;
    _Atomic(unsigned) users; /* the table is one; 0: it can be used again */
    _Atomic(unsigned) calls;
    struct pmx__list link; /* lock: in the table, dropped or unused */
};

/* What fd stood for, if that is of this kind; give it back by release. */
struct pmx__number *pmx__number_at(int fd, const struct pmx__kind *kind);
void pmx__number_release(struct pmx__number *number);

/* Verifies some numbers, in turn, so that none is forgotten for ever. */
void pmx__numbers_sweep(void);

/*
 * The lock for the functions below. No thread is cancelled under it. Unlocking
 * shuts what has been dropped meanwhile.
 */
void pmx__numbers_lock(void);
void pmx__numbers_unlock(void);

/* Makes room for fd: then putting it cannot fail. 0 or -ENOMEM. */
int pmx__numbers_reserve(int fd);

/* From now on fd stands for this; what it stood for is dropped. */
void pmx__numbers_put(int fd, const struct pmx__kind *kind, void *handle);

/* Drops what fd stood for, of any kind, if that is no more. 0 or -errno. */
int pmx__numbers_verify(int fd);

/*
 * The same for the number that the next descriptor gets: it is free, so what it
 * stood for is over, which has to be seen here before the handles see it.
 */
int pmx__numbers_verify_next(void);

#endif
