/*
 * Forks noticed: see epoch.h. Stands on a page of memory that the kernel
 * empties in a child (MADV_WIPEONFORK of Linux 4.14), which unlike
 * pthread_atfork(3) also sees forks past the C library; where that is missing,
 * on the process id.
 */
#include "epoch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(uint32_t) *_Atomic wiped; /* NULL: there is no such page */
static _Atomic(uint32_t) last;

static void map_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    if (madvise(page, size, MADV_WIPEONFORK) == 0)
        wiped = page;
    else
        munmap(page, size);
}

/* After a fork, or at first. Another thread may be here as well. */
static uint32_t begin_epoch(void)
{
    uint32_t none = 0, next = atomic_fetch_add(&last, 1) + 1;
    _Atomic(uint32_t) *page = wiped;
    return atomic_compare_exchange_strong(page, &none, next) ? next : none;
}

/* The first call of a process, or of one that has no such page. */
static uint32_t find_epoch(void)
{
    pthread_once(&once, map_page);
    return wiped ? begin_epoch() : (uint32_t)getpid();
}

uint32_t pmx__epoch(void)
{
    _Atomic(uint32_t) *page = atomic_load_explicit(&wiped, memory_order_acquire);
    uint32_t epoch = page ? atomic_load_explicit(page, memory_order_relaxed) : 0;
    return epoch ? epoch : find_epoch();
}
