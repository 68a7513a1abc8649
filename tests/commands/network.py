"""tcp:, listen: and link:, in a network namespace of the test's own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import (
    NEVER,
    TIMEOUT,
    Skip,
    expect,
    expect_match,
    main,
    never,
    test,
    waitall,
    waitany,
)

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCSIFFLAGS, SIOCSIFNAME, IFF_UP = 0x8914, 0x8923, 1
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
LONG = 20.0  # seconds; a look-up without an answer takes minutes


def _listener(port: int = 0) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _free_port() -> int:
    with _listener() as server:
        return int(server.getsockname()[1])


@test
def port_that_accepts(_: Path) -> None:
    with _listener() as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            word = f"tcp:{host}:{port}"
            waitany(word).gives(f"{word} accepts connections")


@test
def port_that_never_accepts(_: Path) -> None:
    never(f"tcp:127.0.0.1:{_free_port()}", "tcp:no.such.host.invalid:80")


@contextmanager
def _silent_name_server(folder: Path) -> Iterator[socket.socket]:
    """The one that names are looked up at, for this process and its children."""
    own, libc = folder / "resolv.conf", ctypes.CDLL(None, use_errno=True)
    own.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    if (
        libc.unshare(CLONE_NEWNS) < 0
        or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) < 0
        or libc.mount(bytes(own), b"/etc/resolv.conf", None, MS_BIND, None) < 0
    ):
        raise Skip(f"no mounts: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        yield server
    libc.umount2(b"/etc/resolv.conf", 0)


@test
def name_that_is_looked_up_for_long(folder: Path) -> None:
    """The time that is given is kept, and others come in the meantime."""
    word = "tcp:long.example.org:80"
    with _silent_name_server(folder) as server:
        began = time.monotonic()
        never(word)
        waitall("-t", NEVER, word, "timer:1ms").gives(
            "timer:1ms has expired", status=124
        )
        expect(time.monotonic() - began < LONG, True)
        server.setblocking(False)
        try:
            server.recv(512)
        except BlockingIOError as error:
            raise Skip("names are not looked up by DNS here") from error


@test
def port_that_will_accept(_: Path) -> None:
    port = _free_port()
    command = waitany(f"tcp:127.0.0.1:{port}").watching()
    with _listener(port):
        command.gives(f"tcp:127.0.0.1:{port} accepts connections")


@test
def port_of_ipv6(_: Path) -> None:
    if not socket.has_ipv6:
        raise Skip("no IPv6")
    with socket.socket(socket.AF_INET6) as server:
        try:
            server.bind(("::1", 0))
        except OSError as error:
            raise Skip(f"no IPv6: {error}") from error
        server.listen()
        port = server.getsockname()[1]
        ended = waitall(f"tcp:[::1]:{port}", f"listen:{port}").end()
        lines = [
            f"listen:{port} is listened on",
            f"tcp:[::1]:{port} accepts connections",
        ]
        expect(sorted(ended.lines()), lines, ended.err)


@test
def port_that_is_listened_on(_: Path) -> None:
    with _listener() as server:
        word = f"listen:{server.getsockname()[1]}"
        waitany(word).gives(f"{word} is listened on")


@test
def port_that_is_bound_alone(_: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        word = f"listen:{bound.getsockname()[1]}"
        command = waitany(word).watching()
        never(word)
        bound.listen()
        command.gives(f"{word} is listened on")


def _set_link(name: str, up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", name.encode(), IFF_UP if up else 0)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


def _rename_link(old: str, new: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16s16s", old.encode(), new.encode())
        fcntl.ioctl(any_socket, SIOCSIFNAME, request)


@test
def link_that_is_up(_: Path) -> None:
    waitany("link:lo").gives("link:lo is up")


@test
def link_that_is_down_and_goes_up(_: Path) -> None:
    _set_link("lo", False)
    never("link:lo")
    command = waitany("-f", "link:lo").watching()
    for _round in range(3):
        _set_link("lo", True)
        expect(command.line(), "link:lo is up")
        _set_link("lo", False)
    command.stop()
    _set_link("lo", True)


@test
def link_that_is_to_come(_: Path) -> None:
    _set_link("lo", False)
    command = waitany("link:later0")
    told = command.until("link:later0")
    expect_match(told, "no such interface yet, rtnetlink tells of new ones")
    command.watching()
    _rename_link("lo", "later0")
    _set_link("later0", True)
    command.gives("link:later0 is up")
    _set_link("later0", False)
    _rename_link("later0", "lo")
    _set_link("lo", True)


@test
def link_that_does_not_come(_: Path) -> None:
    """What comes, goes and changes besides is not it."""
    command = waitany("-t", NEVER, "link:never0").watching()
    for _round in range(100):
        _set_link("lo", False)
        _set_link("lo", True)
    command.gives(status=TIMEOUT)


def _make_tun(name: str) -> int:
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(
            fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI)
        )
    except OSError as error:
        raise Skip(f"no tunnels: {error}") from error
    return fd


@test
def link_that_goes_and_comes_again(_: Path) -> None:
    fd = _make_tun("tun7")
    command = waitany("link:tun7").watching()
    os.close(fd)
    command.until("no such interface yet")
    fd = _make_tun("tun7")
    _set_link("tun7", True)
    command.gives("link:tun7 is up")
    os.close(fd)


def _enter_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.unshare(CLONE_NEWNET) < 0
        and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0
    ):
        print(f"1..0 # SKIP no network namespace: {os.strerror(ctypes.get_errno())}")
        raise SystemExit
    _set_link("lo", True)


if __name__ == "__main__":
    _enter_namespace()
    main()
