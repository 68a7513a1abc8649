"""A table that is printed while it is measured."""

from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    title: str
    width: int
    form: str = ""
    """The format of numbers; text columns are aligned to the left."""

    def show(self, cell: Cell) -> str:
        if cell is None:
            cell = "-"
        text = cell if isinstance(cell, str) else format(cell, self.form)
        return text.rjust(self.width) if self.form else text.ljust(self.width)


class Table:
    """A line for each row as soon as it is known; a heading before the first."""

    def __init__(self, heading: str, *columns: Column) -> None:
        self._heading = heading
        self._columns = columns
        self._begun = False

    def row(self, *cells: Cell) -> None:
        if not self._begun:
            self._begin()
        self._print(cells)

    def _begin(self) -> None:
        self._begun = True
        print(f"\n{self._heading}\n")
        self._print([column.title for column in self._columns])
        self._print(["-" * column.width for column in self._columns])

    def _print(self, cells: tuple[Cell, ...] | list[str]) -> None:
        pairs = zip(self._columns, cells, strict=True)
        print("  ".join(c.show(cell) for c, cell in pairs).rstrip(), flush=True)
