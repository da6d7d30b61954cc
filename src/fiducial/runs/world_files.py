"""The files of a simulated world: which there are, what each of them simulates, and who writes it."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from fiducial.errors import InputError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.egms_names import Window
from fiducial.formats.igs_names import LongName, Period, ProductName
from fiducial.runs.egms_from_simulation import write_stations
from fiducial.runs.world_bursts import burst_name, make_burst, window_of, write_burst
from fiducial.runs.world_centres import Centre, make_centres, rotations_of
from fiducial.runs.world_layout import BurstPlan, plan_bursts
from fiducial.runs.world_network import PLATE, REGIONAL, Network, make_network, velocity_table
from fiducial.runs.world_options import PARTS, Part, WorldOptions
from fiducial.runs.world_orbits import (
    day_folder,
    product_path,
    true_orbit,
    true_orbit_path,
    true_pole_rad,
    write_clocks,
    write_earth_rotation,
    write_orbit,
    write_true_orbit,
)
from fiducial.runs.world_series import STEPS_FILE, series_path, write_series, write_steps
from fiducial.runs.world_solutions import REFERENCE_FILE, week_of, write_reference, write_solution, write_summary
from fiducial.runs.world_truth import CALIBRATION_FRAME, FRAME, WorldTruth, make_truth

TRUTH_ARRAYS: Final = "truth.npz"
_GPS_START: Final = np.datetime64("1980-01-06", "D")
_LOS: Final = "mm, positive towards the satellite; mm/yr"


@dataclass(frozen=True)
class WorldFile:
    """A file that a world consists of.

    Attributes
    ----------
    path : str
        Below the folder of the world.
    kind : str
        ``orbit``, ``clock``, ``earth rotation``, ``frame summary``, ``station solution``, ``reference frame``, ``series``,
        ``steps``, ``velocities``, ``burst``, ``true orbit`` or ``truth``.
    simulates : str
        In words.
    units : str
    frame : str or None
        None where the file is relative or has none.
    numbers : tuple of int
        What its writer is told: the centre and day, the station, the burst.
    weight : float
        About how long it takes, in any unit.
    """

    path: str
    kind: str
    simulates: str
    units: str
    frame: str | None
    numbers: tuple[int, ...] = ()
    weight: float = 1.0


class WorldMaker:
    """Everything that the writers of a world need, drawn once a process.

    Parameters
    ----------
    options : WorldOptions
    """

    def __init__(self, options: WorldOptions) -> None:
        self.options = options

    @cached_property
    def truth(self) -> WorldTruth:
        """How the ground moves."""
        return make_truth(self.options)

    @cached_property
    def network(self) -> Network:
        """The stations."""
        return make_network(self.truth)

    @cached_property
    def centres(self) -> tuple[Centre, ...]:
        """The analysis centres."""
        return make_centres(self.options)

    @cached_property
    def bursts(self) -> tuple[BurstPlan, ...]:
        """The bursts before they are made."""
        return plan_bursts(self.options.bursts)

    @cached_property
    def window(self) -> Window:
        """The years of the release of the bursts."""
        return window_of(self.truth)

    def files(self, only: Part | None = None, also: Container[str] = ()) -> tuple[WorldFile, ...]:
        """Return files but ``truth.json`` and the manifest, the dearest first.

        Parameters
        ----------
        only : {"insar", "stations", "centres"}, optional
            Part of the world; all of it by default.
        also : container of str
            Paths of files of other parts that are wanted beside it.

        Raises
        ------
        InputError
            FID-1430 for a part that is none.
        """
        if only is not None and only not in PARTS:
            raise InputError("FID-1430", f"no part {only!r}", where="--only", fix=f"choose {', '.join(PARTS)}")
        found = [*self._insar(), *self._stations(), *self._centre_files(), *self._shared()]
        chosen = [one for one in found if only is None or one.kind in PARTS[only] or one.path in also]
        return tuple(sorted(chosen, key=lambda one: -one.weight))

    def _insar(self) -> list[WorldFile]:
        size = 5e-6 * self.options.points * self.options.epochs
        return [
            WorldFile(
                f"insar/{burst_name(plan, self.window)}.zip", "burst",
                f"EGMS Level 2a, {plan.track.direction}: relative displacement of {self.options.points} points",
                _LOS, None, (plan.index,), 1.0 + size,
            )
            for plan in self.bursts
        ]  # fmt: skip

    def _stations(self) -> list[WorldFile]:
        rows = self.network.of_kind(REGIONAL, PLATE).tolist()
        return [
            WorldFile(series_path(self.network, row), "series", f"daily positions of station {self.network.names[row]}",
                      "m, east north up", FRAME, (row,), 0.05 * self.options.series_years)
            for row in rows
        ]  # fmt: skip

    def _centre_files(self) -> list[WorldFile]:
        found = []
        for centre in self.centres:
            for index, day in enumerate(self.options.centre_days()):
                numbers, who = (centre.index, index), f"centre {centre.name}, {day}"
                minutes, whole = Period(15, "M"), Period(1, "D")
                found += [
                    WorldFile(product_path(centre, day, "ORB", "SP3", minutes), "orbit", f"orbits and clocks of {who}",
                              "km, microseconds", FRAME, numbers, 0.3),
                    WorldFile(product_path(centre, day, "CLK", "CLK", Period(5, "M")), "clock",
                              f"satellite clocks of {who}", "s", FRAME, numbers, 0.4),
                    WorldFile(product_path(centre, day, "ERP", "ERP", whole), "earth rotation", f"pole of {who}",
                              "microarcseconds, 0.1 microseconds a day", FRAME, numbers, 0.1),
                    WorldFile(product_path(centre, day, "SOL", "SNX", whole), "station solution",
                              f"stations and pole of {who}, with covariance, without constraints", "m, mas", None, numbers, 0.4),
                ]  # fmt: skip
        return found

    def _shared(self) -> list[WorldFile]:
        found = [
            WorldFile(f"stations/velocities.{frame}.csv", "velocities",
                      f"station velocities with errors that fit their sigmas, {frame}", "mm/yr", frame)
            for frame in (FRAME, CALIBRATION_FRAME)
        ]  # fmt: skip
        found += [
            WorldFile(STEPS_FILE, "steps", "changes of antennas, and the earthquake where it is felt", "days", None),
            WorldFile(REFERENCE_FILE, "reference frame", "cumulative positions and velocities that hold the datum",
                      "m, m/yr", FRAME),
            WorldFile(TRUTH_ARRAYS, "truth", "stations, centres, orbits, clocks and offsets of the bursts without error",
                      "as each array is named", FRAME),
        ]  # fmt: skip
        for index, day in enumerate(self.options.centre_days()):
            found.append(WorldFile(true_orbit_path(day), "true orbit", f"true orbits and clocks of {day}", "km, microseconds",
                                   FRAME, (index,), 0.3))  # fmt: skip
            week = week_of(day)
            first = _GPS_START + np.timedelta64(7 * week, "D")
            name = LongName(ProductName("SIM", "SIM", "SNX"), first, Period(7, "D"), Period(7, "D"), "SUM", "YML")
            found.append(WorldFile(
                f"orbits/{day_folder(day)}/{name.build()}", "frame summary",
                f"what the combination of stations says of the centres, GPS week {week}", "mm, ppb, mas", FRAME, (week, index),
            ))  # fmt: skip
        return found

    def write(self, file: WorldFile, folder: Path) -> None:
        """Write one file of the world, whole or not at all."""
        writer: dict[str, Callable[[tuple[int, ...], Path], object]] = {
            "burst": lambda at, target: write_burst(self.truth, self.bursts[at[0]], self.window, target.parent),
            "series": lambda at, target: write_series(self.truth, self.network, at[0], target),
            "orbit": lambda at, target: write_orbit(self.options, self.centres[at[0]], at[1], target),
            "clock": lambda at, target: write_clocks(self.options, self.centres[at[0]], at[1], target),
            "earth rotation": lambda at, target: write_earth_rotation(self.options, self.centres[at[0]], at[1], target),
            "station solution": lambda at, target: write_solution(
                self.truth, self.network, self.centres[at[0]], at[1], target
            ),
            "frame summary": lambda at, target: write_summary(self.truth, self.network, self.centres, at[0], target),
            "velocities": lambda _, target: write_stations(
                velocity_table(self.truth, self.network, str(file.frame)), target
            ),
            "steps": lambda _, target: write_steps(self.truth, self.network, target),
            "reference frame": lambda _, target: write_reference(self.truth, self.network, target),
            "true orbit": lambda at, target: write_true_orbit(self.options, at[0], target),
            "truth": lambda _, target: self._write_arrays(target),
        }
        writer[file.kind](file.numbers, folder / file.path)

    def _write_arrays(self, target: Path) -> None:
        network, days = self.network, self.options.centre_days()
        orbits = [true_orbit(self.options, day) for day in days]
        models = [make_burst(self.truth, plan) for plan in self.bursts]
        arrays = {
            "station": np.array(network.names), "station_kind": network.kinds, "station_longitude_deg": network.longitude_deg,
            "station_latitude_deg": network.latitude_deg, "station_position_m": network.position_m,
            "station_velocity_enu_mm_per_yr": network.velocity_mm_per_yr, "station_season_enu_mm": network.season_mm,
            "station_earthquake_enu_mm": network.earthquake_mm, "station_antenna_day": network.antenna_day,
            "station_antenna_enu_mm": network.antenna_mm, "centre": np.array([one.name for one in self.centres]),
            "centre_rotation_rad": rotations_of(self.centres),
            "centre_helmert": np.array([[one.helmert(k) for k in range(len(days))] for one in self.centres]),
            "centre_bad_satellite": np.array([one.bad_satellite for one in self.centres]), "day": np.array(days),
            "satellite": np.array(orbits[0].satellites), "orbit_position_m": np.stack([one.position_m for one in orbits]),
            "clock_s": np.stack([one.clock_s for one in orbits]), "pole_rad": np.stack([true_pole_rad(day) for day in days]),
            "burst": np.array([str(burst_name(plan, self.window)) for plan in self.bursts]),
            "burst_ramp_mm_per_yr": np.stack([one.ramp_mm_per_yr for one in models]),
            "burst_offset_mm_per_yr": np.array([one.offset_mm_per_yr for one in models]),
        }  # fmt: skip
        with atomic_file(target) as partial, partial.open("wb") as sink:
            np.savez_compressed(sink, allow_pickle=False, **arrays)
