/*
 * EVFILT_VNODE on what has a name but is no regular file or directory, and on
 * what has none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

TEST(named_pipe)
{
    struct tree tree;
    struct pmx_kqueue *queue = open_queue();
    tree_open(&tree);
    CHECK_OK(mkfifo("fifo", 0600));
    int fifo = CHECK_OK(open("fifo", O_RDWR | O_CLOEXEC));
    watch_notes(queue, fifo, CHANGES_NOTES);
    CHECK_OK(chmod("fifo", 0640));
    CHECK_NOTES(queue, fifo, NOTE_ATTRIB);
    CHECK_OK(rename("fifo", "renamed"));
    CHECK_NOTES(queue, fifo, NOTE_RENAME);
    CHECK_OK(unlink("renamed"));
    CHECK_NOTES(queue, fifo, NOTE_DELETE);
    close_queue(queue);
    CHECK_OK(close(fifo));
    tree_close(&tree);
}

/* The link itself, which leads nowhere. */
TEST(symbolic_link)
{
    struct tree tree;
    struct pmx_kqueue *queue = open_queue();
    tree_open(&tree);
    CHECK_OK(symlink("nowhere", "link"));
    int link_ = open_path("link");
    watch_notes(queue, link_, CHANGES_NOTES);
    touch_file("nowhere");
    CHECK_QUIET(queue);
    CHECK_OK(lchown("link", getuid(), getgid()));
    CHECK_NOTES(queue, link_, NOTE_ATTRIB);
    CHECK_OK(rename("link", "renamed"));
    CHECK_NOTES(queue, link_, NOTE_RENAME);
    CHECK_OK(unlink("renamed"));
    CHECK_NOTES(queue, link_, NOTE_DELETE);
    close_queue(queue);
    CHECK_OK(close(link_));
    tree_close(&tree);
}

/* A socket or device has a name too, which O_PATH opens. */
TEST(path_of_anything)
{
    struct pmx_kqueue *queue = open_queue();
    int device = open_path("/dev/null");
    watch_notes(queue, device, CHANGES_NOTES);
    CHECK_QUIET(queue);
    close_queue(queue);
    CHECK_OK(close(device));
}

TEST(what_is_no_file)
{
    int ends[2], pair[2];
    make_pipe(ends);
    make_socketpair(pair);
    struct pmx_kqueue *queue = open_queue(), *other = open_queue();
    int counter = CHECK_OK(eventfd(0, EFD_CLOEXEC));
    int device = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
    const int fds[] = {ends[0], ends[1], pair[0],
                       counter, device,  pmx_kqueue_fd(other)};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        uintptr_t ident = (uintptr_t)fds[i];
        struct pmx_kevent add =
            entry(ident, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0, TAG(7));
        CHECK_ERRNO(apply(queue, add), EINVAL);
        CHECK_EQ_INT(answer(queue, add), EINVAL);
        CHECK_ERRNO(change(queue, ident, EVFILT_VNODE, EV_ADD), EINVAL);
        CHECK_ERRNO(change(queue, ident, EVFILT_VNODE, EV_DELETE), ENOENT);
    }
    CHECK_ERRNO(change(queue, (uintptr_t)closed_fd(), EVFILT_VNODE, EV_ADD), EBADF);
    close_queue(other);
    close_queue(queue);
    close_both(ends);
    close_both(pair);
    CHECK_OK(close(counter));
    CHECK_OK(close(device));
}
