"""Simulated station solutions with full matrices, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from fiducial.constants import MILLIARCSECOND_RAD
from fiducial.geodesy.ellipsoid import geocentric_position_m, geodetic_from_geocentric, local_axes
from fiducial.stations.helmert_design import AT_SURFACE, ParameterKey, helmert_design
from fiducial.stations.solution import ParameterTable, SiteTable, SolutionHeader, SpanTable, StationSolution
from fiducial.stations.systems import CentreSolution

EPOCH = np.datetime64("2024-09-15T12:00:00", "ns")
YEAR = np.timedelta64(365, "D") + np.timedelta64(6, "h")
POLE_RAD = np.array([150.0, 420.0]) * MILLIARCSECOND_RAD
_CONSTRAINTS = {"tight": 1e-3, "loose": 10.0}

Constraint = Literal["free", "tight", "loose", "network"]


@dataclass(frozen=True)
class Network:
    """Stations at EPOCH: codes of four letters, all of point A; x y z in m, velocities in m/yr."""

    codes: list[str]
    xyz: np.ndarray
    velocity: np.ndarray

    def part(self, rows) -> Network:
        return Network([self.codes[row] for row in rows], self.xyz[rows], self.velocity[rows])

    def sites(self, solution: str = "1"):
        return [(code, "A", solution) for code in self.codes]

    def coordinates(self, solution: str = "1"):
        return dict(zip(self.sites(solution), self.xyz, strict=True))


def network(stations: int, seed: int = 0) -> Network:
    """Stations all over the Earth, moving by centimetres a year."""
    rng = np.random.default_rng(seed)
    latitude = np.rad2deg(np.arcsin(rng.uniform(-0.95, 0.95, stations)))
    xyz = geocentric_position_m(rng.uniform(-180.0, 180.0, stations), latitude, rng.uniform(0.0, 2000.0, stations))
    return Network([f"S{row:03d}" for row in range(stations)], xyz, rng.normal(0.0, 0.02, (stations, 3)))


@dataclass(frozen=True)
class Centre:
    """How a centre sees the network.

    ``helmert`` takes the centre to the truth [m, 1, rad]; ``factor`` is the variance factor that brings its stated
    covariance to the true one; ``gross_enu_m`` shifts stations; ``as_published`` takes the seven parameters of its noise
    out and scales the rest to an RMS of ``sigma_enu_m``: published parameters and RMS are those of one sample.
    """

    name: str
    stations: Network
    sigma_enu_m: np.ndarray = field(default_factory=lambda: np.array([1e-3, 1.1e-3, 3.3e-3]))
    helmert: np.ndarray = field(default_factory=lambda: np.zeros(7))
    factor: float = 1.0
    correlation: float = 0.3
    constraint: Constraint = "free"
    gross_enu_m: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    pole_sigma_rad: float | None = 30e-3 * MILLIARCSECOND_RAD
    as_published: bool = False


def simulated(centre: Centre, seed: int, *, solution: str = "1", epoch: np.datetime64 = EPOCH) -> StationSolution:
    """Simulate the solution of a centre, as its SINEX file would have it."""
    rng = np.random.default_rng(seed)
    keys = [
        ParameterKey(kind, code, "A", solution) for code in centre.stations.codes for kind in ("STAX", "STAY", "STAZ")
    ]
    truth, covariance = centre.stations.xyz.ravel(), _covariance(centre)
    if centre.pole_sigma_rad is not None:
        keys += [ParameterKey("XPO"), ParameterKey("YPO")]
        truth = np.concatenate([truth, POLE_RAD])
        whole = np.diag(np.full(len(keys), centre.pole_sigma_rad**2))
        whole[:-2, :-2] = covariance
        covariance = whole
    scale = np.sqrt(np.diag(covariance))
    noise = scale * (np.linalg.cholesky(covariance / np.outer(scale, scale)) @ rng.normal(size=len(keys)))
    design = helmert_design(keys, truth)
    if centre.as_published:
        noise = _as_published(centre, noise, design / AT_SURFACE, scale)
    value = truth - design @ centre.helmert + noise
    for code, shift in centre.gross_enu_m.items():
        row = centre.stations.codes.index(code)
        value[3 * row : 3 * row + 3] += np.asarray(shift) @ _axes(centre.stations.xyz)[row]
    return _constrained(centre, keys, truth, value, covariance / centre.factor, design / AT_SURFACE, epoch)


def _as_published(centre, noise, design, scale):
    noise = noise - design @ np.linalg.lstsq(design / scale[:, None], noise / scale, rcond=None)[0]
    size = 3 * len(centre.stations.codes)
    axes = _axes(centre.stations.xyz)
    enu = np.einsum("sac,sc->sa", axes, noise[:size].reshape(-1, 3))
    enu *= centre.sigma_enu_m / np.sqrt((enu**2).mean(axis=0))
    return np.concatenate([np.einsum("sac,sa->sc", axes, enu).ravel(), noise[size:]])


def _axes(xyz):
    longitude, latitude, _ = geodetic_from_geocentric(xyz)
    return local_axes(longitude, latitude)


def _covariance(centre: Centre) -> np.ndarray:
    """East, north and up are independent of each other, stations within hundreds of kilometres are not."""
    xyz = centre.stations.xyz
    near = np.exp(-np.linalg.norm(xyz[:, None] - xyz[None], axis=2) / 5e5)
    joint = (1.0 - centre.correlation) * np.eye(len(xyz)) + centre.correlation * near
    root = _axes(xyz) * centre.sigma_enu_m[:, None]
    blocks = np.einsum("sac,tad->stcd", root, root, optimize=True) * joint[:, :, None, None]
    return blocks.transpose(0, 2, 1, 3).reshape(3 * len(xyz), 3 * len(xyz))


def _constrained(centre, keys, truth, value, covariance, design, epoch) -> StationSolution:
    if centre.constraint == "network":
        return solution_of(centre, keys, value, covariance, epoch)
    loose = covariance + design @ design.T
    if centre.constraint == "free":
        return solution_of(centre, keys, value, loose, epoch)
    # Constraints on every station at rounded coordinates, as centres do.
    apriori = np.where([bool(key.code) for key in keys], np.round(truth, 3), value)
    held = np.where([bool(key.code) for key in keys], _CONSTRAINTS[centre.constraint] ** 2, 1e6 * np.diag(covariance))
    normal = np.linalg.inv(loose)
    estimate_covariance = np.linalg.inv(normal + np.diag(1.0 / held))
    estimate_covariance = 0.5 * (estimate_covariance + estimate_covariance.T)
    estimate = apriori + estimate_covariance @ (normal @ (value - apriori))
    found = solution_of(centre, keys, estimate, estimate_covariance, epoch)
    table = replace(found.estimate, values=apriori, sigmas=np.sqrt(held))
    return replace(found, apriori=table, apriori_covariance=np.diag(held))


def solution_of(centre: Centre, keys, value, covariance, epoch) -> StationSolution:
    """Return estimates and covariance as a station solution with its site table."""
    longitude, latitude, height = geodetic_from_geocentric(centre.stations.xyz)
    codes, size = np.array(centre.stations.codes), len(centre.stations.codes)
    stations = np.array([bool(key.code) for key in keys])
    return StationSolution(
        header=SolutionHeader(agency=centre.name, data_agency=centre.name, created_utc=epoch, start_utc=epoch, end_utc=epoch,
                              technique="P", parameters=len(keys), constraint=2, contents=("S", "E")),
        estimate=ParameterTable(
            np.array([key.kind for key in keys]), np.array([key.code or "----" for key in keys]),
            np.array([key.point or "--" for key in keys]), np.array([key.solution or "----" for key in keys]),
            np.full(len(keys), epoch), np.where(stations, "m", "mas"), np.where(stations, "m", "rad"),
            np.full(len(keys), 2 if centre.constraint in {"free", "network"} else 1, dtype=np.int8), value,
            np.sqrt(np.diag(covariance)),
        ),
        covariance=covariance,
        sites=SiteTable(codes, np.full(size, "A"), np.array([f"{10000 + row:05d}M001" for row in map(_number, codes)]),
                        np.full(size, "P"), np.full(size, "simulated"), longitude % 360.0, latitude, height),
    )  # fmt: skip


def _number(code: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(code)) % 89_999


def as_centre(name: str, solution: StationSolution) -> CentreSolution:
    """Return what a combination takes, without the way through a file."""
    table = solution.estimate
    columns = [np.char.strip(column, "-").tolist() for column in (table.codes, table.points, table.solns)]
    keys = tuple(ParameterKey(*row) for row in zip(table.types.tolist(), *columns, strict=True))
    apriori = None if solution.apriori is None else solution.apriori.values
    return CentreSolution(name, keys, table.values, solution.covariance, apriori, solution.apriori_covariance)


def cumulative(stations: Network, *, solution: str = "1", years_before: int = 5) -> StationSolution:
    """Return the reference: positions and velocities at an epoch some years before, which propagate to the truth."""
    epoch = EPOCH - years_before * YEAR
    rows = [(code, kind) for code in stations.codes for kind in ("STAX", "STAY", "STAZ", "VELX", "VELY", "VELZ")]
    years = _decimal(EPOCH) - _decimal(epoch)
    values = np.concatenate([stations.xyz - years * stations.velocity, stations.velocity], axis=1).ravel()
    kinds = np.array([kind for _, kind in rows])
    moving = np.char.startswith(kinds, "VEL")
    table = ParameterTable(
        kinds, np.array([code for code, _ in rows]), np.full(len(rows), "A"), np.full(len(rows), solution),
        np.full(len(rows), epoch), np.where(moving, "m/y", "m"), np.where(moving, "m/yr", "m"),
        np.full(len(rows), 2, dtype=np.int8), values, np.where(moving, 1e-5, 1e-4),
    )  # fmt: skip
    base = solution_of(Centre("REF", stations), [], np.zeros(0), np.zeros((0, 0)), epoch)
    size = len(stations.codes)
    spans = SpanTable(base.sites.codes, base.sites.points, np.full(size, solution), np.full(size, epoch - 4 * YEAR),
                      np.full(size, epoch), np.full(size, epoch - 2 * YEAR))  # fmt: skip
    return replace(base, estimate=table, covariance=None, spans=spans, reference_frame="IGS20",
                   header=replace(base.header, parameters=len(rows), contents=("S", "V")))  # fmt: skip


def _decimal(epoch) -> float:
    from fiducial.geodesy.epochs import decimal_year

    return float(decimal_year(epoch))
