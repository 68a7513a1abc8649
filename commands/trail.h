/*
 * The trail of a path: the directories and symbolic links that lead to it, each
 * held open, as far as there are any. It is found by following the path name by
 * name, as the kernel does.
 */
#ifndef COMMANDS_TRAIL_H
#define COMMANDS_TRAIL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { TRAIL_LENGTH = 128 };

struct trail {
    struct waypoint {
        int fd; /* O_PATH */
        dev_t device;
        ino_t inode;
        bool is_link;
    } points[TRAIL_LENGTH];
    size_t count;
    size_t place;            /* of the directory in which the search ended */
    char name[NAME_MAX + 1]; /* the name looked up last, in that directory */
    int object;              /* what the path names: O_PATH; or -1 */
    struct stat found;       /* and what it is */
};

/* Follows the path. 1 if it names something, 0 if not; or -errno, with nothing
 * held. What is held is given back by trail_leave(). */
int trail_follow(struct trail *trail, const char *path);

/* Whether two trails are the same way. */
bool trail_equals(const struct trail *one, const struct trail *other);

/* Whether the last name still names what it did, or still nothing. */
bool trail_holds(const struct trail *trail);

/* Closes what the trail holds; 0 points are left. */
void trail_leave(struct trail *trail);

#endif
