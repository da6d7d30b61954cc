"""A simulated world: read by the readers, found again by the commands, the same bytes whatever happens on the way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import clk, egms, erp, sinex, sinex_summary, sp3, station_steps, tenv, tms, velocity_tables
from fiducial.geodesy.frames import same_frame
from fiducial.geodesy.plate_pole import estimate_rotations
from fiducial.orbits.orbit import Orbit
from fiducial.runs.ingest import file_sha256
from fiducial.runs.sources import open_source
from fiducial.runs.world import simulate_world
from fiducial.runs.world_options import PARTS
from fiducial.runs.world_truth import load_truth
from small_world import ENOUGH, TINY


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return simulate_world(ENOUGH, tmp_path_factory.mktemp("simulated") / "world")


@pytest.fixture(scope="module")
def arrays(world):
    with np.load(world.folder / "truth.npz") as found:
        return dict(found)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The reference of all comparisons of bytes, written by one process."""
    return simulate_world(TINY, tmp_path_factory.mktemp("tiny") / "world", jobs=1)


def options_of(options):
    return [word for name, value in options.to_dict().items() for word in (f"--{name.replace('_', '-')}", value)]


READERS = {
    "orbit": sp3.read, "true orbit": sp3.read, "clock": clk.read, "earth rotation": erp.read, "station solution": sinex.read,
    "reference frame": sinex.read, "frame summary": sinex_summary.read, "steps": station_steps.read,
    "series": lambda path: (tenv if path.suffix == ".tenv3" else tms).read(path, strictness="raise"),
    "velocities": lambda path: velocity_tables.read(path, frame=path.stem.split(".")[1]), "burst": egms.recognise,
    "truth": np.load,
}  # fmt: skip


def test_every_file_is_read_without_a_finding_and_is_in_the_manifest(world):
    manifest = json.loads((world.folder / "world.json").read_text())
    assert manifest == world.to_dict()
    there = {path.relative_to(world.folder).as_posix() for path in world.folder.rglob("*") if path.is_file()}
    assert there == {one["path"] for one in manifest["files"]} | {"world.json", "truth.json"}
    for one in manifest["files"]:
        found = READERS[one["kind"]](world.folder / one["path"])
        assert not getattr(found, "findings", ()), one["path"]
        if getattr(found, "frame", None):
            assert same_frame(found.frame, one["frame"])
    assert sum(one["bytes"] for one in manifest["files"]) < 30e6


def test_combined_orbits_are_the_true_ones_to_millimetres(world, arrays, tmp_path):
    for index, day in enumerate(sorted((world.folder / "orbits").iterdir())):
        done = fiducial("orbits", "combine", day, "--out", tmp_path / day.name, "--no-page", "--json")
        assert done.code == 0, done.err
        satellites = tuple(arrays["satellite"].tolist())
        files = {path.suffix: path for path in (tmp_path / day.name).iterdir()}
        combined = sp3.read(files[".SP3"]).orbit
        true = Orbit(
            combined.epochs_gps, satellites, arrays["orbit_position_m"][index, ::3], arrays["clock_s"][index, ::3]
        )
        found = _rms_mm(combined, true)
        single = [_rms_mm(sp3.read(path).orbit, true) for path in sorted(day.glob("*SP3.gz"))]
        assert found < 6.0
        assert found < 0.8 * min(single)
        assert "rotation" in done.out
        bad = arrays["centre_bad_satellite"][1]
        assert bad in done.out
        assert any(bad in text for text in _sentences(json.loads(done.out)))
        clocks = clk.read(files[".CLK"]).clocks
        # The datum of an epoch and of a constellation is free; what is left is the clock.
        rest = clocks.bias_s - arrays["clock_s"][index]
        rest = np.concatenate([part - part.mean(axis=1, keepdims=True) for part in np.split(rest, [8], axis=1)], axis=1)
        assert np.std(rest - rest.mean(axis=0)) < 3e-11


def _rms_mm(orbit, true):
    return 1e3 * np.sqrt(np.nanmedian((orbit.position_m - true.position_m) ** 2, axis=(0, 2)).mean()) / 0.6745


