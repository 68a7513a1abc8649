/*
 * Random lives of a queue against the model: changes, bytes, ends, closed
 * numbers and their new owners; what comes is what has to come.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model.h"

enum { SEEDS = 500, STEPS = 600, FIRST_NUMBER = 300, FIRST_COPY = 500 };

struct life {
    struct random random;
    struct model model;
    struct pmx_kqueue *queue;
    int step;
    bool watched; /* by way of its descriptor */
};

static unsigned choose(struct life *life, unsigned below)
{
    return random_below(&life->random, below);
}

static void drop(int *fd)
{
    if (*fd >= 0)
        CHECK_OK(close(*fd));
    *fd = -1;
}

/* Reads all that there is, if anything. */
static void drain(int fd)
{
    char block[4096];
    int flags = CHECK_OK(fcntl(fd, F_GETFL));
    CHECK_OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    while (read(fd, block, sizeof(block)) > 0)
        continue;
    CHECK_OK(fcntl(fd, F_SETFL, flags));
}

/* A pipe or a socket pair, whose watched end gets the number. */
static void open_fd(struct model_fd *fd)
{
    int ends[2];
    if (fd->socket)
        make_socketpair(ends);
    else
        make_pipe(ends);
    CHECK_OK(dup3(ends[0], fd->number, O_CLOEXEC));
    CHECK_OK(close(ends[0]));
    fd->peer = ends[1];
    fd->open = true;
}

/* The numbers are out of the way of all that are given out meanwhile. */
static void live(struct life *life, uint64_t seed)
{
    *life = (struct life){
        .random = {seed},
        .queue = open_queue(),
        .watched = seed % 2,
    };
    for (unsigned i = 0; i < MODEL_FDS; i++) {
        struct model_fd *fd = &life->model.fds[i];
        *fd = (struct model_fd){
            .number = FIRST_NUMBER + (int)i, .copy = -1, .socket = i % 2};
        open_fd(fd);
    }
}

static void end_life(struct life *life)
{
    close_queue(life->queue);
    for (unsigned i = 0; i < MODEL_FDS; i++) {
        struct model_fd *fd = &life->model.fds[i];
        if (fd->open)
            drop(&fd->number);
        drop(&fd->peer);
        drop(&fd->copy);
    }
}

/* Writing ends of pipes are not watched, nor edges of writing. */
static bool is_watched(const struct model *model, unsigned knote, unsigned flags)
{
    if (model_filter(knote) != EVFILT_WRITE)
        return true;
    return model->fds[knote % MODEL_FDS].socket && !(flags & EV_CLEAR);
}

static unsigned random_flags(struct life *life)
{
    static const unsigned flags[] = {EV_ADD,
                                     EV_ADD | EV_CLEAR,
                                     EV_ADD | EV_ONESHOT,
                                     EV_ADD | EV_DISPATCH,
                                     EV_ADD,
                                     EV_ADD | EV_CLEAR,
                                     EV_ADD | EV_DISABLE,
                                     EV_ADD | EV_ENABLE,
                                     EV_DELETE,
                                     EV_ENABLE,
                                     EV_ENABLE,
                                     EV_DISABLE,
                                     0,
                                     EV_CLEAR | EV_ADD | EV_DISPATCH,
                                     EV_ADD | EV_DELETE,
                                     EV_KEEPUDATA,
                                     EV_KEEPUDATA | EV_ENABLE,
                                     EV_FORCEONESHOT};
    return flags[choose(life, sizeof(flags) / sizeof(flags[0]))];
}

/* EV_CLEAR in a touch of a user's event would reset it: another test's matter. */
static void random_change(struct life *life)
{
    unsigned knote = choose(life, MODEL_KNOTES);
    unsigned flags = random_flags(life);
    bool is_user = model_filter(knote) == EVFILT_USER;
    if (!is_watched(&life->model, knote, flags))
        return;
    if (is_user && life->model.knotes[knote].exists)
        flags &= ~(unsigned)EV_CLEAR;
    struct pmx_kevent wanted =
        entry(model_ident(&life->model, knote), model_filter(knote), flags,
              is_user && choose(life, 2) ? NOTE_TRIGGER : 0, is_user ? life->step : 0,
              TAG(life->step));
    if (is_user && !life->model.knotes[knote].exists)
        wanted.fflags = 0;
    bool may_pass = model_may_pass(&life->model, knote, &wanted);
    int expected = model_change(&life->model, knote, &wanted);
    errno = 0;
    int result = apply(life->queue, wanted);
    if ((result < 0 ? errno : 0) != expected && !(may_pass && result == 0))
        FAIL("change of %ju, filter %d, flags %#x: errno is %d, not %d",
             (uintmax_t)wanted.ident, wanted.filter, flags, errno, expected);
}

static void some_bytes(struct life *life, struct model_fd *fd, unsigned index)
{
    if (fd->peer < 0)
        return;
    write_bytes(fd->peer, 1 + choose(life, 5));
    model_news(&life->model, index);
}

static void read_some(struct life *life, struct model_fd *fd)
{
    char bytes[8];
    CHECK_OK(fcntl(fd->number, F_SETFL, O_NONBLOCK));
    if (read(fd->number, bytes, 1 + choose(life, sizeof(bytes))) < 0)
        CHECK_EQ_INT(errno, EAGAIN);
}

/* The peer leaves, having read all: a reset is another test's matter. */
static void hang_up(struct life *life, struct model_fd *fd, unsigned index)
{
    if (fd->peer < 0)
        return;
    if (fd->socket)
        drain(fd->peer);
    drop(&fd->peer);
    model_news(&life->model, index);
}

