from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.covariance_functions import (
    CovarianceBounds,
    factorise,
    fit_exponential,
    great_circle_km,
    unit_vectors,
)
from fiducial.geodesy.station_screening import (
    drop_unusable,
    merge_coincident,
    screen_outliers,
    stations_around,
)
from fiducial.geodesy.station_velocities import StationVelocities
from synthetic_network import network, trend_enu


def test_great_circle_of_a_degree_of_latitude():
    one, other = unit_vectors([12.0], [42.0]), unit_vectors([12.0], [43.0])
    assert great_circle_km(one, other)[0, 0] == pytest.approx(111.195, abs=0.001)
    assert great_circle_km(one, -one)[0, 0] == pytest.approx(np.pi * 6371.0088, abs=1e-6)


def _draw(seed, errors, *, sigma=0.8, length=120.0, nugget=0.3):
    count = len(errors)
    rng = np.random.default_rng(seed)
    vectors = unit_vectors(rng.uniform(0, 15, count), rng.uniform(40, 52, count))
    distance = great_circle_km(vectors, vectors)
    covariance = sigma**2 * np.exp(-distance / length) + np.diag(np.full(count, nugget**2) + errors**2)
    return distance, np.linalg.cholesky(covariance) @ rng.standard_normal(count)


BOUNDS = CovarianceBounds((0.05, 10), (5, 2000), (0.01, 5), 1.0, 100.0, 0.3, 1.5)


def test_restricted_likelihood_finds_the_parameters_and_separates_nugget_from_sigma():
    found = []
    for seed in range(6):
        errors = np.random.default_rng(100 + seed).uniform(0.2, 0.6, 160)
        distance, values = _draw(seed, errors)
        model = fit_exponential(values, np.ones((160, 1)), distance, errors**2, BOUNDS)
        found.append([model.sigma, np.log(model.length_km), model.nugget])
    sigma, length, nugget = np.mean(found, axis=0)
    assert abs(sigma - 0.8) < 0.2
    assert abs(length - np.log(120.0)) < 0.5
    assert abs(nugget - 0.3) < 0.1


def test_gradient_of_the_restricted_likelihood():
    from scipy.optimize import check_grad

    from fiducial.geodesy.covariance_functions import _restricted_deviance

    errors = np.full(40, 0.3)
    distance, values = _draw(0, errors)
    arguments = (values, np.ones((40, 1)), distance, np.diag(errors**2))
    for theta in ([0.0, 4.0, -1.0], [-0.5, 6.0, 0.0]):
        error = check_grad(
            lambda t: _restricted_deviance(t, *arguments)[0],
            lambda t: _restricted_deviance(t, *arguments)[1],
            np.array(theta),
        )
        assert error < 1e-4


def test_not_positive_definite():
    with pytest.raises(NumericsError, match="FID-3010"):
        factorise(np.array([[1.0, 2.0], [2.0, 1.0]]), "test")
    with pytest.raises(NumericsError, match="FID-3010"):
        fit_exponential(np.array([np.nan]), np.ones((1, 1)), np.zeros((1, 1)), np.ones(1), BOUNDS)


def test_impossible_correlations_are_refused():
    stations, _ = network(0, 20)
    covariance = stations.covariance_enu.copy()
    covariance[:, 0, 1] = covariance[:, 1, 0] = 50.0
    with pytest.raises(NumericsError, match="FID-3010"):
        VelocityField.fit(replace(stations, covariance_enu=covariance), screen=False)


