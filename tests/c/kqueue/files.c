/*
 * EVFILT_READ and EVFILT_WRITE on files and directories: what lies between
 * the offset and the end, asked again whenever the file is written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"

static void add(struct pmx_kqueue *queue, int fd, int16_t filter, uint32_t fflags)
{
    CHECK_OK(apply(queue, entry((uintptr_t)fd, filter, EV_ADD, fflags, 0, NULL)));
}

static void seek(int fd, off_t offset)
{
    CHECK_EQ_INT(lseek(fd, offset, SEEK_SET), offset);
}

/* The same file, opened once more, with an offset of its own. */
static int open_again(int fd, int flags)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return CHECK_OK(open(path, flags | O_CLOEXEC));
}

TEST(data_is_what_lies_ahead)
{
    int file = make_disk_file();
    uintptr_t ident = (uintptr_t)file;
    grow(file, 100);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 100);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 100);
    seek(file, 40);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 60);
    seek(file, 150);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, -50);
    seek(file, 0);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 100);
    read_bytes(file, 100);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Observed: from the end only writing brings it back, not the offset. */
TEST(seeking_back_from_the_end)
{
    int file = make_disk_file();
    uintptr_t ident = (uintptr_t)file;
    grow(file, 100);
    seek(file, 100);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    seek(file, 0);
    CHECK_QUIET(queue);
    write_byte(file);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 99);
    close_queue(queue);
    CHECK_OK(close(file));
}

TEST(growth_after_the_end)
{
    int file = make_disk_file(), writer = open_again(file, O_WRONLY | O_APPEND);
    uintptr_t ident = (uintptr_t)file;
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_QUIET(queue);
        check_shows(queue, false);
        write_bytes(writer, 20);
        check_shows(queue, true);
        CHECK_TAKES(queue, ident, EVFILT_READ, 0, 20);
        CHECK_TAKES(queue, ident, EVFILT_READ, 0, 20);
        read_bytes(file, 20);
    }
    close_queue(queue);
    CHECK_OK(close(writer));
    CHECK_OK(close(file));
}

TEST(growth_by_another_process)
{
    int file = make_disk_file();
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ_INT(pwrite(file, "7 bytes", 7, 0), 7);
        _exit(0);
    }
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 7);
    join_process(child);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Writing where it does not grow, at the end, changes nothing. */
TEST(writing_that_does_not_grow)
{
    int file = make_disk_file();
    grow(file, 10);
    seek(file, 10);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_EQ_INT(pwrite(file, "y", 1, 0), 1);
    CHECK_QUIET(queue);
    check_shows(queue, false);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Every descriptor of one inode goes by its own offset. */
TEST(two_descriptors_of_one_file)
{
    int file = make_disk_file(), other = open_again(file, O_RDONLY);
    struct pmx_kevent events[ROOM];
    grow(file, 10);
    seek(other, 4);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    add(queue, other, EVFILT_READ, 0);
    take_count(queue, events, 2);
    CHECK_EQ_INT(event_of(events, 2, (uintptr_t)file, EVFILT_READ)->data, 10);
    CHECK_EQ_INT(event_of(events, 2, (uintptr_t)other, EVFILT_READ)->data, 6);
    seek(file, 10);
    CHECK_TAKES(queue, (uintptr_t)other, EVFILT_READ, 0, 6);
    seek(other, 10);
    CHECK_QUIET(queue);
    grow(file, 1);
    take_count(queue, events, 2);
    CHECK_OK(close(other)); /* and the file is still watched through this one */
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 1);
    read_byte(file);
    CHECK_QUIET(queue);
    grow(file, 2);
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 2);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* One of two knotes of a file is deleted; the other still hears of it. */
TEST(deleting_one_of_two)
{
    int file = make_disk_file(), other = open_again(file, O_RDONLY);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    add(queue, other, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    CHECK_OK(change(queue, (uintptr_t)file, EVFILT_READ, EV_DELETE));
    grow(file, 3);
    CHECK_TAKES(queue, (uintptr_t)other, EVFILT_READ, 0, 3);
    close_queue(queue);
    CHECK_OK(close(other));
    CHECK_OK(close(file));
}

TEST(file_poll_is_ready_at_the_end)
{
    int file = make_disk_file();
    uintptr_t ident = (uintptr_t)file;
    struct pmx_kqueue *queue = open_queue();
    add(queue, file, EVFILT_READ, NOTE_FILE_POLL);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 0);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 0);
    grow(file, 5);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 5);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Observed: always, with data 0, whatever the manual page says. */