static void stuff(struct model_fd *fd)
{
    if (fd->socket && fd->peer >= 0)
        fill(fd->number);
}

/* The number is closed, its open file perhaps not: a copy may keep it. */
static void close_number(struct life *life, struct model_fd *fd, unsigned index)
{
    if (fd->copy < 0 && choose(life, 2))
        fd->copy = CHECK_OK(fcntl(fd->number, F_DUPFD_CLOEXEC, FIRST_COPY));
    CHECK_OK(close(fd->number));
    fd->open = false;
    model_forget(&life->model, index);
    if (fd->copy < 0 || choose(life, 2))
        drop(&fd->peer);
}

static void reopen(struct life *life, struct model_fd *fd)
{
    drop(&fd->peer);
    if (choose(life, 2))
        drop(&fd->copy);
    open_fd(fd);
}

static void random_act(struct life *life)
{
    unsigned index = choose(life, MODEL_FDS), act = choose(life, 20);
    struct model_fd *fd = &life->model.fds[index];
    if (!fd->open) {
        if (act < 10)
            reopen(life, fd);
        return;
    }
    if (act < 8)
        some_bytes(life, fd, index);
    else if (act < 13)
        read_some(life, fd);
    else if (act == 13)
        drain(fd->number);
    else if (act == 14)
        hang_up(life, fd, index);
    else if (act == 15)
        stuff(fd);
    else if (act == 16 && fd->socket && fd->peer >= 0)
        drain(fd->peer);
    else if (act == 17)
        close_number(life, fd, index);
}

/* The knote of an event. */
static unsigned knote_of(const struct life *life, const struct pmx_kevent *event)
{
    for (unsigned i = 0; i < MODEL_KNOTES; i++)
        if (model_ident(&life->model, i) == event->ident &&
            model_filter(i) == event->filter)
            return i;
    FAIL("an event of ident %ju, filter %d, which nobody has", (uintmax_t)event->ident,
         event->filter);
}

static void check_collected(struct life *life, const struct pmx_kevent *event)
{
    struct pmx_kevent expected;
    unsigned knote = knote_of(life, event);
    if (!model_ready(&life->model, knote, &expected))
        FAIL("an event of ident %ju, filter %d, flags %#x, data %jd: there is none",
             (uintmax_t)event->ident, event->filter, event->flags,
             (intmax_t)event->data);
    CHECK_EQ_UINT(event->flags, expected.flags);
    CHECK_EQ_PTR(event->udata, expected.udata);
    if (event->filter != EVFILT_WRITE)
        CHECK_EQ_INT(event->data, expected.data);
    model_collected(&life->model, knote);
}

/* Which knotes have to come; returns how many. */
static int find_ready(const struct life *life, bool ready[MODEL_KNOTES])
{
    struct pmx_kevent unused;
    int count = 0;
    for (unsigned i = 0; i < MODEL_KNOTES; i++) {
        ready[i] = model_ready(&life->model, i, &unused);
        count += ready[i];
    }
    return count;
}

/* With room for all: each that has to come comes, once. */
static void collect_all(struct life *life)
{
    struct pmx_kevent events[MODEL_KNOTES + 1];
    bool ready[MODEL_KNOTES];
    find_ready(life, ready);
    int count = CHECK_OK(
        pmx_kqueue_control(life->queue, NULL, 0, events, MODEL_KNOTES + 1, 0, NULL));
    for (int i = 0; i < count; i++) {
        check_collected(life, &events[i]);
        CHECK(ready[knote_of(life, &events[i])]);
        ready[knote_of(life, &events[i])] = false;
    }
    for (unsigned i = 0; i < MODEL_KNOTES; i++)
        if (ready[i])
            FAIL("no event of ident %ju, filter %d, flags %#x",
                 (uintmax_t)model_ident(&life->model, i), model_filter(i),
                 life->model.knotes[i].flags);
    model_settle(&life->model);
}

/*
 * In half of the lives others watch the queue, and see whether there is anything
 * to take. What is left of closed numbers is gone when it was met in vain.
 */
static void check_seen(struct life *life)
{
    bool ready[MODEL_KNOTES];
    bool any = find_ready(life, ready) > 0;
    if (!life->watched)
        return;
    if (!any)
        CHECK_QUIET(life->queue);
    check_shows(life->queue, any);
}

/* With little room: as many as there is room for, each of them right. */
static void collect_some(struct life *life)
{
    struct pmx_kevent events[3];
    bool ready[MODEL_KNOTES];
    int room = (int)choose(life, 3) + 1, expected = find_ready(life, ready);
    int count =
        CHECK_OK(pmx_kqueue_control(life->queue, NULL, 0, events, room, 0, NULL));
    CHECK_EQ_INT(count, expected < room ? expected : room);
    for (int i = 0; i < count; i++)
        check_collected(life, &events[i]);
}

static void run(uint64_t seed)
{
    struct life life;
    live(&life, seed);
    for (life.step = 1; life.step <= STEPS; life.step++) {
        CONTEXT("seed %d, step %d", (int)seed, life.step);
        random_change(&life);
        random_act(&life);
        if (choose(&life, 3) == 0) {
            collect_all(&life);
            check_seen(&life);
        } else if (choose(&life, 4) == 0) {
            collect_some(&life);
        }
    }
    end_life(&life);
}

/* All seeds, or the one of $KQUEUE_SEED. */
TEST(what_comes_is_what_has_to_come)
{
    const char *chosen = getenv("KQUEUE_SEED");
    uint64_t first = chosen ? strtoull(chosen, NULL, 10) : 1;
    uint64_t last = chosen ? first : SEEDS;
    for (uint64_t seed = first; seed <= last; seed++)
        run(seed);
}
