"""python -m polymux: what a program sees, beside what it sees under python."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import LIMIT

SHOW = "import select; print('polymux' in select.__file__, flush=True)\n"


def python(
    *words: str | Path, cwd: Path | None = None, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": "", **environment}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={k: v for k, v in variables.items() if v},
        input=text,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )


def polymux(
    *words: str | Path, cwd: Path | None = None, text: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return python("-m", "polymux", *words, cwd=cwd, text=text, **environment)


def output(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


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


# Children.

WORKER = """
import multiprocessing, sys

def work(connection):
    import select
    connection.send("polymux" in select.__file__)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(theirs,))
    child.start()
    print(ours.recv())
    child.join()
    sys.exit(child.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path: Path, method: str) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    assert output(polymux(script, method)) == "True\n"
    assert output(python(script, method)) == "False\n"


@pytest.mark.parametrize("depth", [1, 3])
def test_subprocess(depth: int) -> None:
    code = SHOW
    for _ in range(depth):
        code = (
            "import subprocess, sys\n"
            f"sys.exit(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
        )
    assert output(polymux("-c", code)) == "True\n"


def test_nested_command_adds_nothing_twice() -> None:
    code = "import os; print(os.environ['PYTHONPATH'], os.environ['POLYMUX_INSTALL'])"
    path, _, options = output(polymux("-c", code)).rstrip("\n").partition(" ")
    assert path.endswith("_site")
    assert options == ""
    once = output(polymux("-c", code, PYTHONPATH="/a:/b"))
    twice = output(polymux("-m", "polymux", "-c", code, PYTHONPATH="/a:/b"))
    assert once == twice == f"{path}:/a:/b \n"


def test_own_sitecustomize_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import select, sys\nsys.mine = 'polymux' in select.__file__, __file__\n"
    )
    code = "import sitecustomize, sys; print(sys.mine, sitecustomize.__file__)"
    mine = str(tmp_path / "sitecustomize.py")
    assert output(polymux("-c", code, PYTHONPATH=str(tmp_path))) == (
        f"{(True, mine)} {mine}\n"
    )


@pytest.mark.parametrize("fault", ["1 / 0", "import no_such_module"])
def test_own_sitecustomize_fails_as_ever(tmp_path: Path, fault: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"{fault}\n")
    theirs = python("-c", "print('on')", PYTHONPATH=str(tmp_path))
    ours = polymux("-c", SHOW, PYTHONPATH=str(tmp_path))
    assert theirs.stdout == "on\n"
    assert ours.stdout == "True\n"
    # The launching interpreter says it once, the program once more.
    assert ours.stderr == 2 * theirs.stderr != ""


OTHER_PYTHON = """
import subprocess, sys
for program in sys.argv[1:]:
    done = subprocess.run([program, "-c", "import select, sys; print('fine')"],
                          capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("fine\\n", ""), (program, done)
print("done")
"""


def test_children_of_other_interpreters_go_without() -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    programs = [str(path) for path in sorted(pyenv.glob("*/bin/python"))]
    assert output(polymux("-c", OTHER_PYTHON, *programs)) == "done\n"


def test_empty_environment_of_same_python_is_carried_along(tmp_path: Path) -> None:
    """It gets the parent's polymux, which fits, and nothing else of it."""
    python("-m", "venv", "--without-pip", tmp_path / "other")
    code = SHOW + "import importlib.util as u; print(u.find_spec('pytest'))"
    start = f"import subprocess; subprocess.run([{str(tmp_path / 'other/bin/python')!r}"
    done = polymux("-c", f"{start}, '-c', {code!r}])")
    assert output(done) == "True\nNone\n"


