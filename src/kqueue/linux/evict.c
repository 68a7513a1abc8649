/*
 * Items out of reach: see evict.h. epoll_ctl(2) reaches an item through the
 * descriptor number it was added under, which must be the same open file. So
 * the duplicate is sought among our descriptors, with kcmp(2), and put back
 * under the old number: not here, where other threads may be using that number
 * right now, but in a child that has a copy of our descriptors.
 */
#include "evict.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../base/result.h"

/* An item of a set: the place-th of those with this number. */
struct stray {
    int set, fd;
    uint32_t place;
};

/* 0: the file of fd is the item's; more: it is not; -ENOENT: no such item. */
static int compare(int fd, const struct stray *stray)
{
    pid_t self = getpid();
    struct kcmp_epoll_slot slot = {(uint32_t)stray->set, (uint32_t)stray->fd,
                                   stray->place};
    return pmx__syscall((int)syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, fd, &slot));
}

/* Finds an item with the number that is not of the file that has it now. */
static int find_stray(struct stray *stray)
{
    for (stray->place = 0;; stray->place++) {
        int result = compare(stray->fd, stray);
        if (result == -EBADF) /* the number is closed; any item is astray */
            result = compare(stray->set, stray) == -ENOENT ? -ENOENT : 1;
        if (result != 0)
            return result < 0 ? result : 0;
    }
}

/* A descriptor of ours that is the item's file, or -ENOENT. */
static int find_duplicate(const struct stray *stray)
{
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return -errno;
    int found = -ENOENT;
    for (struct dirent *entry; found < 0 && (entry = readdir(directory));) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && compare((int)fd, stray) == 0)
            found = (int)fd;
    }
    closedir(directory);
    return found;
}

/*
 * The child. It makes system calls and nothing else, so it does no harm that
 * the C library does not know of it.
 */

static int remove_in_child(const struct stray *stray, int duplicate)
{
    struct epoll_event none = {0};
    if (duplicate != stray->fd && syscall(SYS_dup3, duplicate, stray->fd, 0) < 0)
        return EXIT_FAILURE;
    int result = epoll_ctl(stray->set, EPOLL_CTL_DEL, stray->fd, &none);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* fork(2), but for handlers of forks and for a signal at its end, neither of
 * which may surprise the program. */
static int run_child(const struct stray *stray, int duplicate)
{
    int status = 0;
    int pid = pmx__syscall((int)syscall(SYS_clone, 0, NULL, NULL, NULL, 0));
    if (pid == 0)
        _exit(remove_in_child(stray, duplicate));
    if (pid < 0)
        return pid;
    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        continue;
    return status ? -EIO : 0;
}

/* No signal handler may run in the child. */
static int remove_through(const struct stray *stray, int duplicate)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = run_child(stray, duplicate);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int pmx__evict(int set, int fd)
{
    struct stray stray = {.set = set, .fd = fd};
    int result = find_stray(&stray);
    if (result < 0)
        return result;
    int duplicate = find_duplicate(&stray);
    return duplicate < 0 ? -ESRCH : remove_through(&stray, duplicate);
}
