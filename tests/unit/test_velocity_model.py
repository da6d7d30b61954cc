"""The velocity model: merging, covariances, prediction in frames, its file, and what it refuses."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import FormatError, InputError, NumericsError
from fiducial.formats import velocity_model_file
from fiducial.geodesy.covariance_functions import great_circle_km, unit_vectors
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.geodesy.station_screening import screen_outliers
from fiducial.stations import velocity_local
from fiducial.stations.velocity_covariance import ComponentCovariance, fit_covariance
from fiducial.stations.velocity_model import ModelSource, fit_model, in_frame, model_of_sites, working_frame
from fiducial.stations.velocity_sites import merge_to_sites
from velocity_networks import FRAME, network

SIMULATED = ComponentCovariance(0.8, 300.0, 0.02, 1.0, 0)
"""What `velocity_networks.network` simulates."""


@pytest.fixture(scope="module")
def world():
    stations, truth = network(150, extra=150)
    return stations, truth, fit_model(stations, sources=(ModelSource("a.csv", "0" * 64, stations.size),))


def test_field_is_recovered_with_honest_sigmas(world) -> None:
    _, truth, model = world
    found = model.predict(truth.longitude_deg, truth.latitude_deg)
    error = found.velocity_enu_mm_per_yr - truth.velocity_enu_mm_per_yr
    assert np.sqrt(np.mean(error**2)) < 0.45  # the field varies by 0.8 mm/yr; half a correlation length remains unseen
    assert 0.8 < np.sqrt(np.mean((error / found.sigma_enu_mm_per_yr) ** 2)) < 1.2
    assert found.frame == FRAME


def test_parameters_hold_each_error_once(world) -> None:
    """Published sigmas are right and there is no nugget in this world: their sum is what the fit must find."""
    stations, _, model = world
    for component, fitted in enumerate(model.covariances):
        variance = stations.covariance_enu[:, component, component]
        assert np.sqrt(np.median(fitted.noise_variance(variance))) == pytest.approx(
            np.sqrt(np.median(variance)), rel=0.5
        )
        assert fitted.sites == model.sites.size


def test_prediction_of_few_sites_is_dense_kriging() -> None:
    """With all sites in every neighbourhood the blend is ordinary kriging of the whole network."""
    stations, truth = network(60, extra=5)
    model = model_of_sites(stations, fixed=(SIMULATED,) * 3)
    field = model.fields()[2]
    points = unit_vectors(truth.longitude_deg, truth.latitude_deg)
    value, variance, weights = field.predict(points, with_weights=True)
    sigma = field.signal_sigma_at(points)
    length = field.covariance.length_km
    # Chord instead of arc: 0.02 % at 400 km.
    system = np.exp(-great_circle_km(field.vectors, field.vectors) / length) * np.outer(
        field.signal_sigma, field.signal_sigma
    )
    system += np.diag(field.noise_variance)
    cross = np.exp(-great_circle_km(field.vectors, points) / length) * np.outer(field.signal_sigma, sigma)
    bordered = np.block([[system, np.ones((60, 1))], [np.ones((1, 60)), np.zeros((1, 1))]])
    solved = np.linalg.solve(bordered, np.vstack([cross, np.ones((1, 5))]))
    np.testing.assert_allclose(value, solved[:60].T @ field.values, atol=2e-3)
    np.testing.assert_allclose(
        variance, sigma**2 - np.sum(np.vstack([cross, np.ones((1, 5))]) * solved, axis=0), atol=2e-3
    )
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(weights @ field.values, value, atol=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_covariance_between_points(correlation: float) -> None:
    stations, truth = network(90, correlation=correlation, extra=20)
    model = model_of_sites(stations, fixed=(SIMULATED,) * 3)
    found = model.predict(truth.longitude_deg, truth.latitude_deg, between_points=True)
    joint = found.between.reshape(60, 60)
    np.testing.assert_allclose(joint, joint.T, atol=1e-12)
    assert np.linalg.eigvalsh(joint)[0] > 0.0
    np.testing.assert_array_equal(found.between[range(20), :, range(20)], found.covariance_enu)
    alone = model.predict(truth.longitude_deg, truth.latitude_deg)
    # Apart from the bound on the variance both are the same.
    np.testing.assert_allclose(alone.velocity_enu_mm_per_yr, found.velocity_enu_mm_per_yr, atol=1e-9)
    np.testing.assert_allclose(alone.covariance_enu[:, 0, 1], found.covariance_enu[:, 0, 1], atol=1e-9)
    ratio = alone.sigma_enu_mm_per_yr / found.sigma_enu_mm_per_yr
    assert ratio.min() >= 1.0 - 1e-9
    assert ratio.max() < 1.05
    assert (np.abs(found.covariance_enu[:, 0, 1]).max() > 1e-4) == (correlation > 0)


def test_covariance_between_too_many_points(world) -> None:
    with pytest.raises(NumericsError, match="FID-3145"):
        world[2].predict(np.zeros(2001), np.full(2001, 45.0), between_points=True)


def test_covariance_that_is_none(world) -> None:
    field = world[2].fields()[0]
    broken = replace(field, noise_variance=-10.0 * np.ones_like(field.noise_variance))
    with pytest.raises(NumericsError, match="FID-3146"):
        broken.predict(unit_vectors([10.0], [48.0]))


def test_plate_is_removed_and_restored(world) -> None:
    """Stations in ITRF2014 give what stations in the frame of the plate give, but for rounding in the likelihood."""
    stations, truth, model = world
    moving = fit_model(in_frame(stations, "ITRF2014"))
    assert moving.working_frame == FRAME
    assert moving.frame == "ITRF2014"
    place = truth.longitude_deg[:30], truth.latitude_deg[:30]
    fixed = model.predict(*place)
    np.testing.assert_allclose(
        moving.predict(*place, frame=FRAME).velocity_enu_mm_per_yr, fixed.velocity_enu_mm_per_yr, atol=1e-4
    )
    expected = fixed.velocity_enu_mm_per_yr + frame_velocity(FRAME, "ITRF2014", *place)
    np.testing.assert_allclose(moving.predict(*place).velocity_enu_mm_per_yr, expected, atol=1e-4)
    assert np.linalg.norm(expected[:, :2], axis=1).min() > 15.0
    etrf = fixed.velocity_enu_mm_per_yr + frame_velocity(FRAME, "ETRF2000", *place)
    np.testing.assert_allclose(moving.predict(*place, frame="ETRF2000").velocity_enu_mm_per_yr, etrf, atol=1e-4)


def test_origin_rate_bias_is_part_of_the_name() -> None:
    assert working_frame("ITRF2020", origin_rate_bias=True) == "plate:EURA@ITRF2020+ORB"
    assert working_frame("IGS20") == "plate:EURA@ITRF2020"
    assert working_frame("ITRF2008", "NUBI") == "plate:NUBI@ITRF2014"
    assert working_frame("ETRF2000") == "ETRF2000"


def test_frame_that_cannot_be_reached(world) -> None:
    unnamed = replace(world[2], frame="plate:EURA", working_frame="plate:EURA")
    assert unnamed.predict([10.0], [50.0]).frame == "plate:EURA"
    with pytest.raises(InputError, match="FID-1102"):
        unnamed.predict([10.0], [50.0], frame="ITRF2014")


def test_stations_at_one_place_become_a_site() -> None:
    """Two that agree are averaged; the odd one of three is left out; two that disagree are averaged and said so."""
    stations, _ = network(40)
    velocity, longitude, latitude = (
        stations.velocity_enu_mm_per_yr.copy(), stations.longitude_deg.copy(), stations.latitude_deg.copy(),
    )  # fmt: skip
    for follower, leader in ((1, 0), (3, 2), (4, 2), (6, 5)):
        longitude[follower], latitude[follower] = longitude[leader] + 3e-4, latitude[leader]
        velocity[follower] = velocity[leader] + 0.01
    velocity[4, 0] += 30.0
    velocity[6, 2] += 20.0
    moved = replace(stations, velocity_enu_mm_per_yr=velocity, longitude_deg=longitude, latitude_deg=latitude)
    sites, merged, rejected = merge_to_sites(moved)
    assert sites.size == 36
    assert [(one.members, one.left_out, one.agree) for one in merged] == [
        (("S000", "S001"), (), True), (("S002", "S003"), ("S004",), False), (("S005", "S006"), (), False),
    ]  # fmt: skip
    assert merged[1].probability < 1e-6
    assert any(one.name == "S004" and "contradicts" in one.reason for one in rejected)
    joined = list(sites.names).index("S000")
    inverse = [1.0 / np.diag(stations.covariance_enu[i]) for i in (0, 1)]
    mean = (inverse[0] * velocity[0] + inverse[1] * velocity[1]) / (inverse[0] + inverse[1])
    np.testing.assert_allclose(sites.velocity_enu_mm_per_yr[joined], mean, atol=1e-12)
    odd = list(sites.names).index("S005")
    assert sites.covariance_enu[odd, 2, 2] > 10.0  # enlarged by what the two contradict each other


def test_a_wrong_station_loses_its_weight(world) -> None:
    stations, _, model = world
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[7] += 15.0
    wrong = model_of_sites(replace(stations, velocity_enu_mm_per_yr=velocity), fixed=model.covariances)
    place = stations.longitude_deg[7:8], stations.latitude_deg[7:8]
    change = wrong.predict(*place).velocity_enu_mm_per_yr - model.predict(*place).velocity_enu_mm_per_yr
    assert np.abs(change).max() < 0.25 * 15.0  # bounded, at the very place; screening comes before and takes it away
    assert max(weights.inflation[7] for weights in wrong.weights) > 20.0
    assert any(one.name == "S007" and "differs" in one.reason for one in screen_outliers(wrong.sites)[1])


def test_amplitude_follows_the_field() -> None:
    """Where the field is five times as lively, so is the local sigma."""
    stations, _ = network(300)
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[stations.longitude_deg > 10.0] *= 5.0
    vectors = unit_vectors(stations.longitude_deg, stations.latitude_deg)
    _, weights = fit_covariance(vectors, velocity[:, 0], stations.covariance_enu[:, 0, 0])
    west, east = weights.amplitude[stations.longitude_deg < 7.0], weights.amplitude[stations.longitude_deg > 13.0]
    assert 2.5 < np.median(east) / np.median(west) < 10.0


def test_field_is_continuous(world) -> None:
    """Neighbourhoods are blended: over 20 m no prediction moves by more than the field's own gradient allows."""
    longitude = np.linspace(5.0, 5.5, 2001)
    found = world[2].predict(longitude, np.full(2001, 48.0))
    assert np.abs(np.diff(found.velocity_enu_mm_per_yr, axis=0)).max() < 0.01
    assert np.abs(np.diff(found.sigma_enu_mm_per_yr, axis=0)).max() < 0.01


