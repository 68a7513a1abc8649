/*
 * The process connector: see connector.h. Stands on netlink(7), NETLINK_CONNECTOR,
 * whose events of processes anybody may hear since Linux 6.6, the privileged
 * before.
 *
 * The kernel announces what every process and thread of the system does. A
 * filter in the socket (announcement.h) lets pass what somebody asks for, so a
 * queue does not wake for others. Who tracks must hear of every fork: the
 * child may fork before anybody knows that there is a child.
 */
#include "connector.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../base/epoch.h"
#include "../../base/intmap.h"
#include "../../base/result.h"
#include "announcement.h"
#include "set.h"

/* As much as there may be: a burst of forks is not to be lost. */
enum { BUFFER_BYTES = 4 << 20 };

/* The inode of the first pid namespace, in whose numbers the kernel speaks. */
static const char first_pid_namespace[] = "pid:[4026531836]";

struct connector {
    struct pmx__watch watch; /* of the socket, in the queue's set */
    struct pmx__list askers;
    struct pmx__intmap by_pid; /* pid -> asker */
    size_t count;
    size_t trackers;
    size_t heeding;
    uint32_t epoch; /* of the process that listens */
    bool reading;
};

static struct connector *connector_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_CONNECTOR);
}

/* Trackers have to be heard at once, or announcements would be lost. */
static void set_watch(struct pmx__queue *queue, struct connector *connector)
{
    uint32_t events = connector->heeding || connector->trackers ? EPOLLIN : 0;
    if (events != connector->watch.events)
        (void)pmx__set_rewatch(queue, &connector->watch, events);
}

static struct pmx__asker *asker_at(struct pmx__list *link)
{
    return pmx__list_entry(link, struct pmx__asker, link);
}

/*
 * The socket.
 */

static int command(int fd, uint32_t operation, uint32_t token)
{
    struct pmx__announcement_command message;
    pmx__announcement_command(&message, operation, token);
    return pmx__syscall((int)send(fd, &message, sizeof(message), 0));
}

/* The kernel answers within the call that asks, or does not listen at all. */
static bool is_answered(int fd, uint32_t token)
{
    struct pmx__announcement message;
    while (pmx__announcement_receive(fd, &message) > 0)
        if (message.event.what == PROC_EVENT_NONE && message.header.ack == token + 1)
            return message.event.event_data.ack.err == 0;
    return false;
}

