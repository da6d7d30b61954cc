"""What commands print: tables for people, JSON for pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

_LAID_OUT: Final = 500
"""Rows that rich lays out; it takes a millisecond for each."""


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def print_lines(lines: Sequence[str]) -> None:
    """Print sentences on stdout."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on stdout; numbers to the right, unknown as a dash."""
    if len(rows) > _LAID_OUT:
        _print_plain(title, columns, rows)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            # A reader that has seen enough is no error; rich would end the program with exit code 1.
            raise BrokenPipeError

    table = Table(box=box.SIMPLE_HEAD)
    for k, column in enumerate(columns):
        numeric = any(isinstance(row[k], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    # In a pipe rich would fold everything to 80 columns; a table that is too wide is better than a broken one.
    width = None if sys.stdout.isatty() else 160
    console = Pipe(width=width, highlight=False, markup=False)
    # As a title of the table rich would fold it to the width of the columns.
    console.print(title, style="bold", soft_wrap=True)
    console.print(table)


def _print_plain(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a long table: the same columns, nothing folded."""
    numeric = [any(isinstance(row[k], int | float) for row in rows) for k in range(len(columns))]
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    head, *body = (
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )
    print_lines([title, f"  {head}", f" {'-' * (sum(widths) + 2 * len(widths))}", *(f"  {line}" for line in body)])


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
