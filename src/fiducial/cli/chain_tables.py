"""Tables of the chain on a terminal, with the colours of the strengths."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fiducial.formats.chain_tables import Table

_WIDTH = 160
_WHOLE = frozenset({"Id", "UID"})
"""Columns of what people copy: not folded."""


def tables_text(title: str, tables: Iterable[Table], *, plain: bool = False) -> str:
    """Return tables as text; coloured where standard output is a terminal and ``plain`` is not set."""
    from rich.console import Console

    terminal = sys.stdout.isatty() and not plain
    sink = io.StringIO()
    width = Console().width if terminal else _WIDTH
    console = Console(file=sink, force_terminal=terminal, width=width, highlight=False, markup=False, emoji=False)
    console.print(title, style="bold", soft_wrap=True)
    for table in tables:
        if table.rows:
            _print(console, table)
    return sink.getvalue()


def _print(console: object, table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    if not isinstance(console, Console):
        raise TypeError
    drawn = Drawn(box=box.SIMPLE_HEAD)
    # A field table needs no wide second column; in a wide one the empty columns are left out.
    shown = [k for k in range(len(table.columns)) if any(row[k] for row in table.rows)]
    for k in shown:
        drawn.add_column(table.columns[k], overflow="fold", no_wrap=table.columns[k] in _WHOLE)
    for row in table.rows:
        drawn.add_row(*(Text(row[k], style=_style(table, row[k])) for k in shown))
    if table.title:
        console.print(table.title, style="bold", soft_wrap=True)
    for note in table.notes:
        console.print(note, soft_wrap=True)
    console.print(drawn)


def _style(table: Table, text: str) -> str:
    colour = table.colours.get(text)
    return "" if colour is None else f"bold white on {colour}"
