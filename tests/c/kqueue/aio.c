/* EVFILT_AIO: ends of requests of POSIX asynchronous I/O. */
#include <aio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"
#include "sleeper.h"

/* Four bytes at the beginning of a file, or from a pipe. */
struct transfer {
    struct aiocb request;
    char bytes[4];
};

static struct aiocb *describe(struct transfer *transfer, int fd)
{
    *transfer = (struct transfer){.request = {.aio_fildes = fd,
                                              .aio_buf = transfer->bytes,
                                              .aio_nbytes = sizeof(transfer->bytes)}};
    return &transfer->request;
}

static void write_data(int fd)
{
    CHECK_EQ_INT(write(fd, "data", 4), 4);
}

static int prepare(struct pmx_kqueue *queue, struct transfer *transfer, int fd)
{
    return pmx_kqueue_aio(queue, describe(transfer, fd), 0, TAG(5));
}

static void check_done(struct pmx_kqueue *queue, struct transfer *transfer, int error)
{
    struct pmx_kevent event = take(queue);
    CHECK_EVENT(&event, (uintptr_t)&transfer->request, EVFILT_AIO, EV_EOF, error);
    CHECK_EQ_UINT(event.fflags, 0);
    CHECK_EQ_PTR(event.udata, TAG(5));
    CHECK_EQ_INT(aio_error(&transfer->request), error);
}

/* A queue for requests that are submitted. */
static struct pmx_kqueue *open_queue_for_requests(void)
{
#ifdef __SANITIZE_THREAD__
    SKIP("ThreadSanitizer does not survive the C library's own threads");
#endif
    return open_queue();
}

static int drop(struct pmx_kqueue *queue, const struct transfer *transfer)
{
    return change(queue, (uintptr_t)&transfer->request, EVFILT_AIO, EV_DELETE);
}

TEST(reading_and_writing)
{
    struct transfer transfer;
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue_for_requests();
    CHECK_RETURNS(prepare(queue, &transfer, file), 0);
    CHECK_QUIET(queue);
    memcpy(transfer.bytes, "data", 4);
    CHECK_OK(aio_write(&transfer.request));
    check_done(queue, &transfer, 0);
    CHECK_EQ_INT(aio_return(&transfer.request), 4);
    CHECK_QUIET(queue);
    CHECK_ERRNO(drop(queue, &transfer), ENOENT);
    CHECK_OK(prepare(queue, &transfer, file));
    CHECK_OK(aio_read(&transfer.request));
    check_done(queue, &transfer, 0);
    CHECK_EQ_INT(aio_return(&transfer.request), 4);
    CHECK(memcmp(transfer.bytes, "data", 4) == 0);
    CHECK_OK(close(file));
    close_queue(queue);
}

TEST(it_comes_when_it_is_done)
{
    struct transfer transfer;
    int ends[2];
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &transfer, ends[0]));
    CHECK_OK(aio_read(&transfer.request));
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    write_data(ends[1]);
    check_shows(queue, 1);
    check_done(queue, &transfer, 0);
    check_shows(queue, 0);
    CHECK_EQ_INT(aio_return(&transfer.request), 4);
    close_both(ends);
    close_queue(queue);
}

TEST(data_is_the_error)
{
    struct transfer transfer;
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue_for_requests();
    CHECK_OK(prepare(queue, &transfer, file));
    transfer.request.aio_buf = (void *)1;
    CHECK_OK(aio_write(&transfer.request));
    check_done(queue, &transfer, EFAULT);
    CHECK_EQ_INT(aio_return(&transfer.request), -1);
    CHECK_OK(close(file));
    close_queue(queue);
}

TEST(synchronizing)
{
    struct transfer transfer;
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue_for_requests();
    CHECK_OK(prepare(queue, &transfer, file));
    CHECK_OK(aio_fsync(O_SYNC, &transfer.request));
    check_done(queue, &transfer, 0);
    CHECK_OK(close(file));
    close_queue(queue);
}