TEST(file_is_writable)
{
    int file = make_disk_file(), reader = open_again(file, O_RDONLY);
    struct pmx_kqueue *queue = open_queue();
    add(queue, file, EVFILT_WRITE, 0);
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_WRITE, 0, 0);
    grow(file, 100);
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_WRITE, 0, 0);
    CHECK_OK(change(queue, (uintptr_t)file, EVFILT_WRITE, EV_DELETE));
    add(queue, reader, EVFILT_WRITE, 0);
    CHECK_TAKES(queue, (uintptr_t)reader, EVFILT_WRITE, 0, 0);
    close_queue(queue);
    CHECK_OK(close(reader));
    CHECK_OK(close(file));
}

TEST(both_filters_on_a_file)
{
    int file = make_disk_file();
    struct pmx_kevent events[ROOM];
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    add(queue, file, EVFILT_WRITE, 0);
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_WRITE, 0, 0);
    grow(file, 1);
    take_count(queue, events, 2);
    CHECK_EQ_INT(event_of(events, 2, (uintptr_t)file, EVFILT_READ)->data, 1);
    CHECK_OK(change(queue, (uintptr_t)file, EVFILT_WRITE, EV_DELETE));
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 1);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Growth brings an EV_CLEAR knote back although it is not at the end. */
TEST(clear_on_growth)
{
    int file = make_disk_file();
    uintptr_t ident = (uintptr_t)file;
    grow(file, 5);
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(change(queue, ident, EVFILT_READ, EV_ADD | EV_CLEAR));
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 5);
    CHECK_QUIET(queue);
    grow(file, 3);
    CHECK_TAKES(queue, ident, EVFILT_READ, EV_CLEAR, 8);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(file));
}

TEST(directory)
{
    struct stat status;
    int fd = CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct pmx_kqueue *queue = open_watching(fd, EVFILT_READ, 0);
    CHECK_OK(fstat(fd, &status));
    CHECK_TAKES(queue, (uintptr_t)fd, EVFILT_READ, 0, status.st_size);
    close_queue(queue);
    CHECK_OK(close(fd));
}

/* A file whose last name is gone can still grow. */
TEST(removed_file)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/kqueue-removed-%d", getpid());
    int file = CHECK_OK(open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    CHECK_OK(unlink(path));
    CHECK_QUIET(queue);
    for (int i = 1; i <= 3; i++) {
        grow(file, 1);
        CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 1);
        read_byte(file);
        CHECK_QUIET(queue);
    }
    close_queue(queue);
    CHECK_OK(close(file));
}

static void check_grows(struct pmx_kqueue *queue, int file)
{
    CHECK_QUIET(queue);
    grow(file, 2);
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 2);
    read_bytes(file, 2);
    CHECK_QUIET(queue);
    check_shows(queue, false);
}

/* The last name to go is not the one that the file was opened by. */
TEST(removed_by_another_name)
{
    char name[64], other[64];
    snprintf(name, sizeof(name), "/tmp/kqueue-name-%d", getpid());
    snprintf(other, sizeof(other), "/tmp/kqueue-other-%d", getpid());
    int file = CHECK_OK(open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_OK(link(name, other));
    CHECK_OK(unlink(name));
    check_grows(queue, file);
    CHECK_OK(unlink(other));
    check_grows(queue, file);
    check_grows(queue, file);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* A file of memory, which has no name anywhere. */
TEST(memory_file)
{
    int file = make_file();
    uintptr_t ident = (uintptr_t)file;
    grow(file, 3);
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 3);
    seek(file, 2);
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 1);
    seek(file, 3);
    CHECK_QUIET(queue);
    CHECK_OK(ftruncate(file, 5));
    CHECK_TAKES(queue, ident, EVFILT_READ, 0, 2);
    close_queue(queue);
    CHECK_OK(close(file));
}

/* Linux before 6.13 tells of it. */
TEST(memory_file_that_is_written)
{
    int file = make_file();
    DIFFERENCE(
        "a file of memory that was read to its end is ready again when it is "
        "written",
        "what is written through the descriptor of memfd_create(2) may have to be "
        "asked for by a change, as Linux does not tell");
    struct pmx_kqueue *queue = open_watching(file, EVFILT_READ, 0);
    CHECK_QUIET(queue);
    grow(file, 3);
    CHECK_OK(change(queue, (uintptr_t)file, EVFILT_READ, EV_ENABLE));
    CHECK_TAKES(queue, (uintptr_t)file, EVFILT_READ, 0, 3);
    close_queue(queue);
    CHECK_OK(close(file));
}
