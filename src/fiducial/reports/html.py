"""One-page reports: a single HTML file with its style and figures inside, readable offline, on paper and on a phone."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from fiducial.errors import RunError
from fiducial.reports.cells import Bar, HeatCell, HeatColumns, HeatRow, LogScale, bar_percent, shade

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Verdict = Literal["pass", "fail", "note", ""]
VERDICTS: Final = {"pass": "pass", "fail": "fail", "note": "note", "": ""}
MAXIMUM_VECTOR_POINTS: Final = 2_000
"""Figures with more drawn points are embedded as PNG: as SVG they would be larger and slower."""
UNKNOWN: Final = "\N{EN DASH}"


@dataclass(frozen=True)
class KeyFigure:
    """A number that the reader should see first.

    Attributes
    ----------
    label : str
    value : float, int or str
        NaN and None are shown as a dash.
    unit : str
    verdict : str
        ``pass``, ``fail``, ``note`` or empty.
    detail : str
        What it is compared with, such as ``limit 1.0 mm/yr``.
    digits : int
        Decimals of a float.
    """

    label: str
    value: float | str | None
    unit: str = ""
    verdict: Verdict = ""
    detail: str = ""
    digits: int = 2


@dataclass(frozen=True)
class Column:
    """Head of a table column.

    ``digits`` are the decimals of its floats; ``right`` sets texts right as numbers are; ``whole`` keeps each text on
    one line, as a time must be.
    """

    name: str
    unit: str = ""
    digits: int = 2
    right: bool = False
    whole: bool = False


@dataclass(frozen=True)
class _Block:
    kind: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class _Section:
    anchor: str
    heading: str
    blocks: list[_Block] = field(default_factory=list)


class Page:
    """Builds one self-contained HTML page.

    Parameters
    ----------
    title : str
    subtitle : str
        One sentence: what was done, with which data.
    language : str
        Of the page, for screen readers.

    Notes
    -----
    Every text is escaped. The page loads nothing: no script, no font, no address of any server; a content
    security policy in its head forbids it too. Blocks stand in the order of the calls, in the section opened last.

    Examples
    --------
    >>> page = Page("Calibration of two bursts")
    >>> page.section("Result")
    >>> page.key_figures([KeyFigure("RMS against stations", 0.61, "mm/yr", "pass", "limit 1.0 mm/yr")])
    >>> page.table([Column("burst"), Column("RMS", "mm/yr")], [["117_0251", 0.61]], caption="Error by burst")
    >>> '<th scope="col" class="number">RMS' in page.render()
    True
    """

    def __init__(self, title: str, subtitle: str = "", *, language: str = "en") -> None:
        self.title = title
        self.subtitle = subtitle
        self.language = language
        self._sections: list[_Section] = [_Section("summary", "")]

    def section(self, heading: str) -> None:
        """Open a section; it also becomes an entry of the table of contents."""
        self._sections.append(_Section(f"section-{len(self._sections)}", heading))

    def paragraph(self, text: str) -> None:
        """Add a paragraph of plain text."""
        self._add("paragraph", text=text)

    def key_figures(self, figures: Sequence[KeyFigure]) -> None:
        """Add tiles of numbers with verdicts.

        Raises
        ------
        RunError
            FID-5012 when a verdict is not one of ``VERDICTS``.
        """
        for figure in figures:
            if figure.verdict not in VERDICTS:
                raise RunError("FID-5012", f"there is no verdict {figure.verdict!r}", where=figure.label,
                               fix=f"use one of {', '.join(repr(name) for name in VERDICTS)}")  # fmt: skip
        tiles = [(figure, format_cell(figure.value, figure.digits)) for figure in figures]
        self._add("tiles", tiles=tiles)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[object]], *, caption: str) -> None:
        """Add a table; columns of numbers are set right, units stand in the head.

        Parameters
        ----------
        columns : sequence of Column
        rows : sequence of sequences
            One cell a column: text, number, None or NaN for unknown.
        caption : str
            What the table shows; not empty.

        Raises
        ------
        RunError
            FID-5012 when a row has not one cell a column or the caption is empty.
        """
        _require_text(caption, "a table needs a caption", columns[0].name if columns else "table")
        for number, row in enumerate(rows, start=1):
            if len(row) != len(columns):
                raise RunError("FID-5012", f"row {number} has {len(row)} cells for {len(columns)} columns", where=caption,
                               fix="give one cell a column, None where unknown")  # fmt: skip
        numeric = [column.right or (any(_is_number(row[index]) for row in rows)
                   and all(row[index] is None or _is_number(row[index]) for row in rows))
                   for index, column in enumerate(columns)]  # fmt: skip
        cells = [[format_cell(cell, column.digits) for cell, column in zip(row, columns, strict=True)] for row in rows]
        self._add("table", columns=list(zip(columns, numeric, strict=True)), numeric=numeric, rows=cells,
                  caption=caption)  # fmt: skip

    def figure(self, figure: Figure, *, alt: str, caption: str = "") -> None:
        """Embed a figure.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            Drawn as SVG, or as WebP at twice the screen resolution when it holds more than 2 000 points or images.
        alt : str
            What the figure shows, for those who do not see it; not empty.
        caption : str

        Raises
        ------
        RunError
            FID-5012 when ``alt`` is empty.
        """
        from fiducial.reports.style import svg_bytes, webp_bytes  # pages without figures do without matplotlib

        _require_text(alt, "a figure needs a text alternative", self.title)
        kind, data = ("webp", webp_bytes(figure)) if _is_heavy(figure) else ("svg+xml", svg_bytes(figure))
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
        width, height = (round(float(inches) * 96) for inches in figure.get_size_inches())
        self._add("figure", source=source, alt=alt, caption=caption, width=width, height=height)

    def heat_table(
        self,
        groups: Sequence[tuple[str, Sequence[HeatRow]]],
        columns: Sequence[HeatColumns],
        *,
        scale: LogScale,
        unit: str,
        caption: str,
        alt: str,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        digits: int = 1,
    ) -> None:
        """Add a table whose cells are coloured by their value, with a legend above it.

        Parameters
        ----------
        groups : sequence of (str, sequence of HeatRow)
            Rows under a head of their own; the names of the columns are repeated there.
        columns : sequence of HeatColumns
            Each set of columns stands apart from the one before it.
        scale : LogScale
            In ``unit``.
        unit : str
        caption : str
            What the table shows; not empty.
        alt : str
            What the colours tell, for those who do not see them; not empty.
        before, after : sequence of str
            Heads of the texts before and behind the cells of a row.
        digits : int
            Decimals of the numbers.

        Raises
        ------
        RunError
            FID-5012 when a row does not fit the columns, or caption or alt are empty.
        """
        _require_text(caption, "a heat table needs a caption", self.title)
        _require_text(alt, "a heat table needs a text alternative", caption)
        width = (len(before), sum(len(part.names) for part in columns), len(after))
        for row in (row for _, rows in groups for row in rows):
            if (len(row.before), len(row.cells), len(row.after)) != width:
                raise RunError("FID-5012", f"row {row.name} does not fit the columns of the heat table", where=caption,
                               fix="give one cell a column, an empty HeatCell where unknown")  # fmt: skip
        first = set(accumulate(len(part.names) for part in columns))
        drawn = [
            (head, [(row, [_heat(cell, scale, digits, apart=index in first) for index, cell in enumerate(row.cells)])
                    for row in rows])
            for head, rows in groups
        ]  # fmt: skip
        ticks = [f"{tick:g}" for tick in scale.ticks()]
        ticks[0], ticks[-1] = f"\N{LESS-THAN OR EQUAL TO} {ticks[0]}", f"\N{GREATER-THAN OR EQUAL TO} {ticks[-1]}"
        legend = [(shade(scale.share(tick)), text) for tick, text in zip(scale.ticks(), ticks, strict=True)]
        self._add("heat", groups=drawn, columns=columns, legend=legend, unit=unit, caption=caption, alt=alt,
                  before=before, after=after)  # fmt: skip

    def bars(
        self,
        rows: Sequence[tuple[str, Sequence[Bar]]],
        columns: Sequence[str],
        *,
        full: float,
        unit: str,
        caption: str,
        alt: str,
        digits: int = 1,
    ) -> None:
        """Add a table of bars with their numbers.

        Parameters
        ----------
        rows : sequence of (str, sequence of Bar)
            Name, and one bar a column.
        columns : sequence of str
        full : float
            Value whose bar fills the cell, in ``unit``.
        unit, caption : str
            ``caption`` is not empty.
        alt : str
            What the lengths tell, for those who do not see them; not empty.
        digits : int
            Decimals of the numbers.

        Raises
        ------
        RunError
            FID-5012 when a row has not one bar a column, or caption or alt are empty.
        """
        _require_text(caption, "bars need a caption", self.title)
        _require_text(alt, "bars need a text alternative", caption)
        for name, found in rows:
            if len(found) != len(columns):
                raise RunError("FID-5012", f"row {name} has {len(found)} bars for {len(columns)} columns", where=caption,
                               fix="give one bar a column, an empty Bar where unknown")  # fmt: skip
        drawn = [(name, [(format_cell(one.value, digits), _length(one, full), one.detail) for one in found])
                 for name, found in rows]  # fmt: skip
        self._add("bars", rows=drawn, columns=columns, unit=unit, caption=caption, alt=alt)

    def provenance(self, title: str, entries: Mapping[str, object]) -> None:
        """Add a closed list of names and values: parameters, versions, inputs with their hashes."""
        # As they are: a seed or an orbit number has no thousands, and a parameter keeps every digit.
        shown = [(name, UNKNOWN if value is None else str(value)) for name, value in entries.items()]
        self._add("provenance", title=title, entries=shown)

    def render(self) -> str:
        """Return the page as text; the caller writes it, UTF-8."""
        sections = [section for section in self._sections if section.heading or section.blocks]
        return _environment().get_template("page.html.j2").render(
            title=self.title, subtitle=self.subtitle, language=self.language, sections=sections,
            contents=[section for section in sections if section.heading],
        )  # fmt: skip

    def _add(self, kind: str, **content: Any) -> None:
        self._sections[-1].blocks.append(_Block(kind, content))


def format_cell(value: object, digits: int) -> str:
    """Return a cell as text: fixed decimals and a true minus for floats, a dash for unknown.

    Thousands are set apart from five digits on, so that years stay whole.

    Examples
    --------
    >>> format_cell(0.756, 2), format_cell(2024, 0), format_cell(None, 2) == UNKNOWN
    ('0.76', '2024', True)
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return _typeset(f"{int(value):,}" if abs(int(value)) >= 10_000 else str(int(value)))
    if isinstance(value, float | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return UNKNOWN
        return _typeset(f"{number:,.{digits}f}" if abs(number) >= 10_000 else f"{number:.{digits}f}")
    return str(value)


def _heat(cell: HeatCell, scale: LogScale, digits: int, *, apart: bool) -> dict[str, object]:
    known = cell.value is not None and math.isfinite(cell.value)
    colours = shade(scale.share(cell.value)) if known and not cell.struck and cell.value is not None else None
    text = format_cell(cell.value, digits) if known else ""
    return {"text": text, "colours": colours, "apart": apart, "cell": cell}


def _length(bar: Bar, full: float) -> float | None:
    return bar_percent(bar.value, full) if bar.value is not None and math.isfinite(bar.value) else None


def _typeset(number: str) -> str:
    # A narrow no-break space keeps the groups of one number on one line.
    text = number.replace(",", "\N{NARROW NO-BREAK SPACE}")
    negative_zero = text.startswith("-") and not text.strip("-0.")
    return text.removeprefix("-") if negative_zero else text.replace("-", "\N{MINUS SIGN}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | np.bool_)


def _require_text(text: str, problem: str, where: str) -> None:
    if not text.strip():
        raise RunError("FID-5012", problem, where=where, fix="say in one sentence what it shows")


def _is_heavy(figure: Figure) -> bool:
    """Tell whether the figure draws more points than SVG carries well."""
    points = 0
    for axes in figure.axes:
        if axes.images:
            return True
        points += sum(np.size(line.get_xdata()) for line in axes.lines)
        points += sum(len(np.asarray(collection.get_offsets())) for collection in axes.collections)
    return points > MAXIMUM_VECTOR_POINTS


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("fiducial.reports"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)  # fmt: skip
