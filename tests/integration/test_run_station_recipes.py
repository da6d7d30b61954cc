"""Recipes of stations on small simulated files: frame to velocities, and series to velocities."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from commands import fiducial
from fiducial.catalogue.store import Catalogue
from fiducial.geodesy.ellipsoid import geodetic_from_geocentric, local_from_geocentric
from fiducial.geodesy.frame_velocities import frame_velocity
from series_factory import linear, tenv, tenv3
from stack_factory import BENT, BROKEN, SHAKEN, StackWorld


def _run(path, catalogue):
    done = fiducial("run", path, "--catalogue", catalogue, "--json")
    assert done.code == 0, done.err
    return done.json


def _table(path):
    with path.open(newline="") as stream:
        return {row["station"]: row for row in csv.DictReader(line for line in stream if not line.startswith("#"))}


def test_days_become_a_frame_and_its_velocities(tmp_path):
    world = StackWorld(weeks=3, days=1, step_weeks=30)
    world.write_all(tmp_path)
    path = tmp_path / "chain.yaml"
    path.write_text("""\
kind: chain
frame:
  solutions: ["AAA*_SOL.SNX"]
  reference: REF.SNX
  discontinuities: SOLN.SNX
  post_seismic: PSD.SNX
  core: CORE.TXT
  stack_options: {group: day}
velocities: {table_frame: ETRF2000, model: false}
""")
    found = _run(path, tmp_path / "c.sqlite")
    assert [one["step"] for one in found["tasks"]] == [*["frame-combination"] * 3, "frame-stack", "frame-velocities"]
    rows = _table(tmp_path / "products" / "velocities" / "stations" / "stations.csv")
    longitude, latitude, _ = geodetic_from_geocentric(world.stations.xyz)
    truth = 1e3 * local_from_geocentric(world.stations.velocity, longitude, latitude)
    truth = truth + frame_velocity("IGS20", "ETRF2000", longitude, latitude)
    compared = 0
    for k, code in enumerate(world.stations.codes):
        if k in (BROKEN, BENT, SHAKEN):
            continue
        row = next(row for name, row in rows.items() if name.startswith(code))
        one = np.array([float(row[f"v{axis}_mm_yr"]) for axis in "enu"])
        sigma = np.array([float(row[f"s{axis}_mm_yr"]) for axis in "enu"])
        assert (np.abs(one - truth[k]) < 5.0 * sigma + 0.1).all(), (code, one, truth[k], sigma)
        compared += 1
    assert compared >= 8
    assert _run(path, tmp_path / "c.sqlite")["made"] == 0
    with Catalogue.open(str(tmp_path / "c.sqlite")) as catalogue:
        products = {one.name: one for one in catalogue.products(egv_product="SPTS")}
        combined = catalogue.products(egv_product="TRF")
    assert all(one.start <= one.end for one in products.values())
    assert combined[0].start < combined[0].end
    assert combined[0].start <= products["frame-velocities"].start < products["frame-velocities"].end
    days = sorted((one.name.split("_")[1][:7], f"{one.start:%Y%j}") for one in products.values() if "_" in one.name)
    assert len(days) == 3
    assert all(name == start for name, start in days)
    assert (products["frame-velocities"].frame, products["frame-velocities"].level) == ("ETRF2000", "Level 2")
    assert len(products) == 4
    assert len(combined) == 1


def test_series_become_velocities_of_placed_stations(tmp_path):
    values = linear(900, velocity=(0.02, 0.015, -0.001), noise_m=1e-3) + np.array([385, 3282129, 3624])
    (tmp_path / "SIMA.IGS14.tenv3").write_bytes(tenv3(values, "SIMA"))
    (tmp_path / "SIMB.IGS14.tenv").write_bytes(tenv(linear(900, noise_m=1e-3), "SIMB"))
    path = tmp_path / "velocities.yaml"
    text = 'kind: velocity_model\nvelocities:\n  series: ["SIM*"]\n  model: false\n  options: {method: midas}\n'
    path.write_text(text)
    done = fiducial("run", path, "--catalogue", tmp_path / "c.sqlite")
    assert done.err.splitlines()[-3].startswith("FID-1358"), done.err
    (tmp_path / "sites.csv").write_text("station,longitude,latitude,height\nSIMB,12.0,45.0,100.0\n")
    path.write_text(text + "  sites: sites.csv\n")
    _run(path, tmp_path / "c.sqlite")
    rows = _table(tmp_path / "products" / "velocities" / "stations" / "stations.csv")
    assert set(rows) == {"SIMA", "SIMB"}
    with Catalogue.open(str(tmp_path / "c.sqlite")) as catalogue:
        (product,) = catalogue.products(name="station-velocities")
    assert 2.0 * 365 < (product.end - product.start).days <= 900
    assert float(rows["SIMB"]["lon"]) == pytest.approx(12.0)
    assert float(rows["SIMA"]["lat"]) == pytest.approx(29.6573, abs=1e-3)
    assert [float(rows["SIMA"][f"v{axis}_mm_yr"]) for axis in "enu"] == pytest.approx([20.0, 15.0, -1.0], abs=0.5)
