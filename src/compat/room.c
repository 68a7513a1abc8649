/*
 * Room for answers: see room.h. Stands on shared memory without a name, which
 * mremap(2) maps a second time where the old length is said to be 0: it takes no
 * descriptor, and munmap(2) is all that ends it.
 */
#include "room.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/result.h"

/* What is heeded of the flags of mmap(2), beside MAP_SHARED. */
#define PLACING (MAP_FIXED | MAP_FIXED_NOREPLACE)

void pmx__room_place_init(struct pmx__room_place *place)
{
    pthread_mutex_init(&place->lock, NULL);
    place->room = NULL;
}

void pmx__room_place_destroy(struct pmx__room_place *place)
{
    pmx__room_release(place->room);
    pthread_mutex_destroy(&place->lock);
}

/*
 * Making and dropping.
 */

/* The bytes of whole pages, 0 where there cannot be so many. */
static size_t size_for(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (count > (SIZE_MAX - page) / sizeof(struct pollfd))
        return 0;
    return (count * sizeof(struct pollfd) + page - 1) / page * page;
}

static int find_pages(struct pmx__room *room)
{
    room->size = size_for(room->count);
    if (room->size == 0)
        return -ENOMEM;
    void *pages = mmap(NULL, room->size, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -errno;
    room->answers = pages;
    return 0;
}

static int make(size_t count, struct pmx__room **made)
{
    struct pmx__room *room = calloc(1, sizeof(*room));
    if (!room)
        return -ENOMEM;
    room->count = count;
    room->users = 1;
    int result = find_pages(room);
    if (result < 0)
        free(room);
    else
        *made = room;
    return result;
}

/* Puts a room into the place, NULL for none; what there is no use for is over. */
static int put(struct pmx__room_place *place, struct pmx__room *room)
{
    pthread_mutex_lock(&place->lock);
    struct pmx__room *before = place->room;
    bool is_refused = room && before && before->is_mapped;
    if (!is_refused)
        place->room = room;
    pthread_mutex_unlock(&place->lock);
    pmx__room_release(is_refused ? room : before);
    if (is_refused)
        return -EPERM;
    return room || before ? 0 : -EINVAL;
}

int pmx__room_make(struct pmx__room_place *place, int count)
{
    struct pmx__room *room;
    if (count <= 0)
        return -EINVAL;
    int result = make((size_t)count, &room);
    return result < 0 ? result : put(place, room);
}

int pmx__room_drop(struct pmx__room_place *place)
{
    return put(place, NULL);
}

/*
 * Mapping.
 */

/* Finds the place first, as the system does: it knows about addresses. */
static int map_again(const struct pmx__room *room, const struct pmx__mapping *wanted,
                     void **mapped)
{
    size_t length = wanted->length;
    void *at = mmap(wanted->address, length, PROT_NONE,
                    (wanted->flags & PLACING) | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -errno;
    void *same = mremap(room->answers, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    if (same == MAP_FAILED || mprotect(at, length, wanted->protection) < 0) {
        int error = errno;
        munmap(at, length);
        return -error;
    }
    *mapped = at;
    return 0;
}

static bool fits(const struct pmx__room *room, const struct pmx__mapping *wanted)
{
    return room && wanted->offset == 0 && wanted->length <= room->size &&
           (wanted->flags & MAP_TYPE) == MAP_SHARED;
}

int pmx__room_map(struct pmx__room_place *place, const struct pmx__mapping *wanted,
                  void **mapped)
{
    int result = -EINVAL;
    pthread_mutex_lock(&place->lock);
    struct pmx__room *room = place->room;
    if (fits(room, wanted))
        result = map_again(room, wanted, mapped);
    if (result == 0)
        room->is_mapped = true;
    pthread_mutex_unlock(&place->lock);
    return result;
}

/*
 * Using.
 */

struct pmx__room *pmx__room_hold(struct pmx__room_place *place)
{
    pthread_mutex_lock(&place->lock);
    struct pmx__room *room = place->room;
    if (room)
        atomic_fetch_add(&room->users, 1);
    pthread_mutex_unlock(&place->lock);
    return room;
}

void pmx__room_release(struct pmx__room *room)
{
    if (!room || atomic_fetch_sub(&room->users, 1) > 1)
        return;
    int saved = errno;
    munmap(room->answers, room->size);
    free(room);
    errno = saved;
}