/* On FreeBSD it is there until aio_return(), which is not seen here. */
TEST(it_comes_once)
{
    struct transfer transfer;
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue_for_requests();
    CHECK_OK(prepare(queue, &transfer, file));
    CHECK_OK(aio_write(&transfer.request));
    check_done(queue, &transfer, 0);
    DIFFERENCE("the event of a request comes until aio_return()",
               "it comes once, as nobody tells of the call");
    CHECK_QUIET(queue);
    CHECK_OK(close(file));
    close_queue(queue);
}

TEST(not_by_hand)
{
    struct transfer transfer;
    struct pmx_kqueue *queue = open_queue();
    uintptr_t ident = (uintptr_t)describe(&transfer, 0);
    CHECK_ERRNO(change(queue, ident, EVFILT_AIO, EV_ADD), ENXIO);
    CHECK_EQ_INT(answer(queue, entry(ident, EVFILT_AIO, EV_ADD, 0, 0, 0)), ENXIO);
    CHECK_ERRNO(change(queue, ident, EVFILT_AIO, EV_ENABLE), ENOENT);
    CHECK_ERRNO(drop(queue, &transfer), ENOENT);
    close_queue(queue);
}

TEST(mistakes)
{
    struct transfer transfer;
    struct pmx_kqueue *queue = open_queue();
    static const unsigned flags[] = {EV_ADD, EV_DELETE, EV_DISABLE, EV_RECEIPT, EV_EOF};
    describe(&transfer, 0);
    CHECK_ERRNO(pmx_kqueue_aio(queue, NULL, 0, NULL), EINVAL);
    for (int i = 0; i < 5; i++)
        CHECK_ERRNO(pmx_kqueue_aio(queue, &transfer.request, (uint16_t)flags[i], NULL),
                    EINVAL);
    CHECK_OK(pmx_kqueue_shutdown(queue));
    CHECK_ERRNO(pmx_kqueue_aio(queue, &transfer.request, 0, NULL), EBADF);
    CHECK_EQ_INT(transfer.request.aio_sigevent.sigev_notify, SIGEV_SIGNAL);
    close_queue(queue);
}

TEST(manners_show)
{
    static const uint16_t manners[] = {EV_ONESHOT, EV_CLEAR, EV_DISPATCH};
    struct transfer transfer;
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_queue_for_requests();
    for (int i = 0; i < 3; i++) {
        describe(&transfer, file);
        CHECK_OK(pmx_kqueue_aio(queue, &transfer.request, manners[i], NULL));
        CHECK_OK(aio_write(&transfer.request));
        CHECK_EQ_UINT(take(queue).flags, EV_EOF | manners[i]);
        CHECK_ERRNO(drop(queue, &transfer), ENOENT);
    }
    CHECK_OK(close(file));
    close_queue(queue);
}

TEST(disabled)
{
    struct transfer transfer;
    int ends[2];
    uintptr_t ident = (uintptr_t)&transfer.request;
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &transfer, ends[0]));
    CHECK_OK(aio_read(&transfer.request));
    CHECK_OK(apply(queue, entry(ident, EVFILT_AIO, EV_DISABLE, 0, 0, TAG(5))));
    write_data(ends[1]);
    while (aio_error(&transfer.request) == EINPROGRESS)
        usleep(1000);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    CHECK_OK(apply(queue, entry(ident, EVFILT_AIO, EV_ENABLE, 0, 0, TAG(5))));
    check_done(queue, &transfer, 0);
    close_both(ends);
    close_queue(queue);
}

TEST(wakes_a_sleeper)
{
    struct transfer transfer;
    struct sleeper sleeper;
    int ends[2];
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &transfer, ends[0]));
    CHECK_OK(aio_read(&transfer.request));
    sleeper_start(&sleeper, queue, -1);
    write_data(ends[1]);
    sleeper_join(&sleeper);
    CHECK_EQ_INT(sleeper.result, 1);
    CHECK_EQ_UINT(sleeper.event.ident, (uintptr_t)&transfer.request);
    close_both(ends);
    close_queue(queue);
}