/* The privileged may have more than net.core.rmem_max. */
static void set_buffer(int fd)
{
    int size = BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int listen_on(int fd)
{
    static _Atomic uint32_t last_token;
    struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    uint32_t token = ((uint32_t)getpid() << 16) + ++last_token;
    set_buffer(fd);
    if (bind(fd, (struct sockaddr *)&group, sizeof(group)) < 0)
        return -EOPNOTSUPP;
    if (command(fd, PROC_CN_MCAST_LISTEN, token) < 0 || !is_answered(fd, token))
        return -EOPNOTSUPP;
    return 0;
}

static bool speaks_our_numbers(void)
{
    char target[sizeof(first_pid_namespace)] = "";
    ssize_t length = readlink("/proc/self/ns/pid", target, sizeof(target) - 1);
    return length > 0 && strcmp(target, first_pid_namespace) == 0;
}

static int open_socket(void)
{
    int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (!speaks_our_numbers())
        return -EOPNOTSUPP;
    int fd = pmx__syscall(socket(AF_NETLINK, type, NETLINK_CONNECTOR));
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        return fd;
    if (fd < 0)
        return -EOPNOTSUPP;
    int result = listen_on(fd);
    if (result < 0)
        close(fd);
    return result < 0 ? result : fd;
}

/* Old kernels speak on until they are told that nobody listens. */
static void close_socket(const struct connector *connector)
{
    if (connector->epoch == pmx__epoch())
        command(connector->watch.fd, PROC_CN_MCAST_IGNORE, 0);
    close(connector->watch.fd);
}

/* Lets pass what is asked for now. */
static int set_filter(struct connector *connector)
{
    uint32_t pids[PMX__ANNOUNCEMENT_PIDS];
    size_t count = 0;
    bool all = connector->trackers || connector->count > PMX__ANNOUNCEMENT_PIDS;
    for (struct pmx__list *at = connector->askers.next;
         !all && at != &connector->askers; at = at->next)
        pids[count++] = (uint32_t)asker_at(at)->pid;
    return pmx__announcement_filter(connector->watch.fd, all ? NULL : pids, count);
}

/*
 * Announcements.
 */

static void tell(struct pmx__queue *queue, struct connector *connector,
                 const struct proc_event *event)
{
    pid_t pid = pmx__announcement_pid(event);
    struct pmx__asker *asker =
        (struct pmx__asker *)pmx__intmap_get(&connector->by_pid, (uint64_t)pid);
    if (!asker)
        return;
    switch (event->what) {
    case PROC_EVENT_FORK:
        asker->forked(queue, asker, event->event_data.fork.child_tgid);
        break;
    case PROC_EVENT_EXEC:
        asker->executed(queue, asker);
        break;
    case PROC_EVENT_EXIT:
        asker->exited(queue, asker, (int)event->event_data.exit.exit_code);
        break;
    default:
        break;
    }
}

static void tell_of_loss(struct pmx__queue *queue, struct connector *connector)
{
    struct pmx__list *next;
    for (struct pmx__list *at = connector->askers.next; at != &connector->askers;
         at = next) {
        next = at->next;
        asker_at(at)->lost(queue, asker_at(at));
    }
}

static void free_connector(struct pmx__queue *queue, struct connector *connector)
{
    pmx__intmap_free(&connector->by_pid);
    free(connector);
    *pmx__set_place(queue, PMX__PLACE_CONNECTOR) = NULL;
}

static void close_if_idle(struct pmx__queue *queue, struct connector *connector)
{
    if (connector->count || connector->reading)
        return;
    pmx__set_unwatch(queue, &connector->watch);
    close_socket(connector);
    free_connector(queue, connector);
}

/* A loss is reported first, and goes on until all that is left has been read:
 * those who have come with that are told of it as well. */
static void read_all(struct pmx__queue *queue, struct connector *connector)
{
    struct pmx__announcement message;
    bool is_lost = false;
    int result;
    while ((result = pmx__announcement_receive(connector->watch.fd, &message)) != 0)
        if (result > 0)
            tell(queue, connector, &message.event);
        else
            is_lost = true;
    if (is_lost)
        tell_of_loss(queue, connector);
}

void pmx__connector_read(struct pmx__queue *queue)
{
    struct connector *connector = connector_of(queue);
    if (!connector || connector->reading)
        return;
    connector->reading = true;
    read_all(queue, connector);
    connector->reading = false;
    close_if_idle(queue, connector);
}

static void notice(struct pmx__queue *queue, struct pmx__watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    pmx__connector_read(queue);
}

/*
 * Askers.
 */

static int open_connector(struct pmx__queue *queue, struct connector *connector)
{
    int fd = open_socket();
    if (fd < 0)
        return fd;
    connector->epoch = pmx__epoch();
    connector->watch =
        (struct pmx__watch){.fd = fd, .events = EPOLLIN, .notice = notice};
    int result = pmx__set_watch(queue, &connector->watch);
    if (result < 0)
        close_socket(connector);
    return result;
}

static int need_connector(struct pmx__queue *queue, struct connector **connector)
{
    *connector = connector_of(queue);
    if (*connector)
        return 0;
    struct connector *fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    pmx__list_init(&fresh->askers);
    int result = open_connector(queue, fresh);
    if (result < 0) {
        free(fresh);
        return result;
    }
    *connector = *pmx__set_place(queue, PMX__PLACE_CONNECTOR) = fresh;
    return 0;
}

static int enter(struct connector *connector, struct pmx__asker *asker)
{
    uintptr_t *place = pmx__intmap_need(&connector->by_pid, (uint64_t)asker->pid);
    if (!place)
        return -ENOMEM;
    *place = (uintptr_t)asker;
    pmx__list_append(&connector->askers, &asker->link);
    connector->count++;
    connector->heeding += asker->heeds;
    asker->asks = true;
    return 0;
}

static void leave(struct connector *connector, struct pmx__asker *asker)
{
    pmx__intmap_remove(&connector->by_pid, (uint64_t)asker->pid);
    pmx__list_remove(&asker->link);
    connector->count--;
    connector->heeding -= asker->heeds;
    connector->trackers -= asker->tracks;
    asker->asks = false;
    asker->tracks = false;
}

/* Where somebody tracks, before and after, the filter lets pass all. */
static int set_tracks(struct connector *connector, struct pmx__asker *asker,
                      bool tracks)
{
    size_t trackers = connector->trackers;
    connector->trackers += (size_t)tracks - (size_t)asker->tracks;
    int result = trackers && connector->trackers ? 0 : set_filter(connector);
    if (result < 0)
        connector->trackers = trackers;
    else
        asker->tracks = tracks;
    return result;
}

static int add(struct connector *connector, struct pmx__asker *asker, bool tracks)
{
    int result = enter(connector, asker);
    if (result < 0)
        return result;
    result = set_tracks(connector, asker, tracks);
    if (result < 0)
        leave(connector, asker);
    return result;
}

/* What came before there was a filter was for nobody. */
static void discard_all(const struct connector *connector)
{
    struct pmx__announcement message;
    while (pmx__announcement_receive(connector->watch.fd, &message) != 0)
        continue;
}

int pmx__connector_ask(struct pmx__queue *queue, struct pmx__asker *asker, bool tracks)
{
    struct connector *connector;
    pmx__connector_read(queue);
    int result = need_connector(queue, &connector);
    if (result < 0)
        return result;
    bool is_first = connector->count == 0;
    result = asker->asks ? set_tracks(connector, asker, tracks)
                         : add(connector, asker, tracks);
    if (is_first)
        discard_all(connector);
    set_watch(queue, connector);
    if (result < 0)
        close_if_idle(queue, connector);
    return result;
}

void pmx__connector_heed(struct pmx__queue *queue, struct pmx__asker *asker, bool heeds)
{
    struct connector *connector = connector_of(queue);
    if (asker->asks && asker->heeds != heeds) {
        connector->heeding += (size_t)heeds - (size_t)asker->heeds;
        asker->heeds = heeds;
        set_watch(queue, connector);
    }
    asker->heeds = heeds;
}

void pmx__connector_remove(struct pmx__queue *queue, struct pmx__asker *asker)
{
    struct connector *connector = connector_of(queue);
    if (!asker->asks)
        return;
    leave(connector, asker);
    if (connector->count && !connector->trackers)
        set_filter(connector); /* else it lets too much pass, which is told apart */
    set_watch(queue, connector);
    close_if_idle(queue, connector);
}

void pmx__connector_shut(struct pmx__queue *queue, bool ours)
{
    struct connector *connector = connector_of(queue);
    if (!connector)
        return;
    if (ours)
        close_socket(connector);
    free_connector(queue, connector);
}
