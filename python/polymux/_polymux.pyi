from collections.abc import Iterable
from types import TracebackType
from typing import ClassVar, Protocol, TypeAlias, TypeVar, final

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

@final
class kevent:
    ident: int
    filter: int
    flags: int
    fflags: int
    data: int
    udata: int
    def __init__(
        self,
        ident: _FileDescriptorLike,
        filter: int = ...,
        flags: int = ...,
        fflags: int = 0,
        data: int = 0,
        udata: int = 0,
    ) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: kevent, /) -> bool: ...
    def __le__(self, other: kevent, /) -> bool: ...
    def __gt__(self, other: kevent, /) -> bool: ...
    def __ge__(self, other: kevent, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class kqueue:
    def __new__(cls) -> kqueue: ...
    @classmethod
    def fromfd(cls, fd: int, /) -> kqueue: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def control(
        self,
        changelist: Iterable[kevent] | None,
        maxevents: int,
        timeout: float | None = None,
        /,
    ) -> list[kevent]: ...

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
KQ_FILTER_AIO: int
KQ_FILTER_NETDEV: int
KQ_FILTER_PROC: int
KQ_FILTER_READ: int
KQ_FILTER_SIGNAL: int
KQ_FILTER_TIMER: int
KQ_FILTER_USER: int
KQ_FILTER_VNODE: int
KQ_FILTER_WRITE: int
KQ_EV_ADD: int
KQ_EV_CLEAR: int
KQ_EV_DELETE: int
KQ_EV_DISABLE: int
KQ_EV_DISPATCH: int
KQ_EV_ENABLE: int
KQ_EV_EOF: int
KQ_EV_ERROR: int
KQ_EV_FLAG1: int
KQ_EV_FORCEONESHOT: int
KQ_EV_KEEPUDATA: int
KQ_EV_ONESHOT: int
KQ_EV_RECEIPT: int
KQ_EV_SYSFLAGS: int
KQ_NOTE_ABSTIME: int
KQ_NOTE_ATTRIB: int
KQ_NOTE_CHILD: int
KQ_NOTE_CLOSE: int
KQ_NOTE_CLOSE_WRITE: int
KQ_NOTE_DELETE: int
KQ_NOTE_EXEC: int
KQ_NOTE_EXIT: int
KQ_NOTE_EXTEND: int
KQ_NOTE_FFAND: int
KQ_NOTE_FFCOPY: int
KQ_NOTE_FFCTRLMASK: int
KQ_NOTE_FFLAGSMASK: int
KQ_NOTE_FFNOP: int
KQ_NOTE_FFOR: int
KQ_NOTE_FILE_POLL: int
KQ_NOTE_FORK: int
KQ_NOTE_LINK: int
KQ_NOTE_LINKDOWN: int
KQ_NOTE_LINKINV: int
KQ_NOTE_LINKUP: int
KQ_NOTE_LOWAT: int
KQ_NOTE_MSECONDS: int
KQ_NOTE_NSECONDS: int
KQ_NOTE_OPEN: int
KQ_NOTE_PCTRLMASK: int
KQ_NOTE_PDATAMASK: int
KQ_NOTE_READ: int
KQ_NOTE_RENAME: int
KQ_NOTE_REVOKE: int
KQ_NOTE_SECONDS: int
KQ_NOTE_TRACK: int
KQ_NOTE_TRACKERR: int
KQ_NOTE_TRIGGER: int
KQ_NOTE_USECONDS: int
KQ_NOTE_WRITE: int
