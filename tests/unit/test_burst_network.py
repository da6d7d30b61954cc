"""The network of bursts on plain arrays: against dense least squares, known truth, and what must be refused."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.sparse import coo_array

from fiducial.errors import InputError, NumericsError
from fiducial.motion.calibration.burst_network import BurstOptions, adjust_bursts
from fiducial.motion.calibration.burst_ties import (
    BurstNetwork,
    BurstTies,
    FieldTies,
    StationTies,
    rows_of,
    shares_in_cells,
)

STATED = BurstOptions(robust=False, tie_factor=1.0, station_factor=1.0)


def _surface(network, truth, burst, easting, northing):
    u = (easting - network.easting_origin[burst]) / network.scale_m[burst]
    v = (northing - network.northing_origin[burst]) / network.scale_m[burst]
    return truth[burst, 0] + truth[burst, 1] * u + truth[burst, 2] * v


def _grid(seed=0, *, columns=4, rows=5, ties=12, stations=3, white=1.0, noise=1.0, degree=1):
    """Bursts on a grid, each tied to its neighbours by scattered cells, with white noise and known planes."""
    rng = np.random.default_rng(seed)
    number = np.arange(columns * rows).reshape(columns, rows)
    pairs = np.vstack([
        np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        np.column_stack([number[:, 1:].ravel(), number[:, :-1].ravel()]),
    ])  # fmt: skip
    east, north = (
        axis.ravel() for axis in np.meshgrid(80e3 * np.arange(columns), 20e3 * np.arange(rows), indexing="ij")
    )
    count = columns * rows
    truth = rng.normal(0.0, [5.0, 1.0, 1.0], (count, 3)) * ([1.0, 1.0, 1.0] if degree else [1.0, 0.0, 0.0])
    bare = BurstNetwork(tuple(f"B{i:02d}" for i in range(count)), east, north, np.full(count, 45e3))
    first, second = (np.repeat(side, ties) for side in pairs.T)
    spread = np.where(east[first] == east[second], 35e3, 4e3), np.where(east[first] == east[second], 2e3, 9e3)
    place = [
        0.5 * (axis[first] + axis[second]) + reach * rng.uniform(-1, 1, len(first))
        for axis, reach in zip((east, north), spread, strict=True)
    ]
    difference = _surface(bare, truth, first, *place) - _surface(bare, truth, second, *place)
    difference = difference + noise * white * rng.standard_normal(len(first))
    none = np.zeros(len(first))
    tied = BurstTies(first, second, *place, difference, none, none + white, none, none + 1.0)
    burst = np.repeat(np.arange(count), stations)
    where = east[burst] + 40e3 * rng.uniform(-1, 1, len(burst)), north[burst] + 9e3 * rng.uniform(-1, 1, len(burst))
    at = _surface(bare, truth, burst, *where) + noise * white * rng.standard_normal(len(burst))
    rows_ = StationTies.of(burst, where, at, np.zeros(len(burst)), np.full(len(burst), 0.36 * white**2))
    rows_ = replace(rows_, white_sigma_mm_per_yr=np.full(len(burst), 0.8 * white))
    return replace(bare, ties=tied, stations=rows_), truth


def _dense(network, terms, covariance):
    """Design matrix, observations, and generalised least squares with a full covariance."""
    rows = rows_of(network)
    design = np.zeros((network.observations, network.size, 3))
    for side, sign in ((rows.first, 1.0), (rows.second, -1.0)):
        there = np.flatnonzero(side >= 0)
        burst = side[there]
        design[there, burst, 0] = sign
        design[there, burst, 1] = sign * (rows.easting[there] - network.easting_origin[burst]) / network.scale_m[burst]
        design[there, burst, 2] = (
            sign * (rows.northing[there] - network.northing_origin[burst]) / network.scale_m[burst]
        )
    design = design[:, :, :terms].reshape(network.observations, -1)
    weight = np.linalg.inv(covariance)
    inverse = np.linalg.inv(design.T @ weight @ design)
    return inverse @ design.T @ weight @ rows.value_mm_per_yr, inverse, design


@pytest.mark.parametrize("solver", ["direct", "iteration"])
@pytest.mark.parametrize("degree", [0, 1])
def test_independent_noise_gives_ordinary_least_squares(degree, solver):
    network, _ = _grid(degree=degree)
    terms = 1 + 2 * degree
    found = adjust_bursts(network, replace(STATED, degree=degree, solver=solver))
    estimate, inverse, design = _dense(network, terms, np.diag(rows_of(network).variance))
    assert found.coefficients.ravel() == pytest.approx(estimate, abs=1e-8)
    blocks = inverse.reshape(network.size, terms, network.size, terms)
    own = np.array([blocks[b, :, b] for b in range(network.size)])
    # Nothing is neglected where noise is white: the simulated inflation is within its own scatter of one.
    inflation = np.einsum("bij,bji->b", found.covariance, np.linalg.inv(own)) / terms
    assert np.ptp(inflation) < 1e-6
    assert inflation.mean() == pytest.approx(1.0, abs=0.05)
    rows = rows_of(network)
    residual = rows.turned * (rows.value_mm_per_yr - design @ estimate)
    assert found.residual_mm_per_yr == pytest.approx(residual, abs=1e-8)


def test_planes_are_recovered_without_noise():
    network, truth = _grid(noise=0.0)
    for options in (STATED, BurstOptions(), BurstOptions(solver="iteration")):
        found = adjust_bursts(network, options)
        assert np.abs(found.coefficients - truth).max() < 1e-7
    east, north = network.easting_origin[:, None] + [[-3e4, 2e4]], network.northing_origin[:, None] + [[0.0, 9e3]]
    number = np.arange(network.size)[:, None] * np.ones((1, 2), dtype=int)
    assert found.surface_mm_per_yr(number, east, north) == pytest.approx(
        _surface(network, truth, number, east, north), abs=1e-7
    )
    assert (found.sigma_mm_per_yr(number, east, north) > 0).all()


def _correlated_pair(length_km=10.0, seed=0):
    """Two bursts with 34 common cells in two rows; the first is held by stations, the second by the overlap alone."""
    cells = np.stack(np.meshgrid(5e3 * np.arange(17.0), [0.0, 5e3], indexing="ij"), axis=-1).reshape(-1, 2)
    cells = cells + np.random.default_rng(seed).uniform(-1e3, 1e3, cells.shape)
    first = np.zeros(len(cells), dtype=np.int64)
    ties = BurstTies(
        first, first + 1, *cells.T, first * 0.0, np.full(len(cells), 2.0), np.full(len(cells), 0.5), first * 0.0,
        first + 1.0,
    )  # fmt: skip
    corner = np.array([[0.0, 0.0], [8e4, 0.0], [4e4, 2e4], [0.0, 2e4]])
    stations = StationTies.of(first[:4], tuple(corner.T), np.zeros(4), np.full(4, 1e-3), np.full(4, 1e-6))
    network = BurstNetwork(
        ("one", "two"), np.array([4e4] * 2), np.array([1e4] * 2), np.array([4e4] * 2), ties, stations
    )
    distance = np.hypot(*(cells[:, None] - cells[None]).transpose(2, 0, 1)) / 1000.0
    covariance = block_diag(4.0 * np.exp(-distance / length_km) + 0.25 * np.eye(len(cells)), 2e-6 * np.eye(4))
    return replace(network, correlation_length_km=length_km), covariance


@pytest.mark.parametrize("degree", [0, 1])
@pytest.mark.parametrize("length_km", [3.0, 10.0, 25.0])
def test_sigma_of_an_offset_from_correlated_cells_is_that_of_dense_generalised_least_squares(degree, length_km):
    network, covariance = _correlated_pair(length_km)
    terms = 1 + 2 * degree
    found = adjust_bursts(network, replace(STATED, degree=degree))
    inverse = _dense(network, terms, covariance)[1].reshape(2, terms, 2, terms)[1, :, 1]
    sigma, dense = np.sqrt(np.diag(found.covariance[1])), np.sqrt(np.diag(inverse))
    assert sigma[0] == pytest.approx(dense[0], rel=0.10)
    # Slopes are a little worse than the best there is, but not told better than they are.
    assert sigma == pytest.approx(dense, rel=0.15)
    if degree == 0 and length_km >= 10.0:
        naive = _dense(network, 1, np.diag(np.diag(covariance)))[1][1, 1]
        assert sigma[0] > 2.0 * np.sqrt(naive)


def test_the_covariance_is_that_of_the_estimator_itself():
    """Not only near that of the best estimator: exactly A C A' of the one in use."""
    network, covariance = _correlated_pair()
    found = adjust_bursts(network, STATED)
    operator = found.solve(np.eye(network.observations)).reshape(6, -1)
    exact = (operator @ covariance @ operator.T)[3:, 3:]
    inflation = np.trace(found.covariance[1] @ np.linalg.inv(exact)) / 3.0
    assert found.covariance[1] / inflation == pytest.approx(exact, rel=1e-6, abs=1e-6 * exact.max())
    assert inflation == pytest.approx(1.0, abs=0.04)


