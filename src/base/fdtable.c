/* A table from descriptors to pointers: see fdtable.h. */
#include "fdtable.h"

#include <limits.h>
#include <stdlib.h>

/* Makes the list of pages longer, at least twice as long, to have count. */
static int lengthen(struct pmx__fdtable *table, size_t count)
{
    size_t longer = table->count * 2 > count ? table->count * 2 : count;
    void ***pages = reallocarray(table->pages, longer, sizeof(*pages));
    if (!pages)
        return -1;
    for (size_t i = table->count; i < longer; i++)
        pages[i] = NULL;
    table->pages = pages;
    table->count = longer;
    return 0;
}

void **pmx__fdtable_need(struct pmx__fdtable *table, int fd)
{
    size_t page = (size_t)fd / PMX__FDTABLE_PAGE;
    if (page >= table->count && lengthen(table, page + 1) < 0)
        return NULL;
    if (!table->pages[page])
        table->pages[page] = calloc(PMX__FDTABLE_PAGE, sizeof(**table->pages));
    if (!table->pages[page])
        return NULL;
    return &table->pages[page][(size_t)fd % PMX__FDTABLE_PAGE];
}

/* The number of descriptors that the pages have room for. */
static size_t limit(const struct pmx__fdtable *table)
{
    size_t descriptors = table->count * PMX__FDTABLE_PAGE;
    return descriptors < INT_MAX ? descriptors : INT_MAX;
}

int pmx__fdtable_next(const struct pmx__fdtable *table, int fd)
{
    size_t at = (size_t)fd;
    while (at < limit(table)) {
        if (!table->pages[at / PMX__FDTABLE_PAGE])
            at = (at / PMX__FDTABLE_PAGE + 1) * PMX__FDTABLE_PAGE;
        else if (pmx__fdtable_get(table, (int)at))
            return (int)at;
        else
            at++;
    }
    return -1;
}

void pmx__fdtable_free(struct pmx__fdtable *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->pages[i]);
    free(table->pages);
    *table = (struct pmx__fdtable){0};
}
