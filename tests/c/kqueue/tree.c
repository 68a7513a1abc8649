/* Files and directories with names: see tree.h. */
#include "tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void tree_open(struct tree *tree)
{
    *tree = (struct tree){"/tmp/kqueue-test-XXXXXX"};
    CHECK(mkdtemp(tree->path));
    CHECK_OK(chdir(tree->path));
}

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void tree_close(const struct tree *tree)
{
    CHECK_OK(chdir("/"));
    CHECK_OK(nftw(tree->path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
}

int new_file(const char *name, size_t size)
{
    int file = CHECK_OK(open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    CHECK_OK(ftruncate(file, (off_t)size));
    return file;
}

void new_directory(const char *name)
{
    CHECK_OK(mkdir(name, 0700));
}

int open_directory(const char *name)
{
    return CHECK_OK(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int open_path(const char *name)
{
    return CHECK_OK(open(name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

void touch_file(const char *name)
{
    CHECK_OK(close(CHECK_OK(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600))));
}

void watch_notes(struct pmx_kqueue *queue, int fd, uint32_t notes)
{
    struct pmx_kevent add =
        entry((uintptr_t)fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, notes, 0, NULL);
    CHECK_RETURNS(apply(queue, add), 0);
}
