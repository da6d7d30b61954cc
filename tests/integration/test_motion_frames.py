"""Frames of ties on small files: the command, the versions it writes, and the guard of comparisons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from commands import fiducial
from egms_factory import ASCENDING, DESCENDING, level2, level3
from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import FOLDER, CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.runs.frame_switch import comparable, line_of_sight_samples, switch_calibration
from fiducial.runs.ingest import import_egms
from fiducial.runs.sources import Source, open_source

POINTS, EPOCHS = 40, 30
STATION = {"name": "USTI", "before_mm_per_yr": 0.4, "after_mm_per_yr": 0.1, "sigma_mm_per_yr": 0.5, "used": True}


def product(folder, level="L2b", angles_deg=ASCENDING, track=117, **more):
    made = level2(level, points=POINTS, epochs=EPOCHS, track=track, burst=227, angles_deg=angles_deg, **more)
    return import_egms(made.write_zip(folder), folder / "products")


def calibrate(path, frame="ETRF2000", version="plane-0123abcd", **station):
    """Put a calibration beside a product, as `motion calibrate` does."""
    columns = PointProduct.open(path).attributes(["easting", "northing"])
    basis = PolynomialBasis.full(columns["easting"], columns["northing"], 1)
    surface = CorrectionSurface(path.name, "EPSG:3035", basis, np.array([1.0, 0.2, -0.3]), 0.04 * np.eye(3))
    document = {"recipe": "plane", "frame": frame, "gnss_source": "stations.csv", "notes": ["a note"],
                "provenance_id": "of the calibration", "track": {"stations": [STATION | station]}}  # fmt: skip
    calibration_file.write(path, CalibrationFile(version, frame, surface, document))
    return path


def velocities(path, version=None):
    return open_source(path, path.parent, calibration=version).attributes(["mean_velocity"])


def shift(path, source, target):
    columns = PointProduct.open(path).attributes()
    velocity = frame_velocity(source, target, columns["longitude"], columns["latitude"])
    return sum(columns[f"los_{axis}"] * velocity[:, k] for k, axis in enumerate(("east", "north", "up")))


def test_a_new_version_is_written_and_applied(tmp_path):
    path = calibrate(product(tmp_path))
    old = velocities(path)["mean_velocity"]
    done = fiducial("motion", "switch-frame", path, "--to", "IGS20", "--json")
    assert done.code == 0, done.err
    row = done.json[0]
    assert (row["version"], row["frame"], row["new"]) == ("plane-0123abcd-ITRF2020", "ITRF2020", True)
    assert row["switched_from"]["version"] == "plane-0123abcd"
    assert row["frame_switch"]["operations"] == ["EPSG:10586 inverted"]
    assert row["frame_switch"]["los_of_frame_velocity"]["rms_mm_per_yr"] < 0.005
    assert calibration_file.versions(path) == ["plane-0123abcd", "plane-0123abcd-ITRF2020"]
    new = velocities(path)["mean_velocity"]
    assert np.abs(new - old - shift(path, "ETRF2000", "ITRF2020")).max() < 0.005
    # The old version is untouched and still there by name.
    assert np.array_equal(velocities(path, "plane-0123abcd")["mean_velocity"], old)
    series = [
        open_source(path, tmp_path, calibration=name).block(0).displacement_mm for name in (None, "plane-0123abcd")
    ]
    years = (PointProduct.open(path).epochs - PointProduct.open(path).epochs[0]) / np.timedelta64(1, "D") / 365.0
    drift = (series[0] - series[1])[-1] / years[-1]
    assert np.abs(drift - shift(path, "ETRF2000", "ITRF2020")).max() < 0.005


def test_the_document_says_what_was_done(tmp_path):
    path = calibrate(product(tmp_path))
    made = switch_calibration(path, None, "plate:EURA@ITRF2020+ORB")
    assert made == path / FOLDER / "plane-0123abcd-plate-EURA-ITRF2020-ORB"
    stored = calibration_file.read(path, made.name)
    document = stored.document
    assert stored.frame == document["frame"] == "plate:EURA@ITRF2020+ORB"
    assert document["switched_from"] == {
        "version": "plane-0123abcd", "frame": "ETRF2000", "frame_as_stated": "ETRF2000",
        "provenance_id": "of the calibration",
    }  # fmt: skip
    assert document["frame_switch"]["origin_rate_bias"] == {"plate:EURA@ITRF2020+ORB": True}
    assert document["notes"][0] == "a note"
    assert document["notes"][1].startswith("switched from ETRF2000 to plate:EURA@ITRF2020+ORB by adding the LOS of")
    assert len(document["provenance_id"]) == 24
    assert (document["recipe"], document["gnss_source"]) == ("plane", "stations.csv")
    # A residual against velocities in the old frame is not one in the new frame; without position it is unknown.
    assert document["track"]["stations"] == [STATION | {"before_mm_per_yr": None}]


def test_residuals_of_placed_stations_change_with_the_frame(tmp_path):
    path = product(tmp_path)
    place = {name: float(PointProduct.open(path).attributes([name])[name][7]) for name in ("easting", "northing")}
    made = switch_calibration(calibrate(path, **place), None, "ITRF2020")
    station = calibration_file.read(path, made.name).document["track"]["stations"][0]
    expected = STATION["before_mm_per_yr"] - shift(path, "ETRF2000", "ITRF2020")[7]
    assert station["before_mm_per_yr"] == pytest.approx(expected, abs=0.005)
    assert station["after_mm_per_yr"] == STATION["after_mm_per_yr"]


def test_switching_twice_is_the_same_and_back_again_too(tmp_path):
    path = calibrate(product(tmp_path))
    old = velocities(path)["mean_velocity"]
    first = switch_calibration(path, "plane-0123abcd", "ITRF2020")
    before = {
        name: calibration_file.read(path, first.name).document[name] for name in ("provenance_id", "switched_from")
    }
    again = fiducial("motion", "switch-frame", path, "--to", "ITRF2020", "--version", "plane-0123abcd", "--json").json[
        0
    ]
    assert (again["new"], again["version"]) == (False, first.name)
    assert "was there already" in again["remarks"][0]
    assert {name: calibration_file.read(path, first.name).document[name] for name in before} == before
    # The newest is in ITRF2020 now: nothing to do.
    assert switch_calibration(path, None, "IGS20") == first
    switch_calibration(path, None, "ETRF2000")
    assert calibration_file.versions(path)[-1] == "plane-0123abcd-ITRF2020-ETRF2000"
    assert np.abs(velocities(path)["mean_velocity"] - old).max() < 1e-6


def test_a_version_of_another_origin_is_not_overwritten(tmp_path):
    path = calibrate(product(tmp_path))
    calibrate(path, "ITRF2020", "plane-0123abcd-ITRF2020")
    with pytest.raises(InputError, match="FID-1002"):
        switch_calibration(path, "plane-0123abcd", "ITRF2020")


def test_products_tied_as_delivered(tmp_path):
    """EGMS Level 2b has no surface of ours: what is stored is the frame velocity alone, with unknown sigma."""
    path = product(tmp_path)
    old = velocities(path)["mean_velocity"]
    assert switch_calibration(path, None, "ETRF2000") == path
    same = fiducial("motion", "switch-frame", path, "--to", "ETRF2000")
    assert same.code == 0
    assert "as delivered" in same.out
    made = switch_calibration(path, "none", "ETRF2014")
    assert made.name == "delivered-ETRF2014"
    source = open_source(path, tmp_path)
    assert source.frame == "ETRF2014"
    assert np.abs(velocities(path)["mean_velocity"] - old - shift(path, "ETRF2000", "ETRF2014")).max() < 0.002
    assert np.isnan(source.block(0).attributes["calibration_sigma"]).all()


def test_tables_for_people(tmp_path):
    paths = [calibrate(product(tmp_path, angles_deg=a, track=t)) for a, t in ((ASCENDING, 117), (DESCENDING, 22))]
    (paths[0] / "vel.calibrated.tif").touch()
    done = fiducial("motion", "switch-frame", *paths, "--to", "ETRF2014")
    assert done.code == 0, done.err
    for word in ("EGMS_L2b_117", "EGMS_L2b_022", "ETRF2000", "ETRF2014", "misfit", "rasters beside it"):
        assert word in done.out.replace("\n", " ")


def test_refusals(tmp_path):
    def refused(code, exit_code, *arguments):
        done = fiducial("motion", "switch-frame", *arguments)
        assert done.code == exit_code
        assert done.err.startswith(f"{code}: ")
        assert "fix:" in done.err
        return done.err

    path = calibrate(product(tmp_path))
    versions = calibration_file.versions(path)
    refused("FID-1004", 2, path, "--to", "ETRF2001")
    assert "plate:EURA@ITRF2014 or plate:EURA@ITRF2020" in refused("FID-1102", 2, path, "--to", "plate:EURA")
    refused("FID-1030", 2, path, "--to", "ITRF2020", "--version", "other")
    refused("FID-1031", 2, path, path, "--to", "ITRF2020")
    refused("FID-2100", 3, tmp_path, "--to", "ITRF2020")
    relative = import_egms(level2("L2a", points=POINTS, epochs=EPOCHS).write_zip(tmp_path), tmp_path / "products")
    refused("FID-1033", 2, relative, "--to", "ITRF2020")
    tile = import_egms(level3("U", epochs=EPOCHS).write_zip(tmp_path), tmp_path / "products")
    refused("FID-1032", 2, tile, "--to", "ITRF2020")
    assert calibration_file.versions(path) == versions
    assert not (tile / FOLDER).exists()


def test_an_unnamed_plate_model_is_refused_as_a_source_too(tmp_path):
    path = calibrate(product(tmp_path), "plate:EURA")
    with pytest.raises(InputError, match="FID-1102"):
        switch_calibration(path, None, "ETRF2000")


def test_large_products_are_thinned_evenly(tmp_path, monkeypatch):
    """Every fourth point, whatever the row groups: 18 and 22 points read one after the other, or 40 at once."""
    opened = PointProduct.open(product(tmp_path))
    whole = opened.attributes()
    monkeypatch.setattr("fiducial.runs.frame_switch._SAMPLES", 10)
    at_once = line_of_sight_samples(opened)
    assert np.array_equal(at_once.easting, whole["easting"][::4])
    assert np.array_equal(at_once.line_of_sight[:, 2], whole["los_up"][::4])
    bounds = ((0, 18), (18, 40))
    monkeypatch.setattr(PointProduct, "row_groups", 2)
    monkeypatch.setattr(PointProduct, "bounds", lambda _, group: bounds[group])
    monkeypatch.setattr(
        PointProduct,
        "attributes",
        lambda _, names, groups: {name: whole[name][slice(*bounds[groups[0]])] for name in names},
    )
    assert np.array_equal(line_of_sight_samples(opened).easting, at_once.easting)


def test_comparison_refuses_or_converts(tmp_path):
    first = open_source(calibrate(product(tmp_path), "ITRF2020"), tmp_path)
    second = open_source(calibrate(product(tmp_path, track=44)), tmp_path)
    assert comparable(first, replace(first)) == first
    with pytest.raises(InputError, match="FID-1100") as caught:
        comparable(first, second)
    for word in ("ITRF2020", "ETRF2000", f"switch-frame {second.product.path} --to ITRF2020"):
        assert word in str(caught.value)
    converted = comparable(first, second, convert=True)
    assert converted.frame == "ITRF2020"
    gained = (
        converted.attributes(["mean_velocity"])["mean_velocity"] - second.attributes(["mean_velocity"])["mean_velocity"]
    )
    assert np.abs(gained - shift(second.product.path, "ETRF2000", "ITRF2020")).max() < 0.005
    assert calibration_file.versions(second.product.path) == ["plane-0123abcd"]


def test_comparison_knows_aliases_plates_and_ties_as_delivered(tmp_path):
    delivered = open_source(product(tmp_path), tmp_path)
    ours = open_source(calibrate(product(tmp_path, track=44), "IGb14"), tmp_path)
    same = open_source(calibrate(product(tmp_path, track=51), "ITRF2014"), tmp_path)
    assert comparable(ours, same) is same
    with pytest.raises(InputError, match=r"FID-1100.*ETRF2000"):
        comparable(ours, delivered)
    assert comparable(ours, delivered, convert=True).frame == "ITRF2014"
    pure, biased = (
        Source(ours.product, replace(ours.calibration, frame=f"plate:EURA@ITRF2020{end}")) for end in ("", "+ORB")
    )
    with pytest.raises(InputError, match=r"FID-1100.*ORB"):
        comparable(pure, biased)
    unnamed = Source(ours.product, replace(ours.calibration, frame="plate:EURA"))
    assert comparable(unnamed, unnamed) is unnamed
    with pytest.raises(InputError, match="FID-1102"):
        comparable(unnamed, pure, convert=True)


def test_comparison_with_something_relative_is_refused(tmp_path):
    made = level2("L2a", points=POINTS, epochs=EPOCHS).write_zip(tmp_path)
    relative = open_source(import_egms(made, tmp_path / "products"), tmp_path)
    tied = open_source(product(tmp_path), tmp_path)
    for pair in ((relative, tied), (tied, relative)):
        with pytest.raises(InputError, match="FID-1033"):
            comparable(*pair, convert=True)
