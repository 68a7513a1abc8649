"""python -m polymux: what a program sees, beside what it sees under python."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import SHOW, output, polymux, python
from support import LIMIT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a script, a package and a folder to run in it."""
    inspect = (
        "import __main__, sys\n"
        "print(sys.argv, sys.path[0], __name__, __main__.__dict__.get('__file__'))\n"
        "print(sys.flags, sys.modules['__main__'].__spec__ and __spec__.name)\n"
        "print([p for p in sys.path if '_site' in p], sys.executable, sys.warnoptions)"
        "\nprint(sorted(vars(__main__).keys()))\n"
    )
    (tmp_path / "script.py").write_text(inspect)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__main__.py").write_text(inspect)
    (tmp_path / "fail.py").write_text("def f():\n    1 / 0\n\nf()\n")
    (tmp_path / "tour").write_text("print('a tour of mine')\n")
    (tmp_path / "show.py").write_text(SHOW)
    return tmp_path


# The interpreter's own conventions.

WAYS = [
    ["script.py", "-m", "--stats", "a b"],
    ["package", "-c", ""],
    ["-m", "package", "x", "-h"],
    ["-mpackage", "--"],
    ["-c", "import sys; print(sys.argv, sys.path[0], __name__)", "-c", "x"],
    ["-cimport sys; print(sys.argv)", "--version"],
    ["-", "a", "-m"],
    ["fail.py"],
    ["-m", "fail"],
    ["-c", "import sys; sys.exit(7)"],
    ["-c", "import sys; sys.exit('in words')"],
    ["-c", "import os; os.kill(os.getpid(), 9)"],
    ["-c", "raise KeyboardInterrupt"],
    ["-c", "syntax error"],
    ["./missing.py"],
    ["-m", "missing"],
    ["-m"],
]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_program_runs_as_under_python(project: Path, way: list[str]) -> None:
    text = "import sys; print(sys.argv, __name__)"
    theirs = python(*way, cwd=project, text=text)
    ours = polymux(*way, cwd=project, text=text)
    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr
    assert ours.returncode == theirs.returncode


@pytest.mark.parametrize(
    "flags",
    [["-B"], ["-X", "dev", "-W", "error"], ["-O", "-s"], ["-P"], ["-bb", "-q", "-u"]],
    ids=" ".join,
)
def test_options_of_the_interpreter_stay(project: Path, flags: list[str]) -> None:
    theirs = output(python(*flags, "script.py", "x", cwd=project))
    ours = output(python(*flags, "-m", "polymux", "script.py", "x", cwd=project))
    assert ours == theirs
    joined = [*flags[:-1], f"{flags[-1]}m"] if flags[-1][0] == "-" else [*flags, "-m"]
    short = output(python(*joined, "polymux", "script.py", "x", cwd=project))
    assert short == theirs


@pytest.mark.parametrize("way", [["show.py"], ["-m", "show"], ["-c", SHOW]])
def test_program_runs_on_polymux(project: Path, way: list[str]) -> None:
    assert output(polymux(*way, cwd=project)) == "True\n"
    assert output(python(*way, cwd=project)) == "False\n"


def test_signals_reach_the_program(project: Path) -> None:
    code = "import signal, sys; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-m", "polymux", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == -signal.SIGTERM


def test_sub_interpreter_of_a_program_is_on_polymux() -> None:
    code = f"""if True:
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        interpreter = interpreters.create()
        interpreters.run_string(interpreter, {SHOW!r})
        interpreters.destroy(interpreter)
    """
    assert output(polymux("-c", code)) == "True\n"


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_isolated_interpreter_is_refused(flag: str) -> None:
    done = python(flag, "-m", "polymux", "-c", SHOW)
    if "No module named polymux" in done.stderr:
        assert flag == "-S"  # site-packages are out of reach as well
        return
    assert done.returncode == 2
    assert "polymux.install()" in done.stderr
    assert done.stdout == ""


# asyncio, really on it.


def test_asyncio_runs_on_polymux() -> None:
    code = """
import asyncio, select, sys
async def main():
    loop = asyncio.get_running_loop()
    assert type(loop._selector._selector) is select.epoll
    assert "polymux" in repr(select)
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input()[::-1])", stdin=-1, stdout=-1)
    assert await child.communicate(b"abc\\n") == (b"cba\\n", None)
    assert await asyncio.to_thread(sum, [1, 2]) == 3
    print("done")
asyncio.run(main())
"""
    assert output(polymux("-c", code)) == "done\n"


# --stats, --kqueue, --devpoll.


def test_stats_of_each_process(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text("import select\nfor _ in range(5): select.select([], [], [], 0)")
    code = (
        "import os, select, subprocess, sys\n"
        "r, w = os.pipe()\npoll = select.poll()\npoll.register(w)\n"
        "assert [poll.poll() for _ in range(1200)]\n"
        f"subprocess.run([sys.executable, {str(script)!r}], check=True)\n"
    )
    done = polymux("--stats", "-c", code)
    assert (done.returncode, done.stdout) == (0, "")
    lines = [line.split() for line in done.stderr.splitlines()]
    assert lines[0][:2] == lines[3][:2] == ["polymux:", "process"]
    assert lines[0][3:] == [f"({script})"]
    assert lines[3][3:] == ["(-c)"]
    assert lines[1] == lines[4] == ["interface", "calls", "events"]
    assert lines[2] == ["select", "5", "0"]
    assert lines[5] == ["poll", "1,200", "1,200"]
    assert len(lines) == 6


def test_nothing_is_counted_unasked() -> None:
    code = "import select, sys; print(type(select.poll).__name__, 'polymux._stats' in "
    assert output(polymux("-c", code + "sys.modules)")) == (
        "builtin_function_or_method False\n"
    )


@pytest.mark.parametrize("option", ["kqueue", "devpoll"])
def test_option_shows_an_interface(option: str) -> None:
    import polymux as installed

    code = f"import select; select.{option}().close(); print(hasattr(select, 'epoll'))"
    done = polymux(f"--{option}", "-c", code)
    if hasattr(installed, option):
        assert output(done) == "True\n"
    else:
        assert done.returncode == 2
        assert f"this build of polymux has no {option}" in done.stderr


# Help and errors.


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_help(words: list[str]) -> None:
    text = output(polymux(*words))
    for part in ("-m MODULE", "--stats", "--kqueue", "tour", "info", "SCRIPT"):
        assert part in text


def test_version() -> None:
    import polymux as installed

    assert output(polymux("--version")) == f"polymux {installed.__version__}\n"


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["inof"], "the commands are tour, info"),
        (["--stat", "x.py"], "unrecognized arguments: --stat"),
        (["--stats"], "no program to run"),
        (["--stats", "tour"], "takes neither options nor arguments"),
        (["info", "x"], "takes neither options nor arguments"),
    ],
    ids=str,
)
def test_error_names_the_fix(words: list[str], fix: str) -> None:
    done = polymux(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert fix in done.stderr


def test_script_called_like_a_command(project: Path) -> None:
    assert output(polymux("./tour", cwd=project)) == "a tour of mine\n"
    assert output(polymux("--", "-c", "print(1)", cwd=project)) == "1\n"
