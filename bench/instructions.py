"""Instructions in user space for one operation, counted by callgrind.

Unlike a time, the number hardly depends on the machine's other work. It is the
difference of two runs that differ only in how often they repeat, so that the
interpreter's start does not count.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

REPEAT = Path(__file__).with_name("repeat.py")
FEW, MANY = 1_000, 6_000


def _collected(module: str, scenario: str, ready: int, loops: int) -> int:
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"),
            *(sys.executable, REPEAT, module, scenario, str(ready), str(loops)),
        ],
        env={**os.environ, "PYTHONHASHSEED": "0"},
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
    many = _collected(module, scenario, ready, MANY)
    few = _collected(module, scenario, ready, FEW)
    return (many - few) / (MANY - FEW)
