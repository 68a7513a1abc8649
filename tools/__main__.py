"""The commands behind the Makefile: `python3 -m tools <command>`."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this line runs on older ones)
    sys.exit(f"{sys.executable} is older than Python 3.11; say make PYTHON=python3.x")

import os
import shutil

from . import cbuilds, environments, interpreters, machine
from .interpreters import Interpreter
from .runner import run_steps
from .shell import BUILD, ROOT, Failure, run
from .steps import Step, all_steps, select

TEST_GROUPS = ("test", "lint")


def _common(*groups: str) -> environments.Environment:
    interpreter = interpreters.running()
    machine.provide(machine.c_compiler() | machine.parts_of(interpreter))
    return environments.prepare(environments.common(interpreter), *groups)


def command_run(words: list[str]) -> None:
    """Sets up .venv, builds, and runs `python -m polymux`: the tour, or words."""
    python = str(_common().python)
    os.execv(python, [python, "-m", "polymux", *(words or ["tour"])])


def _tested_interpreters() -> list[Interpreter]:
    found = list(interpreters.find_all().values())
    with_headers = [i for i in found if i.has_headers or i.of_debian]
    if not with_headers:
        raise Failure("no CPython 3.11 or newer with headers on this machine")
    return with_headers


def _provide_for(steps: list[Step], pythons: list[Interpreter]) -> None:
    names = {step.name for step in steps}
    missing = machine.c_compiler() | machine.parts_of(interpreters.running())
    missing |= machine.programs(("gcc", "g++", "clang", "nm", "pkg-config"))
    for python in pythons:
        if f"env-{python.name}" in names:
            runs = {f"cpython-{python.name}", f"devpoll-{python.name}"}
            own_tests = not runs.isdisjoint(names)
            missing |= machine.parts_of(python, own_tests=own_tests)
    machine.provide(missing)
    interpreters.probe.cache_clear()
    interpreters.find_all.cache_clear()


def command_test(words: list[str]) -> None:
    """Runs every test and lint, or the named steps and what they need."""
    pythons = _tested_interpreters()
    steps = all_steps(interpreters.running(), pythons)
    if words == ["list"]:
        print(*(step.name for step in steps), sep="\n")
        return
    if words:
        steps = select(steps, words)
    _provide_for(steps, pythons)
    if not run_steps(steps):
        sys.exit(1)


def command_environment(words: list[str]) -> None:
    """Sets up .venv for tests and lints, or the one of a named interpreter."""
    if not words:
        _common(*TEST_GROUPS)
        return
    interpreter = interpreters.named(words[0])
    environments.prepare(environments.for_tests(interpreter), "test")


def command_compile(words: list[str]) -> None:
    """Builds the C library and its tests in one of the ways there are."""
    env = environments.common(interpreters.running())
    cbuilds.compile_tree(cbuilds.CBUILDS[words[0]], env)


def command_test_c(words: list[str]) -> None:
    """Runs the C tests of one build."""
    env = environments.common(interpreters.running())
    cbuilds.test_tree(cbuilds.CBUILDS[words[0]], env, jobs=1)


def command_format(words: list[str]) -> None:
    """Formats all C and Python sources."""
    env = _common(*TEST_GROUPS)
    script = ROOT / "tests" / "lint" / "check_format.py"
    run([env.python, script, "--fix", *words], env=env.variables)


def command_bench(words: list[str]) -> None:
    """Runs the benchmarks, each beside its peer."""
    env = _common()
    run([env.python, ROOT / "bench" / "run.py", *words], env=env.variables)


def command_install(words: list[str]) -> None:
    """Installs the C library: PREFIX (default /usr/local) and DESTDIR."""
    prefix = os.environ.get("PREFIX") or "/usr/local"
    cbuilds.install(_common(), prefix, os.environ.get("DESTDIR"))


def command_clean(words: list[str]) -> None:
    """Removes what was built, and the virtual environments."""
    caches = [".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"]
    environs = ROOT.glob(".venv*")
    for folder in [BUILD, *environs, *(ROOT / name for name in caches)]:
        shutil.rmtree(folder, ignore_errors=True)


COMMANDS = {
    name.removeprefix("command_").replace("_", "-"): function
    for name, function in list(globals().items())
    if name.startswith("command_")
}


def main() -> None:
    name, words = (sys.argv[1:] or ["help"])[0], sys.argv[2:]
    if name not in COMMANDS:
        sys.exit(f"usage: python3 -m tools {'|'.join(COMMANDS)}")
    try:
        COMMANDS[name](words)
    except Failure as failure:
        sys.exit(f"polymux: {failure}")
    except KeyboardInterrupt:
        sys.exit(128 + 2)


if __name__ == "__main__":
    main()
