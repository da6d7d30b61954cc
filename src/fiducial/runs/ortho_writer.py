"""Writing Ortho tiles: EGMS ZIP, GeoTIFF and point product of East and Up, side by side, cell block by cell block."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from fiducial import __version__
from fiducial.formats import egms_csv, egms_xml
from fiducial.formats.atomic import atomic_directory, atomic_file
from fiducial.formats.creation_time import creation_time
from fiducial.formats.egms_columns import DECIMALS, LEVEL3_COLUMNS, REAL_SPELLING, Header, date_columns_of
from fiducial.formats.egms_names import TileName, Window
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.formats.geotiff import write_l3
from fiducial.formats.point_product import MANIFEST
from fiducial.formats.point_product_writer import ROW_GROUP_POINTS, PointRows, ProductWriter
from fiducial.formats.product_manifest import Column, Manifest, Metadata, Requirement, SourceFile, Tie
from fiducial.formats.quantised_series import encode
from fiducial.motion.identifiers import encode_cells
from fiducial.motion.ortho import CELL_M, cell_centres
from fiducial.motion.statistics import SeriesStatistics
from fiducial.timescales import Epochs

TILE_M: Final = 100_000
COMPONENTS: Final = {"E": "east", "U": "up"}
_GNSS: Final = ("gnss_velocity_n", "gnss_velocity_e", "gnss_velocity_u")
_STATISTICS: Final = tuple(name for name in LEVEL3_COLUMNS[4:] if name not in _GNSS)


@dataclass(frozen=True)
class TileInfo:
    """What all files of a tile share.

    Attributes
    ----------
    easting_100km, northing_100km : int
        South-west corner.
    window : Window
    provider : int
        First symbol of the cell identifiers.
    real_spelling : bool
        Use the vocabulary of the 2018-2024 files instead of the documented one.
    with_gnss : bool
        Whether the three GNSS columns have content.
    grid : ndarray of datetime64
        Common time grid.
    tie : Tie
    requirements : tuple of Requirement
    sources : tuple of SourceFile
    metadata : EgmsMetadata
        Level 3, with what the sources state.
    provenance_id : str
    """

    easting_100km: int
    northing_100km: int
    window: Window
    provider: int
    real_spelling: bool
    with_gnss: bool
    grid: Epochs
    tie: Tie
    requirements: tuple[Requirement, ...]
    sources: tuple[SourceFile, ...]
    metadata: EgmsMetadata
    provenance_id: str

    def name(self, component: str) -> str:
        """Return the file stem of a component."""
        return str(TileName(self.easting_100km, self.northing_100km, component, self.window))

    @property
    def header(self) -> Header:
        """Columns of the CSV; the GNSS columns are left out when they have no content."""
        names = [name for name in LEVEL3_COLUMNS if self.with_gnss or name not in _GNSS]
        spelled = [REAL_SPELLING.get(name, name) if self.real_spelling else name for name in names]
        return Header("L3", tuple(spelled), tuple(names), date_columns_of(self.grid))


@dataclass(frozen=True)
class ComponentCells:
    """One component of a block of cells.

    Attributes
    ----------
    series_mm : ndarray of float64, shape (grid, cell)
        Not rounded.
    statistics : SeriesStatistics
        Of the unrounded series.
    extra : mapping of str to ndarray, shape (cell,)
        Columns that only the point product holds.
    """

    series_mm: NDArray[np.float64]
    statistics: SeriesStatistics
    extra: Mapping[str, NDArray[Any]]


def _styles(header: Header) -> dict[str, str]:
    return {name: "integer" if name in {"easting", "northing"} else "shortest" for name in header.names} | {
        "": "shortest"
    }


class _ComponentWriter:
    """ZIP, raster and product of one component of one tile."""

    def __init__(self, info: TileInfo, component: str, out: Path, stack: ExitStack, *, overwrite: bool) -> None:
        self._info, self._component, self._header = info, component, info.header
        stem = info.name(component)
        self._stem = stem
        self._raster_path = stack.enter_context(atomic_file(out / f"{stem}.tiff", overwrite=overwrite))
        archive_path = stack.enter_context(atomic_file(out / f"{stem}.zip", overwrite=overwrite))
        self._directory = stack.enter_context(atomic_directory(out / stem, overwrite=overwrite, marker=MANIFEST))
        self._archive = stack.enter_context(zipfile.ZipFile(archive_path, "w", zipfile.ZIP_DEFLATED))
        entry = zipfile.ZipInfo(f"{stem}.csv", creation_time().timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._stream: IO[bytes] = stack.enter_context(self._archive.open(entry, "w", force_zip64=True))
        egms_csv.write_header(self._stream, self._header)
        self._product = ProductWriter(self._directory, info.grid, "int16")
        stack.push(lambda kind, *_: self._product.abandon() if kind else None)
        size = TILE_M // CELL_M
        self._raster = np.full((size, size), np.nan, dtype=np.float32)

    def add(self, columns: Mapping[str, NDArray[Any]], cells: ComponentCells) -> None:
        """Add cells: ``columns`` are the attributes that both components share."""
        attributes: dict[str, NDArray[Any]] = dict(columns)
        for name in _STATISTICS:
            attributes[name] = np.round(getattr(cells.statistics, name), DECIMALS[name])
        series = np.round(cells.series_mm.T, 1)
        egms_csv.write_rows(self._stream, self._header, attributes, series, _styles(self._header))
        coded = encode(np.asfortranarray(series.astype(np.float32)))
        zeros = coded.negative_zero_count, coded.negative_zero_epoch
        self._product.append(PointRows(attributes | dict(cells.extra), coded.tenth_mm, *zeros))
        row = (self._info.northing_100km + 1) * (TILE_M // CELL_M) - 1 - columns["northing"].astype(int) // CELL_M
        column = columns["easting"].astype(int) // CELL_M - self._info.easting_100km * (TILE_M // CELL_M)
        self._raster[row, column] = attributes["mean_velocity"]

    def close(self) -> None:
        """Finish all three files; they appear under their names when the stack unwinds."""
        self._stream.close()
        entry = zipfile.ZipInfo(f"{self._stem}.xml", creation_time().timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, egms_xml.write(self._info.metadata))
        self._archive.close()
        write_l3(
            self._raster_path,
            easting_min=float(self._info.easting_100km * TILE_M),
            northing_max=float((self._info.northing_100km + 1) * TILE_M),
            shape=self._raster.shape,
            spacing_m=float(CELL_M),
            values=self._raster,
        )
        points, content = self._product.close()
        manifest = self._manifest(points, content)
        (self._directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")

    def _manifest(self, points: int, content: str) -> Manifest:
        info, styles = self._info, _styles(self._header)
        return Manifest(
            name=self._stem,
            level="L3",
            component=COMPONENTS[self._component],  # type: ignore[arg-type]
            wavelength_mm=None,
            points=points,
            epochs=tuple(str(day) for day in info.grid.astype("datetime64[D]")),
            series_dtype="int16",
            row_group_points=ROW_GROUP_POINTS,
            columns=tuple(
                Column(spelled=spelled, name=name, style="text" if name == "pid" else styles[name])
                for spelled, name in zip(self._header.spelled, self._header.names, strict=True)
            ),
            series_style="shortest",
            tie=info.tie,
            requirements=info.requirements,
            sources=info.sources,
            metadata=Metadata.of(info.metadata),
            created_by=f"fiducial {__version__}",
            provenance_id=info.provenance_id,
            content_sha256=content,
        )


class TileWriter:
    """Writes both components of a tile; use as a context manager: all files appear at its end, or none."""

    def __init__(self, info: TileInfo, out: Path, *, overwrite: bool) -> None:
        self._info, self._out, self._overwrite = info, out, overwrite
        self._stack = ExitStack()
        self._writers: dict[str, _ComponentWriter] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for component in COMPONENTS:
                writer = _ComponentWriter(self._info, component, self._out, stack, overwrite=self._overwrite)
                self._writers[component] = writer
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        try:
            if details[0] is None:
                for writer in self._writers.values():
                    writer.close()
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        self._stack.__exit__(*details)  # type: ignore[arg-type]

    def add(
        self,
        keys: NDArray[np.int64],
        height_m: NDArray[np.float64],
        gnss_enu_mm_per_yr: NDArray[np.float64] | None,
        cells: Mapping[str, ComponentCells],
    ) -> None:
        """Add a block of cells, by component ``E`` and ``U``."""
        easting, northing = cell_centres(keys)
        to_geographic = Transformer.from_crs("EPSG:3035", "EPSG:4258", always_xy=True)
        longitude, latitude = to_geographic.transform(easting, northing)
        columns: dict[str, NDArray[Any]] = {
            "pid": encode_cells(self._info.provider, easting, northing).astype("S10"),
            "easting": easting.astype(np.float64),
            "northing": northing.astype(np.float64),
            "longitude": np.asarray(longitude),
            "latitude": np.asarray(latitude),
            "height": np.round(height_m, DECIMALS["height"]),
        }
        if gnss_enu_mm_per_yr is not None:
            east, north, up = np.round(gnss_enu_mm_per_yr, 1).T
            columns |= dict(zip(_GNSS, (north, east, up), strict=True))
        for component, writer in self._writers.items():
            writer.add(columns, cells[component])


def level3_metadata(sources: list[EgmsMetadata | None]) -> EgmsMetadata:
    """Return Level 3 metadata that states what all sources agree on; the facility is left out: it is not one of EGMS."""
    known = [metadata for metadata in sources if metadata is not None]

    def agreed(name: str) -> str | None:
        values = {getattr(metadata, name) for metadata in known}
        return " + ".join(sorted(filter(None, values))) or None

    today = creation_time().strftime("%d/%m/%Y")
    return EgmsMetadata(
        level="L3",
        production_date=today,
        dem_version=agreed("dem_version"),
        corine_version=agreed("corine_version"),
        snow_version=agreed("snow_version"),
        gnss_version=agreed("gnss_version"),
    )
