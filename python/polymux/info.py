"""``python -m polymux info``: what this machine gives, and what stands on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping

import polymux
from polymux import _probes

NOT_BUILT = "not in this build"


def _machine() -> list[tuple[str, str]]:
    system = os.uname()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [
        ("polymux", polymux.__version__),
        ("Python", python),
        ("system", f"{system.sysname} {system.release} {system.machine}"),
    ]


def _kernel() -> list[tuple[str, str]]:
    return [
        ("epoll_pwait2(2)", _probes.epoll_pwait2()),
        ("pidfd_open(2)", _probes.pidfd()),
        ("exit status by pidfd", _probes.pidfd_exit_info()),
        ("process connector", _probes.process_connector()),
        ("io_uring_setup(2)", _probes.io_uring()),
    ]


def _limits() -> list[tuple[str, str]]:
    return [
        ("open files", _probes.open_files()),
        ("  per process, at most", _probes.setting("fs/nr_open")),
        ("  on the machine", _probes.setting("fs/file-max")),
        ("epoll registrations", _probes.setting("fs/epoll/max_user_watches")),
        ("inotify instances", _probes.setting("fs/inotify/max_user_instances")),
        ("inotify watches", _probes.setting("fs/inotify/max_user_watches")),
        ("inotify queued events", _probes.setting("fs/inotify/max_queued_events")),
    ]


def _stands_on(name: str, ground: str) -> tuple[str, str]:
    return name, ground if hasattr(polymux, name) else NOT_BUILT


def _processes(kernel: Mapping[str, str]) -> list[tuple[str, str]]:
    """What kqueue learns of processes from whom."""
    pidfd, connector = kernel["pidfd_open(2)"], kernel["process connector"]
    is_told = kernel["exit status by pidfd"] == _probes.YES
    known = "PIDFD_GET_INFO" if is_told else "status until waited for"
    exits = f"pidfd_open(2), {known}" if pidfd == _probes.YES else f"nothing: {pidfd}"
    forks = "process connector" if connector == _probes.YES else f"nothing: {connector}"
    return [("  exits of processes", exits), ("  forks and execs", forks)]


def interfaces(kernel: Mapping[str, str]) -> list[tuple[str, str]]:
    """What each interface stands on, given what the kernel was found to have."""
    has_exact = kernel["epoll_pwait2(2)"] == _probes.YES
    exact = "epoll_pwait2(2)" if has_exact else "ppoll(2)"
    kqueue = _stands_on("kqueue", "epoll(7), timerfd, inotify, signals, rtnetlink")
    return [
        _stands_on("select", "ppoll(2), pselect(2) where only it can tell"),
        _stands_on("poll", "ppoll(2)"),
        _stands_on("epoll", f"epoll(7), waits by {exact}"),
        _stands_on("devpoll", "epoll(7)"),
        kqueue,
        *(_processes(kernel) if kqueue[1] != NOT_BUILT else []),
    ]


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([title, *(f"  {name:<24}{value}" for name, value in rows)])


def table() -> str:
    """The whole report, a line for each fact."""
    kernel = _kernel()
    sections = {
        "this machine": _machine(),
        "the kernel gives": kernel,
        "limits": _limits(),
        "interfaces stand on": interfaces(dict(kernel)),
    }
    return "\n\n".join(_section(*section) for section in sections.items())


def main() -> int:
    """Prints the report; facts are no failures, so the status is 0."""
    print(table())
    return 0
