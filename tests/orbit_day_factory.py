"""Folders with the orbit and clock files of a small synthetic day."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np

import keplerian
from fiducial.formats import clk, sp3
from fiducial.orbits.orbit import Clocks, Orbit, satellite_order

GPS = tuple(f"G{n:02d}" for n in range(1, 7))
NOISE_M = {"AAA": 0.006, "BBB": 0.009, "CCC": 0.012, "DDD": 0.008}
CLOCK_NOISE_S = 1.0e-11
DAY_S = 86_400


def centres(count=4):
    """First names of the centres."""
    return tuple(NOISE_M)[:count]


def truth(satellites=GPS, *, step_s=900.0, length_s=DAY_S, start=keplerian.START, frame="IGS20"):
    """Orbits without noise, clocks of some microseconds that drift; a satellite is the same in every set."""
    satellites = tuple(sorted(satellites, key=satellite_order))
    count = round(length_s / step_s)
    t = np.arange(count) * step_s
    numbers = [40 * "GRECJ".index(name[0]) + int(name[1:]) for name in satellites]
    tracks = [
        keplerian.kepler(t, node=1.1 * n, anomaly=2.3 * n, inclination=0.96 + 0.001 * n, semi_axis=26.56e6 + 1e4 * n)[0]
        for n in numbers
    ]
    clock = np.stack([1e-6 * n + (n % 5 - 2) * 1e-12 * t for n in numbers], axis=1)
    return Orbit(keplerian.epochs(step_s, count, start), satellites, np.stack(tracks, axis=1), clock, frame)


def seen_by(centre, orbit, *, clocks=True, seed=0):
    """Add smooth orbit errors, a time scale and white clock noise of one centre; printed digits are kept."""
    rng = np.random.default_rng([seed, *centre.encode()])
    sigma = NOISE_M.get(centre, 0.01)
    shape = orbit.position_m.shape
    t = 2 * np.pi * np.arange(shape[0]) / shape[0] * (orbit.interval_s * shape[0]) / DAY_S
    phase = rng.uniform(0, 2 * np.pi, shape[1:])
    amplitude = rng.normal(0, sigma, shape[1:]) * np.sqrt(2)
    error = amplitude * np.sin(2 * t[:, None, None] + phase)
    radial = np.einsum("tsc,tsc->ts", error, orbit.position_m) / np.linalg.norm(orbit.position_m, axis=-1)
    scale = rng.uniform(-1e-8, 1e-8) + 1e-9 * np.sin(t)
    clock = orbit.clock_s + scale[:, None] + radial / 299_792_458.0 + rng.normal(0, CLOCK_NOISE_S, shape[:2])
    return Orbit(
        orbit.epochs_gps, orbit.satellites, orbit.position_m + error, clock if clocks else np.full(shape[:2], np.nan),
        orbit.frame,
    )  # fmt: skip


def file_name(centre, orbit, *, solution="FIN", content="ORB", ending="SP3"):
    """Long name of a centre's file."""
    start = orbit.epochs_gps[0]
    day = (start - start.astype("datetime64[Y]").astype("datetime64[ns]")).astype("timedelta64[D]").astype(int) + 1
    step = most_frequent(orbit.epochs_gps)
    sampling = f"{step // 60:02d}M" if step % 60 == 0 else f"{step:02d}S"
    return f"{centre}0OPS{solution}_{start.astype('datetime64[Y]')}{day:03d}0000_01D_{sampling}_{content}.{ending}"


def most_frequent(epochs):
    return round(float((epochs[1] - epochs[0]) / np.timedelta64(1, "s")))


def write_orbit(folder, centre, orbit, *, name=None, label=None, comments=()):
    """Write one SP3 file and return its path."""
    path = Path(folder) / (name or file_name(centre, orbit))
    path.parent.mkdir(parents=True, exist_ok=True)
    if label is not None:
        orbit = replace(orbit, frame="")
    header = sp3.Sp3Header(
        frame_label=orbit.frame[:5] if label is None else label, orbit_type="FIT", agency=centre, comments=comments
    )
    sp3.write(sp3.Sp3File(orbit, header), path)
    return path


def write_clocks(folder, centre, orbit, *, step_s=30.0):
    """Write a CLK file at a finer interval than the orbit, with the same clocks at its epochs."""
    length_s = orbit.interval_s * orbit.epochs_gps.size
    count = round(length_s / step_s)
    epochs = keplerian.epochs(step_s, count, orbit.epochs_gps[0])
    seconds = (epochs - epochs[0]) / np.timedelta64(1, "s")
    nodes = (orbit.epochs_gps - epochs[0]) / np.timedelta64(1, "s")
    bias = np.stack([np.interp(seconds, nodes, orbit.clock_s[:, s]) for s in range(len(orbit.satellites))], axis=1)
    table = Clocks(epochs, orbit.satellites, bias, np.full(bias.shape, np.nan))
    path = Path(folder) / file_name(centre, table, content="CLK", ending="CLK")
    clk.write(table, path, clk.ClockHeader(agency=centre, analysis_center=centre))
    return path


