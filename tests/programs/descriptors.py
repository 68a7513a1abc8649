"""Takes the descriptors below 1024, so that a program gets higher ones."""

import os
import resource

BEYOND = 1100


def take() -> list[int]:
    """Opens what is free below BEYOND; raises the soft limit to leave room."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < BEYOND:
        taken.append(os.dup(taken[0]))
    return taken
