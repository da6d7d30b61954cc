"""Data files of the chain as sections of records known by their ids, and files of a user laid over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Final

from fiducial.chain.egv import Place
from fiducial.errors import FormatError
from fiducial.formats.text_source import open_source
from fiducial.formats.yaml_records import Record
from fiducial.formats.yaml_tree import Node, parse_tree

DAMAGED: Final = "FID-2600"
RECORD: Final = "FID-2601"
TWICE: Final = "FID-2603"
REMOVE: Final = "FID-2610"


@dataclass(frozen=True, slots=True)
class Section:
    """A list of records: the fields that make up a record's id, and those in which a list stands for a record each."""

    keys: tuple[str, ...]
    spread: tuple[str, ...] = ()
    join: str = ":"


SECTIONS: Final = {
    "sources": Section(("id",)),
    "versions": Section(("id",)),
    "strengths": Section(("strength",)),
    "egvs": Section(("id",)),
    "matrix_columns": Section(("egv",)),
    "matrix_rows": Section(("egv",)),
    "impact_tiers": Section(("id",)),
    "co_products": Section(("id",)),
    "data_levels": Section(("id",)),
    "annotations": Section(("point",)),
    "statements": Section(("id",)),
    "nodes": Section(("id",)),
    "cycles": Section(("id",)),
    "risks": Section(("id",)),
    "principles": Section(("id",)),
    "events": Section(("id",)),
    "pipelines": Section(("id",)),
    "facts": Section(("id",)),
    "schedules": Section(("product", "stream")),
    "strength_laws": Section(("strength",)),
    "held": Section(("node",), ("node",)),
    "links": Section(("supplier", "consumer"), ("supplier", "consumer"), " -> "),
    "makers": Section(("node", "streams"), ("streams",), " -> "),
    "substitutes": Section(("alternative",)),
    "recoveries": Section(("node",), ("node",)),
    "products": Section(("uid",)),
    "product_requirements": Section(("product", "requirement", "relevance")),
    "requirements": Section(("uid",)),
    "data": Section(("id",)),
    "providers": Section(("id",)),
    "transitions": Section(("before", "after"), (), " -> "),
}
"""Lists of records, by the key they stand under."""

PLAIN: Final = frozenset({"catalogue", "vocabularies", "observations"})
"""Keys whose values are no lists of records; a file laid over replaces them key by key, or whole."""


@dataclass(slots=True)
class Document:
    """One data file, or several as one.

    Attributes
    ----------
    sections : dict of str to dict of str to Node
        Records by section and id, in the order read.
    plain : dict of str to Node
        Values of the keys in :data:`PLAIN`.
    remove : dict of str to Place
        Ids to be removed from what lies below, and where that is said.
    files : tuple of str
        Names of the files.
    """

    sections: dict[str, dict[str, Node]] = field(default_factory=dict)
    plain: dict[str, Node] = field(default_factory=dict)
    remove: dict[str, Place] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def records(self, section: str) -> Iterator[Record]:
        """Yield the records of a section."""
        for node in self.sections.get(section, {}).values():
            yield Record(node, node.file, RECORD)

    def add(self, other: Document) -> None:
        """Take in another file of the same standing; FormatError FID-2603 when both hold a record of one id."""
        for section, records in other.sections.items():
            own = self.sections.setdefault(section, {})
            for key, node in records.items():
                if key in own:
                    raise _twice(section, key, own[key], node)
                own[key] = node
        for key, node in other.plain.items():
            if key in self.plain:
                raise _twice(key, key, self.plain[key], node)
            self.plain[key] = node
        self.files += other.files

    def overlay(self, other: Document) -> None:
        """Lay a file over this one: known ids replace fields, ``replace: true`` the whole, new ids are added.

        Raises
        ------
        FormatError
            FID-2610 when an id to be removed is not there.
        """
        for identity, place in other.remove.items():
            if not self._remove(identity):
                fix = "correct the id, or take it out of remove"
                raise FormatError(
                    REMOVE, f"{identity!r} cannot be removed: no record has it", where=str(place), fix=fix
                )
            self.remove[identity] = place
        for section, records in other.sections.items():
            own = self.sections.setdefault(section, {})
            for key, node in records.items():
                own[key] = _merged(own.get(key), node)
                self.remove.pop(key, None)
        for key, node in other.plain.items():
            self.plain[key] = _merged(self.plain.get(key), node)
        self.files += other.files

    def _remove(self, identity: str) -> bool:
        found = False
        for records in self.sections.values():
            found = records.pop(identity, None) is not None or found
        for egv in self.sections.get("egvs", {}).values():
            products = egv.value.get("products") if isinstance(egv.value, dict) else None
            if products is not None and isinstance(products.value, list) and isinstance(egv.value, dict):
                kept = [item for item in products.value if _field(item, "id") != identity]
                found = found or len(kept) < len(products.value)
                egv.value["products"] = Node(kept, products.line, products.file)
        return found


