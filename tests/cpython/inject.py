"""Throw-away virtual environments, one of them with polymux for `select`.

The environment on polymux is made of the base interpreter of the one given and
of a copy of the polymux installed there; `site_hook.py` says how `select` is
replaced. The other environment is the same without polymux: the standard module
to compare with. `verify` proves that the replacement reaches every kind of
interpreter a test may start.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

INSPECT = """
import importlib.util, json, sys
package = importlib.util.find_spec("polymux")
print(json.dumps({
    "base": sys._base_executable,
    "version": sys.version.split()[0],
    "package": package and package.submodule_search_locations[0],
}))
"""

WHERE_TESTS_ARE = "import test; print(test.__path__[0])"
WHERE_PACKAGES_GO = "import sysconfig; print(sysconfig.get_path('purelib'))"

WHOSE = "type(select.__spec__.loader).__module__.startswith('polymux')"
SHOW = f"import select; print({WHOSE}, flush=True)"
SHOW_IN_SUBINTERPRETER = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreter = interpreters.create()
interpreters.run_string(interpreter, {SHOW!r})
interpreters.destroy(interpreter)
"""
SHOW_IN_WORKER = f"""
import multiprocessing, sys
def show():
    import select
    return {WHOSE}
if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.apply(show))
"""


class InjectionError(Exception):
    """The run would not test what it says it tests."""


@dataclass(frozen=True)
class Interpreter:
    """What the tests of one interpreter need to know about it."""

    base: str
    version: str
    package: Path

    @classmethod
    def inspect(cls, python: str) -> "Interpreter":
        facts = json.loads(output([python, "-c", INSPECT]))
        if facts["package"] is None:
            raise InjectionError(f"polymux is not installed for {python}")
        package = Path(facts["package"])
        if not (package / "__init__.py").is_file():
            raise InjectionError(f"polymux must be installed normally: {package}")
        return cls(facts["base"], facts["version"], package)


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and whether its `select` is polymux."""

    python: str
    on_polymux: bool
    log: Path | None = None

    def logged_processes(self) -> dict[int, int]:
        """How often each process replaced the module (sub-interpreters too)."""
        counts: dict[int, int] = {}
        if self.log is not None:
            for line in self.log.read_text(encoding="utf-8").splitlines():
                pid = int(line.split("\t")[0])
                counts[pid] = counts.get(pid, 0) + 1
        return counts


def output(command: list[str], cwd: Path | None = None) -> str:
    """Return what a command prints; it must neither fail nor complain nor hang."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, cwd=cwd
        )
    except subprocess.TimeoutExpired as error:
        raise InjectionError(f"{command} hangs") from error
    if done.returncode != 0:
        raise InjectionError(f"{command}: status {done.returncode}\n{done.stderr}")
    if done.stderr:
        raise InjectionError(f"{command} complains:\n{done.stderr}")
    return done.stdout.strip()


def _make_environment(base: str, directory: Path) -> tuple[str, Path]:
    """Make an empty environment holding the driver; return python and packages."""
    output([base, "-m", "venv", "--without-pip", str(directory)])
    python = str(directory / "bin" / "python")
    packages = Path(output([python, "-c", WHERE_PACKAGES_GO]))
    shutil.copy(HERE / "driver.py", packages / "_cpython_driver.py")
    return python, packages


def make_standard(interpreter: Interpreter, directory: Path) -> Environment:
    python, _ = _make_environment(interpreter.base, directory)
    return Environment(python, on_polymux=False)


def make_injected(
    interpreter: Interpreter, directory: Path, kqueue: bool, devpoll: bool
) -> Environment:
    python, packages = _make_environment(interpreter.base, directory)
    log = directory / "replacements.log"
    log.touch()
    log.chmod(0o666)  # tests start interpreters as other users
    shutil.copytree(interpreter.package, packages / "polymux")
    shutil.copy(HERE / "site_hook.py", packages / "_polymux_site_hook.py")
    call = f"replace({str(log)!r}, kqueue={kqueue}, devpoll={devpoll})"
    line = f"import _polymux_site_hook; _polymux_site_hook.{call}\n"
    (packages / "polymux_for_select.pth").write_text(line)
    return Environment(python, True, log)


def tests_directory(environment: Environment) -> Path:
    return Path(output([environment.python, "-c", WHERE_TESTS_ARE]))


def verify(environment: Environment, directory: Path) -> None:
    """Prove which `select` every kind of interpreter gets, or raise."""
    worker = directory / "show_in_worker.py"
    worker.write_text(SHOW_IN_WORKER)
    kinds = {
        "plain": ["-c", SHOW],
        "isolated": ["-I", "-c", SHOW],
        "without environment": ["-E", "-c", SHOW],
        "sub-interpreter": ["-c", SHOW_IN_SUBINTERPRETER],
        "forked worker": [str(worker), "fork"],
        "spawned worker": [str(worker), "spawn"],
        "fork-server worker": [str(worker), "forkserver"],
    }
    for kind, arguments in kinds.items():
        answer = output([environment.python, *arguments], cwd=directory)
        if answer != str(environment.on_polymux):
            raise InjectionError(f"{kind} interpreter: on polymux: {answer}")
