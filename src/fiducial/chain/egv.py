"""Essential Geodetic Variables, their products, and the published dependency matrix, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Data level of a variable in the GGOS white paper."""

    BASIS = "Basis"
    LEVEL_1 = "Level 1"
    LEVEL_2 = "Level 2"
    LEVEL_3 = "Level 3"


class Strength(StrEnum):
    """Strength of a dependency, as the white paper classes it."""

    PRIMARY = "Primary"
    IMPORTANT = "Important"
    INDIRECT = "Indirect"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record was read: file name and line, counted from 1; for messages only."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Source:
    """A document that facts were read in."""

    id: str
    title: str
    address: str | None
    note: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Product:
    """A geodetic product that contributes to a variable.

    Attributes
    ----------
    id : str
        Acronym, or a name in snake_case where the source gives none. Slash entries of the source are two products.
    entry : str
        The entry of the source's table that names it, as printed there.
    """

    id: str
    name: str
    acronym: str | None
    format: str | None
    entry: str
    egv: str
    place: Place


@dataclass(frozen=True, slots=True)
class EssentialVariable:
    """An Essential Geodetic Variable."""

    id: str
    level: Level
    name: str
    domain: str
    subdomain: str
    description: str | None
    products: tuple[Product, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A cell of the Level 2 → Level 3 matrix that is not empty; ``raw`` is its text."""

    consumer: str
    supplier: str
    strength: Strength
    circular: bool
    raw: str
    place: Place


@dataclass(frozen=True, slots=True)
class MatrixLabel:
    """Row or column of the matrix: the label printed and the variable meant."""

    label: str
    egv: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class StrengthClass:
    """Meaning and colour of a strength in the white paper."""

    strength: Strength
    meaning: str
    colour: str


@dataclass(frozen=True, slots=True)
class ImpactTier:
    """A published impact tier.

    Attributes
    ----------
    affected : tuple of str
        Ids of variables; empty with ``all_level_3``.
    window_days : tuple of float
        Soft window of the tier in days; neighbouring windows overlap, as the source's words do.
    bounds_days : tuple of float
        Half-open interval that decides one tier for a time; these intervals do not overlap. Ours, not the source's.
    """

    id: str
    name: str
    affected_text: str
    affected: tuple[str, ...]
    all_level_3: bool
    mechanism: str
    window_days: tuple[float, float]
    bounds_days: tuple[float, float]
    place: Place


@dataclass(frozen=True, slots=True)
class CoProduct:
    """A row of the table of co-produced variables; ``products`` are the product ids meant."""

    text: str
    egv: str
    products: tuple[str, ...]
    level: str
    mechanism: str
    notes: str
    place: Place


@dataclass(frozen=True, slots=True)
class Latency:
    """A latency with what says so: ``basis`` tells from where the days are counted."""

    product: str
    low_days: float
    high_days: float
    basis: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataLevelStep:
    """A workflow tier with its data level; the latency as stated, and as other sources have it."""

    id: str
    name: str
    data_level: str
    data_type: str
    latency_stated: str
    latency_sourced: tuple[Latency, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Annotation:
    """A workflow linkage annotation, and the workflow nodes or tiers at which it stands."""

    point: str
    label: str
    links_to: str
    nodes: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Statement:
    """A countable statement of a source, to be held against the model by a named check."""

    id: str
    text: str
    check: str
    value: str | None
    source: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One change between two versions of the catalogue.

    Attributes
    ----------
    kind : str
        ``rename_level`` (``before`` → ``after``), ``add_egv`` (``after`` is its id) or ``unchanged`` (``after`` names the part).
    """

    kind: str
    before: str | None
    after: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the catalogue and what changed since the one before.

    Attributes
    ----------
    counts : tuple of (str, int)
        Numbers that the version claims: by level, ``total``, and ``products`` on Levels 2 and 3; empty without a claim.
    """

    id: str
    previous: str | None
    changes: tuple[VersionChange, ...]
    source: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class EgvCatalogue:
    """The mapping of variables to products, as one version of the white paper has it.

    Attributes
    ----------
    level_names : tuple of (Level, str)
        Names of levels where the version has another than today's (V6.0: "Level 0" for Basis).
    """

    version: str
    versions: tuple[Version, ...]
    egvs: tuple[EssentialVariable, ...]
    rows: tuple[MatrixLabel, ...]
    columns: tuple[MatrixLabel, ...]
    cells: tuple[MatrixCell, ...]
    strengths: tuple[StrengthClass, ...]
    impact_tiers: tuple[ImpactTier, ...]
    co_products: tuple[CoProduct, ...]
    data_levels: tuple[DataLevelStep, ...]
    annotations: tuple[Annotation, ...]
    statements: tuple[Statement, ...]
    level_names: tuple[tuple[Level, str], ...] = ()

    def level_name(self, level: Level) -> str:
        """Return the name of a level in this version."""
        return dict(self.level_names).get(level, level.value)

    def egv(self, identity: str) -> EssentialVariable:
        """Return the variable of an id; ``KeyError`` when there is none."""
        for egv in self.egvs:
            if egv.id == identity:
                return egv
        raise KeyError(identity)

    def of_level(self, level: Level) -> tuple[EssentialVariable, ...]:
        """Return the variables of one level, in the order of the source."""
        return tuple(egv for egv in self.egvs if egv.level is level)

    def products(self, *levels: Level) -> tuple[Product, ...]:
        """Return the products of the levels given, or of all."""
        return tuple(product for egv in self.egvs if not levels or egv.level in levels for product in egv.products)

    def strength(self, supplier: str, consumer: str) -> Strength | None:
        """Return the strength of a dependency, or None where the cell is empty."""
        for cell in self.cells:
            if cell.supplier == supplier and cell.consumer == consumer:
                return cell.strength
        return None
