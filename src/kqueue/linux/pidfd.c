/*
 * Processes by descriptor: see pidfd.h. Stands on pidfd_open(2) of Linux 5.3.
 * How a process ended is told
 *   - to anybody, once it was waited for: by PIDFD_GET_INFO of Linux 6.15;
 *   - to its parent before: by waitid(2), which can look without taking;
 *   - to whoever might trace it before: by /proc/PID/stat, where PID is what
 *     /proc itself calls the pidfd's process.
 */
#include "pidfd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "../../base/result.h"

/* Younger than the headers of some C libraries. */
#define WHOSE_PIDFD    ((idtype_t)3) /* P_PIDFD */
#define INFO_EXIT      (UINT64_C(1) << 3)
#define GET_INFO       _IOWR(0xff, 11, struct info)
#define EXIT_CODE_AT   52 /* its field in /proc/PID/stat */
#define CORE_WAS_SAVED 0x80

struct info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t users[8];
    int32_t exit_code;
};

int pmx__pidfd_open(uintptr_t pid)
{
    if (pid == 0 || pid > INT_MAX)
        return -ESRCH;
    int pidfd = pmx__syscall((int)syscall(SYS_pidfd_open, (pid_t)pid, 0));
    switch (pidfd) {
    case -EINVAL: /* a thread that is not the first of its process */
    case -ENOENT:
        return -ESRCH;
    case -ENOSYS:
    case -EPERM: /* a sandbox's way to say so */
        return -EOPNOTSUPP;
    default:
        return pidfd;
    }
}

bool pmx__pidfd_has_ended(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

static bool was_reaped(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    return poll(&end, 1, 0) > 0 && end.revents & POLLHUP;
}

/* Once it was waited for: 1 and the status, 0 before, -errno of kernels that do
 * not know the question, -ESRCH of those that have forgotten the answer. */
static int ask_pidfd(int pidfd, int *status)
{
    struct info info = {.mask = INFO_EXIT};
    int result = pmx__syscall(ioctl(pidfd, GET_INFO, &info));
    if (result < 0)
        return result;
    *status = info.exit_code;
    return info.mask & INFO_EXIT ? 1 : 0;
}

/* Looks at a child of this process, and leaves it to be waited for. */
static bool ask_as_parent(int pidfd, int *status)
{
    siginfo_t info = {0};
    if (waitid(WHOSE_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
        info.si_pid == 0)
        return false;
    *status =
        info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status;
    if (info.si_code == CLD_DUMPED)
        *status |= CORE_WAS_SAVED;
    return true;
}

/*
 * /proc.
 */

static bool read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t length = read(file, text, size - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    return length > 0;
}

/* The process's number in the pid namespace of /proc, 0 if it has none. */
static int number_in_proc(int pidfd)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    if (!read_text(path, text, sizeof(text)))
        return 0;
    const char *line = strstr(text, "\nPid:");
    long pid = line ? strtol(line + strlen("\nPid:"), NULL, 10) : 0;
    return pid > 0 ? (int)pid : 0;
}

/* What follows the name, from the third field on; NULL if there is nothing. */
static const char *read_stat(int pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (!read_text(path, text, size))
        return NULL;
    const char *name_end = strrchr(text, ')');
    return name_end && name_end[1] ? name_end + 2 : NULL;
}

bool pmx__pidfd_has_lost_leader(int pidfd)
{
    char text[1024];
    int pid = number_in_proc(pidfd);
    const char *state = pid ? read_stat(pid, text, sizeof(text)) : NULL;
    return !state || *state == 'Z' || *state == 'X';
}

/* Who may not know the status finds 0 in its place. This link asks for the same
 * permission, and says so. */
static bool may_know(int pid)
{
    char path[64], target[8];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
    return readlink(path, target, sizeof(target)) >= 0;
}

static bool ask_proc(int pidfd, int *status)
{
    char text[1024];
    int pid = number_in_proc(pidfd);
    if (!pid || !may_know(pid))
        return false;
    const char *at = read_stat(pid, text, sizeof(text));
    for (int field = 3; at && field < EXIT_CODE_AT; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    *status = at ? (int)strtol(at, NULL, 10) : 0;
    return at && !was_reaped(pidfd); /* until then the number was its own */
}

int pmx__pidfd_status(int pidfd, int *status)
{
    int otherwise = *status;
    if (ask_as_parent(pidfd, status))
        return 1;
    int told = ask_pidfd(pidfd, status);
    if (told > 0 || ask_proc(pidfd, status))
        return 1;
    if (told == 0) /* it may have been reaped meanwhile */
        told = ask_pidfd(pidfd, status);
    if (told == 0)
        return 0;
    if (told < 0)
        *status = otherwise;
    return 1;
}