def test_prediction_equals_the_textbook_formula():
    """Universal kriging written out densely for up, with the fitted parameters (Cressie 1993, 3.4.2)."""
    stations, _ = network(1, 40)
    field = VelocityField.fit(stations, trend="constant", screen=False)
    model = field.models[2].covariance
    here, there = unit_vectors(stations.longitude_deg, stations.latitude_deg), unit_vectors([12.3], [43.1])
    noise = stations.covariance_enu[:, 2, 2] + model.nugget**2
    inverse = np.linalg.inv(model.signal(great_circle_km(here, here)) + np.diag(noise))
    cross = model.signal(great_circle_km(here, there))[:, 0]
    one = np.ones(40)
    mean = one @ inverse @ stations.velocity_enu_mm_per_yr[:, 2] / (one @ inverse @ one)
    value = mean + cross @ inverse @ (stations.velocity_enu_mm_per_yr[:, 2] - mean)
    variance = model.sigma**2 - cross @ inverse @ cross
    variance += (1 - one @ inverse @ cross) ** 2 / (one @ inverse @ one)
    prediction = field.predict([12.3], [43.1])
    assert prediction.velocity_enu_mm_per_yr[0, 2] == pytest.approx(value, abs=1e-9)
    assert prediction.covariance_enu[0, 2, 2] == pytest.approx(variance, abs=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_predicted_sigma_is_right_on_drawn_fields(correlation):
    chi = []
    for seed in range(5):
        everything, truth = network(seed, 120, correlation=correlation)
        known = np.arange(120) < 80
        field = VelocityField.fit(everything.select(known))
        assert len(field.systems) == (2 if correlation else 3)
        prediction = field.predict(everything.longitude_deg[~known], everything.latitude_deg[~known])
        error = prediction.velocity_enu_mm_per_yr - truth[~known]
        chi.append(np.mean(np.linalg.solve(prediction.covariance_enu, error[..., None])[..., 0] * error))
    assert 0.8 < np.sqrt(np.mean(chi)) < 1.25


def test_linear_trend_is_reproduced_and_extrapolated():
    stations, _ = network(2, 60, noise=False)
    field = VelocityField.fit(stations)
    predicted = field.predict([11.0, 17.0], [42.0, 43.0]).velocity_enu_mm_per_yr
    error = np.abs(predicted - trend_enu(np.array([11.0, 17.0]), np.array([42.0, 43.0])))
    assert error[0].max() < 0.02
    assert error[1].max() < 0.2


def test_sigma_grows_away_from_the_stations():
    field = VelocityField.fit(network(3, 80)[0])
    sigma = np.sqrt(np.diagonal(field.predict([12.0, 22.0], [43.0, 52.0]).covariance_enu, axis1=1, axis2=2))
    assert (sigma[1] > 1.5 * sigma[0]).all()


def test_leave_one_out_equals_brute_force():
    stations, _ = network(4, 30)
    field = VelocityField.fit(stations, screen=False)
    quick = field.leave_one_out()
    for i in (0, 7):
        others = np.arange(30) != i
        # The trend basis moves with its stations, but spans the same functions almost exactly.
        without = VelocityField.fit(stations.select(others), screen=False, models=field.models)
        there = without.predict(stations.longitude_deg[[i]], stations.latitude_deg[[i]])
        residual = stations.velocity_enu_mm_per_yr[i] - there.velocity_enu_mm_per_yr[0]
        private = [model.covariance.nugget**2 for model in field.models]
        variance = np.diag(there.covariance_enu[0] + stations.covariance_enu[i]) + private
        assert np.abs(quick.residual_enu_mm_per_yr[i] - residual).max() < 2e-3
        assert np.abs(quick.sigma_enu_mm_per_yr[i] - np.sqrt(variance)).max() < 2e-3


def test_projection_covariance_agrees_with_the_point_covariance():
    stations, _ = network(5, 60, correlation=0.5)
    field = VelocityField.fit(stations)
    rng = np.random.default_rng(0)
    longitude, latitude, unit = rng.uniform(9, 15, 12), rng.uniform(41, 45, 12), rng.normal(size=(12, 3))
    full = field.covariance_of_projection(longitude, latitude, unit)
    single = field.predict(longitude, latitude).covariance_enu
    assert np.abs(np.diag(full) - np.einsum("pi,pij,pj->p", unit, single, unit)).max() < 1e-9
    assert np.abs(full - full.T).max() < 1e-12
    assert np.linalg.eigvalsh(full).min() > -1e-9


def test_chunks_do_not_change_the_prediction(monkeypatch):
    field = VelocityField.fit(network(6, 40)[0])
    longitude, latitude = np.linspace(9, 15, 37), np.linspace(41, 45, 37)
    whole = field.predict(longitude, latitude)
    monkeypatch.setattr("fiducial.geodesy.collocation._CHUNK_VALUES", 300)
    parts = field.predict(longitude, latitude)
    assert np.allclose(whole.velocity_enu_mm_per_yr, parts.velocity_enu_mm_per_yr, atol=1e-12)
    assert np.allclose(whole.covariance_enu, parts.covariance_enu, atol=1e-12)
    quick = field.predict(longitude, latitude, with_covariance=False)
    assert np.allclose(whole.velocity_enu_mm_per_yr, quick.velocity_enu_mm_per_yr, atol=1e-12)
    assert np.isnan(quick.covariance_enu).all()


def test_horizontal_only_stations_leave_only_the_up_system():
    stations, _ = network(7, 60, without_up=0.5)
    field = VelocityField.fit(stations, screen=False)
    assert field.models[0].stations == 60
    assert field.models[2].stations == np.isfinite(stations.velocity_enu_mm_per_yr[:, 2]).sum()
    assert np.isfinite(field.predict([12.0], [43.0]).covariance_enu).all()


def test_without_any_up_the_prediction_is_nan_unless_a_prior_is_stated():
    stations, _ = network(8, 30, without_up=1.0)
    field = VelocityField.fit(stations)
    prediction = field.predict([12.0], [43.0])
    assert not field.knows_up
    assert np.isnan(prediction.velocity_enu_mm_per_yr[0, 2])
    assert np.isnan(prediction.covariance_enu[0, 2]).all()
    assert np.isfinite(prediction.velocity_enu_mm_per_yr[0, :2]).all()
    unit = np.array([[1.0, 0.0, 0.0], [0.6, 0.0, 0.8]])
    covariance = field.covariance_of_projection([12.0, 12.1], [43.0, 43.0], unit)
    assert np.isfinite(covariance[0, 0])
    assert np.isnan(covariance[1]).all()

    stated = VelocityField.fit(stations, up_prior_sigma_mm_per_yr=3.0)
    prediction = stated.predict([12.0], [43.0])
    assert prediction.velocity_enu_mm_per_yr[0, 2] == 0.0
    assert prediction.covariance_enu[0, 2, 2] == pytest.approx(9.0)
    assert prediction.covariance_enu[0, 2, 0] == 0.0
    assert "stated prior" in stated.models[2].note
    assert not stated.knows_up
    full = stated.covariance_of_projection([12.0, 12.0], [43.0, 43.9], np.tile([0.0, 0.0, 1.0], (2, 1)))
    assert full[0, 1] == pytest.approx(9.0 * np.exp(-1.0), rel=0.01)


@pytest.mark.parametrize("count", [3, 4, 6, 10])
def test_few_stations_give_cautious_fields(count):
    """Over many small networks the errors at their centre must not exceed what the field predicts."""
    ratios = []
    for seed in range(25):
        everything, truth = network(seed, count + 1, longitude=(11.0, 13.0), latitude=(42.0, 44.0))
        field = VelocityField.fit(everything.select(np.arange(count)))
        model = field.models[0]
        assert model.trend == "constant"
        assert "few stations" in model.note
        assert 20.0 <= model.covariance.length_km <= 200.0
        assert model.covariance.sigma >= 0.5
        there = field.predict(everything.longitude_deg[[count]], everything.latitude_deg[[count]])
        error = there.velocity_enu_mm_per_yr[0] - truth[count]
        ratios.append(error**2 / np.diag(there.covariance_enu[0]))
    assert np.sqrt(np.mean(ratios)) < 1.3


def test_stations_on_a_line_get_no_slope_across_it():
    stations, _ = network(9, 40)
    line = replace(stations, latitude_deg=43.0 + 1e-4 * stations.longitude_deg)
    assert VelocityField.fit(line, screen=False).models[0].trend == "constant"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_stations(count):
    stations = network(10, 5)[0].select(np.arange(count))
    with pytest.raises(InputError, match="FID-1005"):
        VelocityField.fit(stations)


def test_zero_sigma_is_unknown_not_infinite_weight():
    stations, _ = network(11, 20)
    covariance = stations.covariance_enu.copy()
    covariance[0, 0, 0] = 0.0
    covariance[1, 2, 2] = 0.0
    used, rejected = drop_unusable(replace(stations, covariance_enu=covariance))
    assert [r.name for r in rejected] == ["S000", "S001"]
    assert rejected[1].reason.startswith("up only")
    assert used.size == 19
    assert np.isnan(used.velocity_enu_mm_per_yr[0, 2])


def _fault(seed=0, count=220):
    """A locked strike-slip fault along 41 N: 24 mm/yr across 15 km locking depth (Savage & Burford 1973)."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(30, 36, count), rng.normal(41.0, 0.8, count)
    east = -24.0 * (0.5 - np.arctan((lat - 41.0) * 111.2 / 15.0) / np.pi)
    velocity = np.column_stack([east, 0.5 * (lon - 33), 0.0 * lon]) + rng.normal(0, 0.5, (count, 3))
    covariance = np.tile(0.25 * np.eye(3), (count, 1, 1))
    names = np.array([f"F{i:03d}" for i in range(count)])
    return StationVelocities(names, lon, lat, velocity, covariance, "plate:EURA", "fault")


def test_a_fault_survives_screening_and_outliers_do_not():
    rejections, found, up_found = 0, 0, 0
    for seed in range(6):
        stations = _fault(seed)
        rejections += len(screen_outliers(stations)[1])
        velocity = stations.velocity_enu_mm_per_yr.copy()
        far = np.flatnonzero(np.abs(stations.latitude_deg - 41.0) > 0.4)[:6]
        velocity[far[:3], 0] += [12.0, -12.0, 15.0]
        velocity[far[3:], 2] += [-20.0, 15.0, 12.0]
        kept, rejected = screen_outliers(replace(stations, velocity_enu_mm_per_yr=velocity))
        found += sum(name not in kept.names for name in stations.names[far[:3]])
        up_found += sum(r.reason.startswith("up only") for r in rejected)
        assert set(stations.names[far[3:]]) <= set(kept.names)
    assert rejections <= 3  # of 1 320 good stations
    assert found >= 17  # of 18
    assert up_found >= 17


def test_rejected_stations_carry_their_reason_into_the_field():
    stations, _ = network(12, 60)
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[5, 1] += 30.0
    field = VelocityField.fit(replace(stations, velocity_enu_mm_per_yr=velocity))
    assert [r.name for r in field.rejected] == ["S005"]
    assert "north differs by" in field.rejected[0].reason
    assert field.stations.size == 59


def test_coincident_stations_are_averaged_by_inverse_covariance():
    stations, _ = network(13, 20)
    twin = stations.select([0, 0, 0, 1, 2, 3, 4, 5, 6])
    velocity, covariance = twin.velocity_enu_mm_per_yr.copy(), twin.covariance_enu.copy()
    velocity[:3] = [[1.0, 2.0, 3.0], [1.1, 2.1, np.nan], [0.9, 1.9, 3.2]]
    covariance[:3] = np.diag([0.04, 0.04, 0.16])
    covariance[1, 2, :] = covariance[1, :, 2] = np.nan
    twin = replace(
        twin,
        velocity_enu_mm_per_yr=velocity,
        covariance_enu=covariance,
        names=np.array(list("abcdefghi")),
    )
    merged, notes = merge_coincident(twin, 0.05)
    assert merged.size == 7
    assert [note.name for note in notes] == ["b", "c"]
    assert merged.velocity_enu_mm_per_yr[0] == pytest.approx([1.0, 2.0, 3.1])
    assert np.diag(merged.covariance_enu[0]) == pytest.approx([0.04 / 3, 0.04 / 3, 0.08])
    assert np.isfinite(VelocityField.fit(twin).predict([12.0], [43.0]).covariance_enu).all()


def test_twins_that_disagree_get_a_larger_sigma():
    stations = network(14, 4)[0].select([0, 0, 1, 2])
    velocity = stations.velocity_enu_mm_per_yr.copy()
    velocity[1] = velocity[0] + 5.0
    merged, _ = merge_coincident(replace(stations, velocity_enu_mm_per_yr=velocity), 0.05)
    assert np.sqrt(merged.covariance_enu[0, 0, 0]) > 5 * np.sqrt(stations.covariance_enu[0, 0, 0] / 2)


def test_stations_around_an_area():
    stations, _ = network(15, 200)
    near = stations_around(stations, np.array([12.0, 13.0]), np.array([43.0, 43.0]), 100.0)
    area = unit_vectors([12.0, 13.0], [43.0, 43.0])
    distance = great_circle_km(unit_vectors(stations.longitude_deg, stations.latitude_deg), area).min(axis=1)
    assert near.names.tolist() == stations.names[distance <= 100.0].tolist()


def test_too_many_points_for_a_full_covariance():
    field = VelocityField.fit(network(16, 12)[0])
    with pytest.raises(NumericsError, match="FID-3012"):
        field.covariance_of_projection(np.full(8001, 12.0), np.full(8001, 43.0), np.ones((8001, 3)))


def test_network_around_the_pole_and_the_date_line():
    stations, _ = network(17, 30)
    polar = replace(stations, longitude_deg=np.linspace(-180, 168, 30), latitude_deg=np.full(30, 88.0))
    assert np.isfinite(VelocityField.fit(polar).predict([179.9], [89.0]).velocity_enu_mm_per_yr).all()
