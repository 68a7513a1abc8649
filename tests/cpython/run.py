"""Runs CPython's own tests on polymux: what passes on `select` must pass on it.

    run.py --python VENV/bin/python [--jobs N] [--quick] [--baseline] [FILES…]

The interpreter is that of a virtual environment in which polymux is installed.
Exit status: 0, nothing new fails; 1, something does; 2, the run proves nothing.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import inject
import report
import selection
from verdict import FileVerdict, compare, settle
from worker import Worker


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run CPython's tests on polymux.")
    add = parser.add_argument
    add("--python", required=True, help="interpreter that has polymux installed")
    add("--jobs", type=int, default=1, help="test files to run at a time")
    add("--quick", action="store_true", help="run the most telling files only")
    add("--long", action="store_true", help="run the files of minutes as well")
    add("--baseline", action="store_true", help="run all on the standard module too")
    add("--kqueue", action="store_true", help="show the names of kqueue")
    add("--devpoll", action="store_true", help="show the names of /dev/poll")
    add("--selector", metavar="CLASS", help="what event loops use on polymux")
    add("--keep", action="store_true", help="keep the directory of the run")
    add("files", nargs="*", metavar="FILES", help="such as test_select, test_asyncio")
    return parser.parse_args()


class Progress:
    """One line on standard error for each file that has been run."""

    def __init__(self, phase: str, total: int) -> None:
        self.phase, self.total, self.done = phase, total, 0

    def __call__(self, name: str, seconds: float) -> None:
        self.done += 1
        counter = f"[{self.done}/{self.total}]"
        print(f"{self.phase} {counter} {name} {seconds:.1f} s", file=sys.stderr)


class Run:
    """The modules to run on either worker, and the three phases of doing so."""

    def __init__(
        self, polymux: Worker, standard: Worker, options: argparse.Namespace
    ) -> None:
        self.polymux, self.standard, self.options = polymux, standard, options

    def _for_each(self, work: Callable, items: list) -> list:
        """Call `work` for all items, --jobs at a time; give up at the first error."""
        with ThreadPoolExecutor(self.options.jobs) as pool:
            try:
                return list(pool.map(work, items))
            except BaseException:
                self.polymux.cancelled.set()
                self.standard.cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def all(self, modules: list[str]) -> list[FileVerdict]:
        """Run on polymux, then compare, and then the suspects alone."""

        def first(module: str) -> FileVerdict:
            verdict = FileVerdict(module, self.polymux.run(module))
            progress(module, verdict.polymux.seconds)
            return verdict

        def second(verdict: FileVerdict) -> None:
            compare(verdict, self.standard, self.options.baseline)
            progress(verdict.module, verdict.standard.seconds)

        progress = Progress("polymux", len(modules))
        verdicts = self._for_each(first, modules)
        progress = Progress("standard", len(modules))
        self._for_each(second, verdicts)
        for verdict in verdicts:
            settle(verdict, self.polymux, self.standard)
        return verdicts


def run(options: argparse.Namespace, directory: Path) -> int:
    entries = selection.read_deselections()
    interpreter = inject.Interpreter.inspect(options.python)
    injected = inject.make_injected(
        interpreter, directory / "polymux", options.kqueue, options.devpoll
    )
    standard = inject.make_standard(interpreter, directory / "standard")
    inject.verify(injected, directory)
    inject.verify(standard, directory)
    modules = selection.choose(inject.tests_directory(standard), options)
    started = time.monotonic()
    patterns = [entry.pattern for entry in entries]
    on_polymux = Worker(injected, directory, patterns, options.selector)
    on_standard = Worker(standard, directory, patterns)
    verdicts = Run(on_polymux, on_standard, options).all(modules)
    return report.print_report(
        verdicts,
        entries,
        f"CPython {interpreter.version}, {time.monotonic() - started:.0f} s, "
        f"{sum(injected.logged_processes().values())} interpreters on polymux",
        options.baseline,
    )


def main() -> int:
    options = parse_arguments()
    # A job in the background starts with SIGINT ignored, and would pass that on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    directory = Path(tempfile.mkdtemp(prefix="pmx"))
    directory.chmod(0o755)  # tests start interpreters as other users
    try:
        return run(options, directory)
    except (inject.InjectionError, selection.SelectionError) as error:
        print(f"the run proves nothing: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        if options.keep:
            print(f"kept: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
