"""Points on their way out: which of them are wanted, calibrated, in the order of their source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats.point_product_writer import PointRows
from fiducial.formats.quantised_series import encode
from fiducial.motion.calibration.application import apply
from fiducial.motion.identifiers import decode_points
from fiducial.motion.points import PointBlock
from fiducial.runs.export_area import COLUMNS, Area
from fiducial.runs.sources import Source

INTERNAL: Final = frozenset({"series_index", "source_row"})
"""Columns that tell where a point stands in its product: of no use elsewhere."""

LOST_BY_CALIBRATION: Final = frozenset({"cluster_label", "gnss_velocity"})
"""Clusters belong to Level 2a; the GNSS rate of the former calibration is not that of the new one."""

Attributes = dict[str, NDArray[Any]]


def wanted_groups(source: Source, area: Area | None) -> list[int]:
    """Return the row groups that hold points of the area, without reading series.

    Raises
    ------
    InputError
        FID-1082 when no point lies in the area.
    """
    groups = list(range(source.product.row_groups))
    if area is None:
        return groups
    chosen = [group for group in groups if area.contains(source.product.attributes(COLUMNS, [group])).any()]
    if not chosen:
        west, east, south, north = extent_deg([source])
        raise InputError(
            "FID-1082",
            "no point lies in the area",
            where=f"{area.text} and {source.name}",
            fix=f"choose an area inside {west:.4f},{south:.4f},{east:.4f},{north:.4f} (W,S,E,N in degrees)",
        )
    return chosen


def extent_deg(sources: Sequence[Source]) -> tuple[float, float, float, float]:
    """Return west, east, south, north of the points, degrees."""
    parts = [source.product.attributes(["longitude", "latitude"]) for source in sources]
    longitude, latitude = (np.concatenate([part[name] for part in parts]) for name in ("longitude", "latitude"))
    return float(longitude.min()), float(longitude.max()), float(latitude.min()), float(latitude.max())


def kept_columns(source: Source) -> list[str]:
    """Return the attribute columns of a source that go out, in order; what calibration made void is left out."""
    lost = LOST_BY_CALIBRATION if source.calibration is not None else frozenset()
    return [name for name in source.product.column_names if name not in INTERNAL | lost]


def select(attributes: Attributes, mask: NDArray[Any] | None) -> Attributes:
    """Return the rows of all columns that a mask chooses."""
    return attributes if mask is None else {name: values[mask] for name, values in attributes.items()}


def printed_rows(source: Source, group: int, area: Area | None) -> tuple[Attributes, NDArray[np.float64]]:
    """Return the wanted points of a row group in the order of their source.

    Returns
    -------
    attributes : dict of str to ndarray, shape (point,)
    series_mm : ndarray of float64, shape (point, epoch)
        The printed numbers of the source; when a calibration applies, corrected and not rounded.
    """
    attributes, series = source.product.source_rows(group)
    mask = None if area is None else area.contains(attributes)
    attributes, series = select(attributes, mask), series if mask is None else series[mask]
    if source.calibration is None:
        return attributes, series
    time_major = np.ascontiguousarray(series.T, dtype=np.float32)
    block = apply(PointBlock(attributes, time_major, source.product.epochs), source.calibration.surface)
    return dict(block.attributes), block.displacement_mm.T.astype(np.float64)


def stored_rows(attributes: Attributes, series_mm: NDArray[np.float64], dtype: str) -> PointRows:
    """Return rows as a product stores them: tenths of a millimetre, or float32 for series that are not tenths."""
    single = series_mm.astype(np.float32)
    if dtype == "float32":
        return PointRows(attributes, single, np.zeros(len(single), np.int32), np.empty(0, np.uint16))
    coded = encode(np.asfortranarray(single))
    return PointRows(attributes, coded.tenth_mm, coded.negative_zero_count, coded.negative_zero_epoch)


def _stored(source: Source, columns: Sequence[str]) -> list[str]:
    """Return the columns to read: those wanted and the coordinates; what a calibration adds is not stored."""
    names = dict.fromkeys([*columns, *COLUMNS])
    return [name for name in names if name in source.product.column_names]


def wanted_blocks(source: Source, area: Area | None, columns: Sequence[str]) -> Iterator[PointBlock]:
    """Give the wanted points row group by row group, with calibrated series."""
    names = _stored(source, columns)
    for group in wanted_groups(source, area):
        block = source.block(group, names)
        yield block if area is None else block.select(area.contains(block.attributes))


def wanted_attributes(source: Source, area: Area | None, columns: Sequence[str]) -> Attributes:
    """Return attributes of the wanted points, calibrated, without touching the series."""
    names = _stored(source, columns)
    attributes = source.attributes(names, wanted_groups(source, area))
    return select(attributes, None if area is None else area.contains(attributes))


def frame_text(source: Source) -> str:
    """Return the frame of the tie as users read it."""
    return source.frame or "relative, not tied"


def tracks_of(source: Source) -> list[int]:
    """Return the tracks whose lines of sight a product mixes; one unknown track (-1) for a raster frame, none for east or up."""
    manifest = source.product.manifest
    if manifest.component != "LOS":
        return []
    if not manifest.epochs:
        return [-1]
    tracks = decode_points(source.product.attributes(["pid"])["pid"]).track
    return [int(track) for track in np.unique(tracks)]
