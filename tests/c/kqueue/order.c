/*
 * Which of the ready events come first: in the order in which they became
 * ready, and each in its turn however little room there is.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "queue.h"

enum { FEW = 4 };

/* Some pipes in one queue, their number in udata. */
struct row {
    struct pmx_kqueue *queue;
    int pipes[FEW][2];
};

static void row_open(struct row *row, unsigned flags)
{
    row->queue = open_queue();
    for (int i = 0; i < FEW; i++) {
        make_pipe(row->pipes[i]);
        CHECK_OK(apply(row->queue, entry((uintptr_t)row->pipes[i][0], EVFILT_READ,
                                         EV_ADD | flags, 0, 0, TAG(i))));
    }
}

static void row_close(struct row *row)
{
    close_queue(row->queue);
    for (int i = 0; i < FEW; i++)
        close_both(row->pipes[i]);
}

/* One call with this much room; the pipes come in this order, e.g. "201". */
static void check_order(struct row *row, int room, const char *order)
{
    char came[ROOM + 1] = "";
    struct pmx_kevent events[ROOM];
    int count =
        CHECK_OK(pmx_kqueue_control(row->queue, NULL, 0, events, room, 0, NULL));
    for (int i = 0; i < count; i++)
        came[i] = (char)('0' + (int)(uintptr_t)events[i].udata);
    CHECK_EQ_STR(came, order);
}

/* As FreeBSD was seen to do it. */
TEST(rotation)
{
    struct row row;
    row_open(&row, 0);
    for (int i = 0; i < FEW; i++)
        write_byte(row.pipes[i][1]);
    check_order(&row, 2, "01");
    check_order(&row, 2, "23");
    check_order(&row, 3, "012");
    check_order(&row, 3, "301");
    check_order(&row, ROOM, "2301");
    row_close(&row);
}

TEST(first_ready_first_served)
{
    struct row row;
    row_open(&row, 0);
    write_byte(row.pipes[2][1]);
    write_byte(row.pipes[0][1]);
    write_byte(row.pipes[1][1]);
    check_order(&row, ROOM, "201");
    check_order(&row, ROOM, "201");
    row_close(&row);
}

TEST(one_by_one)
{
    struct row row;
    row_open(&row, 0);
    for (int i = FEW - 1; i >= 0; i--)
        write_byte(row.pipes[i][1]);
    for (int i = 0; i < 3 * FEW; i++) {
        char order[2] = {(char)('3' - i % FEW), '\0'};
        check_order(&row, 1, order);
    }
    row_close(&row);
}

/* None of several one-shots is lost when there is room for one. */
TEST(oneshots_one_by_one)
{
    struct row row;
    row_open(&row, EV_ONESHOT);
    write_byte(row.pipes[3][1]);
    write_byte(row.pipes[1][1]);
    check_order(&row, 1, "3");
    check_order(&row, 1, "1");
    check_order(&row, 1, "");
    row_close(&row);
}

TEST(edges_one_by_one)
{
    struct row row;
    row_open(&row, EV_CLEAR);
    for (int i = 0; i < FEW; i++)
        write_byte(row.pipes[i][1]);
    check_order(&row, 1, "0");
    write_byte(row.pipes[0][1]); /* ready again, behind the others */
    check_order(&row, 2, "12");
    check_order(&row, 2, "30");
    check_order(&row, 2, "");
    row_close(&row);
}

/* Both filters on a socket that is ready for both; reading comes first. */
static void watch_both_ways(struct pmx_kqueue *queue, int pair[2])
{
    make_socketpair(pair);
    CHECK_OK(change(queue, (uintptr_t)pair[0], EVFILT_WRITE, EV_ADD));
    CHECK_OK(change(queue, (uintptr_t)pair[0], EVFILT_READ, EV_ADD));
    write_byte(pair[1]);
}

/* What was seen when a knote came into the line is old by the time it is its turn,
 * also where that comes early because the one before it is not ready any more. */
