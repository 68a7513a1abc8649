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
static _Atomic(uint32_t) *wiped; /* NULL: there is no such page */
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
    return atomic_compare_exchange_strong(wiped, &none, next) ? next : none;
}

uint32_t pmx__epoch(void)
{
    pthread_once(&once, map_page);
    if (!wiped)
        return (uint32_t)getpid();
    uint32_t epoch = atomic_load_explicit(wiped, memory_order_relaxed);
    return epoch ? epoch : begin_epoch();
}