def test_build_for_another_interpreter_is_passed_over(tmp_path: Path) -> None:
    """A polymux that has no extension for the interpreter that meets it."""
    import polymux as installed

    assert installed.__file__
    source = Path(installed.__file__).parent / "_site" / "sitecustomize.py"
    folder = tmp_path / "polymux" / "_site"
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(source.read_text())
    (tmp_path / "polymux" / "__init__.py").write_text("raise SystemError")
    python("-m", "venv", "--without-pip", tmp_path / "other")
    done = subprocess.run(
        [tmp_path / "other" / "bin" / "python", "-c", SHOW],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert output(done) == "False\n"


def other_python_with_copy(folder: Path, parent: Path) -> Path:
    """An interpreter without polymux, and a copy of polymux in a folder."""
    import polymux as installed

    assert installed.__file__
    shutil.copytree(Path(installed.__file__).parent, folder / "polymux")
    python("-m", "venv", "--without-pip", parent / "other")
    return parent / "other" / "bin" / "python"


def test_polymux_need_not_be_on_the_path_of_the_program(tmp_path: Path) -> None:
    """It is in the current folder only, where a script does not look."""
    here = tmp_path / "here"
    program = other_python_with_copy(here, tmp_path)
    (tmp_path / "show.py").write_text(SHOW)
    done = subprocess.run(
        [program, "-m", "polymux", tmp_path / "show.py"],
        cwd=here,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert output(done) == "True\n"


def test_folder_that_the_path_cannot_name(tmp_path: Path) -> None:
    here = tmp_path / "a:b"
    program = other_python_with_copy(here, tmp_path)
    done = subprocess.run(
        [program, "-m", "polymux", "-c", SHOW],
        cwd=here,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "install it elsewhere" in done.stderr


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_isolated_interpreter_is_refused(flag: str) -> None:
    done = python(flag, "-m", "polymux", "-c", SHOW)
    if "No module named polymux" in done.stderr:
        assert flag == "-S"  # site-packages are out of reach as well
        return
    assert done.returncode == 2
    assert "polymux.install()" in done.stderr
    assert done.stdout == ""


# Beyond FD_SETSIZE.

MANY = """
import os, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
"""

SELECT = (
    MANY
    + """
import select
r, w = os.pipe()
os.write(w, b"x")
assert r > 1024 and select.select([r], [w], [], 60) == ([r], [w], [])
print("done")
"""
)

ASYNCORE = (
    MANY
    + """
import asyncore, socket
got = []
class Server(asyncore.dispatcher):
    def handle_accepted(self, sock, address):
        Reader(sock)
class Reader(asyncore.dispatcher):
    def handle_read(self):
        got.append(self.recv(100))
        asyncore.close_all()
    def writable(self):
        return False
server = Server()
server.create_socket()
server.bind(("127.0.0.1", 0))
server.listen(5)
client = socket.create_connection(server.socket.getsockname())
client.send(b"hello")
assert server.socket.fileno() > 1024
asyncore.loop(timeout=60)
assert got == [b"hello"], got
print("done")
"""
)

SELECTORS = (
    MANY
    + """
import selectors, socket
left, right = socket.socketpair()
with selectors.SelectSelector() as selector:
    selector.register(left, selectors.EVENT_READ)
    right.send(b"x")
    (key, events), = selector.select(60)
    assert key.fd > 1024
print("done")
"""
)


def beyond_fd_setsize(code: str, *flags: str) -> None:
    fails = python(*flags, "-c", code)
    assert fails.returncode == 1
    assert "filedescriptor out of range in select()" in fails.stderr
    works = python(*flags, "-m", "polymux", "-c", code)
    assert works.stdout == "done\n", works.stderr


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("code", [SELECT, SELECTORS], ids=["select", "selectors"])
def test_more_than_1024_descriptors(code: str) -> None:
    beyond_fd_setsize(code)


@pytest.mark.usefixtures("many")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncore left with 3.12")
def test_more_than_1024_descriptors_in_asyncore() -> None:
    beyond_fd_setsize(ASYNCORE, "-W", "ignore")


# asyncio, really on it.


def test_asyncio_runs_on_polymux() -> None:
    code = """
import asyncio, select, sys
async def main():
    loop = asyncio.get_running_loop()
    assert type(loop._selector._selector) is select.epoll
    assert "polymux" in select.__file__
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
    assert lines[1] == lines[4] == ["interface", "waits", "events"]
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