TEST(end_of_one_that_stands_in_line)
{
    int pairs[3][2];
    struct pmx_kevent events[3];
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 3; i++)
        watch_both_ways(queue, pairs[i]);
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, 3, 0, NULL), 3);
    CHECK_EVENT(&events[2], (uintptr_t)pairs[1][0], EVFILT_READ, 0, 1);
    fill(pairs[1][0]);
    CHECK_OK(close(pairs[2][1]));
    CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, 1, 0, NULL), 1);
    CHECK_EVENT(&events[0], (uintptr_t)pairs[2][0], EVFILT_READ, EV_EOF, 1);
    for (int i = 0; i < 3; i++)
        CHECK_OK(close(pairs[i][0]));
    for (int i = 0; i < 2; i++)
        CHECK_OK(close(pairs[i][1]));
    close_queue(queue);
}

/* Touched while it waits its turn behind others, an edge still comes once. */
TEST(edge_that_is_touched_in_the_line)
{
    struct row row;
    row_open(&row, 0);
    uintptr_t ident = (uintptr_t)row.pipes[3][0];
    struct pmx_kevent edge = entry(ident, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, TAG(3));
    CHECK_OK(change(row.queue, ident, EVFILT_READ, EV_DELETE));
    for (int i = 0; i < FEW; i++)
        write_byte(row.pipes[i][1]);
    check_order(&row, 1, "0");
    CHECK_OK(apply(row.queue, edge));
    check_order(&row, 1, "1");
    CHECK_OK(apply(row.queue, edge));
    check_order(&row, 1, "2");
    check_order(&row, 1, "0");
    check_order(&row, ROOM, "3120");
    check_order(&row, ROOM, "120");
    row_close(&row);
}

/* The same, where users' events take up the room while descriptors are seen. */
TEST(edge_that_is_touched_behind_users_events)
{
    struct row row;
    row_open(&row, EV_DISABLE);
    uintptr_t ident = (uintptr_t)row.pipes[2][0];
    for (unsigned i = 7; i <= 9; i++) {
        CHECK_OK(change(row.queue, i, EVFILT_USER, EV_ADD));
        CHECK_OK(apply(row.queue, entry(i, EVFILT_USER, 0, NOTE_TRIGGER, 0, TAG(i))));
    }
    write_byte(row.pipes[2][1]);
    struct pmx_kevent edge = entry(ident, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, TAG(2));
    CHECK_OK(change(row.queue, ident, EVFILT_READ, EV_DELETE));
    CHECK_OK(apply(row.queue, edge));
    check_order(&row, 3, "789");
    write_byte(row.pipes[1][1]);
    CHECK_OK(change(row.queue, (uintptr_t)row.pipes[1][0], EVFILT_READ, EV_ENABLE));
    CHECK_OK(apply(row.queue, edge));
    check_order(&row, 1, "2");
    check_order(&row, 3, "789");
    check_order(&row, 2, "07");
    row_close(&row);
}

/* Both ends of a socket pair; the events of the first one are 8 and 9. */
static void add_pair(const struct row *row, int pair[2])
{
    make_socketpair(pair);
    write_byte(pair[1]);
    uintptr_t ident = (uintptr_t)pair[0];
    CHECK_OK(apply(row->queue, entry(ident, EVFILT_WRITE, EV_ADD, 0, 0, TAG(9))));
    CHECK_OK(apply(row->queue, entry(ident, EVFILT_READ, EV_ADD, 0, 0, TAG(8))));
}

/* Several triggers between two retrievals are one event: also of an edge that waits
 * in line, as another's two events took up the room, while there is news of it. */
TEST(edge_left_in_the_line)
{
    struct row row;
    int pair[2];
    row_open(&row, EV_CLEAR);
    add_pair(&row, pair);
    write_byte(row.pipes[0][1]);
    check_order(&row, 2, "89");
    write_byte(row.pipes[0][1]);
    check_order(&row, 2, "08");
    check_order(&row, ROOM, "98");
    row_close(&row);
    close_both(pair);
}

