/*
 * A table from descriptors to pointers. Descriptors are small and dense, so it
 * is an array, in pages that are made as they are needed. A zeroed struct is an
 * empty table.
 */
#ifndef PMX_BASE_FDTABLE_H
#define PMX_BASE_FDTABLE_H

#include <stddef.h>

#define PMX__FDTABLE_PAGE 256

struct pmx__fdtable {
    void ***pages; /* NULL where no descriptor of the page was ever needed */
    size_t count;  /* of pages */
};

/* The pointer of fd, which is not negative; NULL at first. */
static inline void *pmx__fdtable_get(const struct pmx__fdtable *table, int fd)
{
    size_t page = (size_t)fd / PMX__FDTABLE_PAGE;
    if (page >= table->count || !table->pages[page])
        return NULL;
    return table->pages[page][(size_t)fd % PMX__FDTABLE_PAGE];
}

/* Where the pointer of fd is kept, for as long as the table lives. NULL when
 * out of memory. */
void **pmx__fdtable_need(struct pmx__fdtable *table, int fd);

/* The first descriptor from fd on whose pointer is not NULL, or -1. */
int pmx__fdtable_next(const struct pmx__fdtable *table, int fd);

/* Frees the memory; the table is empty and usable afterwards. */
void pmx__fdtable_free(struct pmx__fdtable *table);

#endif
