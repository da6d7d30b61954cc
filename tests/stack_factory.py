"""Years of simulated daily solutions with breaks, post-seismic displacement and Helmert parameters that are known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fiducial.formats import sinex
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_axes
from fiducial.geodesy.epochs import decimal_year
from fiducial.stations.solution import DiscontinuityTable, ParameterTable, SolutionHeader, StationSolution
from sinex_factory import Centre, Network, network, simulated, solution_of

T0 = np.datetime64("2015-01-01", "ns")
T0_YR = 2015.0
OPEN = np.datetime64("NaT", "ns")
BREAK = np.datetime64("2014-09-01", "ns")
RATE_BREAK = np.datetime64("2015-03-01", "ns")
QUAKE = np.datetime64("2014-03-01", "ns")
BROKEN, BENT, SHAKEN = 9, 10, 11
JUMP_M = np.array([0.030, -0.020, 0.025])
KINK_M_PER_YR = np.array([0.012, 0.006, -0.008])
LOG_ENU_M = np.array([0.040, -0.025, 0.010])
LOG_YR = 0.6


@dataclass
class StackWorld:
    """Stations, and what happens to them: BROKEN jumps, BENT changes its velocity too, SHAKEN relaxes after an earthquake."""

    stations: Network = field(default_factory=lambda: network(14, seed=4))
    seed: int = 0
    weeks: int = 13
    days: int = 2
    first: np.datetime64 = field(default_factory=lambda: np.datetime64("2013-07-07", "D"))
    step_weeks: int = 13
    core: int = 9
    helmert_sigma_m: float = 4e-3

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        scale = np.array([1.0, 1.0, 1.0, *(4 * [1.0 / 6.371e6])]) * self.helmert_sigma_m
        self.helmert = rng.normal(size=(self.weeks * self.days, 7)) * scale

    def dates(self) -> list[np.datetime64]:
        found = []
        for week in range(self.weeks):
            start = self.first + np.timedelta64(7 * self.step_weeks * week, "D")
            found += [start + np.timedelta64(1 + 2 * day, "D") for day in range(self.days)]
        return found

    def truth(self, epoch: np.datetime64) -> np.ndarray:
        """Where the stations are [m]."""
        year = float(decimal_year(epoch))
        xyz = self.stations.xyz + (year - T0_YR) * self.stations.velocity
        if epoch >= BREAK:
            xyz[BROKEN] += JUMP_M
        if epoch >= RATE_BREAK:
            xyz[BENT] += JUMP_M + (year - float(decimal_year(RATE_BREAK))) * KINK_M_PER_YR
        since = max(year - float(decimal_year(QUAKE)), 0.0)
        longitude, latitude, _ = geodetic_from_geocentric(self.stations.xyz[SHAKEN : SHAKEN + 1])
        xyz[SHAKEN] += LOG_ENU_M * np.log1p(since / LOG_YR) @ local_axes(longitude, latitude)[0]
        return xyz

    def daily(self, number: int, **options) -> StationSolution:
        """Solution of a day; ``number`` counts days."""
        date = self.dates()[number]
        epoch = date.astype("datetime64[ns]") + np.timedelta64(12, "h")
        place = Network(self.stations.codes, self.truth(epoch), self.stations.velocity)
        centre = Centre("AAA", place, helmert=self.helmert[number], **options)
        return simulated(centre, 1000 * self.seed + number, epoch=epoch)

    def write_days(self, folder: Path, **options) -> list[Path]:
        paths = []
        for number, date in enumerate(self.dates()):
            year = date.astype("datetime64[Y]")
            day = int((date - year.astype("datetime64[D]")).astype(int)) + 1
            paths.append(folder / f"AAA0OPSFIN_{year}{day:03d}0000_01D_01D_SOL.SNX")
            sinex.write(self.daily(number, **options), paths[-1])
        return paths

    def segments(self) -> list[tuple[int, str, np.ndarray, np.ndarray]]:
        """Station, solution, position at T0 and velocity of every segment."""
        found = []
        for row in range(len(self.stations.codes)):
            xyz, velocity = self.stations.xyz[row], self.stations.velocity[row]
            found.append((row, "1", xyz, velocity))
            if row == BROKEN:
                found.append((row, "2", xyz + JUMP_M, velocity))
            if row == BENT:
                back = float(decimal_year(RATE_BREAK)) - T0_YR
                found.append((row, "2", xyz + JUMP_M - back * KINK_M_PER_YR, velocity + KINK_M_PER_YR))
        return found

    def reference(self, *, core_only: bool = True) -> StationSolution:
        rows = [one for one in self.segments() if not core_only or one[0] < self.core]
        kinds, codes, numbers, values = [], [], [], []
        for row, number, xyz, velocity in rows:
            kinds += ["STAX", "STAY", "STAZ", "VELX", "VELY", "VELZ"]
            codes += 6 * [self.stations.codes[row]]
            numbers += 6 * [number]
            values += [*xyz, *velocity]
        moving = np.char.startswith(np.array(kinds), "VEL")
        size = len(kinds)
        table = ParameterTable(
            np.array(kinds), np.array(codes), np.full(size, "A"), np.array(numbers), np.full(size, T0),
            np.where(moving, "m/y", "m"), np.where(moving, "m/yr", "m"), np.full(size, 2, dtype=np.int8),
            np.array(values), np.where(moving, 1e-5, 1e-4),
        )  # fmt: skip
        used = sorted({row for row, *_ in rows})
        base = solution_of(Centre("REF", self.stations.part(used)), [], np.zeros(0), np.zeros((0, 0)), T0)
        return replace(base, estimate=table, covariance=None, reference_frame="IGS20", discontinuities=self.breaks(),
                       header=replace(base.header, parameters=size, contents=("S", "V")))  # fmt: skip

    def breaks(self, *, more: tuple[str, ...] = ()) -> DiscontinuityTable:
        rows = []
        for row, code in enumerate(self.stations.codes):
            at = {BROKEN: BREAK, BENT: RATE_BREAK}.get(row)
            spans = [(OPEN, OPEN)] if at is None else [(OPEN, at), (at, OPEN)]
            rows += [(code, str(k + 1), start, end, "P") for k, (start, end) in enumerate(spans)]
            rates = spans if row == BENT else [(OPEN, OPEN)]
            rows += [(code, str(k + 1), start, end, "V") for k, (start, end) in enumerate(rates)]
        rows += [(code, "1", OPEN, OPEN, "P") for code in more]
        codes, numbers, starts, ends, kinds = zip(*rows, strict=True)
        return DiscontinuityTable(
            np.array(codes), np.full(len(rows), "A"), np.array(numbers), np.array(starts, dtype="datetime64[ns]"),
            np.array(ends, dtype="datetime64[ns]"), np.array(kinds), np.full(len(rows), ""),
        )  # fmt: skip

    def post_seismic(self) -> StationSolution:
        kinds, values = [], []
        for axis, amplitude in zip("ENU", LOG_ENU_M, strict=True):
            kinds += [f"ALOG_{axis}", f"TLOG_{axis}"]
            values += [amplitude, LOG_YR]
        size = len(kinds)
        times = np.char.startswith(np.array(kinds), "T")
        sigma = np.where(times, 0.05, 1e-3)
        code = self.stations.codes[SHAKEN]
        table = ParameterTable(
            np.array(kinds), np.full(size, code), np.full(size, "A"), np.full(size, "----"), np.full(size, QUAKE),
            np.full(size, "m"), np.where(times, "yr", "m"), np.full(size, 2, dtype=np.int8), np.array(values), sigma,
        )  # fmt: skip
        header = SolutionHeader(agency="REF", created_utc=T0, start_utc=T0, end_utc=T0, technique="P", parameters=size)
        return StationSolution(header, table, covariance=np.diag(sigma**2))

    def write_all(self, folder: Path) -> list[Path]:
        """Write days, REF.SNX, SOLN.SNX and PSD.SNX; return the days."""
        sinex.write(self.reference(core_only=False), folder / "REF.SNX")
        only = replace(self.reference(), estimate=_nothing(), discontinuities=self.breaks())
        sinex.write(only, folder / "SOLN.SNX")
        sinex.write(self.post_seismic(), folder / "PSD.SNX")
        (folder / "CORE.TXT").write_text("\n".join(f"{code} A" for code in self.stations.codes[: self.core]))
        return self.write_days(folder)


def _nothing() -> ParameterTable:
    text, numbers = np.zeros(0, dtype="U6"), np.zeros(0)
    return ParameterTable(text, text, text, text, np.zeros(0, dtype="datetime64[ns]"), text, text, np.zeros(0, dtype=np.int8),
                          numbers, numbers)  # fmt: skip
