"""Recognise a file by content and name, and turn what was found out into records of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fiducial.catalogue.records import AgentRecord, EdgeRecord, FileRecord, ProductRecord, Relation
from fiducial.catalogue.rows import printable
from fiducial.catalogue.writing import UNKNOWN_FORMAT, Batch, Seen
from fiducial.formats.point_product import MANIFEST
from fiducial.runs import catalogue_gnss, catalogue_insar
from fiducial.runs.catalogue_content import Content
from fiducial.runs.catalogue_facts import Facts, igs_name, level_of, with_name

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PART: Final = "point product part"


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or the files of a point product, with what was found out.

    Attributes
    ----------
    contents : sequence of Content
        One, or every file below the folder of a point product.
    facts : Facts or None
        None for a content that is known well already: only its path is recorded.
    folder : str
        Folder of a point product; empty for a single file.
    """

    contents: Sequence[Content]
    facts: Facts | None
    folder: str = ""

    @property
    def format(self) -> str:
        """Format that was recognised."""
        return UNKNOWN_FORMAT if self.facts is None else self.facts.format


def recognise(content: Content) -> Facts:
    """Return what one file is.

    Notes
    -----
    The content decides; the name adds centre, campaign, span and sampling where it follows the grammar of IGS or EGMS.
    """
    if content.size == 0:
        return Facts(note="the file is empty")
    facts = _by_content(content)
    if facts is None:
        return Facts(note=_unknown_note(content))
    return facts if facts.format in ("EGMS", "EGMS-XML") else with_name(facts, igs_name(content.name))


def _by_content(content: Content) -> Facts | None:
    head = content.head
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return catalogue_insar.recognise_zip(content)
    if head.startswith(_TIFF):
        return catalogue_insar.recognise_tiff(content)
    suffix = Path(content.stem).suffix.lower()
    special = {".csv": catalogue_insar.recognise_csv, ".xml": catalogue_insar.recognise_xml}.get(suffix)
    found = special(content) if special is not None and not content.compression else None
    return found or catalogue_gnss.recognise_text(content)


def _unknown_note(content: Content) -> str:
    if content.compression and not content.head:
        return f"the {content.compression} stream is damaged, or too large to look into"
    name = igs_name(content.name)
    if name is not None:
        return f"named as {name.kind or 'an IGS product'}, but its first lines are of no format that is known"
    return "neither content nor name are of a format that is known"


def records(found: Sequence[Found]) -> Batch:
    """Return the records of files, for one transaction.

    Notes
    -----
    The id of a product is its acronym and the hash of its content, so that the same content under two names is one
    product, and two contents under one name are two.
    """
    parts = [_records_of(one) for one in found]
    return Batch(
        files=[file for part in parts for file in part.files],
        entities=[entity for part in parts for entity in part.entities],
        products=[product for part in parts for product in part.products],
        agents=[agent for part in parts for agent in part.agents],
        edges=[edge for part in parts for edge in part.edges],
        seen={path: seen for part in parts for path, seen in part.seen.items()},
    )


def _records_of(found: Found) -> Batch:
    if found.facts is None:
        return Batch([_file(one, UNKNOWN_FORMAT, {}) for one in found.contents], seen=_seen(found.contents))
    return _product_records(found, found.facts) if found.folder else _file_records(found, found.facts)


def _file(content: Content, form: str, attributes: dict[str, Any], name: str = "") -> FileRecord:
    return FileRecord(content.sha256, content.size, form, name or content.name, (content.path,), attributes)


def _seen(contents: Sequence[Content]) -> dict[str, Seen]:
    return {one.path: Seen(one.size, one.mtime_ns) for one in contents}


def _file_records(found: Found, facts: Facts) -> Batch:
    content = found.contents[0]
    attributes = _attributes(facts)
    if content.compression:
        attributes["compression"] = content.compression
    file = _file(content, facts.format, attributes)
    products = _products(facts, content.sha256, content.stem, (file.id,))
    edges = [*_made_by(products, facts), *facts.edges(file.id)]
    return Batch((file,), facts.entities, products, _agents(facts), edges, _seen(found.contents))


def _product_records(found: Found, facts: Facts) -> Batch:
    name = printable(Path(found.folder).name)
    manifest, files = found.contents[0], []
    for content in found.contents:
        inside = printable(content.path[len(found.folder) :].lstrip("/"))
        manifest = content if inside == MANIFEST else manifest
        attributes = {"part": inside} if facts.is_product else {"note": facts.note}
        form = _PART if facts.is_product else UNKNOWN_FORMAT
        files.append(_file(content, form, attributes, f"{name}/{inside}"))
    products = _products(facts, manifest.sha256, name, tuple(dict.fromkeys(one.id for one in files)))
    edges = [*_made_by(products, facts), *(edge for one in products for edge in facts.edges(one.id))]
    return Batch(files, facts.entities, products, _agents(facts), edges, _seen(found.contents))


def _agents(facts: Facts) -> list[AgentRecord]:
    return [facts.agent] if facts.agent else []


def _products(facts: Facts, sha256: str, name: str, files: tuple[str, ...]) -> list[ProductRecord]:
    if not facts.is_product:
        return []
    attributes = _attributes(facts)
    made = []
    for acronym in facts.egv_products or (None,):
        kind = acronym or facts.format.replace(" ", "-")
        made.append(ProductRecord(
            f"product:{kind}-{sha256[:16]}", name, acronym, facts.level or level_of(acronym, facts.tier), facts.tier, facts.frame,
            facts.span.start, facts.span.end, facts.issued, files, attributes,
        ))  # fmt: skip
    return made


def _attributes(facts: Facts) -> dict[str, Any]:
    attributes: dict[str, Any] = dict(facts.attributes)
    if facts.centre:
        attributes["centre"] = facts.centre
    if facts.stated_inputs:
        attributes["stated_inputs"] = list(facts.stated_inputs)
    attributes["note" if facts.note else "recognised_by"] = facts.note or "content"
    return attributes


def _made_by(products: Sequence[ProductRecord], facts: Facts) -> list[EdgeRecord]:
    agent = facts.agent
    if agent is None:
        return []
    return [EdgeRecord(Relation.MEMBER, one.id, file, "", agent.id) for one in products for file in one.files]