def test_order_and_chunks_do_not_matter(world, monkeypatch) -> None:
    _, truth, model = world
    whole = model.predict(truth.longitude_deg, truth.latitude_deg)
    monkeypatch.setattr("fiducial.stations.velocity_model._CHUNK", 40)
    reverse = model.predict(truth.longitude_deg[::-1], truth.latitude_deg[::-1])
    np.testing.assert_allclose(reverse.velocity_enu_mm_per_yr[::-1], whole.velocity_enu_mm_per_yr, atol=1e-9)
    np.testing.assert_allclose(reverse.covariance_enu[::-1], whole.covariance_enu, atol=1e-9)


def test_up_that_few_sites_know_is_unknown() -> None:
    stations, _ = network(60)
    velocity, covariance = stations.velocity_enu_mm_per_yr.copy(), stations.covariance_enu.copy()
    velocity[20:, 2] = np.nan
    covariance[20:, 2, :] = covariance[20:, :, 2] = np.nan
    model = fit_model(replace(stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance))
    found = model.predict([10.0, 11.0], [48.0, 49.0], between_points=True)
    assert np.isfinite(found.velocity_enu_mm_per_yr[:, :2]).all()
    assert np.isnan(found.velocity_enu_mm_per_yr[:, 2]).all()
    assert np.isnan(found.sigma_enu_mm_per_yr[:, 2]).all()
    again = velocity_model_file.read(velocity_model_file.to_bytes(model))
    assert again.covariances[2] is None


