/*
 * Items of the epoll set that cannot be reached any more: their descriptor was
 * closed, or its number given to another file, while a duplicate of it lives on
 * and keeps the item alive under the old number.
 */
#ifndef PMX_KQUEUE_LINUX_EVICT_H
#define PMX_KQUEUE_LINUX_EVICT_H

/*
 * Removes from a set an item with the number fd that is not fd's. 0; -ENOENT if
 * there is none, which is not known where kcmp(2) is missing or forbidden;
 * another -errno where it could not be removed: the duplicate is another
 * process's, or a sandbox is in the way.
 */
int pmx__evict(int set, int fd);

#endif