def test_effective_number_of_correlated_cells():
    """An offset from n cells has the variance sigma^2 sum(rho) / n^2 (Bayley & Hammersley 1946)."""
    network, covariance = _correlated_pair()
    found = adjust_bursts(network, replace(STATED, degree=0))
    overlap = covariance[:34, :34]
    assert found.covariance[1, 0, 0] == pytest.approx(overlap.sum() / 34**2, rel=0.05)


def test_all_pairs_in_a_cell_weigh_as_if_the_ground_were_an_unknown():
    rng = np.random.default_rng(0)
    variance = rng.uniform(0.5, 3.0, 5)
    i, j = np.triu_indices(5, 1)
    share = shares_in_cells(np.zeros(10, dtype=np.int64), variance[i], variance[j])
    assert share.sum() == pytest.approx(4.0)
    weight = share / (variance[i] + variance[j])
    incidence = np.zeros((10, 5))
    incidence[np.arange(10), i], incidence[np.arange(10), j] = 1.0, -1.0
    w = 1.0 / variance
    assert incidence.T @ (weight[:, None] * incidence) == pytest.approx(np.diag(w) - np.outer(w, w) / w.sum())
    assert shares_in_cells(np.arange(3), variance[:3], variance[1:4]) == pytest.approx(np.ones(3))


