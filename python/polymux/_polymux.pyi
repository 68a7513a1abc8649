from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, TypeAlias, TypeVar, final

class _HasFileno(Protocol):
    def fileno(self) -> int: ...

_FileDescriptorLike: TypeAlias = int | _HasFileno
_Waitable = TypeVar("_Waitable", bound=_FileDescriptorLike)
_Writable = TypeVar("_Writable", bound=_FileDescriptorLike)
_Exceptional = TypeVar("_Exceptional", bound=_FileDescriptorLike)

__version__: str

error = OSError

def select(
    rlist: Iterable[_Waitable],
    wlist: Iterable[_Writable],
    xlist: Iterable[_Exceptional],
    timeout: float | None = None,
    /,
) -> tuple[list[_Waitable], list[_Writable], list[_Exceptional]]: ...

# poll is a function; the type of its objects has no name in the module.
@final
class _PollObject:
    def register(self, fd: _FileDescriptorLike, eventmask: int = ..., /) -> None: ...
    def modify(self, fd: _FileDescriptorLike, eventmask: int, /) -> None: ...
    def unregister(self, fd: _FileDescriptorLike, /) -> None: ...
    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]: ...

def poll() -> _PollObject: ...

# So is devpoll.
@final
class _DevpollObject:
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def register(self, fd: _FileDescriptorLike, eventmask: int = ..., /) -> None: ...
    def modify(self, fd: _FileDescriptorLike, eventmask: int = ..., /) -> None: ...
    def unregister(self, fd: _FileDescriptorLike, /) -> None: ...
    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]: ...

def devpoll() -> _DevpollObject: ...

@final
class epoll:
    def __new__(cls, sizehint: int = ..., flags: int = ...) -> epoll: ...
    @classmethod
    def fromfd(cls, fd: int, /) -> epoll: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def register(self, fd: _FileDescriptorLike, eventmask: int = ...) -> None: ...
    def modify(self, fd: _FileDescriptorLike, eventmask: int) -> None: ...
    def unregister(self, fd: _FileDescriptorLike) -> None: ...
    def poll(
        self, timeout: float | None = None, maxevents: int = -1
    ) -> list[tuple[int, int]]: ...
    def __enter__(self) -> epoll: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        exc_tb: TracebackType | None = None,
        /,
    ) -> None: ...

PIPE_BUF: int
POLLERR: int
POLLHUP: int
POLLIN: int
POLLMSG: int
POLLNVAL: int
POLLOUT: int
POLLPRI: int
POLLRDBAND: int
POLLRDHUP: int
POLLRDNORM: int
POLLWRBAND: int
POLLWRNORM: int
EPOLLERR: int
EPOLLET: int
EPOLLEXCLUSIVE: int
EPOLLHUP: int
EPOLLIN: int
EPOLLMSG: int
EPOLLONESHOT: int
EPOLLOUT: int
EPOLLPRI: int
EPOLLRDBAND: int
EPOLLRDHUP: int
EPOLLRDNORM: int
EPOLLWAKEUP: int
EPOLLWRBAND: int
EPOLLWRNORM: int
EPOLL_CLOEXEC: int
