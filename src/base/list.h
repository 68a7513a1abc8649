/*
 * A doubly linked ring of members that carry their own links: no allocation,
 * constant time. A list and a member that is in none are rings of one.
 */
#ifndef PMX_BASE_LIST_H
#define PMX_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct pmx__list {
    struct pmx__list *next;
    struct pmx__list *previous;
};

/* The struct of this type whose member is at link. */
#define pmx__list_entry(link, type, member) \
    ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void pmx__list_init(struct pmx__list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool pmx__list_empty(const struct pmx__list *list)
{
    return list->next == list;
}

/* Puts link, which is in no list, at the end of list. */
static inline void pmx__list_append(struct pmx__list *list, struct pmx__list *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Puts all of one list at the end of another; the first is empty then. */
static inline void pmx__list_move(struct pmx__list *from, struct pmx__list *to)
{
    if (pmx__list_empty(from))
        return;
    from->next->previous = to->previous;
    from->previous->next = to;
    to->previous->next = from->next;
    to->previous = from->previous;
    pmx__list_init(from);
}

/* Takes link out of its list; nothing happens where it is in none. */
static inline void pmx__list_remove(struct pmx__list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    pmx__list_init(link);
}

#endif
