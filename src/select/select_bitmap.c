/*
 * select(2) with bitmaps as long as the highest descriptor asks for. The
 * limit of 1024 is that of the type fd_set, not of the kernel.
 */
#include "select_bitmap.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/select.h>

#include "../base/deadline.h"
#include "../base/result.h"

#define WORD_BITS    (8 * (int)sizeof(fd_mask))
#define CLASSES      3
#define CLASS_EVENTS ((const short[CLASSES]){POLLIN, POLLOUT, POLLPRI})

struct bitmaps {
    fd_mask *bits[CLASSES]; /* one allocation, which bits[0] owns */
};

static int highest_fd(const struct pollfd *fds, size_t count)
{
    int highest = -1;
    for (size_t i = 0; i < count; i++)
        if (fds[i].fd > highest)
            highest = fds[i].fd;
    return highest;
}

static bool bitmaps_allocate(struct bitmaps *maps, int highest)
{
    size_t words = (size_t)highest / WORD_BITS + 1;
    maps->bits[0] = calloc(words, CLASSES * sizeof(fd_mask));
    for (int c = 1; maps->bits[0] && c < CLASSES; c++)
        maps->bits[c] = maps->bits[c - 1] + words;
    return maps->bits[0];
}

static void bitmaps_fill(struct bitmaps *maps, const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int c = 0; fds[i].fd >= 0 && c < CLASSES; c++)
            if (fds[i].events & CLASS_EVENTS[c])
                maps->bits[c][fds[i].fd / WORD_BITS] |=
                    (fd_mask)(1UL << (fds[i].fd % WORD_BITS));
}

static void bitmaps_answer(const struct bitmaps *maps, struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        for (int c = 0; fds[i].fd >= 0 && c < CLASSES; c++)
            if ((unsigned long)maps->bits[c][fds[i].fd / WORD_BITS] >>
                    (fds[i].fd % WORD_BITS) &
                1)
                fds[i].revents |= CLASS_EVENTS[c];
    }
}

/* A thread that is cancelled in here frees the bitmaps. */
static int bitmaps_wait(const struct bitmaps *maps, int nfds,
                        const struct timespec *timeout, const sigset_t *sigmask)
{
    int ready;
    pthread_cleanup_push(free, maps->bits[0]);
    ready = pmx__syscall(pselect(nfds, (fd_set *)maps->bits[0], (fd_set *)maps->bits[1],
                                 (fd_set *)maps->bits[2], timeout, sigmask));
    pthread_cleanup_pop(0);
    return ready;
}

int pmx__select_bitmap(struct pollfd *fds, size_t count, int64_t timeout_ns,
                       const sigset_t *sigmask)
{
    /* The kernel silently cuts bits beyond the process's descriptor table off;
     * where the highest descriptor is open, the table reaches that far. */
    int highest = highest_fd(fds, count);
    if (highest >= 0 && fcntl(highest, F_GETFD) < 0)
        return -EBADF;
    struct bitmaps maps;
    if (!bitmaps_allocate(&maps, highest < 0 ? 0 : highest))
        return -ENOMEM;
    bitmaps_fill(&maps, fds, count);
    struct timespec ts;
    int ready = bitmaps_wait(&maps, highest + 1, pmx__timeout_timespec(timeout_ns, &ts),
                             sigmask);
    if (ready >= 0)
        bitmaps_answer(&maps, fds, count);
    free(maps.bits[0]);
    return ready;
}
