/* What else this process has open. */
#ifndef PMX_COMPAT_COPIES_H
#define PMX_COMPAT_COPIES_H

/*
 * Calls visit for every open descriptor that may be a queue's, until that
 * returns an error. 0, also where the system shows no list of descriptors, or
 * -errno.
 */
int pmx__each_set(int (*visit)(int fd));

#endif
