/* The kinds of conditions there are: their names, and nothing else. */
#include "kinds.h"

#include <string.h>

#include "condition.h"

static const struct kind *const table[] = {
    &kind_file,   &kind_changed, &kind_gone,  &kind_pid,  &kind_child, &kind_tcp,
    &kind_listen, &kind_signal,  &kind_timer, &kind_link, &kind_fd,
};

enum { KINDS = sizeof(table) / sizeof(table[0]) };

const struct kind *const *kinds(size_t *count)
{
    *count = KINDS;
    return table;
}

const struct kind *kind_called(const char *name, size_t length)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strlen(table[i]->name) == length && !memcmp(table[i]->name, name, length))
            return table[i];
    return NULL;
}
