"""Options, exit statuses, output, and what is said about mistakes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from harness import (
    TIMEOUT,
    TROUBLE,
    Ended,
    expect,
    expect_match,
    main,
    test,
    waitall,
    waitany,
)


def _plain(*words: str, program: str = "waitany") -> Ended:
    """A run without the options that other tests are given."""
    argv = [str(Path(os.environ["COMMANDS"], program)), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@test
def mistakes_name_what_to_do(_: Path) -> None:
    mistakes = {
        (): "there is nothing to wait for; name conditions, as in",
        ("file:",): "file:: needs a path, as in file:/run/ready",
        ("file",): "file: needs a path, as in file:/run/ready",
        ("/run/ready",): "did you mean file:/run/ready",
        ("nonsense:1",): "is no condition; there are file: changed: gone:",
        ("pid:0",): "needs the number of a process, as in pid:4711",
        ("pid:12x",): "needs the number of a process",
        ("pid:99999999999",): "needs the number of a process",
        ("tcp:localhost",): "needs a host and a port, as in tcp:example.org:443",
        ("tcp::80",): "needs a host and a port",
        ("tcp:::1:80",): r"needs a host and a port.* or tcp:\[::1\]:80",
        ("tcp:host:0",): "needs a host and a port",
        ("listen:65536",): "needs a TCP port from 1 to 65535",
        ("signal:KILL",): "other than KILL and STOP, as in signal:USR1",
        ("signal:NOPE",): "needs the name of a signal",
        ("timer:soon",): "needs a duration, as in timer:30s",
        ("timer:1h30",): "needs a duration",
        ("timer:",): "needs a duration",
        ("timer:999999999d",): "needs a duration",
        ("link:a/b",): "needs the name of a network interface",
        ("link:seventeen-letters",): "needs the name of a network interface",
        ("fd:x",): "needs the number of an open descriptor",
        ("fd:0", "fd:00"): "fd:00: is given twice",
        ("pid:1", "pid:01"): "pid:01: is given twice",
        ("signal:USR1", "signal:SIGUSR1"): "is given twice",
        ("child:",): "needs a command, as in child:'make all'",
        ("--timeout", "x", "timer:1"): "--timeout: x: needs a duration",
        ("--timeout",): "--timeout: needs an argument; see waitany --help",
        ("-t",): "-t: needs an argument; see waitany --help",
        ("--nonsense",): "--nonsense: is no option",
        ("-jZ",): "-Z: is no option",
        ("--json=1",): "--json=1: takes no argument",
        ("-c", *["timer:0"] * 124): "can tell 123 conditions apart, not 124",
    }
    for words, pattern in mistakes.items():
        ended = _plain(*words)
        expect((ended.status, ended.out), (TROUBLE, ""), ended.err)
        expect_match(ended.err, f"^waitany: .*{pattern}.*\n$")


@test
def help_and_version(_: Path) -> None:
    for program in ("waitany", "waitall"):
        for option in ("-h", "--help"):
            ended = _plain(option, program=program)
            expect((ended.status, ended.err), (0, ""))
            expect_match(ended.out, rf"^Usage: {program} \[OPTION\]")
            longest = max(map(len, ended.lines()))
            expect(longest <= 80, True, str(longest))
        ended = _plain("--version", program=program)
        expect_match(ended.out, rf"^{program} \(polymux\) \d+\.\d+\.\d+\n$")


@test
def silent_without_options(_: Path) -> None:
    expect(_plain("timer:0"), Ended(0, "timer:0 has expired\n", ""))
    expect(_plain("-t", "10ms", "timer:9"), Ended(TIMEOUT, "", ""))


@test
def timeout_of_nothing_looks_once(folder: Path) -> None:
    expect(_plain("-t", "0", f"file:{folder}").status, 0)
    expect(_plain("-t", "0", f"gone:{folder}").status, TIMEOUT)


@test
def options_after_conditions(_: Path) -> None:
    expect(_plain("timer:9", "--timeout=10ms").status, TIMEOUT)


@test
def first_of_those_that_hold_is_the_first_given(folder: Path) -> None:
    ended = waitany("-c", "timer:1h", f"gone:{folder}/a", f"file:{folder}").end()
    expect(ended.status, 2)
    expect(ended.lines(), [f"gone:{folder}/a is gone"])


@test
def code_of_the_command(_: Path) -> None:
    expect(waitany("-c", "timer:1h", "--", "true").end().status, 2)


@test
def all_in_their_order(folder: Path) -> None:
    words = [f"file:{folder}/{name}" for name in "abc"]
    command = waitall("-c", *words).watching()
    for name in "cab":
        (folder / name).touch()
        expect(command.line(), f"file:{folder}/{name} exists")
    expect(command.end().status, 2)


@test
def all_that_hold_already(folder: Path) -> None:
    words = [f"file:{folder}", f"gone:{folder}/a", "timer:0"]
    expect(len(waitall(*words).end().lines()), 3)


@test
def all_but_one(folder: Path) -> None:
    command = waitall("-t", "200ms", f"file:{folder}", f"gone:{folder}")
    command.gives(f"file:{folder} exists", status=TIMEOUT)


@test
def it_need_not_last(folder: Path) -> None:
    (folder / "a").touch()
    command = waitall(f"file:{folder}/a", f"file:{folder}/b").watching()
    expect(command.line(), f"file:{folder}/a exists")
    (folder / "a").unlink()
    (folder / "b").touch()
    command.gives(f"file:{folder}/b exists")


@test
def follow_ends_when_nothing_can_come(_: Path) -> None:
    for start in (waitany, waitall):
        ended = start("-f", "child:true", "child:exit 1").end()
        expect((ended.status, len(ended.lines())), (0, 2), ended.err)


@test
def follow_until_the_timeout(_: Path) -> None:
    ended = waitany("-f", "-t", "100ms", "timer:10ms").end()
    expect(ended.status, TIMEOUT)
    expect(set(ended.lines()), {"timer:10ms has expired"})


@test
def json_of_every_byte(folder: Path) -> None:
    strange = bytes(byte for byte in range(1, 256) if byte != ord("/"))
    for name in (
        strange[:120],
        strange[120:],
        "ä€😀".encode(),
        b"\xed\xa0\x80\xc0\xaf",
    ):
        path = os.path.join(os.fsencode(folder), name)
        program = os.fsencode(os.environ["COMMANDS"]) + b"/waitany"
        argv = [program, b"-j", b"gone:" + path]
        done = subprocess.run(argv, capture_output=True, check=True)
        told = json.loads(done.stdout)
        expect(os.fsencode(told["condition"]), b"gone:" + path)
        expect((told["index"], told["kind"], told["event"]), (1, "gone", "gone"))


@test
def exec_of_each(folder: Path) -> None:
    log = folder / "log"
    script = f'echo "$WAIT_INDEX $WAIT_CONDITION $WAIT_EVENT" >>{log}'
    ended = waitall("-e", script, "timer:20ms", f"file:{folder}").end()
    expect(ended.status, 0)
    expect(
        log.read_text().splitlines(),
        [f"2 file:{folder} exists", "1 timer:20ms expired"],
    )


@test
def exec_that_fails_is_told(_: Path) -> None:
    ended = waitany("-e", "exit 3", "timer:0").end()
    expect(ended.status, 0)
    expect_match(ended.err, "--exec: ended with status 3")


@test
def output_that_cannot_be_written(_: Path) -> None:
    with Path("/dev/full").open("w") as full:
        argv = [os.environ["COMMANDS"] + "/waitany", "timer:0"]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, check=False)
    expect(done.returncode, TROUBLE)
    expect_match(done.stderr.decode(), "standard output: No space left")


if __name__ == "__main__":
    main()
