/*
 * Announcements: see announcement.h. Stands on the classic packet filter, which
 * sees messages as they will be received and reads words in network order.
 */
#include "announcement.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "../../base/result.h"

void pmx__announcement_command(struct pmx__announcement_command *message,
                               uint32_t operation, uint32_t token)
{
    *message = (struct pmx__announcement_command){
        .header =
            {
                .netlink = {.nlmsg_len = sizeof(*message), .nlmsg_type = NLMSG_DONE},
                .index = CN_IDX_PROC,
                .value = CN_VAL_PROC,
                .ack = token,
                .length = sizeof(operation),
            },
        .operation = operation,
    };
}

/* Only the kernel is believed. */
static bool is_genuine(const struct pmx__announcement *message,
                       const struct sockaddr_nl *sender, ssize_t size)
{
    size_t expected = sizeof(message->header) + sizeof(message->event);
    return (size_t)size == expected && sender->nl_pid == 0 &&
           message->header.index == CN_IDX_PROC;
}

int pmx__announcement_receive(int fd, struct pmx__announcement *message)
{
    struct sockaddr_nl sender = {0};
    struct iovec parts[] = {{&message->header, sizeof(message->header)},
                            {&message->event, sizeof(message->event)}};
    ssize_t size;
    do {
        struct msghdr head = {.msg_name = &sender,
                              .msg_namelen = sizeof(sender),
                              .msg_iov = parts,
                              .msg_iovlen = 2};
        size = recvmsg(fd, &head, 0);
    } while ((size < 0 && errno == EINTR) ||
             (size >= 0 && !is_genuine(message, &sender, size)));
    if (size < 0)
        return errno == ENOBUFS ? -ENOBUFS : 0;
    return 1;
}

pid_t pmx__announcement_pid(const struct proc_event *event)
{
    switch (event->what) {
    case PROC_EVENT_FORK:
        return event->event_data.fork.parent_tgid;
    case PROC_EVENT_EXEC:
        return event->event_data.exec.process_tgid;
    case PROC_EVENT_EXIT:
        return event->event_data.exit.process_tgid;
    default:
        return 0;
    }
}

#define AT(member_)                                       \
    ((uint32_t)(sizeof(struct pmx__announcement_header) + \
                offsetof(struct proc_event, member_)))

/* These are at one place in all three events. */
#define PID_AT  AT(event_data.fork.parent_pid)
#define TGID_AT AT(event_data.fork.parent_tgid)

_Static_assert(TGID_AT == AT(event_data.exec.process_tgid) &&
                   TGID_AT == AT(event_data.exit.process_tgid),
               "the filter loads a process from one place");

#define LOAD(at_) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at_)
#define IF(word_, then_, else_) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(word_), then_, else_)
#define IF_SAME(then_, else_) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, then_, else_)
#define TO_X                  BPF_STMT(BPF_MISC | BPF_TAX, 0)
#define TAKE                  BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
#define LEAVE                 BPF_STMT(BPF_RET | BPF_K, 0)

/* Jumps count the lines between. */
#define HEAD_LINES 14

static void begin_filter(struct sock_filter *lines)
{
    const struct sock_filter head[HEAD_LINES] = {
        LOAD(AT(what)),
        IF(PROC_EVENT_EXEC, 11, 0),
        IF(PROC_EVENT_FORK, 1, 0),
        IF(PROC_EVENT_EXIT, 4, 8),
        LOAD(AT(event_data.fork.child_tgid)), /* a fork */
        TO_X,
        LOAD(AT(event_data.fork.child_pid)),
        IF_SAME(5, 4),
        LOAD(TGID_AT), /* an exit */
        TO_X,
        LOAD(PID_AT),
        IF_SAME(1, 0),
        LEAVE,
        LOAD(TGID_AT), /* of a process */
    };
    memcpy(lines, head, sizeof(head));
}

int pmx__announcement_filter(int fd, const uint32_t *pids, size_t count)
{
    enum { TAIL_LINES = 2 };
    struct sock_filter lines[HEAD_LINES + PMX__ANNOUNCEMENT_PIDS + TAIL_LINES];
    size_t at = HEAD_LINES;
    begin_filter(lines);
    for (size_t i = 0; pids && i < count; i++)
        lines[at++] = (struct sock_filter)IF(pids[i], (uint8_t)(count - i), 0);
    if (pids)
        lines[at++] = (struct sock_filter)LEAVE;
    lines[at++] = (struct sock_filter)TAKE;
    struct sock_fprog program = {.len = (unsigned short)at, .filter = lines};
    return pmx__syscall(
        setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}
