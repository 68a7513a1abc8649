"""The ways the C library is built for its tests, each in build/<name>."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .environments import BUILD_OPTIONS, Environment
from .shell import BUILD, ROOT, Failure, Stamp, fingerprint, run, say


@dataclass(frozen=True)
class CBuild:
    name: str
    compiler: str
    options: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> Path:
        return BUILD / self.name


_STOP = "halt_on_error=1:abort_on_error=1"
_PLAIN = ("-Dwerror=true", "-Dpython=disabled")
CBUILDS = {
    build.name: build
    for build in (
        CBuild("gcc", "gcc", _PLAIN),
        # With the extension, so that clang-tidy finds all there is to check.
        CBuild("clang", "clang", ("-Dwerror=true", "-Dpython=enabled")),
        CBuild(
            "asan",
            "gcc",
            (*_PLAIN, "-Db_sanitize=address,undefined"),
            {
                "ASAN_OPTIONS": f"{_STOP}:detect_stack_use_after_return=1",
                "UBSAN_OPTIONS": f"{_STOP}:print_stacktrace=1",
            },
        ),
        CBuild(
            "tsan",
            "gcc",
            (*_PLAIN, "-Db_sanitize=thread"),
            {"TSAN_OPTIONS": f"{_STOP}:second_deadlock_stack=1"},
        ),
    )
}


def compile_tree(build: CBuild, env: Environment) -> None:
    setup = ["meson", "setup", str(build.tree), str(ROOT), *build.options]
    variables = {**env.variables, "CC": build.compiler}
    facts = fingerprint([BUILD_OPTIONS], str(setup), str(env.interpreter))
    stamp = Stamp(BUILD / f"{build.name}.stamp", facts)
    if not stamp.is_fresh():
        shutil.rmtree(build.tree, ignore_errors=True)
        run(setup, env=variables)
        stamp.write()
    run(["meson", "compile", "-C", build.tree, "-j", "1"], env=variables)


def _without_randomized_addresses() -> list[str]:
    """ThreadSanitizer of older compilers cannot cope with much randomness."""
    bits = Path("/proc/sys/vm/mmap_rnd_bits")
    if bits.exists() and int(bits.read_text()) > 28:
        return ["setarch", platform.machine(), "-R"]
    return []


def test_tree(build: CBuild, env: Environment, jobs: int) -> None:
    wrapper = _without_randomized_addresses() if build.name == "tsan" else []
    command = ["meson", "test", "-C", str(build.tree), "--no-rebuild"]
    options = ["--num-processes", str(jobs)]
    try:
        run([*wrapper, *command, *options], env={**env.variables, **build.variables})
    except Failure:
        log = build.tree / "meson-logs" / "testlog.txt"
        say(log.read_text(errors="replace") if log.exists() else "no test log")
        raise


def install(env: Environment, prefix: str, destdir: str | None) -> None:
    """Installs the library, its headers and its manual pages under prefix."""
    tree = BUILD / "install"
    parts = ["-Dpython=disabled", "-Dtests=false", f"--prefix={prefix}"]
    stamp = Stamp(BUILD / "install.stamp", fingerprint([BUILD_OPTIONS]))
    if not stamp.is_fresh():
        shutil.rmtree(tree, ignore_errors=True)
        stamp.write()
    again = ["--reconfigure"] if (tree / "build.ninja").exists() else []
    release = ["--buildtype=release"]
    run(["meson", "setup", *again, tree, ROOT, *parts, *release], env=env.variables)
    target = ["--destdir", os.path.abspath(destdir)] if destdir else []
    run(["meson", "install", "-C", tree, *target], env=env.variables)
