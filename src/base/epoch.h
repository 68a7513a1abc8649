/* Which process this is, counted in forks; without a system call. */
#ifndef PMX_BASE_EPOCH_H
#define PMX_BASE_EPOCH_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* epoch.c's: where the number stands, 0 for none; or NULL. */
extern _Atomic(uint32_t) *_Atomic pmx__epoch_page;
uint32_t pmx__epoch_begin(void);

/* A number that stays the same, but is another one in the child of a fork. Not
 * 0. */
static inline uint32_t pmx__epoch(void)
{
    _Atomic(uint32_t) *page =
        atomic_load_explicit(&pmx__epoch_page, memory_order_acquire);
    uint32_t epoch = page ? atomic_load_explicit(page, memory_order_relaxed) : 0;
    return epoch ? epoch : pmx__epoch_begin();
}

#endif
