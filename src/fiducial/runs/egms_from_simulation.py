"""A simulated world as files: EGMS Level 2a ZIPs as a provider would deliver them, and a table of GNSS velocities."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats import egms_csv, egms_xml
from fiducial.formats.atomic import atomic_file
from fiducial.formats.egms_columns import DECIMALS, LEVEL2_COLUMNS, Header, date_columns_of
from fiducial.formats.egms_names import BurstName, Window
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.motion.identifiers import POLARISATIONS, PROVIDERS, PointIds, encode_points
from fiducial.motion.statistics import egms_statistics
from fiducial.runs.simulation import SimulatedBurst, SimulatedWorld

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
    line, pixel = (np.asarray(burst.points.attributes[name], dtype=np.int64) for name in ("line", "pixel"))
    provider, track, number, swath, polarisation = (
        np.full(line.size, value) for value in (_PROVIDER, burst.track, burst.burst, burst.swath, burst.polarisation)
    )
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
    name = BurstName("L2a", burst.track, burst.burst, burst.swath, POLARISATIONS[burst.polarisation], window)
    columns = tuple(column for column in LEVEL2_COLUMNS if column != "gnss_velocity")
    header = Header("L2a", columns, columns, date_columns_of(burst.points.epochs))
    computed = egms_statistics(burst.points.displacement_mm, burst.points.epochs)
    attributes: dict[str, NDArray[Any]] = dict(burst.points.attributes)
    attributes["pid"] = point_ids(burst).astype(np.bytes_)
    # Adding zero turns the -0.0 that rounding leaves into 0.0.
    attributes |= {field: np.round(getattr(computed, field), DECIMALS[field]) + 0.0 for field in _STATISTICS}
    # float32 holds 0.1 mm as 0.10000000149: rounded again as float64, so that 0.1 is printed.
    series_mm = np.asarray(np.round(burst.points.displacement_mm.T.astype(np.float64), 1), dtype=np.float64)
    metadata = EgmsMetadata("L2a", burst.track, burst.burst, burst.swath, clusters=1,
                            dem_version=f"simulated terrain, seed {seed}")  # fmt: skip
    target = folder / f"{name}.zip"
    with atomic_file(target) as partial, zipfile.ZipFile(partial, "w") as archive:
        with archive.open(_entry(f"{name}.csv"), "w", force_zip64=True) as sink:
            egms_csv.write_header(sink, header)
            egms_csv.write_rows(sink, header, attributes, series_mm, dict.fromkeys(_WHOLE_NUMBERS, "integer"))
        archive.writestr(_entry(f"{name}.xml"), egms_xml.write(metadata))
    return target


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
