"""Runs the programs of examples/ and looks at what they do. Prints TAP.

usage: examples.py DIRECTORY, where the built programs are
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

BUILT = Path(sys.argv[1])
LIMIT = 60  # seconds, for what takes none


class NotServed(Exception):
    """The kernel, or the library so far, has no such filter."""


@contextmanager
def running(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(BUILT / name), *arguments]
    pipe = subprocess.PIPE
    program = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    try:
        yield program
    finally:
        program.kill()
        program.communicate()


def line(program: subprocess.Popen[str]) -> str:
    assert program.stdout
    assert program.stderr
    text = program.stdout.readline()
    if not text:
        complaint = program.stderr.read()
        if "EVFILT_" in complaint and os.strerror(22) in complaint:
            raise NotServed(complaint.split(":")[0])
        raise AssertionError(complaint)
    return text.rstrip("\n")


def expect(actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"{actual!r} is not {expected!r}")


def check_echo(name: str, *arguments: str) -> None:
    """Several clients at once, one after the other, and one that leaves."""
    with running(name, *arguments) as server:
        port = int(line(server).removeprefix("port "))
        address = ("127.0.0.1", port)
        for _ in range(3):
            clients = [socket.create_connection(address, LIMIT) for _ in range(10)]
            for client in clients:
                client.sendall(b"hello")
            for client in reversed(clients):
                expect(client.recv(5, socket.MSG_WAITALL), b"hello")
                client.shutdown(socket.SHUT_WR)
                expect(client.recv(1), b"")
                client.close()
        expect(server.poll(), None)


def check_files() -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "file")
        file.touch()
        with running("watch_files", str(file)) as watcher:
            expect(line(watcher), "watching 1")
            with file.open("a") as opened:
                opened.write("x")
            expect(line(watcher), f"{file}: written longer")
            file.rename(f"{file}.new")
            expect(line(watcher), f"{file}: renamed")
            Path(f"{file}.new").unlink()
            expect("deleted" in line(watcher), True)
            expect(watcher.wait(LIMIT), 0)


def check_processes() -> None:
    ending = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    killed = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    try:
        with running("wait_processes", str(ending.pid), str(killed.pid)) as waiter:
            expect(line(waiter), "watching 2")
            ending.communicate()
            expect(line(waiter), f"{ending.pid}: status 0")
            killed.kill()
            expect(line(waiter), f"{killed.pid}: signal 9")
            expect(waiter.wait(LIMIT), 0)
    finally:
        killed.kill()
        killed.communicate()


def checks() -> Iterator[tuple[str, Callable[[], None]]]:
    yield "echo_kqueue", partial(check_echo, "echo_kqueue")
    for interface in ["select", "poll", "devpoll", "epoll", "kqueue"]:
        yield f"echo_any {interface}", partial(check_echo, "echo_any", interface)
    yield "watch_files", check_files
    yield "wait_processes", check_processes


def main() -> int:
    wanted = list(checks())
    failures = 0
    print(f"1..{len(wanted)}")
    for number, (name, check) in enumerate(wanted, 1):
        result = f"ok {number} - {name}"
        try:
            check()
        except NotServed as reason:
            result += f" # SKIP {reason} is not served here"
        except (AssertionError, OSError, subprocess.TimeoutExpired) as failure:
            failures += 1
            result = f"not ok {number} - {name}"
            print("\n".join(f"# {text}" for text in str(failure).splitlines()))
        print(result, flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
