/* waitall: ends when each of its conditions has been true. See session.c. */
#include "session.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv, true);
}
