/*
 * Room for the answers of a /dev/poll set (DP_ALLOC), which the program maps and
 * the set fills: the same pages, mapped once for each. So the set may write there
 * whatever the program has unmapped, and the program may read there whatever the
 * set has given up.
 */
#ifndef PMX_COMPAT_ROOM_H
#define PMX_COMPAT_ROOM_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pmx__room {
    struct pollfd *answers;
    size_t count; /* of answers that there is room for */
    size_t size;  /* in bytes, whole pages */
    _Atomic(unsigned) users;
    bool is_mapped; /* by the program, once; under the lock of its place */
};

/* Where a set has its room, if it has one. */
struct pmx__room_place {
    pthread_mutex_t lock;
    struct pmx__room *room;
};

/* The arguments of mmap(2). */
struct pmx__mapping {
    void *address;
    size_t length;
    int protection;
    int flags;
    int64_t offset;
};

void pmx__room_place_init(struct pmx__room_place *place);

/* Nobody uses the place any more. */
void pmx__room_place_destroy(struct pmx__room_place *place);

/*
 * Room for count answers, instead of what there was. 0, -EINVAL where count is
 * not greater than 0, -ENOMEM, or -EPERM where the program has mapped what there
 * is.
 */
int pmx__room_make(struct pmx__room_place *place, int count);

/* Gives it up; it is gone when nobody uses it. 0, or -EINVAL if there is none. */
int pmx__room_drop(struct pmx__room_place *place);

/* Maps it for the program, which unmaps it. 0, -EINVAL or what mmap(2) says. */
int pmx__room_map(struct pmx__room_place *place, const struct pmx__mapping *wanted,
                  void **mapped);

/* The room, or NULL; it stays until it is given back by release. */
struct pmx__room *pmx__room_hold(struct pmx__room_place *place);

/* Leaves errno alone; NULL is allowed. */
void pmx__room_release(struct pmx__room *room);

#endif