def test_an_error_that_all_ties_share_does_not_average_out():
    network, _ = _correlated_pair()
    shared = replace(network, ties=replace(network.ties, common_sigma_mm_per_yr=np.full(34, 3.0)))
    alone, together = (adjust_bursts(n, replace(STATED, degree=0)).covariance[1, 0, 0] for n in (network, shared))
    assert together - alone == pytest.approx(9.0, rel=0.05)


def test_gnss_errors_of_stations_of_a_burst_are_taken_with_their_covariance():
    network, _ = _grid(columns=1, rows=1)
    rows, count = network.stations, network.stations.size
    common = coo_array(4.0 * np.ones((count, count)) + 0.1 * np.eye(count))
    found = adjust_bursts(replace(network, stations=replace(rows, gnss_covariance=common)), replace(STATED, degree=0))
    expected = 4.0 + (0.1 + 0.64) / count
    assert found.covariance[0, 0, 0] == pytest.approx(expected, rel=0.1)


def test_many_right_hand_sides_are_the_same_as_one_by_one():
    network, _ = _grid()
    found = adjust_bursts(network)
    values = np.random.default_rng(3).standard_normal((network.observations, 7))
    together = found.solve(values)
    assert together.shape == (20, 3, 7)
    for k in range(7):
        assert found.solve(values[:, [k]])[:, :, 0] == pytest.approx(together[:, :, k], abs=1e-10)
    given = np.r_[network.ties.difference_mm_per_yr, network.stations.difference_mm_per_yr][:, None]
    assert found.solve(given)[:, :, 0] == pytest.approx(found.coefficients, abs=0.02)
    with pytest.raises(InputError, match="FID-1063"):
        found.solve(values[:-1])
    with pytest.raises(InputError, match="FID-1063"):
        found.solve(values * np.nan)


def test_variance_factors_of_ties_and_stations_are_told_apart():
    network, _ = _grid(columns=6, rows=8, stations=6)
    ties, stations = network.ties, network.stations
    doubled = replace(ties, white_sigma_mm_per_yr=0.5 * ties.white_sigma_mm_per_yr)
    halved = replace(
        stations,
        white_sigma_mm_per_yr=2.0 * stations.white_sigma_mm_per_yr,
        gnss_covariance=4.0 * stations.gnss_covariance,
    )
    found = adjust_bursts(replace(network, ties=doubled, stations=halved))
    assert found.tie_factor == pytest.approx(4.0, rel=0.15)
    assert found.station_factor == pytest.approx(0.25, rel=0.25)
    whole = found.square_sum.sum() / found.redundancy.sum()
    assert 2.5 < whole < 4.5
    known = adjust_bursts(replace(network, ties=doubled), BurstOptions(tie_factor=4.0, station_factor=1.0))
    assert (known.tie_factor, known.station_factor) == (4.0, 1.0)


def test_with_hardly_any_redundancy_the_stated_sigmas_stand():
    network, _ = _grid(columns=1, rows=2, stations=2)
    found = adjust_bursts(network)
    assert found.station_factor == 1.0
    assert any("their sigmas stand as stated" in note for note in found.notes)