def test_too_few_sites() -> None:
    with pytest.raises(InputError, match="FID-1342"):
        fit_model(network(20)[0])


@pytest.mark.parametrize("place", [([5.0], [91.0]), ([np.nan], [50.0]), ([400.0], [50.0])])
def test_impossible_position(world, place) -> None:
    with pytest.raises(InputError, match="FID-1344"):
        world[2].predict(*place)


def test_fixed_parameters_are_kept(world) -> None:
    stations, _, model = world
    again = model_of_sites(stations, fixed=(SIMULATED,) * 3)
    for one in again.covariances:
        assert one.logarithms() == pytest.approx(SIMULATED.logarithms(), abs=1e-12)
    assert model.covariances[0] != again.covariances[0]


def test_neighbourhood_of_one_site_more_than_three() -> None:
    """The least network there can be in one component still predicts."""
    stations, _ = network(31)
    assert np.isfinite(model_of_sites(stations, fixed=(SIMULATED,) * 3).predict([3.0], [50.0]).covariance_enu).all()
    assert velocity_local.NEIGHBOURS == 150


# -- the file ---------------------------------------------------------------------------------------------------------


def test_file_round_trip_is_exact(world, tmp_path) -> None:
    _, truth, model = world
    model = replace(model, epoch_span=(1996.5, 2021.25))
    path = tmp_path / "europe.fvm"
    velocity_model_file.write(model, path)
    again = velocity_model_file.read(path)
    for name in ("frame", "working_frame", "epoch_span", "covariances", "merged", "rejected", "sources"):
        assert getattr(again, name) == getattr(model, name), name
    assert list(again.sites.names) == list(model.sites.names)
    first = model.predict(truth.longitude_deg, truth.latitude_deg)
    second = again.predict(truth.longitude_deg, truth.latitude_deg)
    np.testing.assert_array_equal(first.velocity_enu_mm_per_yr, second.velocity_enu_mm_per_yr)
    np.testing.assert_array_equal(first.covariance_enu, second.covariance_enu)
    assert velocity_model_file.to_bytes(again) == path.read_bytes()
    with pytest.raises(InputError, match="FID-1002"):
        velocity_model_file.write(model, path, overwrite=False)


