"""What the tour waits for that only kqueue can: files, timers, processes, signals
and links beside descriptors. Stops as those of _tour_stops.
"""

import ctypes
import fcntl
import os
import pickle
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable

import polymux
from polymux._tour_stops import LIMIT, STOPS, NotAllowed, Stop, WrongAnswer, compare
from polymux._tour_waiters import KqueueWaiter

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def _await_event(waiter: KqueueWaiter, change: polymux.kevent) -> polymux.kevent:
    """Makes a change and waits, once; the answer must be one event, of its knote."""
    events = waiter.queue.control([change], 8, LIMIT)
    if len(events) != 1:
        raise WrongAnswer(f"{len(events)} events, not 1")
    event = events[0]
    if (event.ident, event.filter) != (change.ident, change.filter):
        raise WrongAnswer(f"the event is {event}")
    return event


def growing_file(waiter: KqueueWaiter) -> str:
    """A file that is read to its end, and then written to by somebody else."""
    pieces = b"first line\n", b"and a second one\n"
    with tempfile.NamedTemporaryFile() as writer, open(writer.name, "rb", 0) as reader:
        for piece in pieces:
            writer.write(piece)
            writer.flush()
            event = _await_event(waiter, polymux.kevent(reader))
            compare(reader.read(event.data), piece)
            if waiter.queue.control(None, 1, 0):
                raise WrongAnswer("an event at the end of the file")
    return f"{len(pieces[0])} bytes, then {len(pieces[1])} more"


def timer(waiter: KqueueWaiter) -> str:
    """Once, in microseconds; never early."""
    asked = 2_500
    change = polymux.kevent(1, polymux.KQ_FILTER_TIMER, data=asked)
    change.flags = polymux.KQ_EV_ADD | polymux.KQ_EV_ONESHOT
    change.fflags = polymux.KQ_NOTE_USECONDS
    began = time.monotonic_ns()
    event = _await_event(waiter, change)
    late = (time.monotonic_ns() - began) // 1000 - asked
    if event.data != 1 or late < 0:
        raise WrongAnswer(f"fired {event.data} times, {-late} µs early")
    return f"after {asked} µs, {late} µs late"


def user_event(waiter: KqueueWaiter) -> str:
    """Raised by the program itself, with bits of its own."""
    bits = 0xBEEF
    change = polymux.kevent(7, polymux.KQ_FILTER_USER)
    waiter.queue.control([change], 0)
    change.flags = polymux.KQ_EV_ENABLE
    change.fflags = polymux.KQ_NOTE_TRIGGER | polymux.KQ_NOTE_FFOR | bits
    event = _await_event(waiter, change)
    if event.fflags & polymux.KQ_NOTE_FFLAGSMASK != bits:
        raise WrongAnswer(f"its bits are {event.fflags:#x}")
    return f"raised once, with its bits {bits:#x}"


def changed_file(waiter: KqueueWaiter) -> str:
    """A file that another process writes to."""
    message = "written by a child"
    with tempfile.NamedTemporaryFile() as file:
        change = polymux.kevent(file, polymux.KQ_FILTER_VNODE)
        change.flags = polymux.KQ_EV_ADD | polymux.KQ_EV_CLEAR
        change.fflags = polymux.KQ_NOTE_WRITE
        waiter.queue.control([change], 0)
        command = f"printf '{message}' >>'{file.name}'"
        with subprocess.Popen(["/bin/sh", "-c", command]):
            event = _await_event(waiter, change)
        compare(file.read(), message.encode())
    if event.fflags != polymux.KQ_NOTE_WRITE | polymux.KQ_NOTE_EXTEND:
        raise WrongAnswer(f"the notes are {event.fflags:#x}")
    return f"written to and extended, {len(message)} bytes"


def exit_of_a_child(waiter: KqueueWaiter) -> str:
    """A child process, whose status is left for whoever waits for it."""
    status = 42
    with subprocess.Popen(
        ["/bin/sh", "-c", f"read line; exit {status}"], stdin=-1
    ) as child:
        change = polymux.kevent(child.pid, polymux.KQ_FILTER_PROC)
        change.fflags = polymux.KQ_NOTE_EXIT
        waiter.queue.control([change], 0)
        child.communicate(b"\n")
        event = _await_event(waiter, change)
        waited = child.wait(LIMIT)
    if os.waitstatus_to_exitcode(event.data) != status or waited != status:
        raise WrongAnswer(f"status {event.data:#x}, waited for {waited}")
    return f"exit status {status}, twice: here and from wait()"


def handled_signal(waiter: KqueueWaiter) -> str:
    """A signal that goes on to its handler."""
    handled: list[int] = []
    number = signal.SIGUSR1
    before = signal.signal(number, lambda *_: handled.append(1))
    try:
        change = polymux.kevent(number, polymux.KQ_FILTER_SIGNAL)
        waiter.queue.control([change], 0)
        for _ in range(3):
            signal.raise_signal(number)
        event = _await_event(waiter, change)
    finally:
        waiter.queue.control(
            [polymux.kevent(number, change.filter, polymux.KQ_EV_DELETE)], 0
        )
        signal.signal(number, before)
    if event.data != 3 or len(handled) != 3:
        raise WrongAnswer(f"counted {event.data}, handled {len(handled)}")
    return "3 signals counted, and 3 handled"


def _set_up(name: str) -> None:
    """Sets a network interface up, as ip(8) does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", name.encode(), 0)
        answer = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
        flags = struct.unpack("16sh22x", answer)[1] | IFF_UP
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), flags))


def _link_goes_up() -> str:
    """In a network of this process's own."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise NotAllowed(f"unshare: {os.strerror(ctypes.get_errno())}")
    waiter = KqueueWaiter()
    change = polymux.kevent(socket.if_nametoindex("lo"), polymux.KQ_FILTER_NETDEV)
    change.fflags = polymux.KQ_NOTE_LINKUP
    waiter.queue.control([change], 0)
    _set_up("lo")
    event = _await_event(waiter, change)
    if event.fflags != polymux.KQ_NOTE_LINKUP:
        raise WrongAnswer(f"the notes are {event.fflags:#x}")
    return "lo is up"


def _in_child(function: Callable[[], str]) -> str:
    """What the function returns, or raises, in a child process."""
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        outcome: object
        try:
            outcome = function()
        except Exception as error:
            outcome = error
        os.write(sink, pickle.dumps(outcome))
        os._exit(0)
    os.close(sink)
    with open(source, "rb") as pipe:
        written = pipe.read()
    os.waitpid(pid, 0)
    outcome = pickle.loads(written)  # what our own child has written
    if isinstance(outcome, Exception):
        raise outcome
    return str(outcome)


def link_in_a_namespace(_: KqueueWaiter) -> str:
    """The loopback interface of a network namespace, going up."""
    return _in_child(_link_goes_up)


SPECIAL_STOPS: dict[str, tuple[Stop, ...]] = {
    "kqueue": (
        Stop("a file that grows", growing_file),
        Stop("a file another process writes", changed_file),
        Stop("a timer", timer),
        Stop("a user event", user_event),
        Stop("the end of a child process", exit_of_a_child),
        Stop("a signal with a handler", handled_signal),
        Stop("a link in a namespace", link_in_a_namespace),
    ),
}
"""What only one interface can wait for."""


def stops_of(interface: str) -> tuple[Stop, ...]:
    """What an interface waits for."""
    return STOPS + SPECIAL_STOPS.get(interface, ())
