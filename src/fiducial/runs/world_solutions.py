"""Station solutions of a simulated world: SINEX of each centre and day, the reference frame, the weekly summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fiducial.formats import sinex_summary_writer, sinex_writer
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.ellipsoid import local_axes
from fiducial.orbits.frame_summary import (
    FrameSummary,
    FrameTransformation,
    GlobalResiduals,
    StationStatistics,
    SummaryCentre,
)
from fiducial.runs.world_centres import Centre
from fiducial.runs.world_network import GLOBAL, PLATE, REGIONAL, Network
from fiducial.runs.world_orbits import (
    POLE_SIGMA_RAD,
    earth_rotation,
    true_lod_s,
    true_pole_rad,
    write_compressed,
)
from fiducial.runs.world_truth import FRAME, Floats, WorldTruth
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.solution import ParameterTable, SiteTable, SolutionHeader, SpanTable, StationSolution
from fiducial.stations.solution_tables import POSITION_TYPES, VELOCITY_TYPES

Rows = NDArray[np.intp]

REFERENCE_FILE: Final = "frame/reference.snx"
REFERENCE_EPOCH: Final = np.datetime64("2023-01-01T00:00:00", "ns")
_SHARED_REGIONAL: Final = 6
"""Regional stations that the centres process too."""
_SEEN: Final = 0.85
_SIGMA_M: Final = (1.2e-3, 1.2e-3, 3.5e-3)
_COMMON_M: Final = 3e-4
_LOOSE_M: Final = 1.0
_REFERENCE_SIGMA_M: Final = (1e-3, 1e-3, 2e-3)
_REFERENCE_RATE_M: Final = (5e-5, 5e-5, 1e-4)
_SUMMARY_ROTATION_RAD: Final = 1e-11
"""Error of the rotations of the summary, 2 microarcseconds, 0.3 mm at the height of the satellites."""
_GPS_START: Final = np.datetime64("1980-01-06", "D")
_NOON: Final = np.timedelta64(12, "h")


def shared_stations(network: Network) -> Rows:
    """Return the rows of the stations that the analysis centres process."""
    return np.concatenate([network.of_kind(REGIONAL)[:_SHARED_REGIONAL], network.of_kind(PLATE, GLOBAL)])


def seen_by(truth: WorldTruth, network: Network, centre: Centre) -> Rows:
    """Return the rows of the stations that a centre processes: most of the shared ones, those of the region always."""
    rows = shared_stations(network)
    kept = np.random.default_rng((truth.options.seed, 9, centre.index)).random(rows.size) < _SEEN
    kept[: min(_SHARED_REGIONAL, truth.options.stations)] = True
    return np.asarray(rows[kept])


def centre_solution(truth: WorldTruth, network: Network, centre: Centre, day_index: int) -> StationSolution:
    """Return the daily solution of a centre: stations and pole in its frame, with full covariance, free of constraints.

    Notes
    -----
    Errors are white in east, north, up and have a part in common over the stations of the centre; the covariance is that of
    these errors, loosened by a metre in all seven directions of the datum, as a network without constraints has it. The
    rotation is that of the centre's orbits of the day.
    """
    options, day = truth.options, truth.options.centre_days()[day_index]
    rng = np.random.default_rng((options.seed, 10, centre.index, day_index))
    rows = seen_by(truth, network, centre)
    epoch = day.astype("datetime64[ns]") + _NOON
    keys = _keys(network, rows, POSITION_TYPES)
    true = network.geocentric_m(truth, epoch)[rows].ravel()
    covariance = _covariance(network, rows, centre, rng)
    rotation = earth_rotation(options, centre, day_index, day)
    whole = np.zeros((len(keys) + 2, len(keys) + 2))
    whole[:-2, :-2] = covariance
    whole[-2:, -2:] = np.eye(2) * POLE_SIGMA_RAD**2
    keys += [ParameterKey("XPO"), ParameterKey("YPO")]
    design = helmert_design(keys, np.concatenate([true, true_pole_rad(day)]))
    observed = true - (design @ centre.helmert(day_index))[:-2]
    observed += np.linalg.cholesky(covariance) @ rng.standard_normal(len(true))
    values = np.concatenate([observed, rotation.x_pole_rad, rotation.y_pole_rad])
    free = _LOOSE_M * design / AT_SURFACE
    header = SolutionHeader(
        agency=centre.name, data_agency=centre.name, created_utc=epoch, start_utc=day.astype("datetime64[ns]"),
        end_utc=day.astype("datetime64[ns]") + np.timedelta64(86_370, "s"), technique="P", parameters=len(keys),
        constraint=2, contents=("S", "E"),
    )  # fmt: skip
    whole = whole + free @ free.T
    table = _table(keys, epoch, values, np.sqrt(np.diag(whole)))
    return StationSolution(header, table, covariance=0.5 * (whole + whole.T), sites=_sites(network, rows),
                           comments=(f"simulated centre {centre.name}, seed {options.seed}",))  # fmt: skip


def reference_solution(truth: WorldTruth, network: Network) -> StationSolution:
    """Return the cumulative solution that holds the datum: true positions and velocities with errors of its own.

    Notes
    -----
    Its errors have no translation, scale and rotation: it is the frame. Season is left out, as in any linear frame.
    """
    options, rows = truth.options, shared_stations(network)
    rng = np.random.default_rng((options.seed, 11))
    axes = local_axes(network.longitude_deg[rows], network.latitude_deg[rows])
    at = np.array([REFERENCE_EPOCH])
    season = np.outer(truth.season_phase(at), network.season_mm[rows].ravel()).reshape(-1, 3)
    moved = np.stack([network.displacement_mm(truth, row, at)[0] for row in rows.tolist()]) - season
    true = network.position_m[rows] + 1e-3 * np.einsum("sa,sac->sc", moved, axes)
    velocity = 1e-3 * np.einsum("sa,sac->sc", network.velocity_mm_per_yr[rows], axes)
    position = true + _without_datum(network, rows, true, rng.normal(0.0, _REFERENCE_SIGMA_M, true.shape), axes)
    velocity = velocity + _without_datum(network, rows, true, rng.normal(0.0, _REFERENCE_RATE_M, true.shape), axes)
    keys = [key for row in rows.tolist() for key in _keys(network, np.array([row]), (*POSITION_TYPES, *VELOCITY_TYPES))]
    sigma = np.tile([*3 * [1.5e-3], *3 * [1e-4]], rows.size)
    values = np.concatenate([position, velocity], axis=1).ravel()
    table = _table(keys, REFERENCE_EPOCH, values, sigma)
    size = rows.size
    names = np.array(network.names)[rows]
    first, last = REFERENCE_EPOCH - np.timedelta64(365, "D"), REFERENCE_EPOCH + np.timedelta64(730, "D")
    spans = SpanTable(names, np.full(size, "A"), np.full(size, "1"), np.full(size, first), np.full(size, last),
                      np.full(size, REFERENCE_EPOCH))  # fmt: skip
    header = SolutionHeader(agency="SIM", data_agency="SIM", created_utc=last, start_utc=first, end_utc=last, technique="P",
                            parameters=len(keys), constraint=2, contents=("S", "V"))  # fmt: skip
    return StationSolution(header, table, sites=_sites(network, rows), spans=spans, reference_frame=FRAME,
                           comments=(f"reference frame of a simulated world, seed {options.seed}",))  # fmt: skip


def _keys(network: Network, rows: Rows, kinds: Sequence[str]) -> list[ParameterKey]:
    return [ParameterKey(kind, network.names[row], "A", "1") for row in rows.tolist() for kind in kinds]


def _covariance(network: Network, rows: Rows, centre: Centre, rng: np.random.Generator) -> Floats:
    axes = local_axes(network.longitude_deg[rows], network.latitude_deg[rows])
    size = 3 * rows.size
    covariance = np.zeros((size, size))
    variances = np.square(centre.station_factor * np.array(_SIGMA_M))
    for place, own in enumerate(axes):
        block = slice(3 * place, 3 * place + 3)
        covariance[block, block] = own.T @ np.diag(variances) @ own
    common = rng.normal(0.0, _COMMON_M, (size, 3))
    return np.asarray(covariance + common @ common.T)


def _without_datum(network: Network, rows: Rows, true: Floats, local: Floats, axes: Floats) -> Floats:
    """Turn local errors into geocentric ones and take translation, scale and rotation out of them."""
    design = helmert_design(_keys(network, rows, POSITION_TYPES), true.ravel()) / AT_SURFACE
    error = np.einsum("sa,sac->sc", local, axes).ravel()
    return np.asarray(error - design @ np.linalg.lstsq(design, error, rcond=None)[0]).reshape(true.shape)


def _table(keys: Sequence[ParameterKey], epoch: np.datetime64, values: Floats, sigmas: Floats) -> ParameterTable:
    kinds = np.array([key.kind for key in keys])
    moving, stations = np.char.startswith(kinds, "VEL"), np.array([bool(key.code) for key in keys])
    return ParameterTable(
        kinds, np.array([key.code or "----" for key in keys]), np.array([key.point or "--" for key in keys]),
        np.array([key.solution or "----" for key in keys]), np.full(len(keys), epoch),
        np.where(stations, np.where(moving, "m/y", "m"), "mas"), np.where(stations, np.where(moving, "m/yr", "m"), "rad"),
        np.full(len(keys), 2, dtype=np.int8), values, sigmas,
    )  # fmt: skip


def _sites(network: Network, rows: Rows) -> SiteTable:
    size = rows.size
    domes = np.array([f"{10_000 + row:05d}M001" for row in rows.tolist()])
    kinds = np.char.add("simulated, ", network.kinds[rows])
    return SiteTable(
        np.array(network.names)[rows], np.full(size, "A"), domes, np.full(size, "P"), kinds,
        network.longitude_deg[rows] % 360.0, network.latitude_deg[rows], np.round(network.height_m[rows], 1),
    )  # fmt: skip


def frame_summary(truth: WorldTruth, network: Network, centres: Sequence[Centre], week: int) -> FrameSummary:
    """Return what the combination of stations says of a GPS week: rotations of the centres to the frame, with its errors.

    Notes
    -----
    A simulated product of the combiner: the true parameters plus 2 microarcseconds. ``frame combine`` on the SINEX files
    finds the rotations anew.
    """
    days = [(k, day) for k, day in enumerate(truth.options.centre_days()) if week_of(day) == week]
    transformations, residuals, statistics = {}, {}, {}
    for centre in centres:
        seen = seen_by(truth, network, centre).size
        sigma = centre.station_factor * np.array(_SIGMA_M)
        for index, day in days:
            rng = np.random.default_rng((truth.options.seed, 12, centre.index, index))
            found = centre.helmert(index) + rng.normal(0.0, 1.0, 7) * [*3 * [2e-4], 3e-11, *3 * [_SUMMARY_ROTATION_RAD]]
            own, pole = earth_rotation(truth.options, centre, index, day), true_pole_rad(day)
            key = centre.name, int((day - _GPS_START).astype(int)) % 7
            transformations[key] = FrameTransformation(found[:3], float(found[3]), found[4:], sigma)
            residuals[key] = GlobalResiduals(
                float(own.x_pole_rad[0] + found[5] - pole[0]), float(own.y_pole_rad[0] + found[4] - pole[1]), 0.0, 0.0,
                float(own.lod_s[0]) - true_lod_s(day), np.zeros(3), 0.0,
            )  # fmt: skip
            statistics[key] = StationStatistics(seen, seen, seen, 1.0, sigma, sigma)
    listed = tuple(SummaryCentre(one.name, f"{one.name}0SIMFIN_*_01D_01D_SOL.SNX", weighted=True) for one in centres)
    return FrameSummary(
        week=week, frame=FRAME, centres=listed, transformations=transformations, residuals=residuals,
        statistics=statistics, rejections=(), outliers=(), stations_without_log=(), metadata_errors=(),
        missing_stations=(), findings=(),
    )  # fmt: skip


def week_of(day: np.datetime64) -> int:
    """Return the GPS week of a day."""
    return int((day - _GPS_START).astype(int)) // 7


def write_solution(truth: WorldTruth, network: Network, centre: Centre, day_index: int, target: Path) -> None:
    """Write the SINEX file of a centre and day."""
    write_compressed(sinex_writer.to_bytes(centre_solution(truth, network, centre, day_index)), target)


def write_reference(truth: WorldTruth, network: Network, target: Path) -> None:
    """Write the reference frame."""
    sinex_writer.write(reference_solution(truth, network), target)


def write_summary(truth: WorldTruth, network: Network, centres: Sequence[Centre], week: int, target: Path) -> None:
    """Write the summary of a week as the IGS does."""
    content = sinex_summary_writer.to_bytes(frame_summary(truth, network, centres, week))
    with atomic_file(target) as partial:
        partial.write_bytes(content)
