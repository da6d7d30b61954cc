"""Merging of bursts: one product of several, with the doubles of their overlaps resolved by quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.point_product import MANIFEST
from fiducial.formats.point_product_writer import PointRows, ProductWriter
from fiducial.formats.quantised_series import FILL
from fiducial.motion.identifiers import decode_points
from fiducial.motion.merging import (
    DUPLICATE_DISTANCE_M,
    BurstPoints,
    DuplicateResolution,
    OverlapCount,
    resolve_duplicates,
    union_of_epochs,
)
from fiducial.runs.export_area import COLUMNS, Area
from fiducial.runs.export_product import finish
from fiducial.runs.export_rows import (
    INTERNAL,
    Attributes,
    printed_rows,
    select,
    stored_rows,
    wanted_groups,
)
from fiducial.runs.export_union import (
    Member,
    default_name,
    merged_columns,
    merged_metadata,
    merged_requirements,
    merged_series_style,
    merged_tie,
    run_identity,
)
from fiducial.runs.progress import progress
from fiducial.runs.sources import Source

_QUALITY: Final = ("temporal_coherence", "rmse")


@dataclass(frozen=True)
class Merged:
    """What a merge made.

    Attributes
    ----------
    path : Path
        The product.
    points : int
    duplicates : int
        Points that gave way to a better one of another burst of their track.
    overlaps : tuple of OverlapCount
        The same by pairs of bursts.
    distance_m : float
    notes : tuple of str
        The same as sentences.
    """

    path: Path
    points: int
    duplicates: int
    overlaps: tuple[OverlapCount, ...]
    distance_m: float
    notes: tuple[str, ...]


def _refuse(code: str, problem: str, sources: Sequence[Source], fix: str) -> InputError:
    return InputError(code, problem, where=", ".join(source.name for source in sources), fix=fix)


def _check_alike(sources: Sequence[Source]) -> None:
    """Refuse sources that do not make one product."""
    if len(sources) < 2:
        raise _refuse("FID-1085", "a merge needs two sources or more", sources, "give several bursts, or do not merge")
    if any(not source.product.manifest.epochs for source in sources):
        raise _refuse("FID-1087", "rates of a raster frame belong to no burst", sources, "merge bursts with series")
    kinds: dict[str, set[str]] = {
        "levels": {source.product.manifest.level for source in sources},
        "components": {source.product.manifest.component for source in sources},
        "frames": {source.frame or "relative, not tied" for source in sources},
    }
    for name, found in kinds.items():
        if len(found) > 1:
            raise _refuse(
                "FID-1085",
                f"the sources are of different {name}: {', '.join(sorted(found))}",
                sources,
                "calibrate all of them together, or none" if name == "frames" else "merge sources of one kind",
            )


def _check_identities(members: Sequence[Member]) -> None:
    """Refuse points without a burst, two releases of one burst, and the same points twice."""
    for member in members:
        if any(min(burst) < 0 for burst in member.bursts):
            raise _refuse("FID-1087", "the points name no burst", [member.source], "use the pid column as delivered")
    for one, other in combinations(members, 2):
        sources = [one.source, other.source]
        if one.bursts and not one.bursts & other.bursts:
            continue
        if one.bursts and (one.window != other.window or not _same_epochs(*sources)):
            raise _refuse(
                "FID-1086",
                "two releases of one burst: their series differ by an unknown offset a point",
                sources,
                "merge bursts of one release; releases in time are joined by the median difference of each point over"
                " their common dates",
            )
        first, second = (source.product.attributes(["pid"])["pid"] for source in sources)
        if np.isin(first, second).any():
            raise _refuse("FID-1086", "two sources hold the same points", sources, "give every point once")


def _same_epochs(one: Source, other: Source) -> bool:
    return one.product.manifest.epochs == other.product.manifest.epochs


def _geometry(member: Member, area: Area | None) -> tuple[Attributes, list[int]]:
    """Return what doubles are told by, for the wanted points of a source in storage order, and its row groups."""
    product = member.source.product
    groups = wanted_groups(member.source, area)
    quality = [name for name in _QUALITY if name in product.column_names]
    attributes = product.attributes([*COLUMNS, *quality, "pid", "source_row"], groups)
    attributes = select(attributes, None if area is None else area.contains(attributes))
    unknown = np.full(len(attributes["easting"]), np.nan)
    return {name: attributes.get(name, unknown) for name in (*COLUMNS, *_QUALITY, "pid", "source_row")}, groups


def _resolve(parts: Sequence[Attributes], distance_m: float) -> tuple[DuplicateResolution, list[NDArray[np.int64]]]:
    """Return the resolution and, for each source, the source rows of the points that stay."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    ids = decode_points(joined["pid"])
    points = BurstPoints(
        joined["easting"],
        joined["northing"],
        ids.track,
        ids.burst,
        ids.swath,
        temporal_coherence=joined["temporal_coherence"],
        rmse_mm=joined["rmse"],
    )
    resolution = resolve_duplicates(points, distance_m=distance_m)
    masks = np.split(resolution.keep, np.cumsum([len(part["pid"]) for part in parts])[:-1])
    return resolution, [part["source_row"][mask] for part, mask in zip(parts, masks, strict=True)]


