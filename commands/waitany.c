/* waitany: ends with the first of its conditions. All else is in session.c. */
#include "session.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv, false);
}
