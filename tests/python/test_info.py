"""python -m polymux info: the facts are those of the machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from polymux import _probes, info
from support import LIMIT, run_isolated

KERNEL = dict.fromkeys(dict(info._kernel()), "yes")


def facts(limit: int | None = None) -> dict[str, str]:
    def lower() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "polymux", "info"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        preexec_fn=lower,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert all(len(row) <= 100 for row in rows)
    return {row[:26].strip(): row[26:] for row in rows}


def test_facts_of_this_machine() -> None:
    found = facts(limit=100)
    uname = os.uname()
    assert found["system"] == f"{uname.sysname} {uname.release} {uname.machine}"
    assert found["open files"] == "100 now, up to 100"
    watches = Path("/proc/sys/fs/inotify/max_user_watches").read_text().strip()
    assert found["inotify watches"] == watches
    assert found["pidfd_open(2)"].startswith(("yes", "no ("))
    assert all(value for value in found.values())


@pytest.mark.parametrize("name", ["select", "poll", "epoll", "kqueue", "devpoll"])
def test_interface_stands_on_something_if_built(name: str) -> None:
    import polymux

    ground = dict(info.interfaces(KERNEL))[name]
    assert (ground != info.NOT_BUILT) is hasattr(polymux, name)


def test_epoll_waits_by_what_there_is() -> None:
    lacking = KERNEL | {"epoll_pwait2(2)": "no (ENOSYS)"}
    assert "epoll_pwait2(2)" in dict(info.interfaces(KERNEL))["epoll"]
    assert "ppoll(2)" in dict(info.interfaces(lacking))["epoll"]


def test_kqueue_learns_of_processes_from_what_there_is() -> None:
    lacking = {"exit status by pidfd": "no", "process connector": "no (EPERM)"}
    rich = dict(info.interfaces(KERNEL))
    poor = dict(info.interfaces(KERNEL | lacking))
    assert rich["  exits of processes"] == "pidfd_open(2), PIDFD_GET_INFO"
    assert rich["  forks and execs"] == "process connector"
    assert "until waited for" in poor["  exits of processes"]
    assert poor["  forks and execs"] == "nothing: no (EPERM)"
    none = dict(info.interfaces(KERNEL | {"pidfd_open(2)": "no (ENOSYS)"}))
    assert none["  exits of processes"] == "nothing: no (ENOSYS)"


def test_probes_say_what_the_kernel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _probes.setting("fs/no_such_limit") == _probes.UNKNOWN
    no_such_call = _probes._known(100_000)
    assert no_such_call == "no (ENOSYS)"
    assert _probes._system_call(_probes._EPOLL_PWAIT2, -1, 0, 0, 0, 0, 0) in (9, 22, 38)
    monkeypatch.setattr(_probes.platform, "machine", lambda: "mips64")
    assert _probes.epoll_pwait2() == _probes.UNKNOWN


def test_probes_without_ctypes() -> None:
    code = """
import sys
sys.modules["ctypes"] = None
from polymux import _probes
print(_probes.epoll_pwait2(), _probes.io_uring())
"""
    assert run_isolated(code) == "unknown unknown\n"
