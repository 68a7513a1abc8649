"""file:, gone: and changed:, where they hold already, come to hold, and never do."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from harness import (
    Running,
    expect,
    expect_match,
    main,
    never,
    test,
    waitall,
    waitany,
)

ROUNDS = 60


@test
def file_that_is_there(folder: Path) -> None:
    waitany(f"file:{folder}").gives(f"file:{folder} exists")


@test
def file_that_never_comes(folder: Path) -> None:
    never(f"file:{folder}/a")


@test
def file_that_comes(folder: Path) -> None:
    path = folder / "a"
    command = waitany(f"file:{path}").watching()
    path.touch()
    command.gives(f"file:{path} exists")


@test
def file_that_is_moved_there(folder: Path) -> None:
    (folder / "b").touch()
    command = waitany(f"file:{folder}/a").watching()
    (folder / "b").rename(folder / "a")
    command.gives(f"file:{folder}/a exists")


@test
def relative_path(folder: Path) -> None:
    command = waitany("file:a/b", cwd=folder).watching()
    (folder / "a").mkdir()
    (folder / "a/b").touch()
    command.gives("file:a/b exists")


@test
def other_files_do_not_count(folder: Path) -> None:
    command = waitany(f"file:{folder}/a", "-t", "200ms").watching()
    for number in range(50):
        (folder / f"b{number}").touch()
    command.gives(status=124)


@test
def directories_that_come_one_by_one(folder: Path) -> None:
    command = waitany(f"file:{folder}/a/b/c").watching()
    for name in ("a", "a/b"):
        (folder / name).mkdir()
        command.until(f"EVFILT_VNODE on {folder}/{name}$")
    (folder / "a/b/c").touch()
    command.gives(f"file:{folder}/a/b/c exists")


@test
def directories_that_go_and_come_again(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    command = waitany(f"file:{folder}/a/b/c")
    command.until(f"on {folder}/a/b$")
    command.watching()
    (folder / "a/b").rmdir()
    command.until(f"on {folder}/a$")
    (folder / "a").rmdir()
    command.until(f"on {folder}$")
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/c").touch()
    command.gives(f"file:{folder}/a/b/c exists")


@test
def directory_moved_away_above_the_watched_one(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    command = waitany(f"file:{folder}/a/b/c").watching()
    (folder / "a").rename(folder / "old")
    command.until(f"on {folder}$")
    (folder / "old/b/c").touch()
    (folder / "a/b").mkdir(parents=True)
    command.until(f"on {folder}/a/b$")
    (folder / "a/b/c").touch()
    command.gives(f"file:{folder}/a/b/c exists")


@test
def whole_tree_moved_into_place(folder: Path) -> None:
    (folder / "new/b").mkdir(parents=True)
    (folder / "new/b/c").touch()
    command = waitany(f"file:{folder}/a/b/c").watching()
    (folder / "new").rename(folder / "a")
    command.gives(f"file:{folder}/a/b/c exists")


@test
def file_in_the_place_of_a_directory(folder: Path) -> None:
    (folder / "a").touch()
    command = waitany(f"file:{folder}/a/b").watching()
    (folder / "a").unlink()
    (folder / "a").mkdir()
    (folder / "a/b").touch()
    command.gives(f"file:{folder}/a/b exists")


@test
def slash_at_the_end_asks_for_a_directory(folder: Path) -> None:
    (folder / "a").touch()
    command = waitany(f"file:{folder}/a/").watching()
    (folder / "a").unlink()
    (folder / "a").mkdir()
    command.gives(f"file:{folder}/a/ exists")


@test
def link_that_leads_nowhere_yet(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "link").symlink_to("elsewhere/file")
    command = waitany(f"file:{folder}/link").watching()
    (folder / "elsewhere/file").touch()
    command.gives(f"file:{folder}/link exists")


@test
def link_that_is_turned(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
    (folder / "two/file").touch()
    (folder / "current").symlink_to(folder / "one")
    command = waitany(f"file:{folder}/current/file").watching()
    (folder / "next").symlink_to(folder / "two")
    (folder / "next").rename(folder / "current")
    command.gives(f"file:{folder}/current/file exists")


@test
def links_in_a_circle_are_looked_at_again(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    command = waitany(f"file:{folder}/a").watching()
    (folder / "b").unlink()
    (folder / "b").touch()
    command.gives(f"file:{folder}/a exists")


@test
def gone_already(folder: Path) -> None:
    waitany(f"gone:{folder}/a").gives(f"gone:{folder}/a is gone")


@test
def gone_never(folder: Path) -> None:
    never(f"gone:{folder}")


@test
def gone_later(folder: Path) -> None:
    path = folder / "a"
    path.touch()
    command = waitany(f"gone:{path}").watching()
    path.unlink()
    command.gives(f"gone:{path} is gone")


@test
def gone_with_its_directory(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/b").touch()
    command = waitany(f"gone:{folder}/a/b").watching()
    (folder / "a").rename(folder / "old")
    command.gives(f"gone:{folder}/a/b is gone")


@test
def replaced_is_not_gone(folder: Path) -> None:
    (folder / "a").touch()
    (folder / "b").touch()
    command = waitany(f"gone:{folder}/a", "-t", "200ms").watching()
    (folder / "b").rename(folder / "a")
    command.gives(status=124)


@test
def changed_never(folder: Path) -> None:
    (folder / "a").write_text("before")
    never(f"changed:{folder}/a", f"changed:{folder}/b")


def _changes(folder: Path) -> tuple[Path, Running]:
    path = folder / "a"
    path.write_text("before")
    return path, waitany(f"changed:{path}").watching()


@test
def changed_by_a_write(folder: Path) -> None:
    path, command = _changes(folder)
    with path.open("r+") as file:
        file.write("b")
    command.gives(f"changed:{path} was written")


@test
def changed_in_its_attributes(folder: Path) -> None:
    path, command = _changes(folder)
    path.chmod(0o400)
    command.gives(f"changed:{path} has other attributes")


@test
def changed_by_another_file_in_its_place(folder: Path) -> None:
    path, command = _changes(folder)
    (folder / "b").touch()
    (folder / "b").rename(path)
    command.gives(f"changed:{path} was replaced")


@test
def changed_by_going(folder: Path) -> None:
    path, command = _changes(folder)
    path.rename(folder / "b")
    command.gives(f"changed:{path} is gone")


@test
def changed_by_coming(folder: Path) -> None:
    command = waitany(f"changed:{folder}/a/b").watching()
    (folder / "a").mkdir()
    (folder / "a/b").touch()
    command.gives(f"changed:{folder}/a/b has appeared")


@test
def child_changes_what_is_watched_for_it(folder: Path) -> None:
    path = folder / "a"
    path.write_text("before")
    ended = waitall(f"child:echo >{path}", f"changed:{path}").end()
    expect(ended.status, 0, ended.err)


# Each is another file, since those before it live: so it is told even where the
# moment without one was too short to be seen.
@test
def followed_file(folder: Path) -> None:
    path = folder / "a"
    command = waitany("-f", f"file:{path}").watching()
    for turn in range(3):
        path.touch()
        expect(command.line(), f"file:{path} exists")
        path.rename(folder / f"before-{turn}")
    command.stop()


@test
def followed_absence(folder: Path) -> None:
    path = folder / "a"
    command = waitany("-f", f"gone:{path}/.").watching()
    for _ in range(3):
        expect(command.line(), f"gone:{path}/. is gone")
        path.mkdir()
        command.until(f"on {path}$")
        path.rmdir()
    command.stop()


@test
def followed_changes(folder: Path) -> None:
    path, other = folder / "a", folder / "b"
    path.write_text("before")
    command = waitany("-f", f"changed:{path}").watching()
    for _ in range(2):
        with path.open("r+") as file:
            file.write("b")
        expect(command.line(), f"changed:{path} was written")
        other.touch()
        other.rename(path)
        expect(command.line(), f"changed:{path} was replaced")
    command.stop()


@test
def made_while_the_command_starts(folder: Path) -> None:
    for number in range(ROUNDS):
        path = folder / str(number) / "a"
        command = waitany(f"file:{path}")
        path.parent.mkdir()
        path.touch()
        command.gives(f"file:{path} exists")


@test
def made_and_moved_all_the_time(folder: Path) -> None:
    """Directories come and go while it looks; in the end the file is there."""
    stop = threading.Event()

    def quarrel() -> None:
        while not stop.is_set():
            (folder / "a/b").mkdir(parents=True)
            (folder / "a").rename(folder / "old")
            (folder / "old/b").rmdir()
            (folder / "old").rmdir()

    for _ in range(10):
        stop.clear()
        thread = threading.Thread(target=quarrel)
        thread.start()
        command = waitany(f"file:{folder}/a/b/c").watching()
        stop.set()
        thread.join()
        (folder / "a/b").mkdir(parents=True)
        (folder / "a/b/c").touch()
        command.gives(f"file:{folder}/a/b/c exists")
        (folder / "a/b/c").unlink()
        (folder / "a/b").rmdir()
        (folder / "a").rmdir()


@test
def removed_while_the_command_starts(folder: Path) -> None:
    for number in range(ROUNDS):
        path = folder / str(number)
        path.touch()
        command = waitany(f"gone:{path}")
        path.unlink()
        command.gives(f"gone:{path} is gone")


@test
def kernel_that_tells_nothing_is_asked(_: Path) -> None:
    ended = waitany("file:/proc/self/nothing", "-t", "50ms").end()
    expect_match(ended.err, "looked at again by timers")


@test
def busy_directory_costs_no_descriptors(folder: Path) -> None:
    command = waitany(f"file:{folder}/a").watching()
    before = len(os.listdir(f"/proc/{command.pid}/fd"))
    for _ in range(20):
        (folder / "d").mkdir()
        (folder / "d").rmdir()
    (folder / "a").mkdir()
    command.gives(f"file:{folder}/a exists")
    expect(before < 20, True)


if __name__ == "__main__":
    main()
