/*
 * EVFILT_SIGNAL beside the application: its handlers, masks and decisions are
 * as they would be without the queue.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"

static int add_signal(struct pmx_kqueue *queue, int signal)
{
    return change(queue, (uintptr_t)signal, EVFILT_SIGNAL, EV_ADD);
}

#define CHECK_COUNTED(queue_, signal_, count_) \
    CHECK_TAKES(queue_, signal_, EVFILT_SIGNAL, EV_CLEAR, count_)

static struct sigaction action_of(int signal)
{
    struct sigaction action;
    CHECK_OK(sigaction(signal, NULL, &action));
    return action;
}

static volatile sig_atomic_t calls[4];

static void first(int signal)
{
    (void)signal;
    calls[1]++;
}

static void second(int signal)
{
    (void)signal;
    calls[2]++;
}

static void check_first_restored(void)
{
    struct sigaction action = action_of(SIGUSR1);
    CHECK(action.sa_handler == first);
    CHECK_EQ_INT(action.sa_flags & (SA_SIGINFO | SA_RESTART | SA_NODEFER),
                 SA_RESTART | SA_NODEFER);
    CHECK(sigismember(&action.sa_mask, SIGUSR2));
    CHECK(!sigismember(&action.sa_mask, SIGTERM));
}

static void install_first(void)
{
    struct sigaction action = {.sa_handler = first,
                               .sa_flags = SA_RESTART | SA_NODEFER};
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

TEST(delete_puts_it_back)
{
    struct pmx_kqueue *queue = open_queue();
    install_first();
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(raise(SIGUSR1));
    CHECK_OK(change(queue, SIGUSR1, EVFILT_SIGNAL, EV_DELETE));
    check_first_restored();
    close_queue(queue);
}

TEST(the_last_close_puts_it_back)
{
    struct pmx_kqueue *one = open_queue(), *two = open_queue();
    install_first();
    CHECK_OK(add_signal(one, SIGUSR1));
    CHECK_OK(add_signal(two, SIGUSR1));
    CHECK_OK(add_signal(two, SIGCHLD));
    close_queue(one);
    CHECK_OK(raise(SIGUSR1));
    CHECK_COUNTED(two, SIGUSR1, 1);
    close_queue(two);
    check_first_restored();
    CHECK(action_of(SIGCHLD).sa_handler == SIG_DFL);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ_INT(calls[1], 2);
}

/* What the application has decided since stays. */
TEST(nothing_is_put_back_over_a_decision)
{
    struct pmx_kqueue *queue = open_queue();
    install_first();
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(add_signal(queue, SIGCHLD));
    signal(SIGUSR1, second);
    signal(SIGCHLD, SIG_IGN);
    close_queue(queue);
    CHECK(action_of(SIGUSR1).sa_handler == second);
    CHECK(action_of(SIGCHLD).sa_handler == SIG_IGN);
}

/* What the kernel does itself, and no handler in its place. */
TEST(defaults_and_the_terminals_are_left_alone)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGTTOU, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    CHECK_OK(add_signal(queue, SIGTTOU));
    CHECK_OK(add_signal(queue, SIGCHLD));
    CHECK_OK(add_signal(queue, SIGTERM));
    CHECK_OK(add_signal(queue, SIGTSTP));
    DIFFERENCE("ignored SIGTTIN and SIGTTOU count",
               "they do not, as to ignore them lets a process use its terminal from "
               "the background, which no handler does");
    CHECK_OK(raise(SIGTTOU));
    CHECK_QUIET(queue);
    CHECK(action_of(SIGTTOU).sa_handler == SIG_IGN);
    CHECK(action_of(SIGCHLD).sa_handler == SIG_IGN);
    CHECK(action_of(SIGTERM).sa_handler == SIG_DFL);
    CHECK(action_of(SIGTSTP).sa_handler == SIG_DFL);
    close_queue(queue);
}

TEST(ignored_is_put_back)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR1, SIG_IGN);
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(raise(SIGUSR1));
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
    CHECK(action_of(SIGUSR1).sa_handler == SIG_IGN);
}

TEST(a_handler_installed_later)
{
    struct pmx_kqueue *queue = open_queue();
    install_first();
    CHECK_OK(add_signal(queue, SIGUSR1));
    signal(SIGUSR1, second);
    DIFFERENCE("a signal counts whenever its handler was installed",
               "one whose handler was installed after the registration counts from "
               "the next wait on, as nobody tells of sigaction()");
    CHECK_OK(raise(SIGUSR1));
    CHECK_QUIET(queue);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ_INT(calls[1], 0);
    CHECK_EQ_INT(calls[2], 2);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
    CHECK(action_of(SIGUSR1).sa_handler == second);
}

