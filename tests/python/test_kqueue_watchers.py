"""Files, families of processes and network links as events."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LIMIT = 60
NO_SUCH_DEVICE = re.escape(os.strerror(errno.ENXIO))


@pytest.fixture
def kq(polymux: ModuleType, _no_leaked_descriptors: None) -> Iterator[Any]:
    with contextlib.closing(polymux.kqueue()) as kqueue:
        yield kqueue


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def watch(polymux: ModuleType, kq: Any, fd: int, notes: int) -> None:
    flags = polymux.KQ_EV_ADD | polymux.KQ_EV_CLEAR
    kq.control([polymux.kevent(fd, polymux.KQ_FILTER_VNODE, flags, notes)], 0)


def test_notes_of_a_file(polymux: ModuleType, kq: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with opened(path, os.O_RDWR | os.O_APPEND) as fd:
        steps = {
            "WRITE EXTEND": lambda: os.write(fd, b"x"),
            "ATTRIB": lambda: path.chmod(0o640),
            "LINK": lambda: (tmp_path / "link").hardlink_to(path),
            "RENAME": lambda: path.rename(tmp_path / "renamed"),
            "DELETE": (tmp_path / "link").unlink,
        }
        wanted = sum(polymux.__dict__[f"KQ_NOTE_{n}"] for n in " ".join(steps).split())
        watch(polymux, kq, fd, wanted)
        for names, step in steps.items():
            step()
            (event,) = kq.control(None, 8, LIMIT)
            told = sum(polymux.__dict__[f"KQ_NOTE_{name}"] for name in names.split())
            assert (event.ident, event.fflags, event.data) == (fd, told, 0), names
        assert kq.control(None, 8, 0) == []


def test_opening_reading_closing(polymux: ModuleType, kq: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    wanted = (
        polymux.KQ_NOTE_OPEN
        | polymux.KQ_NOTE_READ
        | polymux.KQ_NOTE_CLOSE
        | polymux.KQ_NOTE_CLOSE_WRITE
    )
    with opened(path, os.O_RDONLY) as fd:
        watch(polymux, kq, fd, wanted)
        path.read_bytes()
        (event,) = kq.control(None, 8, LIMIT)
        assert event.fflags == wanted & ~polymux.KQ_NOTE_CLOSE_WRITE
        with path.open("ab"):
            pass
        (event,) = kq.control(None, 8, LIMIT)
        assert event.fflags == polymux.KQ_NOTE_OPEN | polymux.KQ_NOTE_CLOSE_WRITE


def test_directory_and_its_end(polymux: ModuleType, kq: Any, tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()
    with opened(path, os.O_RDONLY) as fd:
        watch(polymux, kq, fd, polymux.KQ_NOTE_WRITE | polymux.KQ_NOTE_DELETE)
        (path / "child").touch()
        (event,) = kq.control(None, 8, LIMIT)
        assert event.fflags == polymux.KQ_NOTE_WRITE
        (path / "child").write_bytes(b"x")  # which is not the directory's
        assert kq.control(None, 8, 0) == []
        shutil.rmtree(path)
        (event,) = kq.control(None, 8, LIMIT)
        assert event.fflags == polymux.KQ_NOTE_WRITE | polymux.KQ_NOTE_DELETE


def test_broken_symbolic_link(polymux: ModuleType, kq: Any, tmp_path: Path) -> None:
    path = tmp_path / "link"
    path.symlink_to("nowhere")
    with opened(path, os.O_PATH | os.O_NOFOLLOW) as fd:
        watch(polymux, kq, fd, polymux.KQ_NOTE_DELETE)
        path.unlink()
        (event,) = kq.control(None, 8, LIMIT)
        assert (event.ident, event.fflags) == (fd, polymux.KQ_NOTE_DELETE)


FORKS = """
import os
input()
child = os.fork()
os._exit(os.wait()[1] >> 8 if child else 5)
"""


def test_family_of_a_subprocess(polymux: ModuleType, kq: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE
    ) as process:
        change = polymux.kevent(
            process.pid,
            polymux.KQ_FILTER_PROC,
            polymux.KQ_EV_ADD | polymux.KQ_EV_RECEIPT,
            polymux.KQ_NOTE_EXIT | polymux.KQ_NOTE_TRACK,
        )
        (receipt,) = kq.control([change], 1, 0)
        if receipt.data == errno.EOPNOTSUPP:
            process.kill()
            pytest.skip("the process connector is closed to this process")
        assert receipt.data == 0
        process.communicate(b"\n", LIMIT)
        events: list[Any] = []
        while len(events) < 3:
            events += kq.control(None, 8, LIMIT)
    born = next(e for e in events if e.fflags == polymux.KQ_NOTE_CHILD)
    ends = {e.ident: e.data for e in events if e.fflags == polymux.KQ_NOTE_EXIT}
    assert born.data == process.pid
    assert ends == {born.ident: 5 << 8, process.pid: 5 << 8}


LINK_GOES_UP = """
import fcntl, socket, struct, polymux
index = socket.if_nametoindex("lo")
kq = polymux.kqueue()
change = polymux.kevent(index, polymux.KQ_FILTER_NETDEV,
                        fflags=polymux.KQ_NOTE_LINKUP | polymux.KQ_NOTE_LINKDOWN)
assert kq.control([change], 8, 0) == []
with socket.socket() as any_socket:
    up = struct.pack("16sh22x", b"lo", 1)
    fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS, IFF_UP
event, = kq.control(None, 8, 60)
assert (event.ident, event.fflags) == (index, polymux.KQ_NOTE_LINKUP), event
"""


def test_link(polymux: ModuleType) -> None:
    """In a network namespace of its own, in which even the loopback is down."""
    inside = ["unshare", "--net", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.call([*inside, "true"]):
        pytest.skip("no network namespace")
    subprocess.run([*inside, sys.executable, "-c", LINK_GOES_UP], check=True)


def test_no_such_link(polymux: ModuleType, kq: Any) -> None:
    unused = max(index for index, _ in socket.if_nameindex()) + 1000
    with pytest.raises(OSError, match=NO_SUCH_DEVICE):
        kq.control([polymux.kevent(unused, polymux.KQ_FILTER_NETDEV)], 0)


def test_asynchronous_request_by_hand(polymux: ModuleType, kq: Any) -> None:
    """Such a knote is made in C alone."""
    with pytest.raises(OSError, match=NO_SUCH_DEVICE):
        kq.control([polymux.kevent(1, polymux.KQ_FILTER_AIO)], 0)
