/* The version of the library that a program really runs with. */
#include <polymux/api.h>

const char *pmx_version(void)
{
    return PMX_VERSION;
}