def _keep_all(parts: Sequence[Attributes]) -> tuple[DuplicateResolution, list[NDArray[np.int64]]]:
    """Return the resolution of cells, which do not overlap."""
    size = sum(len(part["pid"]) for part in parts)
    none = DuplicateResolution(np.ones(size, dtype=bool), np.full(size, -1), ())
    return none, [part["source_row"] for part in parts]


def _placed(rows: PointRows, positions: NDArray[np.int64], epochs: int) -> PointRows:
    """Return rows on the dates of all sources; missing where their own source has no scene."""
    if len(positions) == epochs:
        return rows
    gap = FILL if rows.series.dtype == np.int16 else np.nan
    series = np.full((rows.size, epochs), gap, dtype=rows.series.dtype)
    series[:, positions] = rows.series
    zeros = positions[rows.negative_zero_epoch].astype(np.uint16)
    return PointRows(rows.attributes, series, rows.negative_zero_count, zeros)


def _notes(members: Sequence[Member], resolution: DuplicateResolution, distance_m: float) -> tuple[str, ...]:
    total = len(resolution.keep)
    summary = (
        f"{len(members)} sources, {total:,} points; {resolution.dropped:,} doubles resolved:"
        f" points of different bursts of one track closer than {distance_m:g} m"
    )
    if not members[0].bursts:
        summary = f"{len(members)} tiles, {total:,} cells; tiles do not overlap"
    pairs = tuple(
        f"track {o.track:03d}: burst {o.first[0]:04d} IW{o.first[1]} gave up {o.dropped_first:,},"
        f" burst {o.second[0]:04d} IW{o.second[1]} {o.dropped_second:,}"
        for o in resolution.overlaps
    )
    windows = {member.window for member in members}
    mixed = ("the bursts are of different releases: their series cover different years",) if len(windows) > 1 else ()
    return (summary, *pairs, *mixed)


def _write_rows(
    members: Sequence[Member],
    kept: Sequence[NDArray[np.int64]],
    groups: Sequence[list[int]],
    writer: ProductWriter,
    *,
    names: list[str],
    positions: Sequence[NDArray[np.int64]],
    epochs: int,
    dtype: str,
    area: Area | None,
) -> None:
    with progress("merge", sum(len(one) for one in groups)) as advance:
        for member, rows_kept, own_groups, own_positions in zip(members, kept, groups, positions, strict=True):
            stays = np.zeros(member.source.product.manifest.points, dtype=bool)
            stays[rows_kept] = True
            for group in own_groups:
                attributes, series_mm = printed_rows(member.source, group, area)
                mask = stays[attributes["source_row"]]
                attributes, series_mm = select(attributes, mask), series_mm[mask]
                missing = np.full(len(series_mm), np.nan)
                columns = {name: attributes.get(name, missing) for name in names}
                if len(series_mm):
                    writer.append(_placed(stored_rows(columns, series_mm, dtype), own_positions, epochs))
                advance(1)


