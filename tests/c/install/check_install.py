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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]
PACKAGES = ["polymux", "polymux-compat"]
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

    def pkg_config(self, *arguments: str, package: str = "polymux") -> list[str]:
        environment = {
            "PKG_CONFIG_LIBDIR": str(self.lib / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(self.root),
            # for a prefix of /usr, which is not the system's own here
            "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
            "PKG_CONFIG_ALLOW_SYSTEM_LIBS": "1",
        }
        command = [self.options.pkg_config, *arguments, package]
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
        for path in (SOURCE_ROOT / "include/polymux").rglob("*.h")
    }
    names = ["a", "so", f"so.{tree.options.soversion}", f"so.{version}"]
    expected = {str(tree.include / header) for header in headers}
    expected.add(str(tree.include / "polymux/version.h"))
    for package in PACKAGES:
        expected |= {str(tree.lib / f"lib{package}.{name}") for name in names}
        expected.add(str(tree.lib / f"pkgconfig/{package}.pc"))
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
    for package in PACKAGES:
        library = tree.lib / f"lib{package}.so"
        soname = f"{library.name}.{tree.options.soversion}"
        file = f"{library.name}.{tree.options.version}"
        expect("SONAME", dynamic_entries(library, "SONAME"), [soname])
        expect(f"{library.name} is in the end", library.resolve().name, file)
        expect(f"{soname} is in the end", (tree.lib / soname).resolve().name, file)


def declared(headers: Iterable[Path]) -> list[str]:
    """The functions that headers mark PMX_API."""
    return sorted(
        name
        for header in headers
        for text in re.findall(r"^PMX_API\b[^;]*;", header.read_text(), re.MULTILINE)
        for name in re.findall(r"\b(\w+)\(", text)[:1]
    )


def exported(library: Path) -> list[str]:
    listing = run(["nm", "--dynamic", "--defined-only", str(library)])
    symbols = [line.split() for line in listing.splitlines()]
    return sorted(name.split("@")[0] for _, kind, name in symbols if kind in "TDBRVW")


def check_symbols(tree: Installation) -> None:
    """What the headers declare is what the shared libraries export."""
    headers = tree.include / "polymux"
    for package, directory in zip(PACKAGES, ["", "compat/sys"], strict=True):
        expect(
            "exported symbols",
            exported(tree.lib / f"lib{package}.so"),
            declared((headers / directory).glob("*.h")),
        )


def check_version(tree: Installation) -> None:
    for package in PACKAGES:
        versions = tree.pkg_config("--modversion", package=package)
        expect("version", versions, [tree.options.version])


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


def compat_header_check(language: str, standard: str) -> Check:
    """Each header alone, and with our own headers before and after it."""

    def check(tree: Installation) -> None:
        command = tree.compiler(language, standard)
        command += tree.pkg_config("--cflags", package="polymux-compat")
        source = tree.root / "alone"
        for header in ["sys/event.h", "sys/devpoll.h"]:
            ours = "#include <polymux/polymux.h>\n" if standard != "c89" else ""
            for before, after in [("", ours), (ours, "")]:
                lines = f"{before}#include <{header}>\n{after}extern int not_empty;\n"
                source.write_text(lines)
                run([*command, "-fsyntax-only", "-x", language, str(source)])
        source.unlink()

    return check


def check_default_path(tree: Installation) -> None:
    """The library's own flags do not lead to the headers of other systems."""
    source = tree.root / "alone.c"
    source.write_text("#include <sys/event.h>\n")
    command = [*tree.compiler("c", "c11"), *tree.pkg_config("--cflags")]
    done = subprocess.run(
        [*command, "-fsyntax-only", str(source)], capture_output=True, check=False
    )
    source.unlink()
    expect("<sys/event.h> is found", done.returncode == 0, False)


def static_names(libraries: list[str]) -> list[str]:
    archives = {f"-l{package}": f"-l:lib{package}.a" for package in PACKAGES}
    return [archives.get(name, name) for name in libraries]


def build(
    tree: Installation,
    compiler: list[str],
    source: Path,
    link: str,
    package: str = "polymux",
) -> Path:
    """The program that a compiler command makes of a source, through pkg-config."""
    kind = ["--static"] if link == "static" else []
    libraries = tree.pkg_config("--libs", *kind, package=package)
    if link == "static":
        libraries = static_names(libraries)
    program = tree.root / f"program-{link}"
    command = [*compiler, *tree.sanitize]
    command += tree.pkg_config("--cflags", package=package)
    run([*command, str(source), "-x", "none", "-o", str(program), *libraries])
    needed = [name for name in dynamic_entries(program, "NEEDED") if package in name]
    soname = f"lib{package}.so.{tree.options.soversion}"
    expect("NEEDED", needed[:1], [soname] if link == "shared" else [])
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


def compat_check(name: str, language: str, standard: str, link: str) -> Check:
    def check(tree: Installation) -> None:
        compiler = tree.compiler(language, standard)
        compiler += ["-D_DEFAULT_SOURCE", "-DPOLYMUX_DEVPOLL_MACROS", "-x", language]
        source = HERE / f"user_{name}.c"
        program = build(tree, compiler, source, link, "polymux-compat")
        expect("output", output_of(tree, program), f"{name}\n")

    return check


def compat_checks(missing_cxx: str | None) -> Iterator[tuple[str, Check | str]]:
    yield "compat: not on the default path", check_default_path
    for standard in ["c89", "c99", "c11", "c2x", "c++11"]:
        language = "c++" if "+" in standard else "c"
        missing = missing_cxx if language == "c++" else None
        yield (
            f"compat: headers as {standard}",
            missing or compat_header_check(language, standard),
        )
        for name in ["event", "devpoll"]:
            for link in ["shared", "static"]:
                yield (
                    f"compat: {name} in {standard}, {link}",
                    missing or compat_check(name, language, standard, link),
                )


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
    yield from compat_checks(None if with_cxx else "no C++ compiler")
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
