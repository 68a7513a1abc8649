"""Does one scenario over and over, for a profiler to watch.

    python repeat.py MODULE SCENARIO READY LOOPS

SCENARIO is a name as the table prints it, such as "epoll.poll(0)".
"""

import importlib
import sys

import scenarios


def main(module_name: str, name: str, ready: str, loops: str) -> None:
    module = importlib.import_module(module_name)
    scenario = next(known for known in scenarios.ALL if known.name == name)
    scenarios.allow_descriptors()
    with scenarios.descriptors(int(ready), scenario.first_fd) as fds:
        scenarios.timer(scenario, module, fds, int(ready)).timeit(int(loops))


if __name__ == "__main__":
    main(*sys.argv[1:])
