"""Records of the catalogue: entities, files, products, runs, agents and the edges between them.

Ids are ``kind:value``: ``sha256:…`` for a file's content, ``scene:S1A_IW_SLC…``, ``dem:…``, ``product:…``, ``run:…``, ``agent:…``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class EntityKind(StrEnum):
    """What an entity is."""

    FILE = "file"
    PRODUCT = "product"
    SCENE = "scene"
    ORBIT = "orbit"
    DEM = "dem"
    LAND_COVER = "land_cover"
    GNSS = "gnss"
    OTHER = "other"


class RunState(StrEnum):
    """State of a run; one that was killed stays ``running`` until it is resumed or marked ``lost``."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"


class Relation(StrEnum):
    """Kind of an edge (PROV-DM)."""

    USED = "used"
    GENERATED = "generated"
    DERIVED = "derived"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing with provenance.

    Attributes
    ----------
    id : str
        ``kind:value``.
    attributes : mapping
        Plain JSON values.
    """

    id: str
    kind: EntityKind
    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Content of a file, whatever paths it lies at.

    Attributes
    ----------
    sha256 : str
        64 hexadecimal digits; the entity's id is ``sha256:`` and these.
    size : int
        Bytes.
    format : str
        Short name: SP3, CLK, ERP, SINEX, IONEX, EGMS, …; ``unknown`` where it was not recognised.
    paths : tuple of str
        Absolute paths at which it was seen.
    """

    sha256: str
    size: int
    format: str
    name: str
    paths: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Id of the entity."""
        return f"sha256:{self.sha256}"


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """An issue of a product: files that belong together.

    Attributes
    ----------
    egv_product : str or None
        Id of the product in the chain: GSO, SPTS, ESD, …
    level : str or None
        EGV level (``Level 2``) or EGMS level (``L2b``).
    frame : str or None
        Terrestrial reference frame.
    start, end : datetime or None
        Span of the observations, UTC.
    issued : datetime or None
        Issue time, UTC.
    files : tuple of str
        Ids of its files.
    """

    id: str
    name: str
    egv_product: str | None
    level: str | None
    tier: str | None
    frame: str | None
    start: datetime | None
    end: datetime | None
    issued: datetime | None
    files: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """A centre, an organisation or a piece of software that made something."""

    id: str
    kind: str
    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """How a run met an in-situ requirement.

    Attributes
    ----------
    criticality : str
        Essential, Desirable or Optional.
    state : str
        ``given``, ``stated`` (by the metadata of the input), ``unstated`` or ``missing``.
    """

    requirement: str
    criticality: str
    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of a step.

    Attributes
    ----------
    recipe, step : str
        Kind of recipe and name of the step.
    step_version : int
        Raised by the author when results change.
    parameters : mapping
        Resolved parameters, plain JSON values.
    key : str
        Hash of step, version, parameters and inputs: the cache key.
    timing : mapping
        Seconds by phase, peak memory.
    shortcomings : tuple of str
        Desirable inputs that were missing, and the like.
    """

    id: str
    recipe: str
    step: str
    step_version: int
    parameters: Mapping[str, Any]
    key: str
    software: str
    machine: str
    started: datetime
    ended: datetime | None
    state: RunState
    timing: Mapping[str, float] = field(default_factory=dict)
    requirements: tuple[RequirementResult, ...] = ()
    shortcomings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """An edge from what was made to what it was made from.

    ``USED``: run → entity; ``GENERATED``: entity → run; ``DERIVED``: entity → entity, where the run is not known;
    ``MEMBER``: product → file. ``role`` names the input or output, ``agent`` who made it.
    """

    relation: Relation
    source: str
    target: str
    role: str = ""
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records of a catalogue, or those around one product."""

    entities: tuple[Entity, ...]
    files: tuple[FileRecord, ...]
    products: tuple[ProductRecord, ...]
    runs: tuple[RunRecord, ...]
    agents: tuple[AgentRecord, ...]
    edges: tuple[EdgeRecord, ...]
