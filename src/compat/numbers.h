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
#include <stdbool.h>

#include "../base/list.h"

/*
 * What there is to say of a kind of handles.
 *
 * create     a new one, or NULL with errno
 * fd         the descriptor of a new one
 * check      0, or -1 where the descriptor is not the handle's any more
 * forsake    before a handle is dropped: whatever else can be found of it is
 *            saved. 0 or -errno: it cannot be dropped now. Locked; may be NULL
 * shut       ends the calls of other threads; may be NULL
 */
struct pmx__kind {
    void *(*create)(void);
    int (*fd)(void *handle);
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

/*
 * A descriptor of a new handle: the public function's whole work. Returns it, or
 * -1 with errno.
 */
int pmx__numbers_make(const struct pmx__kind *kind, bool close_on_exec);

/* What fd stood for, if that is of this kind; give it back by release. */
struct pmx__number *pmx__number_at(int fd, const struct pmx__kind *kind);

/* The same, if fd stands for it still. Leaves errno alone. */
struct pmx__number *pmx__number_still_at(int fd, const struct pmx__kind *kind);

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

#endif
