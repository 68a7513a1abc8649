"""The steps of `make test` and `make lint`: what each runs and waits for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from .cbuilds import CBUILDS
from .environments import common, for_tests
from .interpreters import Interpreter
from .shell import ROOT, Failure

LINTS = ROOT / "tests" / "lint"


class Stage(IntEnum):
    """Tests measure time, so none runs while compilers and checkers do."""

    BUILD = 0
    TEST = 1


@dataclass(frozen=True)
class Step:
    name: str
    stage: Stage
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


def _ourselves(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tools", *words)


def _environments(pythons: Iterable[Interpreter]) -> list[Step]:
    names = [python.name for python in pythons]
    own = [
        Step(f"env-{name}", Stage.BUILD, _ourselves("environment", name))
        for name in names
    ]
    return [Step("env", Stage.BUILD, _ourselves("environment")), *own]


def _c_builds() -> list[Step]:
    return [
        Step(f"build-{name}", Stage.BUILD, _ourselves("compile", name), ("env",))
        for name in CBUILDS
    ]


def _c_tests() -> list[Step]:
    return [
        Step(f"c-{name}", Stage.TEST, _ourselves("test-c", name), (f"build-{name}",))
        for name in CBUILDS
    ]


_LINT_NEEDS = {"tidy": ("build-clang",), "symbols": ("build-gcc",)}


def _lints(interpreter: Interpreter) -> list[Step]:
    env = common(interpreter)
    steps = []
    for script in sorted(LINTS.glob("check_*.py")):
        subject = script.stem.removeprefix("check_")
        needs = ("env", *_LINT_NEEDS.get(subject, ()))
        command = (str(env.python), str(script))
        steps.append(
            Step(f"lint-{subject}", Stage.BUILD, command, needs, env.variables)
        )
    return steps


def _python_tests(pythons: list[Interpreter]) -> list[Step]:
    """The newest Python tries random sequences by the thousand, others fewer."""
    steps = []
    for python in pythons:
        env = for_tests(python)
        command = (str(env.python), "-m", "pytest", "-q", "tests/python")
        name = python.name
        variables = dict(env.variables)
        if python is pythons[-1]:
            variables["HYPOTHESIS_PROFILE"] = "thorough"
        steps.append(
            Step(f"python-{name}", Stage.TEST, command, (f"env-{name}",), variables)
        )
    return steps


def _cpythons_tests(pythons: Iterable[Interpreter]) -> list[Step]:
    """Two files at a time within a step: these tests sleep more than they work."""
    script = Path("tests", "cpython", "run.py")
    steps = []
    for python in pythons:
        name = python.name
        venv_python = str(for_tests(python).python)
        command = (sys.executable, str(script), "--python", venv_python, "--jobs", "2")
        steps.append(Step(f"cpython-{name}", Stage.TEST, command, (f"env-{name}",)))
    return steps


# What waits on devpoll where selectors are asked to, and event loops made to.
_ON_DEVPOLL = (
    *("test_devpoll", "test_selectors", "test_eintr"),
    *(
        f"test_asyncio.test_{name}"
        for name in (
            *("events", "selector_events", "sendfile", "sock_lowlevel"),
            *("streams", "subprocess", "unix_events"),
        )
    ),
)


def _cpythons_tests_on_devpoll(python: Interpreter) -> Step:
    script = str(Path("tests", "cpython", "run.py"))
    venv_python = str(for_tests(python).python)
    options = ("--python", venv_python, "--jobs", "2")
    selector = ("--devpoll", "--selector", "DevpollSelector")
    command = (sys.executable, script, *options, *selector, *_ON_DEVPOLL)
    name = f"devpoll-{python.name}"
    return Step(name, Stage.TEST, command, (f"env-{python.name}",))


def all_steps(interpreter: Interpreter, pythons: Iterable[Interpreter]) -> list[Step]:
    """Every step, the longest of a stage first."""
    pythons = list(pythons)
    return [
        *_environments(pythons),
        *_c_builds(),
        *_lints(interpreter),
        *_cpythons_tests(pythons),
        *(_cpythons_tests_on_devpoll(python) for python in pythons[-1:]),
        *_python_tests(pythons),
        *_c_tests(),
    ]


def _matches(step: Step, word: str) -> bool:
    return step.name == word or step.name.startswith(f"{word}-")


def select(steps: list[Step], words: Iterable[str]) -> list[Step]:
    """The steps that words name (c, lint, python-3.12), and what those need."""
    by_name = {step.name: step for step in steps}
    wanted: set[str] = set()
    for word in words:
        named = [step.name for step in steps if _matches(step, word)]
        if not named:
            raise Failure(f"no step {word}; there are {', '.join(by_name)}")
        wanted.update(named)
    pending = list(wanted)
    while pending:
        needs = set(by_name[pending.pop()].needs) - wanted
        wanted |= needs
        pending += needs
    return [step for step in steps if step.name in wanted]
