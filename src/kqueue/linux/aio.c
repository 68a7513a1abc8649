/*
 * EVFILT_AIO: the ends of requests of POSIX asynchronous I/O. The C library tells
 * of them by a call in a thread of its own (SIGEV_THREAD), which may come when
 * the knote has long gone: what it is given is a number, good for one request,
 * that is looked up.
 *
 * Locks: a queue's, then that of the numbers. The call takes the second alone.
 */
#include <polymux/kqueue.h>

#include <aio.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../base/intmap.h"
#include "../../base/process_lock.h"
#include "../../base/result.h"
#include "../filter.h"
#include "filters.h"
#include "set.h"

/* A queue's requests. */
struct requests {
    struct pmx__watch watch; /* of an eventfd */
    struct pmx__list all;
};

struct request {
    struct pmx__knote knote;
    struct pmx__list link; /* in the queue's */
    uintptr_t number;
    int eventfd;

    /* The rest belongs to the lock. */
    bool is_done;
    bool is_enabled;
};

static void renew(bool was_held);

static struct pmx__process_lock lock = PMX__PROCESS_LOCK(renew);
static struct pmx__intmap by_number; /* number -> request */
static uintptr_t last_number;

/* No request of the parent's ends in a child. The table may be half changed. */
static void renew(bool was_held)
{
    (void)was_held;
    by_number = (struct pmx__intmap){0};
}

static struct request *request_of(struct pmx__knote *knote)
{
    return (struct request *)(void *)knote;
}

static struct requests *requests_of(struct pmx__queue *queue)
{
    return *pmx__set_place(queue, PMX__PLACE_AIO);
}

/*
 * The end of a request.
 */

static void finish(union sigval value)
{
    pmx__process_lock_take(&lock);
    struct request *request =
        (struct request *)pmx__intmap_get(&by_number, (uintptr_t)value.sival_ptr);
    if (request) {
        request->is_done = true;
        if (request->is_enabled)
            eventfd_write(request->eventfd, 1);
    }
    pmx__process_lock_release(&lock);
}

static bool is_done(const struct request *request)
{
    pmx__process_lock_take(&lock);
    bool done = request->is_done;
    pmx__process_lock_release(&lock);
    return done;
}

static void hear(struct pmx__queue *queue, struct requests *requests)
{
    eventfd_t value;
    eventfd_read(requests->watch.fd, &value);
    for (struct pmx__list *at = requests->all.next; at != &requests->all;
         at = at->next) {
        struct request *request = pmx__list_entry(at, struct request, link);
        if (is_done(request))
            pmx__set_raise(queue, &request->knote);
    }
}

static void notice(struct pmx__queue *queue, struct pmx__watch *watch, uint32_t events)
{
    (void)events;
    hear(queue, pmx__list_entry(watch, struct requests, watch));
}

/*
 * A queue's state.
 */

static int begin(struct pmx__queue *queue, struct requests *requests)
{
    int fd = pmx__syscall(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd < 0)
        return fd;
    pmx__list_init(&requests->all);
    requests->watch =
        (struct pmx__watch){.fd = fd, .events = EPOLLIN, .notice = notice};
    int result = pmx__set_watch(queue, &requests->watch);
    if (result < 0)
        close(fd);
    return result;
}

static int need_requests(struct pmx__queue *queue, struct requests **requests)
{
    void **place = pmx__set_place(queue, PMX__PLACE_AIO);
    if (!*place) {
        struct requests *fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
            return -ENOMEM;
        int result = begin(queue, fresh);
        if (result < 0) {
            free(fresh);
            return result;
        }
        *place = fresh;
    }
    *requests = *place;
    return 0;
}

/*
 * The filter.
 */

static int give_number(struct request *request)
{
    pmx__process_lock_take(&lock);
    request->number = ++last_number;
    uintptr_t *place = pmx__intmap_need(&by_number, request->number);
    if (place)
        *place = (uintptr_t)request;
    pmx__process_lock_release(&lock);
    return place ? 0 : -ENOMEM;
}

static void take_number(struct request *request)
{
    pmx__process_lock_take(&lock);
    pmx__intmap_remove(&by_number, request->number);
    pmx__process_lock_release(&lock);
}

/* It comes once: nobody tells when the application has taken the result, after
 * which it must not come again. */
static int attach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct request *request = request_of(knote);
    struct requests *requests;
    if (!knote->own)
        return -ENXIO;
    int result = need_requests(queue, &requests);
    if (result < 0)
        return result;
    knote->once = true;
    request->eventfd = requests->watch.fd;
    request->is_enabled = true;
    result = give_number(request);
    if (result < 0)
        return result;
    pmx__list_append(&requests->all, &request->link);
    ((struct aiocb *)knote->ident)->aio_sigevent = (struct sigevent){
        .sigev_notify = SIGEV_THREAD,
        .sigev_notify_function = finish,
        .sigev_value.sival_ptr = (void *)request->number,
    };
    return 0;
}

static int detach(struct pmx__queue *queue, struct pmx__knote *knote)
{
    struct request *request = request_of(knote);
    take_number(request);
    pmx__list_remove(&request->link);
    hear(queue, requests_of(queue));
    return 0;
}

static void enable(struct request *request, bool enabled)
{
    pmx__process_lock_take(&lock);
    request->is_enabled = enabled;
    pmx__process_lock_release(&lock);
}

static int arm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    enable(request_of(knote), true);
    if (is_done(request_of(knote)))
        pmx__knote_raise(queue, knote);
    return 0;
}

static void disarm(struct pmx__queue *queue, struct pmx__knote *knote)
{
    enable(request_of(knote), false);
    hear(queue, requests_of(queue));
}

static int collect(struct pmx__queue *queue, struct pmx__knote *knote,
                   struct pmx__report *report)
{
    (void)queue;
    if (!is_done(request_of(knote)))
        return 0;
    report->eof = true;
    report->data = aio_error((const struct aiocb *)knote->ident);
    return 1;
}

static void shut(struct pmx__queue *queue, bool ours)
{
    struct requests *requests = requests_of(queue);
    if (!requests)
        return;
    for (struct pmx__list *at = requests->all.next; at != &requests->all; at = at->next)
        take_number(pmx__list_entry(at, struct request, link));
    if (ours)
        close(requests->watch.fd);
    free(requests);
    *pmx__set_place(queue, PMX__PLACE_AIO) = NULL;
}

const struct pmx__filter pmx__aio = {
    .number = EVFILT_AIO,
    .size = sizeof(struct request),
    .attach = attach,
    .detach = detach,
    .arm = arm,
    .disarm = disarm,
    .collect = collect,
    .shut = shut,
};