/* The pipes have the room that the pair had, which is closed but for a copy. */
static void check_room_of_closed(struct row *row, const int pair[2])
{
    for (int i = 0; i < FEW; i++)
        write_byte(row->pipes[i][1]);
    int copy = CHECK_OK(dup(pair[0]));
    CHECK_OK(close(pair[0]));
    check_order(row, 3, "012");
    row_close(row);
    CHECK_OK(close(copy));
    CHECK_OK(close(pair[1]));
}

/* A second knote of a descriptor that was closed leaves its room to others. */
TEST(room_of_what_was_closed)
{
    struct row row;
    int pair[2];
    row_open(&row, 0);
    add_pair(&row, pair);
    CHECK_OK(change(row.queue, (uintptr_t)pair[0], EVFILT_WRITE, EV_DISABLE));
    check_room_of_closed(&row, pair);
}

/* The same where the other one stood in line before this was found out. */
TEST(room_of_what_was_closed_in_line)
{
    struct row row;
    int pair[2];
    row_open(&row, 0);
    make_socketpair(pair);
    CHECK_OK(change(row.queue, (uintptr_t)pair[0], EVFILT_READ, EV_ADD));
    CHECK_OK(change(row.queue, (uintptr_t)pair[0], EVFILT_WRITE, EV_ADD | EV_CLEAR));
    write_byte(pair[1]);
    CHECK_OK(change(row.queue, (uintptr_t)pair[0], EVFILT_READ, EV_DISABLE));
    check_room_of_closed(&row, pair);
}

/* So does an edge that was told of before its knote was disabled. */
TEST(room_of_what_is_disabled)
{
    struct row row;
    int pair[2], edges[2][2];
    row_open(&row, 0);
    add_pair(&row, pair);
    for (unsigned i = 0; i < 2; i++) {
        make_socketpair(edges[i]);
        uintptr_t ident = (uintptr_t)edges[i][0];
        CHECK_OK(change(row.queue, ident, EVFILT_READ, EV_ADD));
        CHECK_OK(apply(row.queue,
                       entry(ident, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0, TAG(i))));
    }
    CHECK_OK(change(row.queue, (uintptr_t)edges[0][0], EVFILT_WRITE, EV_DISABLE));
    check_order(&row, 3, "891");
    row_close(&row);
    close_both(pair);
    close_both(edges[0]);
    close_both(edges[1]);
}

/* What is over before its turn makes no gap. */
TEST(room_is_not_wasted)
{
    struct row row;
    row_open(&row, 0);
    for (int i = 0; i < FEW; i++)
        write_byte(row.pipes[i][1]);
    read_byte(row.pipes[0][0]);
    read_byte(row.pipes[1][0]);
    check_order(&row, 2, "23");
    row_close(&row);
}

/*
 * A socket with two events takes up the room for two, while another socket was
 * seen already: readable, writable. What is true when that one has its turn?
 */
struct turn {
    struct pmx_kqueue *queue;
    int first[2];
    int waiting[2];
};

static void turn_open(struct turn *turn)
{
    struct pmx_kevent events[ROOM];
    turn->queue = open_queue();
    make_socketpair(turn->first);
    make_socketpair(turn->waiting);
    write_byte(turn->first[1]);
    write_byte(turn->waiting[1]);
    for (int16_t filter = EVFILT_READ; filter >= EVFILT_WRITE; filter--)
        CHECK_OK(change(turn->queue, (uintptr_t)turn->first[0], filter, EV_ADD));
    for (int16_t filter = EVFILT_READ; filter >= EVFILT_WRITE; filter--)
        CHECK_OK(change(turn->queue, (uintptr_t)turn->waiting[0], filter, EV_ADD));
    CHECK_RETURNS(pmx_kqueue_control(turn->queue, NULL, 0, events, 2, 0, NULL), 2);
    event_of(events, 2, (uintptr_t)turn->first[0], EVFILT_READ);
    event_of(events, 2, (uintptr_t)turn->first[0], EVFILT_WRITE);
}

