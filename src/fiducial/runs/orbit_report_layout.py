"""Fixed-width text: numbers, paragraphs and tables that split when they are too wide."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 160
INDENT: Final = "  "
UNKNOWN: Final = "-"
_WIDEST_KEY: Final = 40

_SPELLED: Final = str.maketrans({
    "\N{MICRO SIGN}": "u", "\N{GREEK SMALL LETTER MU}": "u", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-",
    "\N{EM DASH}": "-", "\N{MULTIPLICATION SIGN}": "x", "\N{PLUS-MINUS SIGN}": "+/-", "\N{DEGREE SIGN}": " deg",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"', "\N{LESS-THAN OR EQUAL TO}": "<=", "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LATIN SMALL LETTER SHARP S}": "ss", "\N{LATIN SMALL LETTER O WITH STROKE}": "o",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """Head of a column: name, unit under it, and the side on which its cells stand."""

    name: str
    unit: str = ""
    left: bool = False


def ascii_text(text: str) -> str:
    r"""Return printable ASCII: accents go, signs are spelled, what is left is a question mark.

    Examples
    --------
    >>> ascii_text("Männel, 30 µas ± 2\n")
    'Mannel, 30 uas +/- 2'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    spaced = " ".join(plain.split())
    return "".join(letter if " " <= letter <= "~" else "?" for letter in spaced)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number, a dash when it is unknown; zero has no sign.

    Examples
    --------
    >>> number(-0.04, 1), number(None), number(3)
    ('0.0', '-', '3')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def paragraph(text: str, indent: str = INDENT) -> list[str]:
    """Return a text in lines of the allowed width; a word without end is broken, not lost."""
    return textwrap.wrap(ascii_text(text), WIDTH, initial_indent=indent, subsequent_indent=indent) or [""]


def heading(number_: str, title: str) -> list[str]:
    """Return the head of a section (``3``) or a part of one (``3.1``)."""
    line = f"{number_} {ascii_text(title)}"
    return ["", "", line, "=" * len(line)] if "." not in number_ else ["", f"{INDENT}{line}"]


def grid(
    heads: Sequence[Head],
    rows: Sequence[Sequence[str] | None],
    *,
    keys: int = 1,
    notes: Sequence[str] | None = None,
) -> list[str]:
    """Return a table; when it is too wide, its columns go into several, each with the key columns.

    Parameters
    ----------
    heads : sequence of Head
    rows : sequence of (sequence of str) or None
        One cell a column; None is an empty line.
    keys : int
        Number of columns that every part repeats.
    notes : sequence of str, optional
        A text under each row of the last part; empty for none.
    """
    cells = [None if row is None else [ascii_text(cell) for cell in row] for row in rows]
    widths = [
        max(len(head.name), len(head.unit), *(len(row[index]) for row in cells if row is not None), 1)
        for index, head in enumerate(heads)
    ]
    widths[:keys] = [min(width, _WIDEST_KEY) for width in widths[:keys]]
    room = max(WIDTH - _base(widths, keys), 1)
    widths[keys:] = [min(width, room) for width in widths[keys:]]
    lines: list[str] = []
    parts = _parts(widths, keys)
    for part in parts:
        last = part is parts[-1]
        lines += [""] * bool(lines)
        lines.append(_line([head.name for head in heads], heads, widths, part))
        if any(heads[index].unit for index in part):
            lines.append(_line([head.unit for head in heads], heads, widths, part))
        lines.append(INDENT + "-" * (sum(widths[index] for index in part) + 2 * (len(part) - 1)))
        for place, row in enumerate(cells):
            lines += _row(row, heads, widths, part)
            if last and notes and notes[place]:
                lines += paragraph(notes[place], INDENT * 4)
    return lines


def _base(widths: Sequence[int], keys: int) -> int:
    return len(INDENT) + sum(width + 2 for width in widths[:keys])


def _parts(widths: Sequence[int], keys: int) -> list[list[int]]:
    base = _base(widths, keys)
    parts: list[list[int]] = [list(range(keys))]
    used = base
    for index in range(keys, len(widths)):
        if used + widths[index] > WIDTH and len(parts[-1]) > keys:
            parts.append(list(range(keys)))
            used = base
        parts[-1].append(index)
        used += widths[index] + 2
    return parts


def _row(row: Sequence[str] | None, heads: Sequence[Head], widths: Sequence[int], part: Sequence[int]) -> list[str]:
    if row is None:
        return [""]
    line = _line(row, heads, widths, part)
    # A single cell wider than the page goes on in the next lines, far to the right.
    return [line] if len(line) <= WIDTH else textwrap.wrap(line, WIDTH, subsequent_indent=INDENT * 4)


def _line(row: Sequence[str], heads: Sequence[Head], widths: Sequence[int], part: Sequence[int]) -> str:
    cells = [row[index].ljust(widths[index]) if heads[index].left else row[index].rjust(widths[index])
             for index in part]  # fmt: skip
    return (INDENT + "  ".join(cells)).rstrip()