TEST(a_first_handler_installed_later)
{
    struct pmx_kqueue *queue = open_queue();
    CHECK_OK(add_signal(queue, SIGTERM));
    signal(SIGTERM, second);
    CHECK_QUIET(queue);
    CHECK_OK(raise(SIGTERM));
    CHECK_EQ_INT(calls[2], 1);
    CHECK_COUNTED(queue, SIGTERM, 1);
    signal(SIGTERM, SIG_DFL);
    CHECK_QUIET(queue);
    CHECK(action_of(SIGTERM).sa_handler == SIG_DFL);
    close_queue(queue);
}

/* Handlers that call the one they have replaced. */
static struct sigaction replaced;

static void call_replaced(int signal)
{
    calls[2]++;
    replaced.sa_handler(signal);
}

static void pass_on(int signal, siginfo_t *info, void *context)
{
    calls[3]++;
    replaced.sa_sigaction(signal, info, context);
}

static void check_chain(const struct sigaction *action, int which)
{
    struct pmx_kqueue *queue = open_queue();
    install_first();
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(sigaction(SIGUSR1, action, &replaced));
    for (int i = 1; i <= 3; i++) {
        CHECK_OK(raise(SIGUSR1)); /* at first ours is called by it */
        CHECK_EQ_INT(calls[which], i);
        CHECK_EQ_INT(calls[1], i);
        CHECK_COUNTED(queue, SIGUSR1, 1); /* then it by ours, and ours again */
    }
    close_queue(queue);
}

TEST(a_handler_that_calls_ours)
{
    struct sigaction action = {.sa_handler = call_replaced};
    check_chain(&action, 2);
}

TEST(a_handler_that_passes_all_on)
{
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO};
    check_chain(&action, 3);
}

/* What a handler is told. */
static siginfo_t told;
static void *told_context;

static void remember(int signal, siginfo_t *info, void *context)
{
    CHECK_EQ_INT(signal, SIGUSR1);
    told = *info;
    told_context = context;
}

TEST(a_handler_is_told_everything)
{
    struct pmx_kqueue *queue = open_queue();
    struct sigaction action = {.sa_sigaction = remember, .sa_flags = SA_SIGINFO};
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1234}));
    CHECK_EQ_INT(told.si_value.sival_int, 1234);
    CHECK_EQ_INT(told.si_code, SI_QUEUE);
    CHECK_EQ_INT(told.si_pid, getpid());
    CHECK(told_context);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
}

static volatile sig_atomic_t mask_was_right;

static void check_mask(int signal)
{
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    mask_was_right = sigismember(&now, signal) && sigismember(&now, SIGUSR2) &&
                     !sigismember(&now, SIGTERM);
}

/* What runs is ThreadSanitizer's handler, which calls another one when it sees
 * fit. */
static void need_real_handlers(void)
{
#ifdef __SANITIZE_THREAD__
    SKIP("ThreadSanitizer runs handlers later, and keeps mask and errno from them");
#endif
}

TEST(a_handler_has_its_mask)
{
    need_real_handlers();
    struct pmx_kqueue *queue = open_queue();
    struct sigaction action = {.sa_handler = check_mask};
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(raise(SIGUSR1));
    CHECK(mask_was_right);
    CHECK(!signal_is_blocked(SIGUSR1));
    CHECK(!signal_is_blocked(SIGUSR2));
    close_queue(queue);
}

static void set_errno(int signal)
{
    (void)signal;
    errno = ENOTTY; /* NOLINT(bugprone-signal-handler,cert-sig30-c): its own */
}

TEST(errno_is_the_handlers_business)
{
    need_real_handlers();
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR1, first);
    CHECK_OK(add_signal(queue, SIGUSR1));
    errno = ESRCH;
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ_INT(errno, ESRCH);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    signal(SIGUSR1, set_errno);
    CHECK_QUIET(queue);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ_INT(errno, ENOTTY);
    close_queue(queue);
}

TEST(a_handler_for_once)
{
    struct pmx_kqueue *queue = open_queue();
    struct sigaction action = {.sa_handler = first, .sa_flags = (int)SA_RESETHAND};
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ_INT(calls[1], 1);
    CHECK_COUNTED(queue, SIGUSR1, 1);
    CHECK(action_of(SIGUSR1).sa_handler == SIG_DFL);
    close_queue(queue);
    CHECK(action_of(SIGUSR1).sa_handler == SIG_DFL);
}

static sigjmp_buf back;

static void jump(int signal)
{
    (void)signal;
    calls[1]++;
    siglongjmp(back, 1);
}

static void raise_and_jump(void)
{
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR1);
}

