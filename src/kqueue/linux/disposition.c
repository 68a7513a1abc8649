/*
 * Dispositions: see disposition.h. Stands on sigaction(2). A handler of ours
 * counts and calls the application's, under the application's mask and flags.
 * It is installed in place of a handler, and where the signal is ignored, by
 * default or by SIG_IGN. Not where the default is to end or stop the process,
 * which no handler can do as well; nor where SIG_IGN does more than to ignore.
 *
 * A handler of the application's that was installed over ours may call it, as
 * the one that it has replaced. Then ours is within that handler, and calls the
 * one before.
 */
#include "disposition.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../../base/process_lock.h"
#include "deliveries.h"

/* What ours stands in for. Never changes: a handler may be reading it. */
struct chain {
    struct sigaction action;
    struct sigaction before; /* what it has replaced; SIG_IGN if nothing */
};

/* The application's handler that runs in this thread, called by ours; or that
 * ran, and was left by siglongjmp(3). */
struct running {
    int signal;
    const siginfo_t *info;
    const void *frame; /* of ours */
};

/* How far up the stack the kernel leaves what a handler is told. */
enum { FRAME_BYTES = 16384 };

static _Atomic(struct chain *) chains[PMX__SIGNALS + 1];
static __thread struct running running __attribute__((tls_model("initial-exec")));

static void renew(bool was_held);

/* The rest belongs to the lock. */
static struct pmx__process_lock lock = PMX__PROCESS_LOCK(renew);
static unsigned watchers[PMX__SIGNALS + 1];

/*
 * The handler.
 */

/* SA_SIGINFO says nothing: it stays when SA_RESETHAND has done its work. */
static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* Whether ours was called not by the kernel, but by the handler that it called:
 * that has passed on what it was told, or tells nothing at all. */
static bool is_within(int signal, const siginfo_t *info, const void *frame)
{
    if (running.signal != signal)
        return false;
    if (running.info == info)
        return running.frame != frame;
    uintptr_t distance = (uintptr_t)info - (uintptr_t)frame;
    return distance >= FRAME_BYTES || info->si_signo != signal;
}

static struct sigaction next_action(int signal, bool within)
{
    static const struct sigaction nothing = {.sa_handler = SIG_IGN};
    const struct chain *chain = chains[signal];
    if (!chain)
        return nothing;
    return within ? chain->before : chain->action;
}

static void call(const struct sigaction *action, int signal, siginfo_t *info,
                 void *context)
{
    if (!is_handler(action))
        return;
    if (action->sa_flags & SA_SIGINFO)
        action->sa_sigaction(signal, info, context);
    else
        action->sa_handler(signal);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    const void *frame = __builtin_frame_address(0);
    bool within = is_within(signal, info, frame);
    pmx__deliveries_enter();
    if (!within)
        pmx__deliveries_count(signal);
    struct sigaction action = next_action(signal, within);
    pmx__deliveries_leave();
    errno = saved;
    struct running outer = running;
    running = (struct running){signal, info, frame};
    call(&action, signal, info, context);
    running = outer;
}

/* In the child of a fork nobody watches any more. */
static void renew(bool was_held)
{
    (void)was_held;
    pmx__deliveries_renew();
    for (int signal = 1; signal <= PMX__SIGNALS; signal++)
        watchers[signal] = 0;
}

/*
 * Installing.
 */

static bool is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_signal;
}

static bool is_ignored_by_default(int signal)
{
    return signal == SIGCHLD || signal == SIGCONT || signal == SIGURG ||
           signal == SIGWINCH;
}

/* Children of a process that ignores their ends leave no zombies; and one that
 * ignores these two may use a terminal which is not its own to use. */
static bool is_more_than_ignored(int signal)
{
    return signal == SIGCHLD || signal == SIGTTIN || signal == SIGTTOU;
}

static bool may_stand_in(int signal, const struct sigaction *action)
{
    if (is_handler(action))
        return !is_ours(action);
    return action->sa_handler == SIG_IGN ? !is_more_than_ignored(signal)
                                         : is_ignored_by_default(signal);
}

/* What is ignored interrupts as little as a handler can. */
static struct sigaction ours_for(const struct sigaction *action)
{
    struct sigaction ours = *action;
    ours.sa_sigaction = on_signal;
    ours.sa_flags |= SA_SIGINFO;
    if (!is_handler(action))
        ours.sa_flags |= SA_RESTART | SA_ONSTACK;
    return ours;
}

/* From now on ours calls this action. */
static bool publish(int signal, const struct sigaction *action)
{
    static const struct sigaction nothing = {.sa_handler = SIG_IGN};
    struct chain *old = chains[signal], *chain = malloc(sizeof(*chain));
    if (!chain)
        return false;
    chain->action = *action;
    chain->before = old ? old->action : nothing;
    chains[signal] = chain;
    pmx__deliveries_await();
    free(old);
    return true;
}

static bool is_same(const struct sigaction *one, const struct sigaction *other)
{
    return one->sa_handler == other->sa_handler && one->sa_flags == other->sa_flags;
}

/* Another thread may install another handler in the meantime. */
static void stand_in(int signal)
{
    struct sigaction now, was;
    if (sigaction(signal, NULL, &now) < 0 || !may_stand_in(signal, &now))
        return;
    struct sigaction ours = ours_for(&now);
    if (!publish(signal, &now) || sigaction(signal, &ours, &was) < 0)
        return;
    if (!is_ours(&was) && !is_same(&was, &now))
        publish(signal, &was);
}

static void step_aside(int signal)
{
    struct sigaction now;
    const struct chain *chain = chains[signal];
    if (chain && sigaction(signal, NULL, &now) == 0 && is_ours(&now))
        sigaction(signal, &chain->action, NULL);
}

void pmx__disposition_prepare(void)
{
    pmx__process_lock_take(&lock);
    pmx__process_lock_release(&lock);
}

void pmx__disposition_watch(int signal)
{
    pmx__process_lock_take(&lock);
    if (watchers[signal]++ == 0)
        stand_in(signal);
    pmx__process_lock_release(&lock);
}

void pmx__disposition_unwatch(int signal)
{
    pmx__process_lock_take(&lock);
    if (--watchers[signal] == 0)
        step_aside(signal);
    pmx__process_lock_release(&lock);
}

void pmx__disposition_renew(uint64_t signals)
{
    pmx__process_lock_take(&lock);
    for (int signal = 1; signal <= PMX__SIGNALS; signal++)
        if (signals & pmx__signal_bit(signal))
            stand_in(signal);
    pmx__process_lock_release(&lock);
}