def _sentences(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from _sentences(one)
    elif isinstance(value, list):
        for one in value:
            yield from _sentences(one)
    elif isinstance(value, str):
        yield value


def test_stations_and_orbits_of_a_centre_tell_one_rotation(world, arrays, tmp_path):
    day = min((world.folder / "sinex").iterdir())
    reference = world.paths("reference frame")[0]
    done = fiducial("frame", "combine", *sorted(day.iterdir()), "--reference", reference, "--out", tmp_path, "--json")
    assert done.code == 0, done.err
    mas = np.rad2deg(arrays["centre_rotation_rad"][:, 0]) * 3.6e6
    found = np.array([
        [one["helmert"][f"rotation_{axis}_mas"] for axis in "xyz"]
        for one in sorted(done.json["centres"], key=lambda one: one["centre"])
    ])  # fmt: skip
    assert np.sqrt(np.mean((found - mas) ** 2)) < 0.025
    assert np.sqrt(np.mean(mas**2)) > 0.04
    compared = fiducial("frame", "iterate", world.folder / "orbits" / day.name, "--json")
    assert compared.code == 0, compared.err
    assert min(compared.json["correlation"].values()) > 0.9


def test_days_are_stacked_to_true_positions(world, arrays, tmp_path):
    reference = world.paths("reference frame")[0]
    done = fiducial(
        "frame", "stack", *world.paths("station solution"), "--reference", reference, "--out", tmp_path, "--json"
    )
    assert done.code == 0, done.err
    path = next(path for path in tmp_path.iterdir() if path.name.endswith("SOL.SNX"))
    found = sinex.read(path).solution.positions()
    rows = [arrays["station"].tolist().index(code) for code in found.codes.tolist()]
    # Positions hold at the reference epoch; a plate moves by decimetres in a decade, not by millimetres.
    years = (found.epochs_utc - np.datetime64("2020-01-01")) / np.timedelta64(1, "D") / 365.25
    speed = np.linalg.norm(arrays["station_velocity_enu_mm_per_yr"][rows], axis=1)
    apart = 1e3 * np.linalg.norm(found.xyz - arrays["station_position_m"][rows], axis=1)
    step = np.linalg.norm(arrays["station_earthquake_enu_mm"][rows], axis=1)
    assert (np.abs(apart - speed * years) < 15.0 + step).all()


def test_velocities_steps_and_pole_are_found_in_the_stations(world, arrays, tmp_path):
    truth = load_truth(world.folder)
    step = np.linalg.norm(arrays["station_earthquake_enu_mm"], axis=1)
    names = arrays["station"].tolist()
    shaken = int(np.argmax(step))
    plate = np.flatnonzero(arrays["station_kind"] == "plate")[:2].tolist()
    chosen = sorted({0, 1, shaken, *plate})
    files = [next((world.folder / "stations").glob(f"{names[row]}.*")) for row in chosen]
    steps = world.paths("steps")[0]
    done = fiducial("stations", "velocity", *files, "--steps", steps, "--method", "trajectory", "--json")
    assert done.code == 0, done.err
    for row, one in zip(chosen, done.json["stations"], strict=True):
        found = one["trajectory"]
        pull = (found["velocity_mm_per_yr"] - arrays["station_velocity_enu_mm_per_yr"][row]) / found["sigma_mm_per_yr"]
        assert (np.abs(pull) < 4.0).all(), one["station"]
        if row == shaken:
            term = next(term for term in found["parameters"] if term["name"] == f"step {truth.earthquake.date}")
            pull = (term["estimate_mm"] - arrays["station_earthquake_enu_mm"][row]) / term["sigma_mm"]
            assert (np.abs(pull) < 4.0).all()
            assert np.linalg.norm(term["estimate_mm"]) > 5.0 * np.linalg.norm(term["sigma_mm"]) / np.sqrt(3.0)
    table = velocity_tables.read(world.folder / "stations" / "velocities.IGS20.csv", frame="IGS20")
    rows = [k for k, name in enumerate(table.names.tolist()) if name.startswith("P")]
    place = [names.index(name) for name in table.names[rows].tolist()]
    fit = estimate_rotations(
        arrays["station_position_m"][place], table.longitude_deg[rows], table.latitude_deg[rows],
        table.velocity_enu_mm_per_yr[rows, :2],
        sigma_en_mm_per_yr=np.sqrt(np.diagonal(table.covariance_enu, axis1=1, axis2=2))[rows, :2],
    )  # fmt: skip
    error = fit.plates[0].rotation_mas_per_yr - np.array(truth.rotation_mas_per_yr)
    assert (np.abs(error) < 3.5 * np.sqrt(np.diag(fit.plates[0].covariance))).all()
    model = fiducial("stations", "model", world.folder / "stations" / "velocities.IGS20.csv", "--frame", "IGS20",
                     "--out", tmp_path / "model.fvm", "--json")  # fmt: skip
    assert model.code == 0, model.err


def test_calibrated_bursts_are_nearer_to_the_truth(world, tmp_path):
    truth = load_truth(world.folder)
    done = fiducial("motion", "calibrate", *world.paths("burst"), "--gnss", world.folder / "stations/velocities.ETRF2000.csv",
                    "--gnss-frame", "ETRF2000", "--out", tmp_path / "calibrated", "--json")  # fmt: skip
    assert done.code == 0, done.err
    products = sorted(path for path in (tmp_path / "calibrated").iterdir() if path.name.startswith("EGMS"))
    assert len(products) == ENOUGH.bursts
    for path in products:
        source = open_source(path, tmp_path)
        before, after = _error(truth, replace(source, calibration=None)), _error(truth, source)
        assert after < 0.6 * before
        assert after < 1.0
    tiles = fiducial("motion", "ortho", *products, "--out", tmp_path / "ortho", "--json")
    assert tiles.code == 0, tiles.err


def _error(truth, source):
    """RMS of velocities minus truth away from the earthquake, mm/yr."""
    sight = ("los_east", "los_north", "los_up")
    found = source.attributes(["easting", "northing", "mean_velocity", *sight])
    east, north = found["easting"], found["northing"]
    rate = sum(
        found[name] * true for name, true in zip(sight, truth.velocity_enu_mm_per_yr(east, north).T, strict=True)
    )
    far = np.hypot(east - truth.earthquake.easting_m, north - truth.earthquake.northing_m) > 25e3
    return np.sqrt(np.nanmean((found["mean_velocity"] - rate)[far] ** 2))


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tiny, tmp_path):
    other = simulate_world(replace(TINY, seed=4), tmp_path / "other", jobs=1)
    assert {one.path for one in other.files} == {one.path for one in tiny.files}
    assert [path for path, digest in other.digests.items() if digest == tiny.digests[path]] == []


