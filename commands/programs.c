/* Starting programs: see programs.h. */
#include "programs.h"

#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session.h"

/* A signal that we handle is at its default in the child; execve(2) sees to it. */
int spawn(const struct session *session, char *const *argv, pid_t *pid)
{
    posix_spawnattr_t attributes;
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return -error;
    error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (!error)
        error = posix_spawnattr_setsigmask(&attributes, &session->given_mask);
    if (!error)
        error = posix_spawnp(pid, argv[0], NULL, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return -error;
}

int spawn_shell(const struct session *session, const char *line, pid_t *pid)
{
    char shell[] = "/bin/sh", command[] = "-c", end[] = "--";
    char *argv[] = {shell, command, end, (char *)(uintptr_t)line, NULL};
    return spawn(session, argv, pid);
}

int reap(pid_t pid, int *status)
{
    pid_t result;
    do
        result = waitpid(pid, status, 0);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}
