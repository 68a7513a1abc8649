"""What the children of a program on polymux get, and what lies beyond 1024
descriptors for them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import SHOW, output, polymux, python
from support import LIMIT

# Children.

WORKER = """
import multiprocessing, sys

def work(connection):
    import select
    connection.send("polymux" in repr(select))

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
        "import select, sys\nsys.mine = 'polymux' in repr(select), __file__\n"
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