def test_outliers_hardly_move_the_network():
    clean, truth = _grid(columns=5, rows=6, stations=4)
    rng = np.random.default_rng(5)
    jumps = np.where(rng.random(clean.ties.size) < 0.08, 28.0, 0.0)
    ties = replace(clean.ties, difference_mm_per_yr=clean.ties.difference_mm_per_yr + jumps)
    shifted = clean.stations.difference_mm_per_yr.copy()
    shifted[[3, 50]] += 30.0
    network = replace(clean, ties=ties, stations=replace(clean.stations, difference_mm_per_yr=shifted))
    robust, before = adjust_bursts(network), adjust_bursts(clean)
    plain = adjust_bursts(network, BurstOptions(robust=False))
    assert np.abs(robust.coefficients[:, 0] - before.coefficients[:, 0]).max() < 0.6
    assert np.abs(plain.coefficients[:, 0] - truth[:, 0]).max() > 3.0
    assert (robust.weight[: clean.ties.size][jumps > 0] == 0).mean() > 0.9
    assert (robust.weight[clean.ties.size + np.array([3, 50])] == 0).all()
    assert (robust.weight[: clean.ties.size][jumps == 0] > 0.2).all()


def test_pulls_with_white_noise():
    ratios = []
    for seed in range(30):
        network, truth = _grid(seed, columns=3, rows=4)
        found = adjust_bursts(network)
        factor = np.linalg.cholesky(found.covariance)
        ratios.append(np.linalg.solve(factor, (found.coefficients - truth)[:, :, None]))
    assert np.sqrt(np.mean(np.square(ratios))) == pytest.approx(1.0, abs=0.10)


def test_zero_and_missing_sigmas_never_get_an_infinite_weight():
    network, _ = _grid()
    sigma = network.ties.white_sigma_mm_per_yr.copy()
    sigma[::7], sigma[1::7] = 0.0, np.nan
    variance = network.stations.gnss_covariance.diagonal().copy()
    variance[0], variance[1] = 0.0, np.nan
    rows = np.arange(len(variance))
    stations = replace(
        network.stations, gnss_covariance=coo_array((variance, (rows, rows))),
    )  # fmt: skip
    holed = replace(network, ties=replace(network.ties, white_sigma_mm_per_yr=sigma), stations=stations)
    found, whole = adjust_bursts(holed, STATED), adjust_bursts(network, STATED)
    expected = replace(network, stations=replace(stations, gnss_covariance=network.stations.gnss_covariance))
    assert np.abs(found.coefficients - whole.coefficients).max() > 1e-6
    assert any("zero or missing sigma" in note for note in found.notes)
    assert any("2 stations without" in note for note in found.notes)
    assert (found.weight[network.ties.size : network.ties.size + 2] == 0).all()
    assert np.isnan(found.residual_mm_per_yr[network.ties.size : network.ties.size + 2]).all()
    # All ties had the same sigma, so that the median stands in for it exactly.
    ties_only = replace(expected, ties=holed.ties)
    assert adjust_bursts(ties_only, STATED).coefficients == pytest.approx(whole.coefficients, abs=1e-9)
    with pytest.raises(InputError, match="FID-1134"):
        adjust_bursts(replace(network, ties=replace(network.ties, white_sigma_mm_per_yr=0.0 * sigma)))


def test_a_part_that_nothing_ties_to_gnss_is_named():
    network, _ = _grid(columns=4, rows=3)
    ties = network.ties
    # Column 3 (bursts 9, 10, 11) keeps its own ties only; burst 0 loses everything.
    across = (ties.first < 9) & (ties.second >= 9) | (ties.second < 9) & (ties.first >= 9)
    lonely = (ties.first == 0) | (ties.second == 0)
    rows = network.stations
    kept = np.flatnonzero((rows.burst < 9) & (rows.burst > 0))
    stations = StationTies.of(
        rows.burst[kept], (rows.easting[kept], rows.northing[kept]), rows.difference_mm_per_yr[kept], np.ones(len(kept)),
        np.ones(len(kept)),
    )  # fmt: skip
    broken = replace(network, ties=ties.select(~across & ~lonely), stations=stations)
    with pytest.raises(InputError, match="FID-1130") as raised:
        adjust_bursts(broken)
    text = str(raised.value)
    assert "B09, B10, B11" in text
    assert "burst B00" in text
    assert "2 parts" in text
    assert "neither overlap nor station" in text
    with pytest.raises(InputError, match="FID-1061"):
        adjust_bursts(replace(broken, stations=StationTies()))
    # The field stands in for stations, in one row a part at least.
    field = FieldTies(np.array([0, 9, 10, 11]), np.zeros(4), np.full(4, 0.5))
    found = adjust_bursts(replace(broken, from_field=field), BurstOptions(degree=0))
    assert found.coefficients[0, 0] == pytest.approx(0.0, abs=1e-9)
    assert np.sqrt(found.covariance[0, 0, 0]) == pytest.approx(0.5, rel=0.1)