static void turn_close(struct turn *turn)
{
    close_queue(turn->queue);
    close_both(turn->first);
    CHECK_OK(close(turn->waiting[0]));
}

TEST(full_before_its_turn)
{
    struct turn turn;
    struct pmx_kevent events[ROOM];
    turn_open(&turn);
    fill(turn.waiting[0]);
    CHECK_RETURNS(pmx_kqueue_control(turn.queue, NULL, 0, events, 1, 0, NULL), 1);
    CHECK_EVENT(&events[0], (uintptr_t)turn.waiting[0], EVFILT_READ, 0, 1);
    take_count(turn.queue, events, 3);
    turn_close(&turn);
    CHECK_OK(close(turn.waiting[1]));
}

TEST(ended_before_its_turn)
{
    struct turn turn;
    struct pmx_kevent events[ROOM];
    turn_open(&turn);
    CHECK_OK(close(turn.waiting[1]));
    CHECK_RETURNS(pmx_kqueue_control(turn.queue, NULL, 0, events, 2, 0, NULL), 2);
    CHECK_EVENT(event_of(events, 2, (uintptr_t)turn.waiting[0], EVFILT_READ),
                (uintptr_t)turn.waiting[0], EVFILT_READ, EV_EOF, 1);
    CHECK_EQ_UINT(event_of(events, 2, (uintptr_t)turn.waiting[0], EVFILT_WRITE)->flags,
                  EV_EOF);
    turn_close(&turn);
}

TEST(users_events_in_the_order_of_their_triggers)
{
    static const uintptr_t order[] = {3, 1, 4, 2};
    struct pmx_kevent events[ROOM];
    struct pmx_kqueue *queue = open_queue();
    for (uintptr_t ident = 1; ident <= 4; ident++)
        CHECK_OK(change(queue, ident, EVFILT_USER, EV_ADD));
    for (int i = 0; i < 4; i++)
        CHECK_OK(trigger(queue, order[i]));
    for (int round = 0; round < 2; round++) {
        take_count(queue, events, 4);
        for (int i = 0; i < 4; i++)
            CHECK_EQ_UINT(events[i].ident, order[i]);
    }
    for (int i = 0; i < 8; i++) {
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, 1, 0, NULL), 1);
        CHECK_EQ_UINT(events[0].ident, order[i % 4]);
    }
    close_queue(queue);
}

/* Users' events, timers, files and pipes, all ready for ever: no one starves. */
TEST(no_filter_starves_another)
{
    enum { KINDS = 4, ROUNDS = 200 };
    int ends[2], file = make_disk_file(), seen[KINDS] = {0};
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent changes[] = {
        entry(1, EVFILT_USER, EV_ADD, 0, 0, TAG(0)),
        entry(1, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, NULL),
        entry(1, EVFILT_TIMER, EV_ADD, NOTE_ABSTIME, 1, TAG(1)),
        entry((uintptr_t)file, EVFILT_READ, EV_ADD, 0, 0, TAG(2)),
        entry(0, EVFILT_READ, EV_ADD, 0, 0, TAG(3)),
    };
    make_pipe(ends);
    write_byte(ends[1]);
    grow(file, 1);
    changes[4].ident = (uintptr_t)ends[0];
    CHECK_OK(pmx_kqueue_control(queue, changes, 5, NULL, 0, 0, NULL));
    for (int round = 0; round < ROUNDS; round++) {
        struct pmx_kevent event;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        seen[(uintptr_t)event.udata]++;
    }
    for (int kind = 0; kind < KINDS; kind++)
        CHECK_GE_INT(seen[kind], ROUNDS / KINDS / 4);
    close_queue(queue);
    CHECK_OK(close(file));
    close_both(ends);
}

