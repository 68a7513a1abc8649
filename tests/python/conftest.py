"""Fixtures. `mux` is the module under test: each test that asks for it runs on
the standard `select` and on `polymux`, which must give the same answer.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import re
import resource
import socket
from collections.abc import Iterator
from types import ModuleType
from typing import TypeVar

import hypothesis
import pytest
from support import open_descriptors, soft_limit

hypothesis.settings.register_profile(
    "dev", max_examples=60, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile(
    "thorough",
    max_examples=1000,
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


Raised = TypeVar("Raised", bound=BaseException)


def raises(
    kind: type[Raised], message: str
) -> contextlib.AbstractContextManager[pytest.ExceptionInfo[Raised]]:
    """Expects exactly this type and exactly these words."""
    return pytest.raises(
        kind, match=f"^{re.escape(message)}$", check=lambda error: type(error) is kind
    )


@pytest.fixture(scope="session")
def polymux() -> ModuleType:
    return importlib.import_module("polymux")


@pytest.fixture(params=["select", "polymux"])
def mux(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


@pytest.fixture(autouse=True)
def _no_leaked_descriptors() -> Iterator[None]:
    """Every test leaves the descriptors of the process as it found them."""
    before = open_descriptors()
    yield
    gc.collect()
    assert open_descriptors() - before == set()


class Pipe:
    """A pipe: r and w are its ends. It closes what the test has left open."""

    def __init__(self) -> None:
        self.r, self.w = os.pipe()

    def fill(self) -> None:
        os.set_blocking(self.w, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self.w, bytes(4096))

    def close_writer(self) -> None:
        os.close(self.w)
        self.w = -1

    def close_reader(self) -> None:
        os.close(self.r)
        self.r = -1

    def close(self) -> None:
        for fd in (self.r, self.w):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def pipe(_no_leaked_descriptors: None) -> Iterator[Pipe]:
    """An empty pipe: its w can be written to, its r has nothing to read."""
    with contextlib.closing(Pipe()) as one:
        yield one


@pytest.fixture
def full(_no_leaked_descriptors: None) -> Iterator[Pipe]:
    """A full pipe: its r can be read from, its w takes nothing."""
    with contextlib.closing(Pipe()) as one:
        one.fill()
        yield one


@pytest.fixture
def pair(
    _no_leaked_descriptors: None,
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected stream sockets."""
    left, right = socket.socketpair()
    with left, right:
        yield left, right


@pytest.fixture
def devpoll(polymux: ModuleType, _no_leaked_descriptors: None) -> Iterator[object]:
    """An empty set; the standard module has none on Linux."""
    with contextlib.closing(polymux.devpoll()) as one:
        yield one


@pytest.fixture
def tcp(_no_leaked_descriptors: None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection, which has urgent data."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        left = socket.create_connection(server.getsockname())
        right, _ = server.accept()
    with left, right:
        yield left, right


@pytest.fixture
def many(_no_leaked_descriptors: None) -> Iterator[int]:
    """The number of descriptors that may be open, raised as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 60000 if hard == resource.RLIM_INFINITY else min(hard, 60000)
    if enough < 4096:
        pytest.skip("the hard limit of open files is below 4096")
    with soft_limit(resource.RLIMIT_NOFILE, max(soft, enough)):
        yield enough


@pytest.fixture
def closed_fd(_no_leaked_descriptors: None) -> int:
    """The number of a descriptor that was open and is closed."""
    fd = os.dup(0)
    os.close(fd)
    return fd