def _hinge(spread_m):
    """Two bursts: the second hangs on cells along a line, spread across it by so much."""
    network, _ = _grid(columns=1, rows=2, stations=4, ties=30)
    rng = np.random.default_rng(0)
    ties = replace(network.ties, northing=10e3 + spread_m * rng.uniform(-1, 1, network.ties.size))
    rows = network.stations
    kept = rows.burst == 0
    stations = StationTies.of(
        rows.burst[kept],
        (rows.easting[kept], rows.northing[kept]),
        rows.difference_mm_per_yr[kept],
        np.ones(4),
        np.ones(4),
    )
    return replace(network, ties=ties, stations=stations)


@pytest.mark.parametrize("solver", ["direct", "iteration"])
def test_a_plane_on_a_line_of_cells_is_named_or_honestly_reduced(solver):
    hinge = _hinge(0.0)
    with pytest.raises(NumericsError, match="FID-3011") as raised:
        adjust_bursts(hinge, BurstOptions(solver=solver))
    assert "burst B01" in str(raised.value)
    assert "B00" not in str(raised.value)
    found = adjust_bursts(hinge, BurstOptions(undetermined="offset", solver=solver))
    assert found.degree.tolist() == [1, 0]
    assert found.coefficients[1, 1:].tolist() == [0.0, 0.0]
    assert any("1 bursts have an offset only" in note for note in found.notes)
    prior = adjust_bursts(hinge, BurstOptions(slope_sigma_mm_per_yr_per_100_km=2.0, solver=solver))
    assert prior.degree.tolist() == [1, 1]
    # North, nothing but the prior: 2 mm/yr per 100 km over 45 km.
    assert np.sqrt(prior.covariance[1, 2, 2]) == pytest.approx(0.9, rel=0.06)
    scattered = adjust_bursts(_hinge(2e3))
    assert np.sqrt(scattered.covariance[1, 2, 2]) > 3.0


def test_one_station_does_not_hold_a_network_of_planes():
    network, _ = _grid(columns=3, rows=3, stations=1)
    rows = network.stations
    alone = StationTies.of(rows.burst[:1], (rows.easting[:1], rows.northing[:1]), np.zeros(1), np.ones(1), np.ones(1))
    with pytest.raises(NumericsError, match="FID-3011") as raised:
        adjust_bursts(replace(network, stations=alone))
    assert "9 of 9 bursts" in str(raised.value)
    assert adjust_bursts(replace(network, stations=alone), BurstOptions(degree=0)).covariance.min() > 0


def test_without_covariance_the_sigma_is_unknown():
    network, _ = _grid()
    found = adjust_bursts(network, BurstOptions(covariance=False))
    assert np.isnan(found.covariance).all()
    assert np.isnan(found.sigma_mm_per_yr(np.array([0]), np.zeros(1), np.zeros(1))).all()
    assert (found.tie_factor, found.station_factor) == (1.0, 1.0)


def test_progress_is_told():
    steps = []
    adjust_bursts(_grid(columns=2, rows=2)[0], advance=steps.append)
    assert len(steps) >= 3
    steps.clear()
    adjust_bursts(_grid(columns=2, rows=2)[0], replace(STATED, solver="iteration"), advance=steps.append)
    assert sum(steps) == 1 + 4


def test_arrays_and_options_that_do_not_fit():
    network, _ = _grid()
    for change in (
        {"ties": replace(network.ties, easting=network.ties.easting[1:])},
        {"ties": replace(network.ties, first=network.ties.second)},
        {"ties": replace(network.ties, first=network.ties.first + 20)},
        {"scale_m": np.zeros(20)},
        {"easting_origin": np.full(20, np.nan)},
    ):
        with pytest.raises(InputError, match="FID-1063"):
            replace(network, **change)
    with pytest.raises(InputError, match="FID-1132"):
        replace(network, names=("B00", *network.names[:-1]))
    for wrong in ({"degree": 2}, {"tie_factor": 0.0}, {"slope_sigma_mm_per_yr_per_100_km": -1.0}):
        with pytest.raises(InputError, match="FID-1135"):
            BurstOptions(**wrong)
