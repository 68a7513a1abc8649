/*
 * Forks noticed: see epoch.h. Stands on a page of memory that the kernel
 * empties in a child (MADV_WIPEONFORK of Linux 4.14), which unlike
 * pthread_atfork(3) also sees forks past the C library; where that is missing,
 * on the process id.
 */
#include "epoch.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
_Atomic(uint32_t) *_Atomic pmx__epoch_page; /* NULL: there is no such page */
static _Atomic(uint32_t) last;

static void map_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, size, MADV_WIPEONFORK) == 0)
        pmx__epoch_page = page;
    else
        munmap(page, size);
}

/* After a fork, or at first. Another thread may be here as well. */
static uint32_t begin_epoch(void)
{
    uint32_t none = 0, next = atomic_fetch_add(&last, 1) + 1;
    _Atomic(uint32_t) *page = pmx__epoch_page;
    return atomic_compare_exchange_strong(page, &none, next) ? next : none;
}

/* The first call of a process, or of one that has no such page. */
uint32_t pmx__epoch_begin(void)
{
    pthread_once(&once, map_page);
    return pmx__epoch_page ? begin_epoch() : (uint32_t)getpid();
}
