"""watchdog's kqueue observer sees what becomes of files and directories.

It announces a new file before it watches it: the file is opened after that, and
added to the queue by the next call of control(). What happens to it until then
goes unnoticed on every system, so each step here ends with `settle()`.

The observer's timeout does not end, for whenever it did, the observer would look
at the folder and find changes that kqueue had not told of.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    FileAttribEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.kqueue import KqueueObserver

LIMIT = 60.0
SOON = 0.2
ENDLESS = 3600.0
TRIES = 20


class Handler(FileSystemEventHandler):
    """Keeps what is announced, for somebody who waits for it."""

    def __init__(self) -> None:
        self.announced: list[FileSystemEvent] = []
        self.changed = threading.Condition()

    def on_any_event(self, event: FileSystemEvent) -> None:
        with self.changed:
            self.announced.append(event)
            self.changed.notify_all()

    def wait(self, limit: float, *events: FileSystemEvent) -> FileSystemEvent | None:
        """The first of the events to be announced; None if none is in time."""

        def found() -> FileSystemEvent | None:
            return next((e for e in self.announced if e in events), None)

        with self.changed:
            return self.changed.wait_for(found, limit)


handler = Handler()
observer = KqueueObserver(timeout=ENDLESS)
numbers = itertools.count()


def sees(change: Callable[[], object], *events: FileSystemEvent) -> FileSystemEvent:
    """Makes a change; the event that is announced, one of these."""
    handler.announced.clear()
    change()
    event = handler.wait(LIMIT, *events)
    assert event, (events, handler.announced)
    return event


def settle(folder: Path) -> None:
    """Lets the observer watch all that it had announced before, and read all that
    had happened to it: two files, one after the other, since the first may be found
    after a call of control() that was over before.
    """
    for _ in range(2):
        path = folder / f"settled-{next(numbers)}"
        sees(path.touch, FileCreatedEvent(str(path)))


def begin(folder: Path) -> None:
    """Waits for the observer's first call of control(): it has seen nothing yet."""
    observer.schedule(handler, str(folder), recursive=True)
    observer.start()
    begun: list[FileSystemEvent] = []
    while not (begun and handler.wait(SOON, *begun)):
        path = folder / f"begun-{len(begun)}"
        begun.append(FileCreatedEvent(str(path)))
        path.touch()
    settle(folder)


def move(folder: Path) -> Path:
    """A file that was seen to be renamed.

    The folder tells first, then the file. If the observer lists the folder in
    between, it does not find the old name any more when it is told that this was
    renamed, and announces a deletion; so there are several tries.
    """
    for number in range(TRIES):
        old, new = folder / f"old-{number}", folder / f"new-{number}"
        sees(old.touch, FileCreatedEvent(str(old)))
        settle(folder)
        moved = FileMovedEvent(str(old), str(new))
        deleted = FileDeletedEvent(str(old))
        seen = sees(partial(old.rename, new), moved, deleted)
        settle(folder)
        if seen == moved:
            return new
    raise AssertionError(f"none of {TRIES} files was seen to be renamed")


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def see_file(folder: Path) -> None:
    path = folder / "file"
    sees(path.touch, FileCreatedEvent(str(path)))
    settle(folder)
    sees(lambda: append(path), FileModifiedEvent(str(path)))
    settle(folder)
    sees(lambda: path.chmod(0o400), FileAttribEvent(str(path)))
    settle(folder)
    sees(path.unlink, FileDeletedEvent(str(path)))
    settle(folder)


def see_moved_file(folder: Path) -> None:
    path = move(folder)
    sees(lambda: append(path), FileModifiedEvent(str(path)))
    settle(folder)
    sees(path.unlink, FileDeletedEvent(str(path)))
    settle(folder)


def see_directory(folder: Path) -> None:
    path = folder / "directory"
    sees(path.mkdir, DirCreatedEvent(str(path)))
    settle(folder)
    sees(lambda: path.chmod(0o700), DirAttribEvent(str(path)))
    settle(folder)
    see_file(path)
    settle(folder)  # the last file of the directory, too
    for left in path.iterdir():
        sees(left.unlink, FileDeletedEvent(str(left)))
    settle(folder)
    sees(path.rmdir, DirDeletedEvent(str(path)))


def end(folder: Path) -> None:
    """stop() waits until control() returns; a change sees to that."""
    stopping = threading.Thread(target=observer.stop)
    stopping.start()
    while stopping.is_alive():
        (folder / f"ended-{next(numbers)}").touch()
        stopping.join(SOON)
    observer.join(LIMIT)
    assert not observer.is_alive()


with tempfile.TemporaryDirectory() as name:
    begin(Path(name))
    see_file(Path(name))
    see_moved_file(Path(name))
    see_directory(Path(name))
    end(Path(name))
