"""Installs the built tree and uses it as a stranger would.

Run by `meson test`. Installs into a temporary directory, compares what is
there with what should be, compiles every header alone in each language, and
builds and runs a program through pkg-config: C and C++, shared and static.
Prints TAP.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
HERE = Path(__file__).parent
SOURCE_ROOT = HERE.parents[2]
COMMANDS = ("waitany", "waitall")


class Failure(Exception):
    """A check that does not hold, with all there is to say about it."""


def run(command: list[str], env: dict[str, str] | None = None) -> str:
    """The standard output of a command that must succeed."""
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        raise Failure(
            f"{shlex.join(command)}\n"
            f"status {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def expect(name: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise Failure(f"{name}:\n  is        {actual}\n  should be {expected}")


class Installation:
    """The installed tree, and the tools to use it."""

    def __init__(self, options: argparse.Namespace, root: Path) -> None:
        self.options = options
        self.root = root
        self.include = self.under(options.includedir)
        self.lib = self.under(options.libdir)
        self.sanitize = shlex.split(options.sanitize)

    def under(self, directory: str) -> Path:
        """A directory of the prefix inside the temporary root."""
        absolute = Path(self.options.prefix) / directory
        return self.root / absolute.relative_to("/")

    def install(self) -> None:
        command = [self.options.meson, "install", "-C", self.options.build]
        command += ["--no-rebuild", "--quiet", "--tags", "devel,runtime,man"]
        command += ["--destdir", str(self.root)]
        run(command)

    def compiler(self, language: str, standard: str) -> list[str]:
        command = self.options.cc if language == "c" else self.options.cxx
        return [*shlex.split(command), f"-std={standard}", *WARNINGS]

    def pkg_config(self, *arguments: str) -> list[str]:
        environment = {
            "PKG_CONFIG_LIBDIR": str(self.lib / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(self.root),
            # for a prefix of /usr, which is not the system's own here
            "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
            "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1",
        }
        command = [self.options.pkg_config, *arguments, "polymux"]
        return shlex.split(run(command, environment))

    def files(self) -> set[str]:
        return {
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if not path.is_dir()
        }


Check = Callable[[Installation], None]


def dynamic_entries(binary: Path, kind: str) -> list[str]:
    """The names of one kind (SONAME, NEEDED) in the dynamic section."""
    listing = run(["readelf", "--dynamic", "--wide", str(binary)])
    return re.findall(rf"\({kind}\).*\[(.*)\]", listing)


def check_files(tree: Installation) -> None:
    """Headers, library, pkg-config file, commands, manual pages; nothing else."""
    version = tree.options.version
    headers = {
        str(path.relative_to(SOURCE_ROOT / "include"))
        for path in (SOURCE_ROOT / "include/polymux").glob("*.h")
    }
    names = ["a", "so", f"so.{tree.options.soversion}", f"so.{version}"]
    expected = {str(tree.include / header) for header in headers}
    expected.add(str(tree.include / "polymux/version.h"))
    expected |= {str(tree.lib / f"libpolymux.{name}") for name in names}
    expected.add(str(tree.lib / "pkgconfig/polymux.pc"))
    if tree.options.commands == "true":
        expected |= {str(tree.under(tree.options.bindir) / name) for name in COMMANDS}
    pages = {
        str(tree.under(tree.options.mandir) / f"man{page.suffix[1:]}" / page.name)
        for page in (SOURCE_ROOT / "man").glob("*.[0-9]")
        if tree.options.man == "true"
        and (tree.options.commands == "true" or page.stem not in COMMANDS)
    }
    prefix = f"{tree.root}/"
    expect(
        "installed files",
        sorted(tree.files()),
        sorted(path.removeprefix(prefix) for path in expected | pages),
    )


def check_soname(tree: Installation) -> None:
    soname = f"libpolymux.so.{tree.options.soversion}"
    library = tree.lib / "libpolymux.so"
    expect("SONAME", dynamic_entries(library, "SONAME"), [soname])
    expect(
        "libpolymux.so is in the end",
        library.resolve().name,
        f"libpolymux.so.{tree.options.version}",
    )
    expect(
        f"{soname} is in the end",
        (tree.lib / soname).resolve().name,
        f"libpolymux.so.{tree.options.version}",
    )


def check_symbols(tree: Installation) -> None:
    """What the headers declare is what the shared library exports."""
    declared = set()
    for header in (tree.include / "polymux").glob("*.h"):
        declarations = re.findall(r"^PMX_API\b[^;]*;", header.read_text(), re.MULTILINE)
        declared |= {
            name
            for text in declarations
            for name in re.findall(r"\b(pmx_\w+)\(", text)[:1]
        }
    library = str(tree.lib / "libpolymux.so")
    listing = run(["nm", "--dynamic", "--defined-only", library])
    symbols = [line.split() for line in listing.splitlines()]
    exported = {name.split("@")[0] for _, kind, name in symbols if kind in "TDBRVW"}
    expect("exported symbols", sorted(exported), sorted(declared))


def check_version(tree: Installation) -> None:
    expect("version", tree.pkg_config("--modversion"), [tree.options.version])


def header_check(language: str, standard: str) -> Check:
    def check(tree: Installation) -> None:
        command = tree.compiler(language, standard)
        command += tree.pkg_config("--cflags")
        for header in sorted((tree.include / "polymux").glob("*.h")):
            source = tree.root / "alone"
            source.write_text(
                f"#include <polymux/{header.name}>\nextern int not_empty;\n"
            )
            run([*command, "-fsyntax-only", "-x", language, str(source)])
            source.unlink()

    return check


def build(tree: Installation, compiler: list[str], source: Path, link: str) -> Path:
    """The program that a compiler command makes of a source, through pkg-config."""
    kind = ["--static"] if link == "static" else []
    libraries = tree.pkg_config("--libs", *kind)
    if link == "static":
        libraries = [
            "-l:libpolymux.a" if name == "-lpolymux" else name for name in libraries
        ]
    program = tree.root / f"program-{link}"
    command = [*compiler, *tree.sanitize, *tree.pkg_config("--cflags")]
    run([*command, str(source), "-x", "none", "-o", str(program), *libraries])
    needed = [name for name in dynamic_entries(program, "NEEDED") if "polymux" in name]
    soname = f"libpolymux.so.{tree.options.soversion}"
    expect("NEEDED", needed, [soname] if link == "shared" else [])
    return program


def output_of(tree: Installation, program: Path) -> str:
    return run([str(program)], {"LD_LIBRARY_PATH": str(tree.lib)})


def program_check(language: str, standard: str, link: str) -> Check:
    def check(tree: Installation) -> None:
        compiler = tree.compiler(language, standard)
        compiler += ["-D_POSIX_C_SOURCE=200809L", "-x", language]
        program = build(tree, compiler, HERE / "user.c", link)
        expect("output", output_of(tree, program), f"{tree.options.version}\n")

    return check


def check_readme(tree: Installation) -> None:
    """The C program of README.md, with the compiler command it gives."""
    readme = (SOURCE_ROOT / "README.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    expect("number of C programs in README.md", len(blocks), 1)
    expect(
        "README.md compiles with pkg-config",
        "cc program.c $(pkg-config --cflags --libs polymux)" in readme,
        True,
    )
    source = tree.root / "program.c"
    source.write_text(blocks[0])
    program = build(tree, [*shlex.split(tree.options.cc), "-Werror"], source, "shared")
    expect("output", output_of(tree, program), "descriptor 1: events 0x4\n")


def checks(with_cxx: bool) -> Iterator[tuple[str, Check | str]]:
    """Names and checks; a string in place of a check is why there is none."""
    yield "files", check_files
    yield "soname", check_soname
    yield "symbols", check_symbols
    yield "version", check_version
    for language, standard in [("c", "c99"), ("c", "c11"), ("c++", "c++11")]:
        missing = "no C++ compiler" if language == "c++" and not with_cxx else None
        yield f"headers as {standard}", missing or header_check(language, standard)
    for language, standard in [("c", "c99"), ("c++", "c++11")]:
        missing = "no C++ compiler" if language == "c++" and not with_cxx else None
        for link in ["shared", "static"]:
            yield (
                f"program in {standard}, {link}",
                missing or program_check(language, standard, link),
            )
    yield "README.md", check_readme


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ["meson", "pkg-config", "cc", "cxx", "sanitize"]:
        parser.add_argument(f"--{option}", default="", help="a command or flags")
    for option in ["build", "prefix", "bindir", "includedir", "libdir", "mandir"]:
        parser.add_argument(f"--{option}", required=True, help="a directory")
    for option in ["version", "soversion", "man", "commands"]:
        parser.add_argument(f"--{option}", required=True)
    return parser.parse_args()


def main() -> int:
    options = parse()
    wanted = list(checks(bool(options.cxx)))
    failures = 0
    print(f"1..{len(wanted)}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        tree = Installation(options, Path(directory).resolve())
        tree.install()
        for number, (name, check) in enumerate(wanted, 1):
            result = f"ok {number} - {name}"
            try:
                if isinstance(check, str):
                    result += f" # SKIP {check}"
                else:
                    check(tree)
            except Failure as failure:
                failures += 1
                result = f"not ok {number} - {name}"
                print("\n".join(f"# {line}" for line in str(failure).splitlines()))
            print(result, flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
