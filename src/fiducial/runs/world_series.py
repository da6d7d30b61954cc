"""Daily series of the stations of a simulated world, and their list of steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from fiducial.formats import tenv_writer, tms_writer
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.coloured_noise import fractional_integration_weights
from fiducial.runs.world_network import PLATE, REGIONAL, Network
from fiducial.runs.world_options import FIRST_SERIES_DAY
from fiducial.runs.world_truth import FRAME, Floats, WorldTruth
from fiducial.stations.series import StationSeries

STEPS_FILE: Final = "stations/steps.txt"
_WHITE_MM: Final = (0.9, 0.9, 2.8)
_FLICKER_MM: Final = (1.2, 1.2, 4.5)
"""mm / yr^(1/4); about those of good permanent stations (Williams et al. 2004)."""
_STEP_KINDS: Final = {"equipment": "1", "earthquake": "2"}
_OUTLIERS: Final = 0.004
_MISSING: Final = 0.03
_MICROMETRES: Final = 6


def flicker_noise(rng: np.random.Generator, days: int, amplitude_mm: tuple[float, ...]) -> Floats:
    """Return daily flicker noise, shape (day, component), mm; amplitudes in mm / yr^(1/4) (Williams 2003)."""
    length = next_fast_len(2 * days)
    response = rfft(fractional_integration_weights(-1.0, days), length)[:, None]
    white = rfft(rng.standard_normal((days, len(amplitude_mm))), length, axis=0)
    noise = irfft(response * white, length, axis=0)[:days]
    return np.asarray(365.25**-0.25 * noise * np.array(amplitude_mm))


def station_series(truth: WorldTruth, network: Network, station: int) -> StationSeries:
    """Return the series of a station as a centre would publish it.

    Parameters
    ----------
    truth : WorldTruth
    network : Network
    station : int
        Row of the network.

    Returns
    -------
    StationSeries
        IGS20, GPS time, m: true motion and antenna steps, white and flicker noise, outliers, missing days and sometimes a
        gap of weeks. Displacement counts from the first epoch.
    """
    options = truth.options
    rng = np.random.default_rng((options.seed, 4, station))
    days = round(365.25 * options.series_years)
    epochs = (FIRST_SERIES_DAY + np.arange(days)).astype("datetime64[ns]")
    size = float(rng.lognormal(0.0, 0.15))
    moved = network.displacement_mm(truth, station, epochs)
    changed = network.antenna_day[station]
    if not np.isnat(changed):
        moved += np.outer(epochs >= changed, network.antenna_mm[station])
    spread = size * np.array(_WHITE_MM) * rng.lognormal(0.0, 0.1, (days, 1))
    observed = moved + spread * rng.standard_normal((days, 3)) + size * flicker_noise(rng, days, _FLICKER_MM)
    observed[rng.random(days) < _OUTLIERS] += rng.normal(0.0, [12.0, 12.0, 40.0])
    keep = rng.random(days) > _MISSING
    if rng.random() < 0.35:
        begin = int(rng.integers(30, days - 90))
        keep[begin : begin + int(rng.integers(15, 60))] = False
    # The first position is what displacements count from.
    keep[0] = True
    observed = np.round(1e-3 * (observed[keep] - observed[0]), _MICROMETRES) + 0.0
    published = np.asarray(np.round(1e-3 * spread[keep], _MICROMETRES), dtype=np.float64)
    correlation = np.tile(np.round(rng.uniform(-0.3, 0.3, 3), 4), (int(keep.sum()), 1))
    return StationSeries(
        network.names[station], epochs[keep], "GPS", observed, published, correlation,
        reference_xyz_m=network.position_m[station], reference_epoch=epochs[0], frame=FRAME,
    )  # fmt: skip


def series_path(network: Network, station: int) -> str:
    """Return where the series of a station stands: regional ones as tenv3, the others as TMS."""
    name = network.names[station]
    return f"stations/{name}.{FRAME}.tenv3" if network.kinds[station] == REGIONAL else f"stations/{name}.tms"


def write_series(truth: WorldTruth, network: Network, station: int, target: Path) -> None:
    """Write the series of a station; TMS also says when what happened."""
    series = station_series(truth, network, station)
    if network.kinds[station] == REGIONAL:
        tenv_writer.write(series, target)
        return
    tms_writer.write(replace(series, events=network.events(truth, station)), target, agency="SIM")


def write_steps(truth: WorldTruth, network: Network, target: Path) -> None:
    """Write the list of steps of all stations with a series, which ``stations velocity --steps`` reads."""
    lines = ["# station, day on which the position has moved, 1 equipment or 2 earthquake"]
    for station in network.of_kind(REGIONAL, PLATE).tolist():
        for event in network.events(truth, station):
            day = str(event.epoch.astype("datetime64[D]"))
            lines.append(f"{network.names[station]} {day} {_STEP_KINDS[event.kind]} {event.description}")
    with atomic_file(target) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="ascii")
