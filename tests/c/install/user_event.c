/*
 * A program as it is written for a BSD: waits with kqueue for a pipe. Valid in
 * every C since 1989 and, under another name, in C++. It does what a configure
 * script does before it believes in kqueue: an error has to come back as an
 * entry.
 */
#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>

#include <stdio.h>
#include <unistd.h>

static int error_comes_back(int kq)
{
    struct kevent change, event;
    EV_SET(&change, -1, EVFILT_READ, EV_ADD, 0, 0, NULL);
    return kevent(kq, &change, 1, &event, 1, NULL) == 1 && event.flags & EV_ERROR;
}

static int pipe_is_ready(int kq, int fd)
{
    struct kevent change, event;
    struct timespec limit = {60, 0};
    EV_SET(&change, fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0, &limit);
    return kevent(kq, &change, 1, &event, 1, &limit) == 1 && event.data == 1 &&
           event.udata == &limit && event.filter == EVFILT_READ;
}

int main(void)
{
    int ends[2], kq = kqueue();
    if (kq < 0 || pipe(ends) < 0 || write(ends[1], "x", 1) != 1)
        return 2;
    if (!error_comes_back(kq) || !pipe_is_ready(kq, ends[0]) || close(kq) < 0)
        return 3;
    puts("event");
    return 0;
}
