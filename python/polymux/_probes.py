"""Asks the kernel what it gives, by trying; never by its version number.

Stands on Linux: ctypes for system calls that Python has no name for, /proc for
limits. What cannot be tried is "unknown", not guessed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import resource
import select
import socket
import struct
from pathlib import Path

UNKNOWN = "unknown"
YES = "yes"

_EPOLL_PWAIT2 = 441
_IO_URING_SETUP = 425
_OLD_NUMBERING = ("alpha", "mips", "ia64")

_PIDFD_GET_INFO = 0xC040FF0B
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO = struct.Struct("=QQ11IiQ")

_NETLINK_CONNECTOR = 11
_CN_IDX_PROC = _CN_VAL_PROC = 1
_PROC_CN_MCAST_LISTEN, _PROC_CN_MCAST_IGNORE = 1, 2
_ANSWER_SECONDS = 1.0


def _no(number: int | None) -> str:
    return f"no ({errno.errorcode.get(number or 0, number)})"


def _system_call(number: int, *arguments: int) -> int | None:
    """The errno of a system call, 0 if it succeeds, None where none can be made."""
    if platform.machine().startswith(_OLD_NUMBERING):
        return None
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syscall
    except (ImportError, OSError, AttributeError):
        return None
    words = [ctypes.c_long(word) for word in (number, *arguments)]
    return ctypes.get_errno() if call(*words) == -1 else 0


def _known(number: int, *arguments: int) -> str:
    """Whether the kernel takes a call that cannot succeed with these arguments."""
    answer = _system_call(number, *arguments)
    if answer is None:
        return UNKNOWN
    return _no(answer) if answer in (errno.ENOSYS, errno.EPERM) else YES


def epoll_pwait2() -> str:
    """Waits on epoll to the nanosecond."""
    return _known(_EPOLL_PWAIT2, -1, 0, 0, 0, 0, 0)


def io_uring() -> str:
    """Whether rings can be made; sysctl and containers often forbid them."""
    return _known(_IO_URING_SETUP, 0, 0)


def pidfd() -> str:
    """Processes as descriptors."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return _no(error.errno)
    except AttributeError:
        return UNKNOWN
    return YES


def _ended_child() -> int:
    """A pidfd of a child that has ended and was waited for."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        return os.pidfd_open(pid)
    finally:
        os.waitpid(pid, 0)


def pidfd_exit_info() -> str:
    """How a process ended, told to others than its parent."""
    if pidfd() != YES:
        return pidfd()
    fd = _ended_child()
    asked = bytearray(_PIDFD_INFO.size)
    struct.pack_into("=Q", asked, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(fd, _PIDFD_GET_INFO, asked)
    except OSError as error:
        return _no(error.errno)
    finally:
        os.close(fd)
    (given,) = struct.unpack_from("=Q", asked)
    return YES if given & _PIDFD_INFO_EXIT else "no"


def _connector_message(operation: int) -> bytes:
    body = struct.pack("=IIIIHHI", _CN_IDX_PROC, _CN_VAL_PROC, 0, 0, 4, 0, operation)
    return struct.pack("=IHHII", 16 + len(body), 3, 0, 0, os.getpid()) + body


def process_connector() -> str:
    """Forks and execs of all processes, told by the kernel."""
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    try:
        with socket.socket(socket.AF_NETLINK, kind, _NETLINK_CONNECTOR) as connector:
            connector.bind((0, _CN_IDX_PROC))
            connector.send(_connector_message(_PROC_CN_MCAST_LISTEN))
            # An answer comes at once, or never (in a container, for instance).
            answered = select.select([connector], [], [], _ANSWER_SECONDS)[0]
            connector.send(_connector_message(_PROC_CN_MCAST_IGNORE))
    except OSError as error:
        return _no(error.errno)
    return YES if answered else "no (no answer)"


def setting(path: str) -> str:
    """What a file below /proc/sys says."""
    try:
        return " ".join(Path("/proc/sys", path).read_text().split())
    except OSError:
        return UNKNOWN


def open_files() -> str:
    """The limits of this process: the one that holds, and how far it can go."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (
        "unlimited" if limit == resource.RLIM_INFINITY else f"{limit:,}"
        for limit in limits
    )
    return f"{soft} now, up to {hard}"
