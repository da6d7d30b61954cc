"""The register of in-situ requirements as YAML (``chain/data/requirements.yaml`` is the packaged one)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from fiducial.chain.egv import Place, Source
from fiducial.chain.register import (
    DataProvider,
    Direction,
    InSituData,
    Metric,
    MetricLevel,
    MetricValue,
    ProductRequirement,
    Register,
    RegisterProduct,
    Requirement,
    State,
    Transition,
)
from fiducial.chain.register_states import Permission
from fiducial.chain.requirement_units import DIMENSIONS, UNITS, Dimension, convert, find_unit, parse_quantity
from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.formats.yaml_records import Record
from fiducial.formats.yaml_tree import parse_tree

VOCABULARIES: Final = ("level_of_definition", "relevance", "criticality", "barriers", "status", "level_of_compliance",
                       "dissemination", "quality_control", "data_provider_role")  # fmt: skip
PACKAGED: Final = "requirements.yaml"

_DAMAGED: Final = "FID-2620"
_WORD: Final = "FID-2621"
_UNIT: Final = "FID-2622"
_ORDER: Final = "FID-2623"
_TEXT: Final = "FID-2624"
_REFERENCE: Final = "FID-2625"
_SAME: Final = 1e-9

_Item = TypeVar("_Item", RegisterProduct, Requirement, DataProvider, InSituData)


def packaged_register() -> Register:
    """Return the register that comes with Fiducial."""
    return read_register(files("fiducial.chain").joinpath("data", PACKAGED).read_bytes(), name=PACKAGED)


def packaged_sources() -> tuple[Source, ...]:
    """Return the documents that the packaged register was read in."""
    data = files("fiducial.chain").joinpath("data", PACKAGED).read_bytes()
    return tuple(_sources(_root(data, PACKAGED)))


def read_register(source: Path | str | bytes, name: str = "") -> Register:
    """Read a register.

    Parameters
    ----------
    source : path or bytes
        YAML in UTF-8, in the structure of the packaged ``requirements.yaml``.
    name : str
        File name for messages, for bytes.

    Returns
    -------
    Register
        Every requirement has the six metrics in the register's order; those that the file does not list are empty.

    Raises
    ------
    FormatError
        FID-2620 not YAML, or a key missing, unknown or of the wrong kind; FID-2621 a word that its vocabulary does not
        have; FID-2622 a unit missing, unknown, or not one of the metric (another one is accepted for a metric with
        ``suspect``); FID-2623 a level missing, or more demanding than the next one; FID-2624 value and register text
        contradict each other; FID-2625 a number or id twice, or one that nothing has. Each names file and line.
        FID-2400, FID-2401 unreadable.
    """
    root = _root(source, name)
    sources = {one.id for one in _sources(root)}
    words = root.record("vocabularies")
    vocabularies = {key: words.texts(key) for key in VOCABULARIES}
    words.finish()
    reader = _Reader(vocabularies, sources)
    register = Register(
        products=_unique(root.records("products"), reader.product),
        requirements=_unique(root.records("requirements"), reader.requirement),
        product_requirements=tuple(reader.product_requirement(one) for one in root.records("product_requirements")),
        providers=_unique(root.records("providers"), reader.provider),
        data=_unique(root.records("data"), reader.data),
        vocabularies=tuple(vocabularies.items()),
        transitions=tuple(_transition(one) for one in root.records("transitions")),
        observations=root.texts("observations"),
    )
    root.finish()
    _check_references(register)
    return register


def _root(source: Path | str | bytes, name: str) -> Record:
    content = open_source(source, name=name)
    try:
        text = content.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(_DAMAGED, "not UTF-8", where=content.name, fix="save the file as UTF-8") from error
    return Record(parse_tree(text, content.name, _DAMAGED), content.name, _DAMAGED)


def _sources(root: Record) -> Iterator[Source]:
    for record in root.records("sources"):
        yield Source(record.text("id"), record.text("title"), record.optional_text("address"),
                     record.optional_text("note"), _place(record))  # fmt: skip
        record.finish()


def _place(record: Record) -> Place:
    return Place(record.file, record.line)


def _fault(code: str, problem: str, place: Place, fix: str) -> FormatError:
    return FormatError(code, problem, where=str(place), fix=fix)


def _unique(records: Iterator[Record], make: Callable[[Record], _Item]) -> tuple[_Item, ...]:
    found: dict[int | str, _Item] = {}
    for record in records:
        item = make(record)
        key = item.uid if isinstance(item, RegisterProduct | Requirement) else item.id
        if key in found:
            raise _fault(_REFERENCE, f"{key} stands twice, first in {found[key].place}", item.place, "number it anew")
        found[key] = item
        record.finish()
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads records against the vocabularies and sources of their file."""

    vocabularies: dict[str, tuple[str, ...]]
    sources: set[str]

    def word(self, record: Record, key: str, vocabulary: str | None = None) -> str:
        text = record.text(key)
        self._check(record, key, (text,), vocabulary or key)
        return text

    def optional_word(self, record: Record, key: str) -> str | None:
        return self.word(record, key) if record.has(key) else record.optional_text(key)

    def words(self, record: Record, key: str) -> tuple[str, ...]:
        texts = record.texts(key)
        self._check(record, key, texts, key)
        return texts

    def _check(self, record: Record, key: str, texts: tuple[str, ...], vocabulary: str) -> None:
        allowed = self.vocabularies[vocabulary]
        for text in texts:
            if text not in allowed:
                raise FormatError(_WORD, f"{key} is {text!r}", where=f"{record.file}, line {record.line_of(key)}",
                                  fix=f"use one of: {', '.join(allowed)}")  # fmt: skip

    def source(self, record: Record) -> tuple[str, ...]:
        ids = record.texts("source")
        for identity in ids:
            if identity not in self.sources:
                raise FormatError(_REFERENCE, f"the source {identity!r} is not described",
                                  where=f"{record.file}, line {record.line_of('source')}",
                                  fix="add it to sources")  # fmt: skip
        return ids

    def product(self, record: Record) -> RegisterProduct:
        return RegisterProduct(
            uid=record.integer("uid", minimum=1), name=record.text("name"), description=record.text("description"),
            note=record.optional_text("note"), status=self.word(record, "status"), group=record.text("group"),
            area=record.text("area"), component=record.text("component"), service=record.text("service"),
            entrusted_entities=record.texts("entrusted_entities"), created=record.text("created"),
            updated=record.text("updated"), egv=record.optional_text("egv"),
            egv_product=record.optional_text("egv_product"), source=self.source(record), place=_place(record),
        )  # fmt: skip

    def product_requirement(self, record: Record) -> ProductRequirement:
        found = ProductRequirement(
            product=record.integer("product", minimum=1), requirement=record.integer("requirement", minimum=1),
            name=record.text("name"), level_of_definition=self.word(record, "level_of_definition"),
            relevance=self.word(record, "relevance"), criticality=self.word(record, "criticality"),
            barriers=self.words(record, "barriers"), note=record.optional_text("note"),
            created=record.text("created"), updated=record.text("updated"),
            egv_products=record.texts("egv_products"), outside=record.optional_text("outside"), place=_place(record),
        )  # fmt: skip
        record.finish()
        return found

    def requirement(self, record: Record) -> Requirement:
        known = record.flag("known")
        listed: dict[str, Metric] = {}
        previous = -1
        for one in record.records("metrics"):
            metric = _metric(one)
            position = list(DIMENSIONS).index(metric.name)
            if position <= previous:
                raise _fault(_ORDER, f"the metric {metric.name} stands twice or out of order", metric.place,
                             f"order them as {', '.join(DIMENSIONS)}")  # fmt: skip
            previous = position
            listed[metric.name] = metric
        place = _place(record)
        if listed and not known:
            raise _fault(
                _REFERENCE, "metrics of a requirement that is not known", place, "set known: true, or remove them"
            )
        empty = {name: Metric(name, _usual_direction(name), (), None, place) for name in DIMENSIONS}
        return Requirement(
            uid=record.integer("uid", minimum=1), name=record.text("name"),
            metrics=tuple(listed.get(name, empty[name]) for name in DIMENSIONS),
            state=record.choice("state", State) if record.has("state") else None, known=known,
            basis=record.texts("basis"), dissemination=self.optional_word(record, "dissemination"),
            quality_control=self.optional_word(record, "quality_control"), source=self.source(record), place=place,
        )  # fmt: skip

    def provider(self, record: Record) -> DataProvider:
        return DataProvider(record.text("id"), record.text("name"), self.word(record, "role", "data_provider_role"),
                            record.flag("is_network"), _place(record))  # fmt: skip

    def data(self, record: Record) -> InSituData:
        needs = []
        for one in record.records("requirements"):
            uid = one.integer("requirement", minimum=1)
            needs.append((uid, self.word(one, "level_of_compliance")))
            one.finish()
        return InSituData(
            record.text("id"), record.text("name"), record.texts("providers"), tuple(needs), _place(record)
        )


