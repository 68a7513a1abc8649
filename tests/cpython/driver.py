"""Runs one of CPython's test modules and reports every test as a line of JSON.

`inject.py` copies this file into the site-packages of each environment and
`worker.py` starts it with -m, in the way the interpreter's own regression
runner starts its workers. A line is on disk as soon as its test has ended, so a
crash or a hang loses nothing but the test it happened in.
"""

import argparse
import faulthandler
import fnmatch
import functools
import importlib
import json
import os
import sys
import traceback
import types
import unittest
from collections.abc import Callable, Iterator

# The exit status that says this file is at fault, not a test.
BROKEN = 70

RANK = ("passed", "skipped", "failed")


class Reporter:
    """Appends lines to the result file; forked children stay silent."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid = os.getpid()

    def __call__(self, **line: object) -> None:
        if os.getpid() != self.pid:
            return
        with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(line) + "\n")


class Result(unittest.TextTestResult):
    """Reduces whatever is reported about a test to one outcome, the worst."""

    report: Reporter
    _running: tuple[str, str] | None = None
    _exc_info_to_string: Callable[[tuple, unittest.TestCase], str]  # unittest's own

    def _note(self, test: unittest.TestCase, outcome: str, detail: str = "") -> None:
        if self._running is None:
            # Fixtures of classes and modules are not started, nor are tests of a
            # skipped class in some versions, which stop them all the same.
            self.report(id=test.id(), outcome=outcome, detail=detail)
        elif RANK.index(outcome) >= RANK.index(self._running[0]):
            self._running = (outcome, detail)

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._running = ("passed", "")
        self.report(running=test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if self._running is not None:
            outcome, detail = self._running
            self._running = None
            self.report(id=test.id(), outcome=outcome, detail=detail)

    def addError(self, test: unittest.TestCase, err: tuple) -> None:
        super().addError(test, err)
        self._note(test, "failed", self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: tuple) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", self.failures[-1][1])

    def addSubTest(
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: tuple | None
    ) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            text = self._exc_info_to_string(err, test)
            self._note(test, "failed", f"{subtest.id()}\n{text}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, "skipped", reason)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, "failed", "unexpected success")


def each_test(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from each_test(item)
        else:
            yield item


def prune(suite: unittest.TestSuite, keep: Callable[[str], bool]) -> unittest.TestSuite:
    """Drop tests but keep the nesting: a suite may carry fixtures of its own."""
    kept: list = []  # of tests and of suites
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            kept.append(prune(item, keep))
        elif keep(item.id()):
            kept.append(item)
    suite._tests = kept
    return suite


def covers(name: str, test_id: str) -> bool:
    return test_id == name or test_id.startswith(name + ".")


def is_chosen(choice: dict, test_id: str) -> bool:
    """Tell whether to run a test: "only" these, "without" those, none "deselected"."""
    only = choice["only"]
    if any(covers(name, test_id) for name in choice["without"]):
        return False
    if any(fnmatch.fnmatchcase(test_id, glob) for glob in choice["deselected"]):
        return False
    return only is None or any(covers(name, test_id) for name in only)


def load(module_name: str, report: Reporter) -> unittest.TestSuite | None:
    """Import a test module; the module may decline as a whole, or fail to load."""
    loader = unittest.TestLoader()
    try:
        suite = loader.loadTestsFromModule(importlib.import_module(module_name))
    except unittest.SkipTest as skip:
        report(id=module_name, outcome="skipped", detail=str(skip))
        return None
    except Exception as error:
        report(id=module_name, outcome="failed", detail=f"cannot import: {error!r}")
        return None
    for message in loader.errors:
        report(id=module_name, outcome="failed", detail=message)
    return suite


def run(suite: unittest.TestSuite, report: Reporter) -> None:
    # The arguments are unittest's affair, and differ between its versions.
    def make_result(*args, **kwargs) -> Result:
        result = Result(*args, **kwargs)
        result.report = report
        return result

    unittest.TextTestRunner(resultclass=make_result, verbosity=2).run(suite)


def strays() -> list[str]:
    """Modules that hold on to another `select` than the one in sys.modules."""
    installed = sys.modules["select"]
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if isinstance(found := getattr(module, "select", None), types.ModuleType)
        and found.__name__ == "select"
        and found is not installed
    )


def prepare(resources: list[str], selector: str | None) -> None:
    """Set up what test.regrtest would have set up, and what event loops use."""
    faulthandler.enable()
    if selector is not None:
        selectors = importlib.import_module("selectors")
        vars(selectors)["DefaultSelector"] = getattr(selectors, selector)
    support = importlib.import_module("test.support")
    vars(support).update(use_resources=dict.fromkeys(resources), verbose=1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("module")
    parser.add_argument("--results", required=True)
    parser.add_argument("--choose", required=True, help="JSON file, see is_chosen")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    report = Reporter(arguments.results)
    with open(arguments.choose, encoding="utf-8") as file:
        choice = json.load(file)
    prepare(choice["resources"], choice["selector"])
    if (suite := load(arguments.module, report)) is not None:
        report(defined=sorted(test.id() for test in each_test(suite)))
        run(prune(suite, functools.partial(is_chosen, choice)), report)
    spec = importlib.import_module("select").__spec__
    whose = type(spec and spec.loader).__module__
    report(end=whose.startswith("polymux"), strays=strays())


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.exit(BROKEN)
