/* Which process this is, counted in forks; without a system call. */
#ifndef PMX_BASE_EPOCH_H
#define PMX_BASE_EPOCH_H

#include <stdint.h>

/* A number that stays the same, but is another one in the child of a fork. Not
 * 0. */
uint32_t pmx__epoch(void);

#endif
