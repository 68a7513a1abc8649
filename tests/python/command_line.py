"""Runs programs by `python` and by `python -m polymux`, for the tests of both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support import LIMIT

SHOW = "import select; print('polymux' in repr(select), flush=True)\n"


def python(
    *words: str | Path, cwd: Path | None = None, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": "", **environment}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={k: v for k, v in variables.items() if v},
        input=text,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )


def polymux(
    *words: str | Path, cwd: Path | None = None, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return python("-m", "polymux", *words, cwd=cwd, text=text, **environment)


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
