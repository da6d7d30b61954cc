"""What the catalogue adds up to, and what stands around one variable: counts and neighbours, computed, never typed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fiducial.chain.egv import (
    CoProduct,
    EgvCatalogue,
    EssentialVariable,
    ImpactTier,
    Level,
    MatrixCell,
    MatrixLabel,
    Product,
    Strength,
)

COLOURS: Final = {"Red": "#b3261e", "Blue": "#1f5fae", "Orange": "#c75b00"}
"""Hexadecimal values, ours, of the colours that the white paper names; white text on them has a contrast above 4."""
OTHER_COLOUR: Final = "#55606e"
MARKS: Final = {Strength.PRIMARY: "P", Strength.IMPORTANT: "I", Strength.INDIRECT: "i"}
"""Letters that tell the strengths apart without colour."""
CIRCULAR: Final = "⚠️"
EMPTY: Final = "—"
"""Text of a matrix cell without dependency."""


@dataclass(frozen=True, slots=True)
class LevelCount:
    """Numbers of one level: variables, entries of the source's table, products (a slash entry is two)."""

    level: Level
    name: str
    egvs: int
    entries: int
    products: int


@dataclass(frozen=True, slots=True)
class LineCount:
    """Cells of one row or column of the matrix by strength; ``empty`` are those without dependency."""

    egv: str
    label: str
    primary: int
    important: int
    indirect: int
    empty: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a catalogue."""

    egvs: int
    levels: tuple[LevelCount, ...]
    entries_level_2_3: int
    products_level_2_3: int
    columns: tuple[LineCount, ...]
    rows: tuple[LineCount, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the matrix with one cell a column; None where there is no dependency."""

    row: MatrixLabel
    cells: tuple[MatrixCell | None, ...]


def counts(catalogue: EgvCatalogue) -> Counts:
    """Count variables, entries, products, and the cells of each row and column.

    Parameters
    ----------
    catalogue : EgvCatalogue

    Returns
    -------
    Counts
    """
    levels = tuple(_level_count(catalogue, level) for level in Level if catalogue.of_level(level))
    upper = [one for one in levels if one.level in {Level.LEVEL_2, Level.LEVEL_3}]
    return Counts(
        len(catalogue.egvs),
        levels,
        sum(one.entries for one in upper),
        sum(one.products for one in upper),
        tuple(_line(catalogue, one, len(catalogue.rows), supplier=True) for one in catalogue.columns),
        tuple(_line(catalogue, one, len(catalogue.columns), supplier=False) for one in catalogue.rows),
    )


def _level_count(catalogue: EgvCatalogue, level: Level) -> LevelCount:
    egvs = catalogue.of_level(level)
    listed = sum(len(entries(egv)) for egv in egvs)
    return LevelCount(level, catalogue.level_name(level), len(egvs), listed, len(catalogue.products(level)))


def _line(catalogue: EgvCatalogue, label: MatrixLabel, size: int, *, supplier: bool) -> LineCount:
    found = [cell.strength for cell in (needed_by if supplier else needs)(catalogue, label.egv)]
    primary, important, indirect = (found.count(strength) for strength in Strength)
    return LineCount(label.egv, label.label, primary, important, indirect, size - len(found))


def entries(egv: EssentialVariable) -> tuple[str, ...]:
    """Return the entries of the source's table, each once: a slash entry stands for two products."""
    return tuple(dict.fromkeys(product.entry for product in egv.products))


def matrix(catalogue: EgvCatalogue) -> tuple[Entry, ...]:
    """Return the matrix whole, row by row, in the order printed."""
    found = {(cell.consumer, cell.supplier): cell for cell in catalogue.cells}
    return tuple(
        Entry(row, tuple(found.get((row.egv, column.egv)) for column in catalogue.columns)) for row in catalogue.rows
    )


def needs(catalogue: EgvCatalogue, egv: str) -> tuple[MatrixCell, ...]:
    """Return the cells of the matrix that tell what a variable needs."""
    return tuple(cell for cell in catalogue.cells if cell.consumer == egv)


def needed_by(catalogue: EgvCatalogue, egv: str) -> tuple[MatrixCell, ...]:
    """Return the cells of the matrix that tell who needs a variable."""
    return tuple(cell for cell in catalogue.cells if cell.supplier == egv)


def stated_tiers(catalogue: EgvCatalogue, egv: EssentialVariable) -> tuple[ImpactTier, ...]:
    """Return the published impact tiers that a variable stands in; the one of "all" for every variable of Level 3."""
    return tuple(
        tier
        for tier in catalogue.impact_tiers
        if egv.id in tier.affected or (tier.all_level_3 and egv.level is Level.LEVEL_3)
    )


def co_production(catalogue: EgvCatalogue, egv: str) -> tuple[CoProduct, ...]:
    """Return the rows of the co-production table about a variable."""
    return tuple(row for row in catalogue.co_products if row.egv == egv)


def product(catalogue: EgvCatalogue, identity: str) -> Product | None:
    """Return a product by id, or None."""
    return next((one for one in catalogue.products() if one.id == identity), None)


def colour(catalogue: EgvCatalogue, strength: Strength) -> str:
    """Return the colour of a strength, ``#rrggbb``."""
    names = {one.strength: one.colour for one in catalogue.strengths}
    return COLOURS.get(names.get(strength, ""), OTHER_COLOUR)
