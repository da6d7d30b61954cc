"""What a product of several sources says of itself: only what all of them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fiducial import __version__
from fiducial.errors import FiducialError
from fiducial.formats import egms_names
from fiducial.formats.egms_columns import merge_styles
from fiducial.formats.product_manifest import Column, Metadata, Requirement, Tie
from fiducial.motion.identifiers import decode_points
from fiducial.runs.export_area import Area
from fiducial.runs.export_rows import LOST_BY_CALIBRATION, kept_columns
from fiducial.runs.ingest import provenance_id
from fiducial.runs.sources import Source

_MOST_TRACKS_IN_NAME: Final = 4

Burst = tuple[int, int, int]
"""Track, burst, sub-swath."""


@dataclass(frozen=True)
class Member:
    """A source of a merge.

    Attributes
    ----------
    source : Source
    bursts : frozenset of (track, burst, swath)
        Whose points it holds; empty for Level 3; with negative numbers where identifiers name no burst.
    window : str or None
        Release; None when the name does not tell it.
    """

    source: Source
    bursts: frozenset[Burst]
    window: str | None

    @classmethod
    def of(cls, source: Source) -> Member:
        """Take identity from the point identifiers and release from the name."""
        manifest = source.product.manifest
        try:
            window = getattr(egms_names.parse(manifest.name), "window", None)
        except FiducialError:
            window = None
        if manifest.level == "L3":
            return cls(source, frozenset(), window and str(window))
        ids = decode_points(source.product.attributes(["pid"])["pid"])
        found = np.unique(np.column_stack([ids.track, ids.burst, ids.swath]), axis=0)
        bursts = frozenset((int(track), int(burst), int(swath)) for track, burst, swath in found)
        return cls(source, bursts, window and str(window))

    @property
    def order(self) -> tuple[list[Burst], str]:
        """Sort key, so that the order of the arguments does not matter."""
        return sorted(self.bursts), self.source.name


def merged_columns(sources: Sequence[Source]) -> tuple[list[str], tuple[Column, ...]]:
    """Return the columns of the table and of an exported text: those of any source, in order of appearance."""
    names = list(dict.fromkeys(name for source in sources for name in kept_columns(source)))
    described: dict[str, Column] = {}
    for source in sources:
        for column in source.product.manifest.columns:
            known = described.setdefault(column.name, column)
            style = known.style if known.style == "text" else merge_styles(known.style, column.style)
            described[column.name] = known.model_copy(update={"style": style})
    if any(source.calibration is not None for source in sources):
        names = [name for name in names if name not in LOST_BY_CALIBRATION | {"calibration_sigma"}]
        names.append("calibration_sigma")
        described = {name: column for name, column in described.items() if name not in LOST_BY_CALIBRATION}
    return names, tuple(described.values())


def _agreed(values: Sequence[str | None]) -> str | None:
    """Return what all sources state, joined; None when one of them states nothing."""
    if any(value is None for value in values):
        return None
    return " + ".join(sorted({value for value in values if value}))


def merged_metadata(sources: Sequence[Source], level: str) -> Metadata | None:
    """Return the EGMS metadata that hold for all sources, with the scenes of all; None when one has none."""
    found = [source.product.manifest.metadata for source in sources]
    if any(one is None for one in found):
        return None
    known = [one for one in found if one is not None]
    same: dict[str, Any] = {"level": level}
    for name in ("track", "burst", "swath", "production_facility", "production_date"):
        values = {getattr(one, name) for one in known}
        same[name] = values.pop() if len(values) == 1 else None
    versions = ("dem_version", "corine_version", "snow_version", "gnss_version")
    scenes: dict[str, Any] = {
        name: tuple(dict.fromkeys(scene for one in known for scene in getattr(one, name)))
        for name in ("reference_scenes", "scenes")
    }
    same |= {name: _agreed([getattr(one, name) for one in known]) for name in versions}
    return Metadata(**same, **scenes)


def merged_requirements(sources: Sequence[Source]) -> tuple[Requirement, ...]:
    """Return each requirement in the weakest state that it has in any source."""
    merged = []
    for one in sources[0].product.manifest.requirements:
        found = [r for source in sources for r in source.product.manifest.requirements if r.name == one.name]
        weakest = min((r.state for r in found), key=("unstated", "stated", "given").index)
        details = sorted({r.detail for r in found if r.detail})
        merged.append(Requirement(name=one.name, state=weakest, detail=" + ".join(details) or None))
    return tuple(merged)


def merged_tie(sources: Sequence[Source]) -> Tie:
    """Return the tie of sources of one frame."""
    if sources[0].frame is None:
        return Tie(frame=None, stated_by="merged relative bursts: each keeps a reference of its own")
    ties = [source.product.manifest.tie for source in sources]
    calibrations = [source.calibration for source in sources]
    stated = [
        tie.stated_by if file is None else f"calibration {file.version}"
        for tie, file in zip(ties, calibrations, strict=True)
    ]
    gnss = [
        tie.gnss_source if file is None else str(file.document.get("gnss_source") or "") or None
        for tie, file in zip(ties, calibrations, strict=True)
    ]
    return Tie(frame=sources[0].frame, gnss_source=_agreed(gnss), stated_by=" + ".join(sorted(set(stated))))


def default_name(members: Sequence[Member], level: str) -> str:
    """Return a name that tells level, tracks, number of bursts and, when they share it, the release."""
    windows = {member.window for member in members}
    window = windows.pop() if len(windows) == 1 else None
    suffix = f"_{window}" if window else ""
    bursts = frozenset[Burst]().union(*(member.bursts for member in members))
    tracks = sorted({burst[0] for burst in bursts})
    if not tracks:
        component = members[0].source.product.manifest.component
        return f"merged_{level}_{component}_{len(members)}tiles{suffix}"
    listed = "_".join(f"{track:03d}" for track in tracks[:_MOST_TRACKS_IN_NAME])
    more = f"_and_{len(tracks) - _MOST_TRACKS_IN_NAME}_more" if len(tracks) > _MOST_TRACKS_IN_NAME else ""
    return f"merged_{level}_{listed}{more}_{len(bursts)}bursts{suffix}"


def merged_series_style(sources: Sequence[Source]) -> str:
    """Return how the numbers of all series are written."""
    style = sources[0].product.manifest.series_style
    for source in sources[1:]:
        style = merge_styles(style, source.product.manifest.series_style)
    return style


def run_identity(sources: Sequence[Source], area: Area | None, distance_m: float) -> str:
    """Return the identity of a merge: what went in and how."""
    return provenance_id({
        "step": "merge",
        "version": __version__,
        "area": None if area is None else area.identity,
        "distance_m": distance_m,
        "sources": [source.product.manifest.provenance_id for source in sources],
        "calibrations": [source.calibration and source.calibration.version for source in sources],
    })  # fmt: skip
