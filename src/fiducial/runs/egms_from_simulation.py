"""A simulated world as files: EGMS Level 2a ZIPs as a provider would deliver them, and a table of GNSS velocities."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats import egms_csv, egms_xml
from fiducial.formats.atomic import atomic_file
from fiducial.formats.egms_columns import DECIMALS, LEVEL2_COLUMNS, Header, date_columns_of
from fiducial.formats.egms_names import BurstName, Window
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.identifiers import POLARISATIONS, PROVIDERS, PointIds, encode_points
from fiducial.motion.points import PointBlock
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.simulation import SimulatedBurst, SimulatedWorld
from fiducial.timescales import Epochs

_STATISTICS: Final = ("rmse", "temporal_coherence", "mean_velocity", "mean_velocity_std", "acceleration",
                      "acceleration_std", "seasonality", "seasonality_std")  # fmt: skip
_WHOLE_NUMBERS: Final = ("cluster_label", "mp_type", "line", "pixel")
_PROVIDER: Final = PROVIDERS.index("UNDEFINED")
_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The same world gives the same bytes; the first instant that a ZIP can name is nobody's real time."""


def window_of(bursts: Sequence[SimulatedBurst]) -> Window:
    """Return the nominal years of all bursts, as one release has them."""
    years = [int(str(burst.points.epochs[k])[:4]) for burst in bursts for k in (0, -1)]
    return Window(min(years), max(years), 1)


def point_ids(burst: SimulatedBurst) -> NDArray[np.str_]:
    """Return the Level 2 identifiers of a burst; the provider is undefined, for none made these points."""
    return _ids(_name(burst, None), burst.points)


def _name(burst: SimulatedBurst, window: Window | None) -> BurstName:
    return BurstName("L2a", burst.track, burst.burst, burst.swath, POLARISATIONS[burst.polarisation], window)


def _ids(name: BurstName, points: PointBlock) -> NDArray[np.str_]:
    line, pixel = (np.asarray(points.attributes[key], dtype=np.int64) for key in ("line", "pixel"))
    numbers = (_PROVIDER, name.track, name.burst, name.swath, POLARISATIONS.index(name.polarisation))
    provider, track, number, swath, polarisation = (np.full(line.size, value) for value in numbers)
    return encode_points(PointIds(provider, track, number, swath, polarisation, line, pixel))


def write_burst(burst: SimulatedBurst, folder: Path, window: Window, *, seed: int) -> Path:
    """Write a simulated burst as an EGMS Level 2a ZIP in the documented vocabulary.

    Parameters
    ----------
    burst : SimulatedBurst
    folder : Path
    window : Window
        Nominal years of the release.
    seed : int
        Of the world; named in the XML where the terrain model stands.

    Returns
    -------
    Path
        The ZIP; the same burst gives the same bytes.

    Notes
    -----
    The statistics are those of the printed series, by the formulas of the EGMS document, rounded as it prints them.
    The XML names no scene: the acquisitions are simulated, and a scene that was never taken has no name.
    """
    source = f"simulated terrain, seed {seed}"
    return write_blocks(_name(burst, window), burst.points.epochs, [burst.points], folder, dem_version=source)


def write_blocks(
    name: BurstName, epochs: Epochs, blocks: Iterable[PointBlock], folder: Path, *, dem_version: str,
    snow_version: str | None = None, compression: int = 6,
) -> Path:  # fmt: skip
    """Write an EGMS Level 2a ZIP block by block: memory holds one block, whatever the number of points.

    Parameters
    ----------
    name : BurstName
    epochs : ndarray of datetime64[ns], shape (epoch,)
        Of every block.
    blocks : iterable of PointBlock
        The documented columns without ``pid`` and statistics; NaN where a scene is missing.
    folder : Path
    dem_version, snow_version : str
        What the XML says of auxiliary data.
    compression : int
        1 fast, 9 small; 1 takes a twelfth of the time of 6 and gives a fifth more bytes.

    Returns
    -------
    Path
        The ZIP, whole or not there; see :func:`write_burst`.
    """
    columns = tuple(column for column in LEVEL2_COLUMNS if column != "gnss_velocity")
    header = Header("L2a", columns, columns, date_columns_of(epochs))
    metadata = EgmsMetadata("L2a", name.track, name.burst, name.swath, clusters=1, dem_version=dem_version,
                            snow_version=snow_version)  # fmt: skip
    target = folder / f"{name}.zip"
    with (
        atomic_file(target) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=compression) as archive,
    ):
        # By name: only then the level of the archive holds; an entry that is opened so gets the first instant of ZIP.
        with archive.open(f"{name}.csv", "w", force_zip64=True) as sink:
            egms_csv.write_header(sink, header)
            for points in blocks:
                _write_block(sink, header, name, points)
        archive.writestr(_entry(f"{name}.xml"), egms_xml.write(metadata))
    return target


def _write_block(sink: IO[bytes], header: Header, name: BurstName, points: PointBlock) -> None:
    computed = egms_statistics(points.displacement_mm, points.epochs)
    attributes: dict[str, NDArray[Any]] = dict(points.attributes)
    attributes["pid"] = _ids(name, points).astype(np.bytes_)
    # Adding zero turns the -0.0 that rounding leaves into 0.0.
    attributes |= {field: np.round(getattr(computed, field), DECIMALS[field]) + 0.0 for field in _STATISTICS}
    # float32 holds 0.1 mm as 0.10000000149: rounded again as float64, so that 0.1 is printed.
    series_mm = np.asarray(np.round(points.displacement_mm.T.astype(np.float64), 1), dtype=np.float64)
    egms_csv.write_rows(sink, header, attributes, series_mm, dict.fromkeys(_WHOLE_NUMBERS, "integer"))


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def write_stations(stations: StationVelocities, target: Path) -> Path:
    """Write station velocities as a plain table whose header names role and unit of every column.

    Parameters
    ----------
    stations : StationVelocities
        Correlations with up are not written: the table has no column for them.
    target : Path

    Returns
    -------
    Path
        ``target``. Unknown components are empty cells.
    """
    sigma = np.sqrt(np.diagonal(stations.covariance_enu, axis1=1, axis2=2))
    correlation = stations.covariance_enu[:, 0, 1] / (sigma[:, 0] * sigma[:, 1])
    numbers = np.column_stack([stations.velocity_enu_mm_per_yr, sigma, correlation])
    lines = [
        f"# GNSS velocities of a {stations.source}; the frame is stated by whoever reads the table",
        "station,lon,lat,ve_mm_yr,vn_mm_yr,vu_mm_yr,se_mm_yr,sn_mm_yr,su_mm_yr,corr_en",
    ]
    for index, row in enumerate(numbers):
        place = f"{stations.names[index]},{stations.longitude_deg[index]:.6f},{stations.latitude_deg[index]:.6f}"
        lines.append(",".join([place, *("" if np.isnan(value) else f"{value:.3f}" for value in row)]))
    with atomic_file(target) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def write_world(world: SimulatedWorld, folder: Path) -> tuple[tuple[Path, ...], Path]:
    """Write every burst and the stations; return the ZIPs in the order of the world, and the GNSS table."""
    folder.mkdir(parents=True, exist_ok=True)
    window = window_of(world.bursts)
    archives = tuple(write_burst(burst, folder, window, seed=world.seed) for burst in world.bursts)
    return archives, write_stations(world.stations, folder / "gnss_velocities.csv")