def _usual_direction(name: str) -> Direction:
    # A scale is a ratio such as 1:10 000, so the larger is the finer.
    return Direction.LARGER if name == "scale" else Direction.SMALLER


def _metric(record: Record) -> Metric:
    name = record.text("name")
    if name not in DIMENSIONS:
        raise FormatError(_WORD, f"the metric {name!r}", where=f"{record.file}, line {record.line_of('name')}",
                          fix=f"use one of: {', '.join(DIMENSIONS)}")  # fmt: skip
    direction = record.choice("direction", Direction)
    suspect = record.optional_text("suspect")
    wanted = tuple(level.value for level in MetricLevel)
    keys = record.keys()
    if tuple(key for key in keys if key in wanted) != wanted:
        raise _fault(_ORDER, f"{name} does not have its three levels in order", _place(record),
                     "give threshold, breakthrough, goal")  # fmt: skip
    values = tuple(_level(record.record(level.value), level, name, suspect) for level in MetricLevel)
    if len({UNITS[value.unit].dimension for value in values}) > 1:
        raise _fault(_UNIT, f"the levels of {name} measure different things", _place(record), "use one kind of unit")
    sizes = [value.value * UNITS[value.unit].size for value in values]
    steps = [(after - before) * (1 if direction is Direction.LARGER else -1)
             for before, after in pairwise(sizes)]  # fmt: skip
    for level, step in zip(list(MetricLevel)[1:], steps, strict=True):
        if step < -_SAME * max(sizes):
            raise FormatError(_ORDER, f"{level} of {name} is worse than the level before it ({direction} is better)",
                              where=f"{record.file}, line {record.line_of(level.value)}",
                              fix="check values, units and direction")  # fmt: skip
    record.finish()
    return Metric(name, direction, values, suspect, _place(record))


