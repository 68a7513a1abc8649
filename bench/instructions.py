"""Instructions in user space for one operation, counted by callgrind.

Unlike a time, the number hardly depends on the machine's other work. It is the
difference of two runs that differ only in how often they repeat, so that the
interpreter's start does not count.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from programs import Program, Task

REPEAT = Path(__file__).with_name("repeat.py")
FEW, MANY = 1_000, 6_000


def _collected(command: Sequence[str | Path], text: str = "") -> int:
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *command,
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"callgrind failed:\n{done.stderr}")
    return int(found[1])


def per_operation(module: str, scenario: str, ready: int) -> float:
    """Instructions that one more operation costs."""
    command = (sys.executable, REPEAT, module, scenario, str(ready))
    many = _collected((*command, str(MANY)))
    few = _collected((*command, str(FEW)))
    return (many - few) / (MANY - FEW)


def per_task(program: Program, task: Task) -> float:
    """The same for a task of a C program."""
    many = _collected([program.path], task.line(MANY))
    few = _collected([program.path], task.line(FEW))
    return (many - few) / (MANY - FEW)