def _changed(model, change) -> bytes:
    """Return the file of a model with its document changed."""
    given = zipfile.ZipFile(io.BytesIO(velocity_model_file.to_bytes(model)))
    document = json.loads(given.read("model.json"))
    change(document)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in given.namelist():
            archive.writestr(name, json.dumps(document) if name == "model.json" else given.read(name))
    return buffer.getvalue()


def test_damaged_file(world) -> None:
    whole = velocity_model_file.to_bytes(world[2])
    for data in (b"", b"PK\x03\x04", whole[: len(whole) // 2], b"lon lat\n1 2\n", _changed(world[2], lambda d: d.pop("frame")),
                 _changed(world[2], lambda d: d.update(kind="other"))):  # fmt: skip
        with pytest.raises(FormatError, match="FID-2460"):
            velocity_model_file.read(data)


def test_newer_layout(world) -> None:
    with pytest.raises(FormatError, match="FID-2461"):
        velocity_model_file.read(_changed(world[2], lambda document: document.update(layout=99)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["arrays"]["velocity_enu_mm_per_yr"].update(sha256="0" * 64),
        lambda d: d["arrays"]["velocity_enu_mm_per_yr"].update(shape=[3, -1]),
        lambda d: d["covariances"]["up"].update(length_km=-1.0),
        lambda d: d["covariances"]["up"].update(sigma_mm_per_yr=float("nan")),
        lambda d: d["site_names"].pop(),
    ],
)
def test_contradictory_file(world, change) -> None:
    with pytest.raises(FormatError, match=r"FID-246[02]"):
        velocity_model_file.read(_changed(world[2], change))


def test_swapped_arrays_contradict(world) -> None:
    def swap(document) -> None:
        document["arrays"]["weights_up"] = dict(document["arrays"]["weights_up"], shape=[2, world[2].sites.size])

    with pytest.raises(FormatError, match="FID-2462"):
        velocity_model_file.read(_changed(world[2], swap))
