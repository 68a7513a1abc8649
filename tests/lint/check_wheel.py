#!/usr/bin/env python3
"""A wheel holds the package, the extension and the licence, and nothing else.

Everything of python/polymux is expected in it, so a module that the build
forgets is found as well as a header or a library that slips in.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import lint

OUTPUT = lint.BUILD / "wheel"


def version(root: Path) -> str:
    found = re.search(r"version: '([^']+)'", (root / "meson.build").read_text())
    assert found
    return found[1]


def expected(root: Path) -> set[str]:
    python = root / "python"
    sources = [p for p in lint.files(python / "polymux") if p.name != "meson.build"]
    package = {path.relative_to(python).as_posix() for path in sources}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    metadata = ["METADATA", "WHEEL", "RECORD", "licenses/LICENSE"]
    if "[project.scripts]" in (root / "pyproject.toml").read_text():
        metadata.append("entry_points.txt")
    folder = f"polymux-{version(root)}.dist-info"
    return package | {f"polymux/_polymux{suffix}", *(f"{folder}/{m}" for m in metadata)}


def differences(wheel: Path, wanted: set[str]) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    extra = [
        f"{name}: does not belong into the wheel" for name in sorted(names - wanted)
    ]
    absent = [f"{name}: not in the wheel" for name in sorted(wanted - names)]
    return extra + absent


def _build(root: Path) -> Path:
    tree = lint.BUILD / "wheel-tree"
    for old in (OUTPUT, tree):
        shutil.rmtree(old, ignore_errors=True)
    quiet = ["-q", "--disable-pip-version-check", "--no-index", "--no-deps"]
    command = [sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation"]
    built_in = f"--config-settings=build-dir={tree}"
    subprocess.run([*command, built_in, "-w", OUTPUT, root], check=True)
    (wheel,) = OUTPUT.glob("*.whl")
    return wheel


def check(root: Path) -> list[str]:
    return differences(_build(root), expected(root))


def self_test() -> None:
    tree = {
        "meson.build": "project('x', version: '1.2')",
        "pyproject.toml": "",
        "python/polymux/__init__.py": "",
        "python/polymux/forgotten.py": "",
    }
    with lint.planted(tree) as root:
        wheel = root / "x.whl"
        wanted = expected(root)
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in wanted - {"polymux/forgotten.py"}:
                archive.writestr(name, "")
            archive.writestr("include/polymux/poll.h", "")
        lint.expect(
            differences(wheel, wanted), "poll.h: does not", "forgotten.py: not in"
        )


if __name__ == "__main__":
    lint.main(check, self_test)
