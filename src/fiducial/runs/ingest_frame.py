"""Import of GeoTIFF velocity frames: products of rates without series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial import __version__
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.geotiff import RasterFrame, read_frame
from fiducial.formats.point_product import MANIFEST
from fiducial.formats.point_product_writer import ROW_GROUP_POINTS, PointRows, ProductWriter, cut
from fiducial.formats.product_manifest import REQUIREMENTS, Column, Manifest, Requirement, SourceFile, Tie
from fiducial.runs.ingest import already_imported, file_sha256, provenance_id


def frame_columns(frame: RasterFrame) -> dict[str, NDArray[np.float64]]:
    """Return the usable pixels of a frame as columns of a product; row and column of the pixel are kept."""
    usable = frame.usable
    row, column = np.nonzero(usable)
    longitude, latitude = frame.longitude_deg[usable], frame.latitude_deg[usable]
    easting, northing = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(longitude, latitude)
    vectors = frame.line_of_sight[usable]
    return {
        "longitude": longitude,
        "latitude": latitude,
        "easting": np.asarray(easting),
        "northing": np.asarray(northing),
        "line": row.astype(np.float64),
        "pixel": column.astype(np.float64),
        "los_east": vectors[:, 0],
        "los_north": vectors[:, 1],
        "los_up": vectors[:, 2],
        "mean_velocity": frame.velocity_mm_per_yr[usable],
        "mean_velocity_std": frame.sigma_mm_per_yr[usable],
    }


def frame_source(folder: Path) -> tuple[SourceFile, ...]:
    """Return the rasters of a folder with their hashes."""
    return tuple(
        SourceFile(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path))
        for path in sorted(folder.glob("*.tif"))
    )


def import_frame(folder: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Import a folder of GeoTIFFs: a point a usable pixel, rates only.

    Parameters
    ----------
    folder : Path
        As ``formats.geotiff.read_frame`` takes it.
    out : Path
        Folder of products; the new one has the name of the folder.
    overwrite : bool
        Replace a product of that name. An unchanged one is kept.

    Returns
    -------
    Path
        The product directory.

    Raises
    ------
    FormatError
        FID-22xx for a damaged or incomplete frame.
    """
    frame = read_frame(folder)
    target = out / frame.name
    sources = frame_source(folder)
    if already_imported(target, lambda: sources):
        return target
    columns = frame_columns(frame)
    count = len(columns["longitude"])
    pids = np.array([f"{index:010d}" for index in range(count)], dtype="S10")
    rows = PointRows(
        {"pid": pids, **columns},
        np.empty((count, 0), dtype=np.int16),
        np.zeros(count, dtype=np.int32),
        np.empty(0, dtype=np.uint16),
    )
    with atomic_directory(target, overwrite=overwrite, marker=MANIFEST) as directory:
        writer = ProductWriter(directory, np.empty(0, dtype="datetime64[ns]"), "int16")
        for start in range(0, count, ROW_GROUP_POINTS):
            writer.append(cut(rows, start, min(start + ROW_GROUP_POINTS, count)))
        points, content = writer.close()
        manifest = Manifest(
            name=frame.name,
            level="rates",
            component="LOS",
            wavelength_mm=None,
            points=points,
            epochs=(),
            series_dtype="int16",
            row_group_points=ROW_GROUP_POINTS,
            columns=tuple(Column(spelled=name, name=name, style="shortest") for name in columns),
            series_style="shortest",
            tie=Tie(frame=None, stated_by="a GeoTIFF frame does not name the frame of its velocities"),
            requirements=tuple(Requirement(name=name, state="unstated") for name in REQUIREMENTS),
            sources=sources,
            metadata=None,
            created_by=f"fiducial {__version__}",
            provenance_id=provenance_id({"step": "import", "sources": [one.sha256 for one in sources]}),
            content_sha256=content,
        )
        (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return target
