"""Virtual environments with the build tools and an installed extension in them.

.venv is for people, lints and benchmarks; .venv-3.12 and its like are for the
tests on one interpreter, .venv-programs for the programs that are run on
polymux. The package is installed as users install it, not
editable, from a build tree of its own that later installs reuse.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from .interpreters import Interpreter
from .shell import BUILD, ROOT, Failure, Stamp, fingerprint, run, say, succeeds

# Module (or program) that proves a requirement, where no index can be reached.
_PROOF = {
    "build": (
        "import mesonpy; from shutil import which; "
        "assert which('meson') and which('ninja')"
    ),
    "test": "import pytest, hypothesis",
    "lint": "import mypy, ruff",
    "programs": (
        "import asyncore, eventlet, gevent, paramiko, pexpect, tornado, trio, "
        "uvicorn, waitress, watchdog"
    ),
}
# Meson does not set up a tree again that knows fewer options.
BUILD_OPTIONS = ROOT / "meson.options"
_SOURCES = [
    ROOT / name for name in ("include", "src", "python", "meson.build", "meson.options")
]
_METADATA = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]


@dataclass(frozen=True)
class Environment:
    interpreter: Interpreter
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """What activating it means; its interpreter's own scripts come last."""
        own, its = self.folder / "bin", Path(self.interpreter.program).parent
        path = os.pathsep.join([str(own), os.environ.get("PATH", ""), str(its)])
        return {"PATH": path, "VIRTUAL_ENV": str(self.folder)}


def common(interpreter: Interpreter) -> Environment:
    return Environment(interpreter, ROOT / ".venv")


def for_tests(interpreter: Interpreter) -> Environment:
    return Environment(interpreter, ROOT / f".venv-{interpreter.name}")


def for_programs(interpreter: Interpreter) -> Environment:
    return Environment(interpreter, ROOT / ".venv-programs")


def _create(env: Environment) -> None:
    stamp = Stamp(env.folder / "created.stamp", f"{env.interpreter} {env.folder}")
    if stamp.is_fresh():
        return
    say(f"setting up {env.folder.name} with Python {env.interpreter.name}")
    shutil.rmtree(env.folder, ignore_errors=True)
    run([env.interpreter.program, "-m", "venv", env.folder])
    stamp.write()


def _pip(env: Environment, *words: str | Path) -> list[str | Path]:
    quiet = ["-q", "--disable-pip-version-check", "--no-input"]
    return [env.python, "-m", "pip", *quiet, *words]


def _fall_back_to_machine(env: Environment, group: str, log: Path) -> None:
    """Opens the environment to what the interpreter has installed already."""
    configuration = env.folder / "pyvenv.cfg"
    text = configuration.read_text()
    closed, opened = (f"include-system-site-packages = {v}" for v in ("false", "true"))
    configuration.write_text(text.replace(closed, opened))
    if not succeeds([env.python, "-c", _PROOF[group]], env=env.variables):
        raise Failure(
            f"tools/requirements-{group}.txt can neither be installed from a package "
            f"index nor be found on this machine; what pip said is in {log}"
        )


def _require(env: Environment, group: str) -> None:
    file = ROOT / "tools" / f"requirements-{group}.txt"
    stamp = Stamp(env.folder / f"requirements-{group}.stamp", fingerprint([file]))
    if stamp.is_fresh():
        return
    say(f"installing the {group} tools into {env.folder.name}")
    log = BUILD / "logs" / f"pip-{env.folder.name}-{group}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if not succeeds(_pip(env, "install", "--retries", "2", "-r", file), log):
        _fall_back_to_machine(env, group, log)
    stamp.write()


def _install(env: Environment) -> None:
    tree = BUILD / env.folder.name.replace(".venv", "python")
    built_for = sysconfig.get_platform(), str(env.interpreter), str(env.folder)
    facts = fingerprint([*_SOURCES, *_METADATA], *built_for)
    stamp = Stamp(env.folder / "installed.stamp", facts)
    if stamp.is_fresh():
        return
    say(f"building the extension for {env.folder.name}")
    tree_stamp = tree.with_suffix(tree.suffix + ".stamp")
    same_tree = Stamp(tree_stamp, fingerprint([BUILD_OPTIONS], *built_for))
    if not same_tree.is_fresh():
        shutil.rmtree(tree, ignore_errors=True)
        same_tree.write()
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--force-reinstall"]
    tree.mkdir(parents=True, exist_ok=True)
    build_tree = f"--config-settings=build-dir={tree}"
    run(_pip(env, "install", *options, build_tree, ROOT), env=env.variables)
    stamp.write()


def prepare(env: Environment, *groups: str) -> Environment:
    """Brings an environment up to date; quick when it is already."""
    _create(env)
    for group in ("build", *groups):
        _require(env, group)
    _install(env)
    return env
