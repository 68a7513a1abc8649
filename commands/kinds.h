/* The kinds of conditions, each in the file of its name or of its family. */
#ifndef COMMANDS_KINDS_H
#define COMMANDS_KINDS_H

struct kind;

extern const struct kind kind_file;    /* file.c */
extern const struct kind kind_changed; /* changed.c */
extern const struct kind kind_gone;    /* file.c */
extern const struct kind kind_pid;     /* process.c */
extern const struct kind kind_child;   /* process.c */
extern const struct kind kind_tcp;     /* tcp.c */
extern const struct kind kind_listen;  /* listen.c */
extern const struct kind kind_signal;  /* signal.c */
extern const struct kind kind_timer;   /* timer.c */
extern const struct kind kind_link;    /* link.c */
extern const struct kind kind_fd;      /* fd.c */

#endif
