"""Points for GIS programs and data tools: GeoPackage and a single GeoParquet file, streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats import geopackage
from fiducial.formats.atomic import atomic_file
from fiducial.formats.point_product import POINTS
from fiducial.motion.points import PointBlock
from fiducial.runs.export_area import GEOGRAPHIC, MAP, Area
from fiducial.runs.export_rows import frame_text, kept_columns, wanted_blocks, wanted_groups
from fiducial.runs.progress import progress
from fiducial.runs.sources import Source

_COORDINATES: Final = {GEOGRAPHIC: ("longitude", "latitude"), MAP: ("easting", "northing")}
_GEOMETRY: Final = "geometry"
_CALIBRATED: Final = ("mean_velocity", "calibration_sigma")


def write_geopackage(
    source: Source,
    out: Path,
    area: Area | None,
    *,
    overwrite: bool,
    series: bool = False,
    crs: str = GEOGRAPHIC,
) -> list[Path]:
    """Write a source as a GeoPackage: a row a point, with the frame of the velocities beside each.

    Parameters
    ----------
    source : Source
    out : Path
    area : Area or None
    overwrite : bool
    series : bool
        Also a column of displacement (mm) for every date.
    crs : str
        ``EPSG:4326`` or ``EPSG:3035``.

    Raises
    ------
    InputError
        FID-1080 for another CRS; FID-1002, FID-1082.
    FormatError
        FID-2221 when the series do not fit the 2 000 columns of a GeoPackage.
    """
    if crs not in _COORDINATES:
        raise InputError(
            "FID-1080",
            f"points are not exported in {crs}",
            where="--crs",
            fix=f"use {' or '.join(_COORDINATES)}, and let the GIS program transform them",
        )
    target = out / f"{source.name}.gpkg"
    names = kept_columns(source)
    with progress(f"export {target.name}", source.product.row_groups) as advance:

        def chunks() -> Iterator[dict[str, NDArray[Any]]]:
            for block in _blocks(source, area, names, series=series):
                columns = {name: block.attributes[name] for name in _ordered(block, names)}
                columns["frame"] = np.full(block.size, frame_text(source))
                if series:
                    columns |= _printed(block)
                yield columns
                advance(1)

        geopackage.write(
            target, chunks(), crs=crs, coordinates=_COORDINATES[crs], layer=source.name, overwrite=overwrite
        )
    return [target]


def _blocks(source: Source, area: Area | None, names: list[str], *, series: bool) -> Iterator[PointBlock]:
    if series:
        yield from wanted_blocks(source, area, names)
        return
    for group in wanted_groups(source, area):
        attributes = source.attributes(names, [group])
        block = PointBlock(attributes, np.empty((0, len(attributes["pid"])), np.float32), np.empty(0, "M8[ns]"))
        yield block if area is None else block.select(area.contains(attributes))


def _ordered(block: PointBlock, names: list[str]) -> list[str]:
    return [*names, *(name for name in block.attributes if name not in names)]


def _printed(block: PointBlock) -> dict[str, NDArray[Any]]:
    # A float32 of 1.2 would stand in the table as 1.2000000477.
    columns = geopackage.series_columns(block.displacement_mm, block.epochs)
    return {name: np.round(values.astype(np.float64), 4) for name, values in columns.items()}


def write_geoparquet(source: Source, out: Path, area: Area | None, *, overwrite: bool) -> list[Path]:
    """Write a source as one GeoParquet 1.1 file: attributes, and the series as a list of float32 (mm, NaN: missing).

    The file metadata hold, under ``fiducial``, dates, unit, sign, level and frame as JSON.

    Raises
    ------
    InputError
        FID-1002 output exists, FID-1082 nothing in the area.
    """
    target = out / f"{source.name}.parquet"
    groups = wanted_groups(source, area)
    stored = pq.ParquetFile(source.product.path / POINTS)
    names = kept_columns(source)
    with (
        atomic_file(target, overwrite=overwrite) as partial,
        progress(f"export {target.name}", len(groups)) as advance,
    ):
        writer: pq.ParquetWriter | None = None
        bounds: list[list[float]] = []
        try:
            for group in groups:
                block = source.block(group, names)
                mask = None if area is None else area.contains(block.attributes)
                table = _arrow(stored.read_row_group(group, columns=[*names, _GEOMETRY]), block, mask)
                bounds.append(_bounds(table))
                if writer is None:
                    writer = pq.ParquetWriter(partial, table.schema, compression="zstd")
                writer.write_table(table, row_group_size=max(table.num_rows, 1))
                advance(1)
            if writer is not None:
                writer.add_key_value_metadata({"geo": _geo(bounds), "fiducial": _description(source)})
        finally:
            if writer is not None:
                writer.close()
    return [target]


def _arrow(table: pa.Table, block: PointBlock, mask: NDArray[Any] | None) -> pa.Table:
    """Return the stored table with what a calibration changed, and the series before the geometry."""
    for name in _CALIBRATED:
        if name in block.attributes:
            column = pa.array(np.asarray(block.attributes[name], dtype=np.float64))
            if name in table.column_names:
                table = table.set_column(table.column_names.index(name), name, column)
            else:
                table = table.add_column(table.num_columns - 1, name, column)
    epochs = len(block.epochs)
    if epochs:
        offsets = np.arange(block.size + 1, dtype=np.int32) * epochs
        values: pa.Array[Any] = pa.array(block.displacement_mm.T.ravel())
        series = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
        table = table.add_column(table.num_columns - 1, "displacement", series)
    return table if mask is None else table.filter(pa.array(mask))


def _bounds(table: pa.Table) -> list[float]:
    sides = [np.asarray(table.column(name).to_numpy()) for name in ("longitude", "latitude")]
    return [pick(side) for pick in (np.min, np.max) for side in sides]


def _geo(bounds: list[list[float]]) -> str:
    """Return GeoParquet 1.1 metadata; without a crs key it means longitude and latitude, OGC:CRS84."""
    corners = np.array(bounds)
    bbox = [*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist()]
    column = {"encoding": "WKB", "geometry_types": ["Point"], "bbox": bbox}
    return json.dumps({"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}})


def _description(source: Source) -> str:
    manifest = source.product.manifest
    calibration = source.calibration
    return json.dumps({
        "name": manifest.name,
        "level": manifest.level,
        "component": manifest.component,
        "sign": manifest.sign,
        "line_of_sight": manifest.line_of_sight,
        "frame": source.frame,
        "frame_text": frame_text(source),
        "calibration": None if calibration is None else calibration.version,
        "displacement_unit": "mm",
        "displacement_missing": "NaN",
        "epochs_utc": list(manifest.epochs),
        "provenance_id": manifest.provenance_id,
        "created_by": f"fiducial {__version__}",
    })  # fmt: skip
