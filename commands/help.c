/* What --help prints: see help.h. */
#include "help.h"

#include <stdio.h>

static const char conditions[] =
    "\n"
    "Conditions:\n"
    "  file:PATH       the path names something\n"
    "  changed:PATH    it was written, replaced, made, removed, or its attributes set\n"
    "  gone:PATH       the path names nothing\n"
    "  pid:N           the process has ended; says how\n"
    "  child:COMMAND   a command line of the shell, started here, has ended\n"
    "  -- COMMAND ...  the same for a program and its arguments, at the end\n"
    "  tcp:HOST:PORT   connections are accepted; IPv6 as in tcp:[::1]:80\n"
    "  listen:PORT     a TCP port of this host is listened on\n"
    "  signal:NAME     this command was sent the signal\n"
    "  timer:DURATION  so much time has passed\n"
    "  link:IF         the network interface is up and has a carrier\n"
    "  fd:N            the inherited descriptor can be read\n";

static const char options[] =
    "\n"
    "Options:\n"
    "  -t, --timeout DURATION  give up after that time, with status 124\n"
    "  -j, --json              print an object of JSON for each that fires\n"
    "  -f, --follow            go on, and print each time that one fires\n"
    "  -e, --exec COMMAND      run it in the shell for each that fires, which is\n"
    "                          in $WAIT_CONDITION, $WAIT_INDEX and $WAIT_EVENT\n"
    "  -c, --code              exit with the place, from 1, of the condition\n"
    "  -v, --verbose           say what serves each condition\n"
    "  -h, --help              print this\n"
    "  -V, --version           print the version\n"
    "\n"
    "A DURATION is as in 30s, 250ms, 1.5h or 1m30s; without a unit, seconds.\n"
    "\n"
    "Exit status: 0, or the condition's place with --code; 124 when the time is\n"
    "over; 125 when something is wrong.\n";

void help_print(bool all)
{
    const char *name = all ? "waitall" : "waitany";
    printf("Usage: %s [OPTION]... CONDITION... [-- COMMAND [ARG]...]\n"
           "Waits until %s, and prints which.\n%s%s",
           name, all ? "each condition has been true" : "a condition is true",
           conditions, options);
    printf("\n"
           "Examples:\n"
           "  %s -t 30s file:/run/ready gone:/run/lock\n"
           "  %s -t 1m tcp:localhost:5432 -- ./database\n",
           name, name);
}