def _level(record: Record, level: MetricLevel, name: str, suspect: str | None) -> MetricValue:
    place = _place(record)
    value = record.number("value", minimum=0.0)
    if not record.has("unit"):
        raise _fault(_UNIT, f"{level} of {name} has no unit", place, "add unit, such as mm/yr, day or km")
    text = record.text("unit")
    unit = find_unit(text)
    if unit is None:
        raise _fault(
            _UNIT, f"{level} of {name} has the unknown unit {text!r}", place, f"use one of: {', '.join(UNITS)}"
        )
    allowed: tuple[Dimension, ...] = DIMENSIONS[name]
    if unit.dimension not in allowed and suspect is None:
        raise _fault(_UNIT, f"{name} is a {' or '.join(allowed)}, and {unit.name} is a {unit.dimension}", place,
                     "correct the unit, or say with suspect why the register's entry looks misplaced")  # fmt: skip
    found = MetricValue(level, value, unit.name, record.text("text"))
    record.finish()
    _check_text(found, place)
    return found


def _check_text(value: MetricValue, place: Place) -> None:
    stated = parse_quantity(value.text)
    if stated is None:
        return
    number, unit = stated
    same_kind = unit.dimension is UNITS[value.unit].dimension
    if not same_kind or abs(convert(number, unit.name, value.unit) - value.value) > _SAME * abs(value.value):
        problem = f"{value.level} is {value.value:g} {value.unit}, but the register's text is {value.text!r}"
        raise _fault(_TEXT, problem, place, "let value and unit say what text says")


def _transition(record: Record) -> Transition:
    found = Transition(record.choice("before", State), record.choice("after", State),
                       record.choice("by", Permission).value)  # fmt: skip
    record.finish()
    return found


def _check_references(register: Register) -> None:
    products = {one.uid for one in register.products}
    requirements = {one.uid: one for one in register.requirements}
    providers = {one.id for one in register.providers}
    seen: set[tuple[int, int, str]] = set()
    for need in register.product_requirements:
        if need.product not in products:
            raise _fault(_REFERENCE, f"product {need.product} is not in the register", need.place, "add it to products")
        if need.requirement not in requirements:
            raise _fault(_REFERENCE, f"requirement {need.requirement} is not in the register", need.place,
                         "add it to requirements, with known: false when its metrics are not known")  # fmt: skip
        key = need.product, need.requirement, need.relevance
        if key in seen:
            raise _fault(_REFERENCE, f"product {need.product} needs {need.requirement} twice", need.place, "remove one")
        seen.add(key)
    for data in register.data:
        lost = [one for one in data.providers if one not in providers]
        lost += [str(uid) for uid, _ in data.requirements if uid not in requirements]
        if lost:
            raise _fault(_REFERENCE, f"{data.id} names {lost[0]}, which is not in the register", data.place, "add it")
