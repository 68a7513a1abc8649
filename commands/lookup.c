/* Addresses of hosts: see lookup.h. The answer is one message through a pipe. */
#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "condition.h"

_Static_assert(sizeof(struct answer) <= PIPE_BUF, "an answer is written at once");

static void keep(struct answer *answer, const struct addrinfo *found)
{
    for (; found && answer->count < LOOKUP_MOST; found = found->ai_next) {
        struct address *address = &answer->addresses[answer->count];
        if (found->ai_addrlen > sizeof(address->socket))
            continue;
        address->size = found->ai_addrlen;
        memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
        answer->count++;
    }
}

static void ask(struct answer *answer, const char *host, const char *port, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found;
    memset(answer, 0, sizeof(*answer));
    answer->error = getaddrinfo(host, port, &hints, &found);
    if (answer->error)
        return;
    keep(answer, found);
    freeaddrinfo(found);
}

/* Keeps nothing of its parent's open, which others may wait to see closed. */
static void leave_all_but(int writer)
{
    dup2(writer, STDIN_FILENO);
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

/* Ends with its parent, however that ends. */
static _Noreturn void look(int writer, pid_t parent, const char *host, const char *port)
{
    struct answer answer;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    leave_all_but(writer);
    ask(&answer, host, port, 0);
    _exit(write(STDIN_FILENO, &answer, sizeof(answer)) != sizeof(answer));
}

static void stop(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static bool start(struct lookup *lookup, struct condition *condition, const char *host,
                  const char *port)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    lookup->fd = ends[0];
    lookup->child = fork();
    if (lookup->child == 0)
        look(ends[1], parent, host, port);
    close(ends[1]);
    if (lookup->child > 0 &&
        condition_watch(condition, (uintptr_t)lookup->fd, EVFILT_READ, 0, 0, 0) == 0)
        return true;
    lookup_end(lookup, condition);
    return false;
}

bool lookup_begin(struct lookup *lookup, struct condition *condition, const char *host,
                  const char *port)
{
    ask(&lookup->answer, host, port, AI_NUMERICHOST);
    if (lookup->answer.error != EAI_NONAME)
        return true;
    if (start(lookup, condition, host, port))
        return false;
    lookup->answer.error = EAI_AGAIN;
    return true;
}

void lookup_finish(struct lookup *lookup, struct condition *condition)
{
    struct answer *answer = &lookup->answer;
    ssize_t size = read(lookup->fd, answer, sizeof(*answer));
    if (size != sizeof(*answer))
        *answer = (struct answer){.error = EAI_FAIL};
    lookup_end(lookup, condition);
}

void lookup_end(struct lookup *lookup, struct condition *condition)
{
    if (lookup->fd < 0)
        return;
    condition_unwatch(condition, (uintptr_t)lookup->fd, EVFILT_READ);
    close(lookup->fd);
    lookup->fd = -1;
    if (lookup->child > 0)
        stop(lookup->child);
}
