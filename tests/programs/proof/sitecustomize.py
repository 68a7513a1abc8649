"""Each process says, when it ends, which `select` it had.

A user's sitecustomize like any other, so it proves in passing that those still
run below `python -m polymux`.
"""

import atexit
import os
import sys


def _say() -> None:
    select = sys.modules.get("select")
    line = f"{getattr(select, '__file__', None)}\n" if select else ""
    log = os.open(os.environ["PROGRAMS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    os.write(log, line.encode())
    os.close(log)


if "PROGRAMS_LOG" in os.environ:
    atexit.register(_say)
