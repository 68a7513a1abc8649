/* A real refusal of a system call, by seccomp(2). */
#ifndef TESTS_SANDBOX_H
#define TESTS_SANDBOX_H

/*
 * From now on the system call fails with this errno in the calling thread and
 * all that it starts. Skips the test where filters can't be had.
 */
void refuse_system_call(long number, int error);

/* epoll_pwait2(2), as ENOSYS of an old kernel or EPERM of a sandbox. */
void refuse_epoll_pwait2(int error);

#endif
