/* The names of signals: see signals.h. */
#include "signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "number.h"

static const struct {
    int number;
    const char *name;
} named[] = {
    {SIGHUP, "HUP"},       {SIGINT, "INT"},   {SIGQUIT, "QUIT"},   {SIGILL, "ILL"},
    {SIGTRAP, "TRAP"},     {SIGABRT, "ABRT"}, {SIGBUS, "BUS"},     {SIGFPE, "FPE"},
    {SIGKILL, "KILL"},     {SIGUSR1, "USR1"}, {SIGSEGV, "SEGV"},   {SIGUSR2, "USR2"},
    {SIGPIPE, "PIPE"},     {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},   {SIGCHLD, "CHLD"},
    {SIGCONT, "CONT"},     {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"},   {SIGTTIN, "TTIN"},
    {SIGTTOU, "TTOU"},     {SIGURG, "URG"},   {SIGXCPU, "XCPU"},   {SIGXFSZ, "XFSZ"},
    {SIGVTALRM, "VTALRM"}, {SIGPROF, "PROF"}, {SIGWINCH, "WINCH"}, {SIGIO, "IO"},
    {SIGIO, "POLL"},       {SIGPWR, "PWR"},   {SIGSYS, "SYS"},
};

enum { NAMED = sizeof(named) / sizeof(*named) };

/* RTMIN, RTMIN+3; counted from the first that libc leaves to programs. */
static bool parse_realtime(const char *text, int *signal)
{
    int offset = 0;
    if (strncasecmp(text, "RTMIN", 5) != 0)
        return false;
    if (text[5] &&
        (text[5] != '+' || !number_parse(text + 6, 0, SIGRTMAX - SIGRTMIN, &offset)))
        return false;
    *signal = SIGRTMIN + offset;
    return true;
}

bool signal_parse(const char *text, int *signal)
{
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < NAMED; i++)
        if (strcasecmp(text, named[i].name) == 0) {
            *signal = named[i].number;
            return true;
        }
    return number_parse(text, 1, SIGRTMAX, signal) || parse_realtime(text, signal);
}

void signal_name(int signal, char name[SIGNAL_NAME_SIZE])
{
    for (size_t i = 0; i < NAMED; i++)
        if (named[i].number == signal) {
            snprintf(name, SIGNAL_NAME_SIZE, "SIG%s", named[i].name);
            return;
        }
    snprintf(name, SIGNAL_NAME_SIZE, "signal %d", signal);
}
