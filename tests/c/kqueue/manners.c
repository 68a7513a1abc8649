/*
 * Two knotes of one descriptor, for reading and for writing, each in a manner
 * of its own: neither disturbs the other.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "queue.h"

/* How an event behaves, once it is there and stays. */
struct manner {
    const char *name;
    unsigned flags;
    int times;  /* that it comes; 3 stands for always */
    bool stays; /* the knote, when it has come */
};

static const struct manner level = {"level", 0, 3, true};
static const struct manner manners[] = {
    {"level", 0, 3, true},
    {"clear", EV_CLEAR, 1, true},
    {"oneshot", EV_ONESHOT, 1, false},
    {"dispatch", EV_DISPATCH, 1, true},
    {"disabled", EV_DISABLE, 0, true},
};
#define MANNERS (sizeof(manners) / sizeof(manners[0]))

/* A socket that is readable and writable, with a knote for each. */
struct pair {
    struct pmx_kqueue *queue;
    int ends[2];
    uintptr_t ident;
};

static void pair_open(struct pair *pair)
{
    make_socketpair(pair->ends);
    write_byte(pair->ends[1]);
    pair->queue = open_queue();
    pair->ident = (uintptr_t)pair->ends[0];
}

static void pair_close(struct pair *pair)
{
    close_queue(pair->queue);
    close_both(pair->ends);
}

static void add(struct pair *pair, int16_t filter, const struct manner *manner)
{
    CHECK_OK(change(pair->queue, pair->ident, filter, EV_ADD | manner->flags));
}

/* One collection: which of the two come. */
static void check_round(struct pair *pair, bool reads, bool writes)
{
    struct pmx_kevent events[ROOM];
    int count = CHECK_OK(collect(pair->queue, events));
    CHECK_EQ_INT(count, reads + writes);
    if (reads)
        event_of(events, count, pair->ident, EVFILT_READ);
    if (writes)
        event_of(events, count, pair->ident, EVFILT_WRITE);
}

static void check_rounds(struct pair *pair, const struct manner *in,
                         const struct manner *out)
{
    for (int round = 0; round < 3; round++)
        check_round(pair, round < in->times, round < out->times);
}

static void check_deletes(struct pair *pair, int16_t filter,
                          const struct manner *manner)
{
    int result = change(pair->queue, pair->ident, filter, EV_DELETE);
    CHECK_EQ_INT(result, manner->stays ? 0 : -1);
}

TEST_EACH(reads_beside_writes, const struct manner *in, manners)
{
    for (size_t i = 0; i < MANNERS; i++) {
        const struct manner *out = &manners[i];
        struct pair pair;
        CONTEXT("writing: %s", out->name);
        pair_open(&pair);
        add(&pair, EVFILT_READ, in);
        add(&pair, EVFILT_WRITE, out);
        check_rounds(&pair, in, out);
        check_deletes(&pair, EVFILT_READ, in);
        check_deletes(&pair, EVFILT_WRITE, out);
        check_round(&pair, false, false);
        pair_close(&pair);
    }
}

/* The other knote comes when the first one has had its turn. */
TEST_EACH(writes_join_later, const struct manner *in, manners)
{
    static const struct manner none = {"none", 0, 0, true};
    for (size_t i = 0; i < MANNERS; i++) {
        const struct manner *out = &manners[i];
        struct pair pair;
        CONTEXT("writing: %s", out->name);
        pair_open(&pair);
        add(&pair, EVFILT_READ, in);
        check_rounds(&pair, in, &none);
        add(&pair, EVFILT_WRITE, out);
        for (int round = 0; round < 3; round++)
            check_round(&pair, in->times == 3, round < out->times);
        pair_close(&pair);
    }
}

/* And it goes again, in each manner. */
TEST_EACH(reads_go_first, const struct manner *in, manners)
{
    struct pair pair;
    pair_open(&pair);
    add(&pair, EVFILT_READ, in);
    add(&pair, EVFILT_WRITE, &level);
    check_round(&pair, in->times > 0, true);
    check_deletes(&pair, EVFILT_READ, in);
    for (int round = 0; round < 3; round++)
        check_round(&pair, false, true);
    fill(pair.ends[0]);
    check_round(&pair, false, false);
    pair_close(&pair);
}

/* An edge of the one is no edge of the other. */
TEST(clear_both_ways)
{
    struct pair pair;
    char block[4096];
    pair_open(&pair);
    add(&pair, EVFILT_READ, &manners[1]);
    add(&pair, EVFILT_WRITE, &manners[1]);
    check_round(&pair, true, true);
    check_round(&pair, false, false);
    write_byte(pair.ends[1]);
    check_round(&pair, true, false);
    check_round(&pair, false, false);
    fill(pair.ends[0]);
    check_round(&pair, false, false);
    while (recv(pair.ends[1], block, sizeof(block), MSG_DONTWAIT) > 0)
        continue;
    check_round(&pair, false, true);
    check_round(&pair, false, false);
    pair_close(&pair);
}

/* New bytes while the level of the other filter keeps the descriptor busy. */
TEST(clear_beside_level)
{
    struct pair pair;
    pair_open(&pair);
    add(&pair, EVFILT_READ, &manners[1]);
    add(&pair, EVFILT_WRITE, &level);
    check_round(&pair, true, true);
    for (int i = 0; i < 3; i++) {
        check_round(&pair, false, true);
        write_byte(pair.ends[1]);
        check_round(&pair, true, true);
    }
    pair_close(&pair);
}

/* Disabling one leaves the other awake, and asleep in the descriptor. */
TEST(disable_one)
{
    struct pair pair;
    pair_open(&pair);
    add(&pair, EVFILT_READ, &level);
    add(&pair, EVFILT_WRITE, &level);
    CHECK_OK(change(pair.queue, pair.ident, EVFILT_WRITE, EV_DISABLE));
    check_round(&pair, true, false);
    CHECK_OK(change(pair.queue, pair.ident, EVFILT_READ, EV_DISABLE));
    check_round(&pair, false, false);
    check_shows(pair.queue, false);
    CHECK_OK(change(pair.queue, pair.ident, EVFILT_WRITE, EV_ENABLE));
    check_round(&pair, false, true);
    CHECK_OK(change(pair.queue, pair.ident, EVFILT_READ, EV_ENABLE));
    check_round(&pair, true, true);
    pair_close(&pair);
}

/* A hang-up, which epoll reports unasked, does not show through a disabled one. */
TEST(disabled_and_hung_up)
{
    struct pair pair;
    pair_open(&pair);
    add(&pair, EVFILT_READ, &manners[4]);
    add(&pair, EVFILT_WRITE, &manners[4]);
    CHECK_OK(close(pair.ends[1]));
    check_round(&pair, false, false);
    check_shows(pair.queue, false);
    CHECK_OK(change(pair.queue, pair.ident, EVFILT_READ, EV_ENABLE));
    check_round(&pair, true, false);
    close_queue(pair.queue);
    CHECK_OK(close(pair.ends[0]));
}

/* The same where the knote has told of it, and nobody had asked for the descriptor. */
TEST(dispatched_and_hung_up)
{
    struct pair pair;
    pair_open(&pair);
    const struct manner manner = {"", EV_DISPATCH | EV_CLEAR, 1, true};
    add(&pair, EVFILT_READ, &manner);
    CHECK_OK(close(pair.ends[1]));
    check_round(&pair, true, false);
    check_round(&pair, false, false);
    check_shows(pair.queue, false);
    check_round(&pair, false, false);
    check_shows(pair.queue, false);
    close_queue(pair.queue);
    CHECK_OK(close(pair.ends[0]));
}
