"""pid:, child:, signal:, timer: and fd:."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from harness import TIMEOUT, TROUBLE, expect, expect_match, main, never, test, waitany


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "1000"])


@test
def process_that_lives(_: Path) -> None:
    never(f"pid:{os.getpid()}")


@test
def process_that_is_not_there(_: Path) -> None:
    process = _sleeper()
    process.kill()
    process.wait()
    waitany(f"pid:{process.pid}").gives(f"pid:{process.pid} is not there")


@test
def process_that_is_killed(_: Path) -> None:
    process = _sleeper()
    command = waitany(f"pid:{process.pid}").watching()
    process.kill()
    command.gives(f"pid:{process.pid} was killed by SIGKILL")
    process.wait()


@test
def process_that_has_ended_and_was_not_reaped(_: Path) -> None:
    process = subprocess.Popen(["sh", "-c", "exit 7"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    waitany(f"pid:{process.pid}").gives(f"pid:{process.pid} has ended with status 7")
    process.wait()


@test
def child_of_the_shell(_: Path) -> None:
    line = "child:exit 3"
    waitany(line).gives(f"{line} has ended with status 3")


@test
def child_with_arguments(folder: Path) -> None:
    script = '[ "$1" = "a  b" ] && exit 4'
    command = waitany("timer:100", "--", "sh", "-c", script, "sh", "a  b")
    expect_match(command.end().out, "^child:sh -c .* has ended with status 4\n$")


@test
def child_that_is_killed(_: Path) -> None:
    ended = waitany("-j", "child:kill -TERM $$").end()
    expect(ended.objects()[0]["signal"], signal.SIGTERM)


@test
def child_that_never_ends_is_left_alone(folder: Path) -> None:
    pid = folder / "pid"
    script = f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 1000"
    command = waitany(f"file:{pid}", "--", "sh", "-c", script)
    expect(command.process.wait(), 0)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    command.gives(f"file:{pid} exists")


@test
def child_that_is_no_program(_: Path) -> None:
    ended = waitany("--", "/no/such/program").end()
    expect(ended.status, TROUBLE)
    expect_match(ended.err, "cannot be started: No such file")


@test
def child_of_one_who_ignores_children(_: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    command = waitany("child:exit 3", preexec_fn=ignore)
    command.gives("child:exit 3 has ended with status 3")


@test
def child_has_the_signals_we_were_given(_: Path) -> None:
    def block() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

    program = ("grep", "-q", "^SigBlk:.*0000000000000200$", "/proc/self/status")
    for words in ((), ("signal:USR1",)):
        command = waitany(*words, "--", *program, preexec_fn=block)
        command.gives(f"child:{' '.join(program)} has ended with status 0")


@test
def signal_that_never_comes(_: Path) -> None:
    never("signal:USR1")


@test
def signal_that_comes(_: Path) -> None:
    for name in ("USR1", "SIGTERM", "hup", "RTMIN+2", "12", "CHLD", "WINCH", "INT"):
        number = int(name) if name.isdigit() else None
        plain = name.upper().removeprefix("SIG")
        number = number or (
            signal.SIGRTMIN + 2 if "+" in name else signal.Signals[f"SIG{plain}"].value
        )
        command = waitany(f"signal:{name}").watching()
        os.kill(command.pid, number)
        command.gives(f"signal:{name} was received")


@test
def signal_that_was_pending_before(_: Path) -> None:
    def send() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        os.kill(os.getpid(), signal.SIGUSR1)

    waitany("signal:USR1", preexec_fn=send).gives("signal:USR1 was received")


@test
def signal_that_was_ignored_before(_: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    command = waitany("signal:HUP", preexec_fn=ignore).watching()
    os.kill(command.pid, signal.SIGHUP)
    command.gives("signal:HUP was received")


@test
def signals_followed(_: Path) -> None:
    command = waitany("-f", "signal:USR1", "signal:USR2").watching()
    for _round in range(3):
        for number in (1, 2):
            os.kill(command.pid, signal.Signals[f"SIGUSR{number}"])
            expect(command.line(), f"signal:USR{number} was received")
    command.stop()


@test
def signal_not_asked_for_ends_the_command(_: Path) -> None:
    command = waitany("signal:USR1").watching()
    command.process.terminate()
    expect(command.end().status, -signal.SIGTERM)


@test
def timer_expires(_: Path) -> None:
    waitany("timer:10ms").gives("timer:10ms has expired")
    waitany("timer:0").gives("timer:0 has expired")


@test
def timer_never_expires(_: Path) -> None:
    never("timer:1h30m")


@test
def timer_is_not_early(_: Path) -> None:
    ended = waitany("-j", "timer:0.25s").end()
    expect(ended.objects()[0]["seconds"] >= 0.25, True)


@test
def timer_followed(_: Path) -> None:
    command = waitany("-f", "timer:5ms")
    expect([command.line() for _ in range(4)], ["timer:5ms has expired"] * 4)
    command.stop()


@test
def descriptor_with_something_to_read(_: Path) -> None:
    waitany("fd:0", stdin=subprocess.PIPE).process.communicate("")
    reader, writer = os.pipe()
    os.write(writer, b"abc")
    ended = waitany("-j", "fd:0", stdin=reader).end()
    expect((ended.objects()[0]["event"], ended.objects()[0]["data"]), ("readable", 3))
    os.close(writer)
    os.close(reader)


@test
def descriptor_that_never_has(_: Path) -> None:
    reader, writer = os.pipe()
    never("fd:0", stdin=reader)
    os.close(writer)
    os.close(reader)


@test
def descriptor_written_to_later_and_closed(_: Path) -> None:
    reader, writer = os.pipe()
    word = f"fd:{reader}"
    command = waitany("-f", word, pass_fds=[reader]).watching()
    os.close(reader)
    os.write(writer, b"abc")
    expect(command.line(), f"{word} is readable")
    os.close(writer)
    expect_match(command.line(), "is readable|is at its end")
    expect(command.end().status, 0)


@test
def descriptor_at_its_end(_: Path) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    waitany("fd:0", stdin=reader).gives("fd:0 is at its end")
    os.close(reader)


@test
def descriptor_that_is_not_open(_: Path) -> None:
    for number in (3, 4, 5, 77):
        ended = waitany(f"fd:{number}").end()
        expect(ended.status, TROUBLE)
        expect_match(ended.err, f"fd:{number}: needs the number of an open descriptor")


@test
def nothing_happens_and_it_says_so(_: Path) -> None:
    ended = waitany("-t", "20ms", "-j", "signal:USR1").end()
    expect((ended.status, ended.objects()[0]["event"]), (TIMEOUT, "timeout"))


if __name__ == "__main__":
    main()
