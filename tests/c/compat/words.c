/* Opening, changing, checking: see words.h. */
#include "words.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support.h"

const struct timespec no_time = {0, 0};

struct kevent entry(uintptr_t ident, short filter, unsigned flags)
{
    struct kevent kevent;
    EV_SET(&kevent, ident, filter, (unsigned short)flags, 0, 0, NULL);
    return kevent;
}

int change(int kq, uintptr_t ident, short filter, unsigned flags)
{
    struct kevent wanted = entry(ident, filter, flags);
    return kevent(kq, &wanted, 1, NULL, 0, NULL);
}

int open_queue(void)
{
    int kq = CHECK_OK(kqueue1(O_CLOEXEC));
    CHECK_RETURNS(change(kq, 1, EVFILT_USER, EV_ADD | EV_CLEAR), 0);
    return kq;
}

int trigger(int kq)
{
    struct kevent wanted = entry(1, EVFILT_USER, 0);
    wanted.fflags = NOTE_TRIGGER;
    return kevent(kq, &wanted, 1, NULL, 0, NULL);
}

void check_works(int kq)
{
    struct kevent got;
    CHECK_RETURNS(trigger(kq), 0);
    CHECK_RETURNS(kevent(kq, NULL, 0, &got, 1, NULL), 1);
    CHECK_EQ_UINT(got.ident, 1);
    CHECK_EQ_INT(got.filter, EVFILT_USER);
    CHECK_RETURNS(kevent(kq, NULL, 0, &got, 1, &no_time), 0);
}

void check_is_none(int fd, int error)
{
    struct kevent got;
    CHECK_ERRNO(trigger(fd), error);
    CHECK_ERRNO(kevent(fd, NULL, 0, &got, 1, &no_time), error);
    CHECK_ERRNO(kevent(fd, NULL, 0, NULL, 0, NULL), error);
}

void let_it_notice(void)
{
    for (int i = 0; i < 100; i++)
        kevent(-1, NULL, 0, NULL, 0, NULL);
}

void end(int kq)
{
    CHECK_OK(close(kq));
    let_it_notice();
}

int shared_mappings(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps);
    while (fgets(line, sizeof(line), maps))
        count += strstr(line, "/dev/zero (deleted)") != NULL;
    CHECK(fclose(maps) == 0);
    return count;
}
