"""The catalogue of Essential Geodetic Variables from its data file (``chain/data/egv.yaml``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fiducial.chain.egv import (
    Annotation,
    CoProduct,
    DataLevelStep,
    EgvCatalogue,
    EssentialVariable,
    ImpactTier,
    Latency,
    Level,
    MatrixCell,
    MatrixLabel,
    Place,
    Product,
    Source,
    Statement,
    Strength,
    StrengthClass,
    Version,
    VersionChange,
)
from fiducial.errors import FormatError
from fiducial.formats.chain_document import RECORD, Document
from fiducial.formats.yaml_records import Record

EMPTY_CELL: Final = "—"
CIRCULAR_SIGN: Final = "⚠️"

_HOURS_PER_DAY: Final = 24.0
_INF: Final = float("inf")
_CHANGES: Final = ("rename_level", "add_egv", "unchanged")


def read_catalogue(document: Document) -> EgvCatalogue:
    """Read the catalogue.

    Raises
    ------
    FormatError
        FID-2601 with file and line: a key missing or unknown, a word that its vocabulary does not have, a number out of
        bounds.
    """
    if "catalogue" not in document.plain:
        fix = "add catalogue: {version: ...}"
        raise FormatError(RECORD, "no file names the version of the catalogue", where=_first(document), fix=fix)
    node = document.plain["catalogue"]
    head = Record(node, node.file, RECORD)
    version = head.text("version")
    if version not in document.sections.get("versions", {}):
        raise head.error(f"version is {version!r}, and versions has no such record", head.line_of("version"))
    head.finish()
    return EgvCatalogue(
        version=version,
        versions=tuple(_version(record) for record in document.records("versions")),
        egvs=tuple(_egv(record) for record in document.records("egvs")),
        rows=tuple(_row_label(record) for record in document.records("matrix_rows")),
        columns=tuple(_column_label(record) for record in document.records("matrix_columns")),
        cells=tuple(cell for record in document.records("matrix_rows") for cell in _cells(record)),
        strengths=tuple(_strength(record) for record in document.records("strengths")),
        impact_tiers=tuple(_tier(record) for record in document.records("impact_tiers")),
        co_products=tuple(_co_product(record) for record in document.records("co_products")),
        data_levels=tuple(_data_level(record) for record in document.records("data_levels")),
        annotations=tuple(_annotation(record) for record in document.records("annotations")),
        statements=tuple(_statement(record) for record in document.records("statements")),
    )


def read_sources(document: Document) -> tuple[Source, ...]:
    """Read the documents that facts were read in; FormatError FID-2601 with file and line."""
    return tuple(_source(record) for record in document.records("sources"))


def place(record: Record) -> Place:
    """Return where a record stands."""
    return Place(record.file, record.line)


def days(record: Record, stem: str) -> float:
    """Return a duration in days from the key ``STEM_days`` or ``STEM_hours``, whichever the record has."""
    hours = f"{stem}_hours"
    if record.has(hours):
        return record.number(hours, minimum=0.0, maximum=_INF) / _HOURS_PER_DAY
    return record.number(f"{stem}_days", minimum=0.0, maximum=_INF)


def _first(document: Document) -> str:
    for section in ("versions", "egvs"):
        for node in document.sections.get(section, {}).values():
            return f"{node.file}, line {node.line}"
    return f"{', '.join(document.files)}, line 1"


def _source(record: Record) -> Source:
    read = record.optional_text("read")
    note = record.optional_text("note") or (f"read {read}" if read else None)
    found = Source(record.text("id"), record.text("title"), record.optional_text("address"), note, place(record))
    record.finish()
    return found


def _version(record: Record) -> Version:
    counts: list[tuple[str, int]] = []
    if record.has("counts"):
        claimed = record.record("counts")
        names = claimed.keys()
        for key in names:
            if key not in {"total", "products", *Level}:
                known = ", ".join(("total", "products", *Level))
                raise claimed.error(f"{key!r} is not counted; known: {known}", claimed.line_of(key))
            counts.append((key, claimed.integer(key)))
    else:
        record.optional_text("counts")
    found = Version(
        id=record.text("id"),
        previous=record.optional_text("previous"),
        changes=tuple(_change(one) for one in record.records("changes")),
        source=record.texts("source"),
        counts=tuple(counts),
        place=place(record),
    )
    record.finish()
    return found


def _change(record: Record) -> VersionChange:
    kind = record.text("kind")
    if kind not in _CHANGES:
        raise record.error(f"kind is {kind!r}; it must be one of: {', '.join(_CHANGES)}", record.line_of("kind"))
    before = record.text("before") if kind == "rename_level" else record.optional_text("before")
    found = VersionChange(kind, before, record.text("after"), record.optional_text("note"))
    record.finish()
    return found


def _strength(record: Record) -> StrengthClass:
    found = StrengthClass(record.choice("strength", Strength), record.text("meaning"), record.text("colour"))
    record.finish()
    return found


def _egv(record: Record) -> EssentialVariable:
    identity = record.text("id")
    found = EssentialVariable(
        id=identity,
        level=record.choice("level", Level),
        name=record.text("name"),
        domain=record.text("domain"),
        subdomain=record.text("subdomain"),
        description=record.optional_text("description"),
        products=tuple(_product(one, identity) for one in record.records("products")),
        place=place(record),
    )
    record.finish()
    return found


def _product(record: Record, egv: str) -> Product:
    found = Product(
        id=record.text("id"),
        name=record.text("name"),
        acronym=record.optional_text("acronym"),
        format=record.optional_text("format"),
        entry=record.text("entry"),
        egv=egv,
        place=place(record),
    )
    record.finish()
    return found


def _row_label(record: Record) -> MatrixLabel:
    return MatrixLabel(record.text("label"), record.text("egv"), place(record))


def _column_label(record: Record) -> MatrixLabel:
    found = MatrixLabel(record.text("label"), record.text("egv"), place(record))
    record.finish()
    return found


def _cells(record: Record) -> Iterator[MatrixCell]:
    consumer = record.text("egv")
    record.text("label")
    cells = record.record("cells")
    suppliers = cells.keys()
    for supplier in suppliers:
        raw = cells.text(supplier)
        if raw == EMPTY_CELL:
            continue
        word = raw.removesuffix(CIRCULAR_SIGN).rstrip()
        if word not in set(Strength):
            allowed = ", ".join((*Strength, EMPTY_CELL))
            problem = f"the cell is {raw!r}; it must be one of: {allowed}, or one of these words with {CIRCULAR_SIGN}"
            raise cells.error(problem, cells.line_of(supplier))
        where = Place(cells.file, cells.line_of(supplier))
        yield MatrixCell(consumer, supplier, Strength(word), raw.endswith(CIRCULAR_SIGN), raw, where)
    record.finish()


def _tier(record: Record) -> ImpactTier:
    everything = record.flag("all_level_3")
    window = record.numbers("window_days", 2)
    bounds = record.numbers("bounds_days", 2)
    for key, (low, high) in (("window_days", window), ("bounds_days", bounds)):
        if not 0 <= low < high:
            raise record.error(f"{key} must be two numbers from 0, the first the smaller", record.line_of(key))
    found = ImpactTier(
        id=record.text("id"),
        name=record.text("name"),
        affected_text=record.text("affected_text"),
        affected=record.texts("affected"),
        all_level_3=everything,
        mechanism=record.text("mechanism"),
        window_days=(window[0], window[1]),
        bounds_days=(bounds[0], bounds[1]),
        place=place(record),
    )
    if everything == bool(found.affected):
        raise record.error("a tier names its variables in affected, or has all_level_3: true")
    record.finish()
    return found


def _co_product(record: Record) -> CoProduct:
    record.text("id")
    found = CoProduct(
        text=record.text("text"),
        egv=record.text("egv"),
        products=record.texts("products"),
        level=record.text("level"),
        mechanism=record.text("mechanism"),
        notes=record.text("notes"),
        place=place(record),
    )
    record.finish()
    return found


def _data_level(record: Record) -> DataLevelStep:
    found = DataLevelStep(
        id=record.text("id"),
        name=record.text("name"),
        data_level=record.text("data_level"),
        data_type=record.text("data_type"),
        latency_stated=record.text("latency_stated"),
        latency_sourced=tuple(_latency(one) for one in record.records("latency_sourced")),
        place=place(record),
    )
    record.finish()
    return found


def _latency(record: Record) -> Latency:
    low, high = days(record, "low"), days(record, "high")
    if low > high:
        raise record.error("the low latency is larger than the high one")
    found = Latency(record.text("product"), low, high, record.text("basis"), record.texts("source"))
    record.finish()
    return found


def _annotation(record: Record) -> Annotation:
    found = Annotation(
        point=record.text("point"),
        label=record.text("label"),
        links_to=record.text("links_to"),
        nodes=record.texts("nodes"),
        place=place(record),
    )
    record.finish()
    return found


def _statement(record: Record) -> Statement:
    found = Statement(
        id=record.text("id"),
        text=record.text("text"),
        check=record.text("check"),
        value=record.optional_text("value"),
        source=record.texts("source"),
        place=place(record),
    )
    record.finish()
    return found