/* No count of room is too large. */
TEST(boundless_room)
{
    struct row row;
    struct pmx_kevent events[ROOM];
    row_open(&row, 0);
    write_byte(row.pipes[1][1]);
    CHECK_RETURNS(pmx_kqueue_control(row.queue, NULL, 0, events, INT_MAX, -1, NULL), 1);
    CHECK_EQ_UINT(events[0].ident, row.pipes[1][0]);
    row_close(&row);
}

/* As much as there is room for, in one call, each exactly once. */
static void take_crowd(struct pmx_kqueue *queue, int count, int room)
{
    struct pmx_kevent *events = calloc((size_t)room, sizeof(*events));
    char *seen = calloc((size_t)count, 1);
    CHECK(events && seen);
    for (int taken = 0; taken < count;) {
        int wanted = count - taken < room ? count - taken : room;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, events, wanted, -1, NULL),
                      wanted);
        for (int i = 0; i < wanted; i++)
            CHECK_EQ_INT(seen[(uintptr_t)events[i].udata]++, 0);
        taken += wanted;
    }
    free(events);
    free(seen);
}

static void add_crowd(struct pmx_kqueue *queue, int *fds, int count, unsigned flags)
{
    for (int i = 0; i < count; i++) {
        fds[i] = CHECK_OK(eventfd(1, EFD_CLOEXEC));
        CHECK_OK(apply(queue, entry((uintptr_t)fds[i], EVFILT_READ, EV_ADD | flags, 0,
                                    0, TAG(i))));
    }
}

/* 5,000 descriptors, all ready: in one call, then in calls of 700 and of 1. */
TEST(thousands_of_descriptors)
{
    enum { CROWD = 5000 };
    static int fds[CROWD];
    if (limit_descriptors(CROWD + 100) < CROWD + 100)
        SKIP("this process may not open %d descriptors", CROWD + 100);
    struct pmx_kqueue *queue = open_queue();
    add_crowd(queue, fds, CROWD, 0);
    take_crowd(queue, CROWD, CROWD);
    take_crowd(queue, CROWD, CROWD);
    take_crowd(queue, CROWD, 700);
    take_crowd(queue, CROWD, 1);
    for (int i = 0; i < CROWD; i += 2)
        CHECK_OK(change(queue, (uintptr_t)fds[i], EVFILT_READ, EV_DELETE));
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(close(fds[i]));
    CHECK_QUIET(queue);
    close_queue(queue);
}

TEST(a_thousand_oneshots_in_one_call)
{
    enum { CROWD = 800 };
    int fds[CROWD];
    struct pmx_kqueue *queue = open_queue();
    if (limit_descriptors(CROWD + 100) < CROWD + 100)
        SKIP("this process may not open %d descriptors", CROWD + 100);
    add_crowd(queue, fds, CROWD, EV_ONESHOT);
    take_crowd(queue, CROWD, CROWD);
    CHECK_QUIET(queue);
    close_queue(queue);
    for (int i = 0; i < CROWD; i++)
        CHECK_OK(close(fds[i]));
}

/* Changes and events by the thousand in one call, with users' events. */
TEST(thousands_of_users_events)
{
    enum { CROWD = 3000 };
    struct pmx_kqueue *queue = open_queue();
    struct pmx_kevent *changes = calloc((size_t)2 * CROWD, sizeof(*changes));
    CHECK(changes);
    for (unsigned i = 0; i < CROWD; i++) {
        changes[i] = entry(i, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, TAG(i));
        changes[CROWD + i] = entry(i, EVFILT_USER, EV_KEEPUDATA, NOTE_TRIGGER, 0, NULL);
    }
    CHECK_RETURNS(pmx_kqueue_control(queue, changes, 2 * CROWD, NULL, 0, 0, NULL), 0);
    take_crowd(queue, CROWD, CROWD);
    CHECK_QUIET(queue);
    free(changes);
    close_queue(queue);
}
