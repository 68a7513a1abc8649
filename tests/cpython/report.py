"""The tables and lists at the end of a run, and its exit status."""

from collections.abc import Iterable

from selection import Deselection, deselected
from verdict import FileVerdict

COLUMNS = ("file", "run", "passed", "skipped", "new", "also std", "again", "seconds")
BASELINE_COLUMNS = ("std passed", "std skipped", "std failed", "std seconds")


def _row(verdict: FileVerdict, baseline: bool) -> list[str]:
    row = [
        verdict.module.removeprefix("test."),
        len(verdict.polymux.outcomes),
        verdict.passed,
        verdict.skipped,
        len(verdict.new),
        len(verdict.also_standard),
        len(set(verdict.passed_again)),
        f"{verdict.polymux.seconds:.1f}",
    ]
    if baseline:
        kinds = ("passed", "skipped", "failed")
        row += [len(verdict.standard.of_kind(kind)) for kind in kinds]
        row.append(f"{verdict.standard.seconds:.1f}")
    return [str(cell) for cell in row]


def _print_table(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


def _print_tests(title: str, tests: Iterable[tuple[str, str]], full: bool) -> None:
    for name, detail in sorted(tests):
        text = detail.strip()
        shown = text if full else text.splitlines()[-1]
        print(f"{title}: {name}\n    {shown.replace(chr(10), chr(10) + '    ')}")


def _print_left_out(verdicts: list[FileVerdict], entries: list[Deselection]) -> None:
    defined = set().union(*(verdict.polymux.defined for verdict in verdicts))
    for entry in entries:
        for name in sorted(deselected(defined, [entry])):
            print(f"left out: {name}\n    {entry.reason}")


def print_report(
    verdicts: list[FileVerdict],
    entries: list[Deselection],
    summary: str,
    baseline: bool,
) -> int:
    """Print everything; return 1 if anything fails that need not."""
    verdicts = sorted(verdicts, key=lambda verdict: verdict.module)
    _print_left_out(verdicts, entries)
    for verdict in verdicts:
        again = ((name, "passed when run again") for name in set(verdict.passed_again))
        _print_tests("again", again, full=False)
        _print_tests(
            "fails on the standard module too",
            verdict.also_standard.items(),
            full=False,
        )
        _print_tests("NEW FAILURE", verdict.new.items(), full=True)
    header = list(COLUMNS + (BASELINE_COLUMNS if baseline else ()))
    _print_table([header, *(_row(verdict, baseline) for verdict in verdicts)])
    return _print_totals(verdicts, summary)


def _print_totals(verdicts: list[FileVerdict], summary: str) -> int:
    failed = sum(len(verdict.new) for verdict in verdicts)
    also = sum(len(verdict.also_standard) for verdict in verdicts)
    passed = sum(verdict.passed for verdict in verdicts)
    skipped = sum(verdict.skipped for verdict in verdicts)
    print(f"{summary}; {also} failed on the standard module too")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0
