/* Trying again: see backoff.h. */
#include "backoff.h"

#include <string.h>

#include "condition.h"

#define FIRST_NS INT64_C(10000000)
#define MOST_NS  INT64_C(1000000000)

int backoff_wait(struct backoff *backoff, struct condition *condition)
{
    int64_t ns = backoff->next_ns ? backoff->next_ns : FIRST_NS;
    backoff->next_ns = ns * 2 < MOST_NS ? ns * 2 : MOST_NS;
    int result = condition_set_timer(condition, ns);
    if (result < 0)
        return condition_complain(condition, "no timer: %s", strerror(-result));
    return 0;
}