def merge_sources(
    sources: Sequence[Source],
    out: Path,
    *,
    area: Area | None = None,
    distance_m: float = DUPLICATE_DISTANCE_M,
    name: str | None = None,
    overwrite: bool = False,
) -> Merged:
    """Merge sources of one level, component and frame into one point product.

    Parameters
    ----------
    sources : sequence of Source
        Bursts of Level 2, or tiles of Level 3. The result does not depend on their order.
    out : Path
        Folder of products.
    area : Area, optional
        Only points inside; a source without any is left out.
    distance_m : float
        Points of different bursts of one track that are closer are one point: see ``motion.merging``.
    name : str, optional
        Of the product; made of level and tracks by default.
    overwrite : bool

    Returns
    -------
    Merged

    Raises
    ------
    InputError
        FID-1085 sources of different kinds, FID-1086 two releases or the same points, FID-1087 points without a
        burst, FID-1088 distance, FID-1082 nothing in the area, FID-1002 output exists.

    Notes
    -----
    The dates are those of all sources together; a series is missing where its own burst has no scene. Published
    statistics stay those of the burst's own dates. Calibrations in use are worked into the series, which are then
    float32; otherwise tenths of a millimetre stay exact. Series are streamed; of the attributes only coordinates
    and quality are in memory together.
    """
    _check_alike(sources)
    members = sorted((Member.of(source) for source in sources), key=lambda member: member.order)
    _check_identities(members)
    members = _inside(members, area)
    geometry = [_geometry(member, area) for member in members]
    parts = [part for part, _ in geometry]
    resolution, kept = _resolve(parts, distance_m) if members[0].bursts else _keep_all(parts)
    used = [member.source for member in members]
    epochs, positions = union_of_epochs([source.product.epochs for source in used])
    names, columns = merged_columns(used)
    calibrated = any(source.calibration is not None for source in used)
    exact = all(source.calibration is None and source.product.manifest.series_dtype == "int16" for source in used)
    dtype = "int16" if exact else "float32"
    first = used[0].product.manifest
    level = "L2b" if calibrated else first.level
    target = out / (name or default_name(members, level))
    notes = _notes(members, resolution, distance_m)
    with atomic_directory(target, overwrite=overwrite, marker=MANIFEST) as directory:
        writer = ProductWriter(directory, epochs, dtype)
        try:
            _write_rows(
                members, kept, [own for _, own in geometry], writer, names=[n for n in names if n not in INTERNAL],
                positions=positions, epochs=len(epochs), dtype=dtype, area=area,
            )  # fmt: skip
        except BaseException:
            writer.abandon()
            raise
        changes = {
            "name": target.name,
            "level": level,
            "epochs": tuple(str(day) for day in epochs.astype("datetime64[D]")),
            "series_dtype": dtype,
            "columns": columns,
            "series_style": "shortest" if not exact else merged_series_style(used),
            "tie": merged_tie(used),
            "requirements": merged_requirements(used),
            "sources": tuple(dict.fromkeys(file for source in used for file in source.product.manifest.sources)),
            "metadata": merged_metadata(used, level),
            "created_by": f"fiducial {__version__}; merged: {notes[0]}",
            "provenance_id": run_identity(used, area, distance_m),
        }
        final = finish(directory, writer, first, changes)
    return Merged(target, final.points, resolution.dropped, resolution.overlaps, distance_m, notes)


def _inside(members: list[Member], area: Area | None) -> list[Member]:
    """Return the members that have points in the area; FID-1082 when none has."""
    found, failure = [], None
    for member in members:
        try:
            wanted_groups(member.source, area)
        except InputError as error:
            failure = error
            continue
        found.append(member)
    if not found and failure is not None:
        raise failure
    return found