/* A handler that does not return is called no less the next time. */
TEST(a_handler_that_jumps)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR1, jump);
    CHECK_OK(add_signal(queue, SIGUSR1));
    for (int i = 1; i <= 5; i++) {
        raise_and_jump();
        CHECK_EQ_INT(calls[1], i);
        CHECK_COUNTED(queue, SIGUSR1, 1);
    }
    close_queue(queue);
}

/*
 * What happens where no handler is.
 */

static int status_of(pid_t child)
{
    int status;
    CHECK_EQ_INT(waitpid(child, &status, WUNTRACED), child);
    return status;
}

TEST(the_default_happens)
{
    static const int signals[] = {SIGTERM, SIGUSR1, SIGHUP, SIGALRM, SIGPIPE};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        pid_t child = CHECK_OK(fork());
        if (child == 0) {
            struct pmx_kqueue *queue = open_queue();
            CHECK_OK(add_signal(queue, signals[i]));
            raise(signals[i]);
            _exit(0);
        }
        CHECK_EQ_INT(status_of(child), signals[i]);
    }
}

TEST(a_stop_happens)
{
    DIFFERENCE("a signal that stops the process counts",
               "it does not, as no handler can stop it as the default does");
    pid_t child = CHECK_OK(fork());
    if (child == 0) {
        struct pmx_kqueue *queue = open_queue();
        CHECK_OK(add_signal(queue, SIGTSTP));
        CHECK_OK(add_signal(queue, SIGCONT));
        CHECK_OK(setpgid(0, 0));
        raise(SIGTSTP);
        CHECK_COUNTED(queue, SIGCONT, 1);
        close_queue(queue);
        _exit(0);
    }
    CHECK(WIFSTOPPED(status_of(child)));
    CHECK_OK(kill(child, SIGCONT));
    CHECK_EQ_INT(status_of(child), 0);
}

static void *wait_for_children(void *argument)
{
    struct pollfd nothing = {.fd = -1};
    int result = poll(&nothing, 1, -1);
    *(_Atomic int *)argument = result < 0 ? errno : 0;
    return NULL;
}

TEST(what_is_ignored_by_default_interrupts)
{
    struct pmx_kqueue *queue = open_queue();
    _Atomic int error = 0;
    CHECK_OK(add_signal(queue, SIGCHLD));
    pthread_t thread = start_thread(wait_for_children, &error);
    DIFFERENCE("a signal that is ignored by default interrupts nothing",
               "it interrupts calls that are never restarted, such as poll(), while a "
               "queue watches it");
    while (pthread_kill(thread, SIGCHLD) == 0 && !error)
        usleep(1000);
    join_thread(thread);
    CHECK_EQ_INT(error, EINTR);
    close_queue(queue);
}

/*
 * Forks and executions.
 */

TEST(a_child_has_the_handlers_alone)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGUSR1, first);
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(add_signal(queue, SIGCHLD));
    pid_t child = CHECK_OK(fork());
    if (child == 0) {
        CHECK_OK(raise(SIGUSR1));
        CHECK_EQ_INT(calls[1], 1);
        pmx_kqueue_close(queue);
        CHECK_OK(raise(SIGUSR1));
        CHECK_EQ_INT(calls[1], 2);
        struct pmx_kqueue *own = open_queue();
        CHECK_OK(add_signal(own, SIGUSR1));
        CHECK_OK(raise(SIGUSR1));
        CHECK_COUNTED(own, SIGUSR1, 1);
        CHECK_EQ_INT(calls[1], 3);
        close_queue(own);
        _exit(0);
    }
    join_process(child);
    CHECK_COUNTED(queue, SIGCHLD, 1); /* and nothing of the child's */
    CHECK_OK(raise(SIGUSR1));
    CHECK_COUNTED(queue, SIGUSR1, 1);
    close_queue(queue);
}

/* The masks in /proc/self/status: what is ignored, what is blocked. */
TEST(what_an_executed_program_inherits)
{
    struct pmx_kqueue *queue = open_queue();
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, first);
    CHECK_OK(add_signal(queue, SIGUSR1));
    CHECK_OK(add_signal(queue, SIGUSR2));
    CHECK_OK(add_signal(queue, SIGCHLD));
    CHECK_QUIET(queue);
    pid_t child = CHECK_OK(fork());
    if (child == 0) {
        const char *script = "while read name mask; do case $name in "
                             "SigIgn:) test $((0x$mask & 0x201)) = 1 || exit 1;; "
                             "SigBlk:) test $((0x$mask & 0x10a00)) = 0 || exit 2;; "
                             "esac; done </proc/self/status; exit 0";
        DIFFERENCE(
            "a program that the process executes inherits what is SIG_IGN",
            "not while a queue watches the signal, which is at its default then: "
            "a handler that counts stands in for SIG_IGN");
        execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
    }
    CHECK_EQ_INT(status_of(child), 0);
    close_queue(queue);
}
