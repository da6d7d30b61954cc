from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fiducial.geodesy.collocation import VelocityField
from fiducial.geodesy.interpolation import covering_grid
from fiducial.geodesy.robust import grouped_median, robust_fit
from synthetic_network import network

quick = settings(max_examples=25, deadline=None)
directions = st.tuples(*[st.floats(-1, 1)] * 3)


@cache
def field():
    return VelocityField.fit(network(3, 40, correlation=0.4)[0])


@cache
def places():
    rng = np.random.default_rng(5)
    return rng.uniform(9, 15, 8), rng.uniform(41, 45, 8)


@quick
@given(directions, directions, st.floats(-3, 3))
def test_projection_is_linear_in_the_line_of_sight(first, second, factor):
    longitude, latitude = places()
    prediction = field().predict(longitude, latitude)
    a, b = np.array(first), np.array(second)
    velocity = prediction.velocity_enu_mm_per_yr
    assert np.allclose(velocity @ (a + factor * b), velocity @ a + factor * (velocity @ b), atol=1e-9)

    def covariance(unit):
        return field().covariance_of_projection(longitude, latitude, np.tile(unit, (8, 1)))

    # The parallelogram law: the covariance is a quadratic form in l.
    total = covariance(a + factor * b) + covariance(a - factor * b)
    assert np.allclose(total, 2 * covariance(a) + 2 * factor**2 * covariance(b), atol=1e-8)


@quick
@given(st.permutations(range(24)))
def test_the_order_of_the_stations_does_not_matter(order):
    stations = network(4, 24)[0]
    models = _models()
    one = VelocityField.fit(stations, models=models).predict(*places())
    other = VelocityField.fit(stations.select(np.array(order)), models=models).predict(*places())
    assert np.allclose(one.velocity_enu_mm_per_yr, other.velocity_enu_mm_per_yr, atol=1e-8)
    assert np.allclose(one.covariance_enu, other.covariance_enu, atol=1e-8)


@cache
def _models():
    return VelocityField.fit(network(4, 24)[0]).models


@quick
@given(st.tuples(*[st.floats(-50, 50)] * 3))
def test_a_common_velocity_added_to_all_stations_is_added_to_the_field(shift):
    stations = network(4, 24)[0]
    moved = replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr + np.array(shift))
    one = VelocityField.fit(stations, models=_models()).predict(*places())
    other = VelocityField.fit(moved, models=_models()).predict(*places())
    difference = other.velocity_enu_mm_per_yr - one.velocity_enu_mm_per_yr
    assert np.allclose(difference, np.array(shift), atol=1e-7)


@quick
@given(st.integers(0, 200))
def test_another_station_never_raises_the_predicted_variance(seed):
    stations = network(seed, 25)[0]
    # The centre of a linear trend moves with its stations, so only a constant is the same model for both.
    fewer = VelocityField.fit(stations.select(np.arange(24)), models=_models(), screen=False, trend="constant")
    more = VelocityField.fit(stations, models=_models(), screen=False, trend="constant")
    before = np.diagonal(fewer.predict(*places()).covariance_enu, axis1=1, axis2=2)
    after = np.diagonal(more.predict(*places()).covariance_enu, axis1=1, axis2=2)
    assert (after <= before + 1e-9).all()


@quick
@given(st.integers(0, 1000), st.floats(1e4, 1e5))
def test_bilinear_interpolation_reproduces_planes(seed, spacing):
    rng = np.random.default_rng(seed)
    easting, northing = rng.uniform(4e6, 4.3e6, 30), rng.uniform(2e6, 2.2e6, 30)
    grid = covering_grid(easting, northing, spacing)
    node_east, node_north = grid.nodes
    plane = 3.0 + 1e-5 * node_east - 2e-5 * node_north
    values = grid.bilinear(easting, northing) @ plane
    assert np.allclose(values, 3.0 + 1e-5 * easting - 2e-5 * northing, atol=1e-9)


@quick
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.floats(-10, 10))
def test_medians_move_with_their_data(values, shift):
    data, group = np.array(values), np.zeros(len(values), dtype=int)
    moved = grouped_median(data + shift, group, 1)[0]
    assert abs(moved - grouped_median(data, group, 1)[0] - shift) < 1e-9
    assert data.min() <= grouped_median(data, group, 1, np.linspace(1, 2, len(data)))[0] <= data.max()


@quick
@given(st.integers(0, 1000), st.floats(-20, 20))
def test_a_robust_fit_is_regression_equivariant(seed, slope):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(40), rng.uniform(-1, 1, 40)])
    values = rng.standard_t(2, 40)
    one = robust_fit(design, values, np.ones(40))
    other = robust_fit(design, values + design @ [1.0, slope], np.ones(40))
    assert np.allclose(other.estimate - one.estimate, [1.0, slope], atol=1e-6)
