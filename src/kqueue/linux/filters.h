/* The filters of kqueue on Linux, by their files. */
#ifndef PMX_KQUEUE_LINUX_FILTERS_H
#define PMX_KQUEUE_LINUX_FILTERS_H

struct pmx__filter;

extern const struct pmx__filter pmx__aio;                        /* aio.c */
extern const struct pmx__filter pmx__fd_read, pmx__fd_write;     /* fd.c */
extern const struct pmx__filter pmx__file_read, pmx__file_write; /* file.c */
extern const struct pmx__filter pmx__netdev;                     /* netdev.c */
extern const struct pmx__filter pmx__proc;                       /* proc.c */
extern const struct pmx__filter pmx__signal;                     /* signal.c */
extern const struct pmx__filter pmx__timer;                      /* timer.c */
extern const struct pmx__filter pmx__user;                       /* user.c */
extern const struct pmx__filter pmx__vnode;                      /* vnode.c */

#endif