def read_document(source: Path | str | bytes, name: str = "") -> Document:
    """Read a data file of the chain, or one to be laid over.

    Parameters
    ----------
    source : path or bytes
        YAML in UTF-8.
    name : str, optional
        File name for messages, where the source is bytes.

    Raises
    ------
    FormatError
        FID-2600 not YAML; FID-2601 a key that is not known or a value of the wrong kind; FID-2603 an id twice. Each
        names file and line. FID-2400, FID-2401 unreadable.
    """
    opened = open_source(Path(source) if isinstance(source, str) else source, name=name)
    try:
        text = opened.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(DAMAGED, "not UTF-8", where=f"{opened.name}, line 1", fix="save the file as UTF-8") from error
    root = Record(parse_tree(text, opened.name, DAMAGED), opened.name, RECORD)
    document = Document(files=(opened.name,))
    keys = root.keys()
    for key in keys:
        if key == "remove":
            line = root.line_of(key)
            document.remove.update({identity: Place(opened.name, line) for identity in root.texts(key)})
        elif key in PLAIN:
            document.plain[key] = root.node(key)
        elif key in SECTIONS:
            document.sections[key] = _keyed(root, key)
        else:
            known = ", ".join(sorted({*SECTIONS, *PLAIN, "remove"}))
            raise root.error(f"the key {key!r} is not known; known: {known}", root.line_of(key), "correct or remove it")
    return document


def _keyed(root: Record, name: str) -> dict[str, Node]:
    section = SECTIONS[name]
    found: dict[str, Node] = {}
    for item in _items(root, name):
        for node in _spread(item, section, root):
            record = Record(node, root.file, RECORD)
            key = section.join.join(record.text(part) for part in section.keys)
            if key in found:
                raise _twice(name, key, found[key], node)
            found[key] = node
    return found


def _items(root: Record, name: str) -> Iterator[Node]:
    value = root.node(name)
    if isinstance(value.value, list):
        yield from value.value
    elif name == "sources" and isinstance(value.value, dict):
        for key, node in value.value.items():
            if not isinstance(node.value, dict):
                raise root.error(f"{key} must be a mapping", node.line)
            yield Node({"id": Node(key, node.line, node.file), **node.value}, node.line, node.file)
    elif root.has(name):
        raise root.error(f"{name} must be a list", value.line)


def _spread(node: Node, section: Section, root: Record) -> Iterator[Node]:
    if not isinstance(node.value, dict):
        raise root.error("a mapping of keys to values is wanted here", node.line)
    record = Record(node, root.file, RECORD)
    choices = [[Node(text, record.line_of(key), record.file) for text in record.texts(key)] for key in section.spread]
    for key, texts in zip(section.spread, choices, strict=True):
        if not texts:
            raise record.error(f"{key} is missing or empty", fix=f"add {key}")
    for chosen in product(*choices):
        fields = {**node.value, **dict(zip(section.spread, chosen, strict=True))}
        yield Node(fields, node.line, node.file)


def _merged(below: Node | None, above: Node) -> Node:
    if below is None or not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return _plain(above)
    if _field(above, "replace") == "true":
        return _plain(above)
    fields = dict(below.value)
    for key, node in above.value.items():
        old = fields.get(key)
        if key == "products" and old is not None and isinstance(old.value, list) and isinstance(node.value, list):
            fields[key] = _merged_products(old.value, node)
        elif old is not None and isinstance(old.value, dict) and isinstance(node.value, dict):
            fields[key] = _merged(old, node)
        else:
            fields[key] = node
    return _plain(Node(fields, above.line, above.file))


def _merged_products(below: list[Node], above: Node) -> Node:
    items = {_field(item, "id") or str(index): item for index, item in enumerate(below)}
    added = above.value if isinstance(above.value, list) else []
    for index, item in enumerate(added):
        key = _field(item, "id") or f"new {index}"
        items[key] = _merged(items.get(key), item)
    return Node(list(items.values()), above.line, above.file)


def _plain(node: Node) -> Node:
    if isinstance(node.value, dict) and _field(node, "replace") in {"true", "false"}:
        fields = {key: value for key, value in node.value.items() if key != "replace"}
        return Node(fields, node.line, node.file)
    return node


def _field(node: Node, key: str) -> str | None:
    found = node.value.get(key) if isinstance(node.value, dict) else None
    return found.value if found is not None and isinstance(found.value, str) else None


def _twice(section: str, key: str, first: Node, second: Node) -> FormatError:
    problem = f"{key!r} stands twice in {section}, first in {first.file}, line {first.line}"
    return FormatError(TWICE, problem, where=f"{second.file}, line {second.line}", fix="rename or remove one of them")
