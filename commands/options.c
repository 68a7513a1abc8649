/* The command line: see options.h. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polymux/api.h>

#include "condition.h"
#include "duration.h"
#include "help.h"
#include "messages.h"
#include "session.h"
#include "words.h"

enum { MOST_CODES = STATUS_TIMEOUT - 1 };

static const struct option longs[] = {
    {"timeout", required_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"follow", no_argument, NULL, 'f'},
    {"exec", required_argument, NULL, 'e'},
    {"code", no_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* "-": words that are no options come in their order; ":": we complain. */
static const char shorts[] = "-:t:jfe:cvhV";

static int set_timeout(struct options *options, const char *text)
{
    if (duration_parse(text, &options->timeout_ns))
        return PARSED;
    say("--timeout: %s: needs a duration, as in --timeout 30s or --timeout 1m30s",
        text);
    return STATUS_TROUBLE;
}

static int print_help(bool all)
{
    help_print(all);
    return fflush(stdout) == 0 ? 0 : STATUS_TROUBLE;
}

static int print_version(void)
{
    printf("%s (polymux) %s\n", program_invocation_short_name, PMX_VERSION);
    return fflush(stdout) == 0 ? 0 : STATUS_TROUBLE;
}

/* getopt(3) tells of a short option by its letter, of a long one by its word. */
static int explain(int option, char **argv)
{
    const char *word = argv[optind - 1], *name = program_invocation_short_name;
    char letter[] = {'-', (char)optopt, 0};
    bool is_short = optopt && strncmp(word, "--", 2) != 0;
    say("%s: %s; see %s --help", is_short ? letter : word,
        option == ':'         ? "needs an argument"
        : optopt && !is_short ? "takes no argument"
                              : "is no option, or may mean several",
        name);
    return STATUS_TROUBLE;
}

/* One option, or one word: PARSED or a status. */
static int take(struct session *session, int option, char **argv)
{
    struct options *options = &session->options;
    switch (option) {
    case 1:
        return word_add(session, optarg) ? PARSED : STATUS_TROUBLE;
    case 't':
        return set_timeout(options, optarg);
    case 'j':
        options->json = true;
        return PARSED;
    case 'f':
        options->follow = true;
        return PARSED;
    case 'e':
        options->exec = optarg;
        return PARSED;
    case 'c':
        options->code = true;
        return PARSED;
    case 'v':
        options->verbose = true;
        return PARSED;
    case 'h':
        return print_help(session->all);
    case 'V':
        return print_version();
    default:
        return explain(option, argv);
    }
}

/* What can be said only when all has been read. */
static int check(const struct session *session)
{
    if (session->count == 0) {
        say("there is nothing to wait for; name conditions, as in %s file:/run/ready "
            "timer:30s, or see --help",
            program_invocation_short_name);
        return STATUS_TROUBLE;
    }
    if (session->options.code && session->count > MOST_CODES) {
        say("--code: can tell %d conditions apart, not %d; use --json", MOST_CODES,
            session->count);
        return STATUS_TROUBLE;
    }
    return PARSED;
}

int options_parse(struct session *session, int argc, char **argv)
{
    int option, result = PARSED;
    session->options.timeout_ns = PMX_FOREVER;
    session->conditions = calloc((size_t)argc, sizeof(*session->conditions));
    if (!session->conditions) {
        say("out of memory");
        return STATUS_TROUBLE;
    }
    while (result == PARSED &&
           (option = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
        result = take(session, option, argv);
    if (result == PARSED && optind < argc && !word_add_command(session, argv + optind))
        result = STATUS_TROUBLE;
    return result == PARSED ? check(session) : result;
}