def write_day(folder, *, count=4, satellites=GPS, clocks=True, seed=0, **options):
    """Write one SP3 file of each of ``count`` centres; return folder, truth and the centres' orbits."""
    true = truth(satellites, **options)
    own = {centre: seen_by(centre, true, clocks=clocks, seed=seed) for centre in centres(count)}
    for centre, orbit in own.items():
        write_orbit(folder, centre, orbit)
    return Path(folder), true, own


def frame_summary(
    names, *, week=2332, day=4, rotation_mas=(0.1, -0.2, 0.3), bulletin_uas=(94.375, 32.057), lod_us=-41.0
):
    """Text of a SINEX-combination summary: all centres turned by the same angles, residuals of Bulletin A."""
    names = [name.lower() for name in names]
    files = [f"  - {{name: {name}, file: '{name}.SNX', weighted: True}}" for name in names]
    turned = ", ".join(f"{value:.3f}" for value in rotation_mas)
    residuals = [
        f"    - {{ac: {name}, day: {day}, dxpo: {10.0 * k:.1f}, dypo: {-5.0 * k:.1f}, dxpor: 0.0, dypor: 0.0,"
        f" dlod: {k:.1f}, dgc:[0.0, 0.0, 0.0], dsc: 0.0}}"
        for k, name in enumerate(names)
    ]
    bulletin = (
        f"    - {{ac: bua, day: {day}, dxpo: {bulletin_uas[0]}, dypo: {bulletin_uas[1]}, dxpor: 0.0, dypor: 0.0,"
        f" dlod: {lod_us}}}"
    )
    moved = [
        f"    - {{ac: {name}, day: {day}, T:[0.0, 0.0, 0.0], S: 0.0, R:[{turned}], rms:[2.0, 2.0, 6.0]}}"
        for name in names
    ]
    return SUMMARY.format(
        week=week, files="\n".join(files), residuals="\n".join([*residuals, bulletin]), transfo="\n".join(moved)
    )


SUMMARY = """\
# IGS combination of daily AC SINEX solutions for week {week}
ac:
{files}
igs: {{file: 'IGS.SNX'}}
bua: {{file: finals2000A.data}}
# - wrms   = WRMS of "AC - igs" residuals (unit: mm, frame: ENH)
# - sigm   = median of formal errors (unit: mm, frame: ENH)
stats:
  -
    - {{ac: igs, day: 4, nsta: 491, nrf: 160, ncore: 47}}
# - dxpo  = X-pole residuals (unit: uas)
# - dypo  = Y-pole residuals (unit: uas)
# - dxpor = X-pole rate residuals (unit: uas/d)
# - dypor = Y-pole rate residuals (unit: uas/d)
# - dlod  = LOD residuals (unit: us)
# - dgc   = geocenter residuals (unit: mm, frame: XYZ)
# - dsc   = terrestrial scale residuals (unit: ppb)
globres:
  -
{residuals}
# - T   = translations (unit: mm, frame: XYZ)
# - S   = scale factors (unit: ppb)
# - R   = rotations (unit: mas, frame: XYZ)
# - rms = RMS of transformation residuals (unit: mm, frame: ENH)
transfo:
  -
{transfo}
rejections:
# - res = residuals before rejection (unit: mm, frame: ENH)
outliers:
nologs: []
errors:
missing: []
"""


def bulletin_a(*, first_mjd=60567, days=10, flag="I", blank=False):
    """Text of IERS finals: pole and length of day that change evenly by the day, in Bulletin A only."""
    rows = []
    for k in range(days):
        date = dt.date(1858, 11, 17) + dt.timedelta(days=first_mjd + k)
        start = f"{date.year % 100:2d}{date.month:2d}{date.day:2d} {first_mjd + k:8.2f}"
        x, y, ut1, lod = 0.2 + 1e-3 * k, 0.4 - 2e-3 * k, 0.03 + 1e-4 * k, 0.5 + 0.01 * k
        values = f" {flag} {x:9.6f}{5e-5:9.6f} {y:9.6f}{5e-5:9.6f}  {flag}{ut1:10.7f}{1e-5:10.7f} {lod:7.4f}{1e-3:7.4f}"
        rows.append((start if blank else start + values).ljust(187))
    return "\n".join(rows) + "\n"
