/* Lines of output, for people or as JSON: see output.h. */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "condition.h"
#include "json.h"
#include "messages.h"

static void put_seconds(const struct session *session)
{
    int64_t ns = clock_now_ns() - session->began;
    printf("\"seconds\": %" PRId64 ".%09" PRId64 "}\n", ns / 1000000000,
           ns % 1000000000);
}

static void put_json(const struct condition *condition)
{
    const struct report *report = &condition->report;
    printf("{\"index\": %d, ", condition->index);
    json_put_string("condition", condition->word);
    json_put_string("kind", condition->kind->name);
    json_put_string("event", report->event);
    if (report->fact)
        printf("\"%s\": %" PRId64 ", ", report->fact, report->value);
    put_seconds(condition->session);
}

static int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    say("standard output: %s", strerror(errno));
    return -1;
}

int output_report(const struct condition *condition)
{
    if (condition->session->options.json)
        put_json(condition);
    else
        printf("%s %s\n", condition->word, condition->report.text);
    return flush();
}

int output_timeout(const struct session *session)
{
    if (!session->options.json)
        return 0;
    printf("{\"index\": null, \"condition\": null, \"event\": \"timeout\", ");
    put_seconds(session);
    return flush();
}