/* Cancelled while it waits behind another one. */
TEST(cancelled)
{
    struct transfer first, second;
    int ends[2];
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &first, ends[0]));
    CHECK_OK(prepare(queue, &second, ends[0]));
    CHECK_OK(aio_read(&first.request));
    CHECK_OK(aio_read(&second.request));
    CHECK_EQ_INT(aio_cancel(ends[0], &second.request), AIO_CANCELED);
    check_done(queue, &second, ECANCELED);
    write_data(ends[1]);
    check_done(queue, &first, 0);
    close_both(ends);
    close_queue(queue);
}

/* The end comes for nobody any more. */
static void finish_late(struct transfer *transfer, const int ends[2])
{
    write_data(ends[1]);
    while (aio_error(&transfer->request) == EINPROGRESS)
        usleep(1000);
    CHECK_EQ_INT(aio_return(&transfer->request), 4);
}

TEST(deleted_before_the_end)
{
    struct transfer transfer;
    int ends[2];
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &transfer, ends[0]));
    CHECK_OK(aio_read(&transfer.request));
    CHECK_OK(drop(queue, &transfer));
    finish_late(&transfer, ends);
    CHECK_QUIET(queue);
    check_shows(queue, 0);
    close_both(ends);
    close_queue(queue);
}

TEST(closed_before_the_end)
{
    struct transfer transfer;
    int ends[2];
    make_pipe(ends);
    for (int i = 0; i < 100; i++) {
        struct pmx_kqueue *queue = open_queue_for_requests();
        CHECK_OK(prepare(queue, &transfer, ends[0]));
        CHECK_OK(aio_read(&transfer.request));
        if (i % 2)
            write_data(ends[1]); /* about now */
        close_queue(queue);
        if (i % 2 == 0)
            write_data(ends[1]);
        while (aio_error(&transfer.request) == EINPROGRESS)
            usleep(100);
    }
    close_both(ends);
}

/* Prepared, and never submitted. */
TEST(taken_back)
{
    struct transfer transfer;
    struct pmx_kqueue *queue = open_queue();
    for (int i = 0; i < 3; i++)
        CHECK_OK(prepare(queue, &transfer, 0));
    CHECK_RETURNS(drop(queue, &transfer), 0);
    CHECK_ERRNO(drop(queue, &transfer), ENOENT);
    CHECK_OK(prepare(queue, &transfer, 0));
    close_queue(queue);
}

TEST(many)
{
    enum { COUNT = 200 };
    static struct transfer transfers[COUNT];
    int file = make_disk_file();
    bool seen[COUNT] = {false};
    struct pmx_kqueue *queue = open_queue_for_requests();
    for (int i = 0; i < COUNT; i++) {
        describe(&transfers[i], file)->aio_offset = i;
        CHECK_OK(pmx_kqueue_aio(queue, &transfers[i].request, 0, TAG(i)));
        CHECK_OK(aio_write(&transfers[i].request));
    }
    for (int left = COUNT; left; left--) {
        struct pmx_kevent event;
        CHECK_RETURNS(pmx_kqueue_control(queue, NULL, 0, &event, 1, TOO_LONG, NULL), 1);
        uintptr_t which = (uintptr_t)event.udata;
        CHECK_EQ_UINT(event.ident, (uintptr_t)&transfers[which].request);
        CHECK(!seen[which]);
        seen[which] = true;
        CHECK_EQ_INT(aio_return(&transfers[which].request), 4);
    }
    CHECK_QUIET(queue);
    CHECK_OK(close(file));
    close_queue(queue);
}

TEST(fork_leaves_the_parent_alone)
{
    struct transfer transfer;
    int ends[2];
    struct pmx_kqueue *queue = open_queue_for_requests();
    make_pipe(ends);
    CHECK_OK(prepare(queue, &transfer, ends[0]));
    CHECK_OK(aio_read(&transfer.request));
    pid_t child = CHECK_OK(fork());
    if (child == 0) {
        CHECK_ERRNO(pmx_kqueue_aio(queue, &transfer.request, 0, NULL), EBADF);
        pmx_kqueue_close(queue);
        _exit(0);
    }
    join_process(child);
    write_data(ends[1]);
    check_done(queue, &transfer, 0);
    close_both(ends);
    close_queue(queue);
}