def test_a_part_of_a_world_is_the_same_world_and_the_rest_may_follow(tiny, tmp_path):
    folder = tmp_path / "world"
    done = fiducial("simulate", folder, "--jobs", 1, "--only", "insar", "--json", *options_of(TINY))
    assert done.code == 0, done.err
    found = {one["path"]: one["sha256"] for one in done.json["files"]}
    assert found == {path: tiny.digests[path] for path in found}
    assert {one["kind"] for one in done.json["files"]} == {"burst", "velocities", "truth"}
    assert {path.name for path in folder.iterdir()} == {"insar", "stations", "truth.json", "truth.npz", "world.json"}
    both = fiducial("simulate", folder, "--jobs", 1, "--only", "stations", *options_of(TINY))
    assert "fiducial motion import" in both.out
    assert "fiducial stations velocity" in both.out
    assert "fiducial orbits combine" not in both.out
    whole = simulate_world(TINY, folder, jobs=1)
    assert whole.digests == tiny.digests
    assert whole.written == sum(one.kind in PARTS["centres"] and one.kind != "truth" for one in whole.files)


def test_a_killed_simulation_goes_on_and_ends_with_the_same_bytes(tiny, tmp_path):
    words = ["simulate", str(tmp_path / "world"), "--jobs", "2", *map(str, options_of(TINY))]
    code = f"import sys; from fiducial.cli.main import main; sys.argv = {['fiducial', *words]!r}; main()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60.0
    while _finished(tmp_path / "world") < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    resumed = simulate_world(TINY, tmp_path / "world", jobs=1)
    assert resumed.written < len(resumed.files)
    assert resumed.digests == tiny.digests
    assert (tmp_path / "world" / "world.json").read_bytes() == (tiny.folder / "world.json").read_bytes()


def _finished(folder: Path) -> int:
    return sum(path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
               for path in folder.rglob("*")) if folder.exists() else 0  # fmt: skip


def test_the_command_makes_only_what_is_missing_or_damaged_and_says_what_to_do_next(tiny):
    tiny.paths("orbit")[0].write_bytes(b"damaged")
    tiny.paths("steps")[0].unlink()
    done = fiducial("simulate", tiny.folder, "--jobs", 1, *options_of(TINY))
    assert done.code == 0, done.err
    assert f"2 written, {len(tiny.files) - 2} were there" in done.out
    assert "fiducial orbits combine" in done.out
    assert all(file_sha256(tiny.folder / path) == digest for path, digest in tiny.digests.items())
    assert "Example: fiducial simulate" in fiducial("simulate", "--help").out.replace("\n", " ")
    refused = fiducial("simulate", tiny.folder, "--bursts", 1)
    assert (refused.code, refused.err.split(":")[0]) == (2, "FID-1430")
