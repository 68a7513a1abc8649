#!/usr/bin/env python3
"""What the binaries export is what the headers declare, and nothing else.

The public headers, src/polymux.map and the shared library have to agree name
by name and version by version; the static archive keeps to our prefix; the
extension shows its PyInit_ function alone. Reads build/gcc and the installed
extension, which `make lint` brings up to date first.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import lint

TREE = lint.BUILD / "gcc"
_DECLARED = re.compile(r"^PMX_API\b[^;]*?\b(\w+)\s*\(", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NODE = re.compile(r"(\w+\.[\d.]+)\s*\{(.*?)\}", re.DOTALL)


def declared(root: Path, folder: str = "include") -> set[str]:
    """The functions that the headers of a folder mark PMX_API."""
    headers = sorted((root / folder).glob("*.h"))
    texts = [_COMMENT.sub("", header.read_text()) for header in headers]
    return {name for text in texts for name in _DECLARED.findall(text)}


def mapped(script: Path) -> dict[str, str]:
    """The names of a version script, each with its node."""
    text = _COMMENT.sub("", script.read_text())
    return {
        name: node
        for node, body in _NODE.findall(text)
        for name in re.findall(r"\b(\w+);", body)
    }


def _nm(file: Path, *options: str) -> list[list[str]]:
    command = ["nm", "--defined-only", "--format=posix", *options, str(file)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in output.splitlines() if len(line.split()) > 2]


def exported(library: Path) -> dict[str, str]:
    """The dynamic symbols of a shared object, each with its version ("" if none)."""
    symbols = {}
    for name, kind, *_ in _nm(library, "--dynamic", "--with-symbol-versions"):
        base, _, version = name.partition("@")
        if kind != "A":  # the names of the version nodes themselves
            symbols[base] = version.lstrip("@")
    return symbols


def archived(archive: Path) -> set[str]:
    """The global symbols of a static archive."""
    return {name for name, *_ in _nm(archive, "--extern-only")}


def differences(
    what: str, have: Iterable[str], other: str, want: Iterable[str]
) -> list[str]:
    have, want = set(have), set(want)
    extra = [f"{name}: in {what} but not in {other}" for name in sorted(have - want)]
    absent = [f"{name}: in {other} but not in {what}" for name in sorted(want - have)]
    return extra + absent


def of_library(
    library: Path, script: dict[str, str], source: str = "polymux.map"
) -> list[str]:
    found = exported(library)
    wrong = [
        f"{name}: version {found[name] or 'missing'} where the map says {node}"
        for name, node in script.items()
        if name in found and found[name] != node
    ]
    return differences(library.name, found, source, script) + wrong


# The compilers' own: of ASan, and of -fexceptions.
COMPILERS = ("__odr_asan", "DW.ref.__gcc_personality")


def of_archive(archive: Path, expected: Iterable[str] = ()) -> list[str]:
    ours = ("pmx_", *COMPILERS, *expected)
    strangers = {name for name in archived(archive) if not name.startswith(ours)}
    return [
        f"{name}: in {archive.name} without our prefix" for name in sorted(strangers)
    ]


def of_extension(extension: Path) -> list[str]:
    strangers = {n for n in exported(extension) if not re.fullmatch(r"PyInit_\w+", n)}
    return [f"{name}: exported by {extension.name}" for name in sorted(strangers)]


def _extension() -> Path:
    found = importlib.util.find_spec("polymux._polymux")
    if not found or not found.origin:
        sys.exit("polymux is not installed in this environment; `make lint` does that")
    return Path(found.origin)


def of_package(root: Path, headers: str, source: str, built: str) -> list[str]:
    """The headers of a folder, a version script and a library, under build/gcc."""
    script = mapped(root / "src" / source)
    library = TREE / "src" / built
    if not library.exists():
        sys.exit(f"{library.relative_to(root)} is not built; `make lint` does that")
    return [
        *differences(headers, declared(root, headers), source, script),
        *of_library(library, script, source),
        *of_archive(library.with_suffix(".a"), script),
    ]


def check(root: Path) -> list[str]:
    compat = "include/polymux/compat/sys", "compat/compat.map"
    return [
        *of_package(root, "include/polymux", "polymux.map", "libpolymux.so"),
        *of_package(root, *compat, "compat/libpolymux-compat.so"),
        *of_extension(_extension()),
    ]


_SCRIPT = "X_0.1 { global: pmx_a; local: *; };\nX_0.2 { global: pmx_b; } X_0.1;\n"
_WRONG_SCRIPT = "X_0.1 { global: pmx_a; pmx_b; stray; local: *; };\n"
_CODE = (
    "int pmx_a(void){return 0;} int pmx_b(void){return 0;} int stray(void){return 0;}"
)
_HEADER = """
PMX_API int pmx_a(void);
/* PMX_API int pmx_no(void); */
PMX_API int *pmx_c(
    int);
"""


def _compile(root: Path) -> Path:
    library = root / "x.so"
    flags = ["-shared", "-fPIC", f"-Wl,--version-script={root}/wrong.map"]
    subprocess.run(["gcc", *flags, "-o", library, root / "x.c"], check=True)
    subprocess.run(["gcc", "-c", "-o", root / "x.o", root / "x.c"], check=True)
    return library


def self_test() -> None:
    tree = {
        "include/x.h": _HEADER,
        "src/polymux.map": _SCRIPT,
        "wrong.map": _WRONG_SCRIPT,
        "x.c": _CODE,
    }
    with lint.planted(tree) as root:
        script = mapped(root / "src/polymux.map")
        found = differences("the headers", declared(root), "polymux.map", script)
        lint.expect(found, "pmx_c: in the headers", "pmx_b: in polymux.map")
        library = _compile(root)
        lint.expect(
            of_library(library, script), "stray: in x.so", "pmx_b: version X_0.1"
        )
        lint.expect(of_archive(root / "x.o"), "stray: .*without our prefix")
        lint.expect(of_extension(library), "pmx_a", "pmx_b", "stray")


if __name__ == "__main__":
    lint.main(check, self_test)
