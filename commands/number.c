/* Numbers: see number.h. */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, int least, int most, int *number)
{
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    long value = strtol(text, NULL, 10);
    *number = (int)value;
    return errno == 0 && value >= least && value <= most;
}
