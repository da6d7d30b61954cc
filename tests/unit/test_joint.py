"""The joint adjustment against a dense solution of the same model, and what it promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.spatial.distance import cdist

from fiducial.errors import InputError, NumericsError
from fiducial.geodesy.collocation import VelocityField
from fiducial.motion.calibration.joint import JointRecipe
from fiducial.motion.calibration.network_adjustment import Processes, adjust
from fiducial.motion.calibration.network_cells import cells_of
from fiducial.motion.calibration.network_design import design_network, regional_field
from fiducial.motion.calibration.network_model import NetworkModel, estimate_model
from fiducial.motion.calibration.observations import observe_track
from fiducial.motion.calibration.recipes import recipe
from fiducial.motion.calibration.sparse_process import NeighbourProcess
from synthetic_network import network, track

MODEL = NetworkModel(white_sigma=0.8)


def flat(easting, northing):
    return 0.0 * (easting + northing)


def ramp(easting, northing):
    return 4.0 + 3.0 * (easting - 4.4e6) / 1e5 - 2.0 * (northing - 2.2e6) / 1e5


@pytest.fixture(scope="module")
def world():
    stations, _ = network(count=60)
    field = VelocityField.fit(stations)

    def truth(longitude, latitude):
        return field.predict(longitude, latitude, with_covariance=False).velocity_enu_mm_per_yr

    made = [
        track(stations, truth, seed=1, name="117A", heading=-10.0, noise=1.0, surface=ramp),
        track(stations, truth, seed=2, name="044A", heading=-10.0, noise=1.0),
        track(stations, truth, seed=3, name="022D", heading=-170.0, noise=1.0),
    ]
    return stations, field, [observe_track(points, stations) for points in made]


@pytest.fixture(scope="module")
def solved(world):
    _, field, tracks = world
    cells = cells_of(tracks)
    regional = regional_field(cells, field)
    residual = cells.velocity_mm_per_yr - regional.along_mm_per_yr
    design = design_network(cells, regional, MODEL)
    return cells, residual, design, adjust(cells, Processes.of(cells), design, MODEL, residual, np.zeros(cells.size))


def dense_solution(cells, residual, design, solution):
    """Solve r = A x + n with the full covariance of n, motion that all tracks see included."""
    position = np.column_stack([cells.easting, cells.northing]) / 1000.0
    site = np.column_stack([cells.site_easting, cells.site_northing])[cells.site] / 1000.0
    same = cells.track[:, None] == cells.track[None, :]
    noise = MODEL.noise_sigma**2 * same * np.exp(-cdist(position, position) / MODEL.noise_length_km)
    noise += np.diag(cells.white_variance + MODEL.white_sigma**2 + solution.extra_variance)
    up = MODEL.up_sigma**2 * np.exp(-cdist(site, site) / MODEL.up_length_km)
    up += (0.05 * MODEL.up_sigma) ** 2 * (cells.site[:, None] == cells.site[None, :])
    noise += up * np.outer(cells.sight[:, 2], cells.sight[:, 2])
    matrix = design.design.toarray()
    inverse = np.linalg.inv(noise)
    covariance = np.linalg.inv(matrix.T @ inverse @ matrix + solution.prior_precision)
    return covariance @ (matrix.T @ (inverse @ residual)), covariance


def test_the_sparse_solution_is_the_dense_one(solved):
    cells, residual, design, solution = solved
    unknowns, covariance = dense_solution(cells, residual, design, solution)
    columns = slice(design.track_columns[0].start, design.track_columns[-1].stop)
    splines = block_diag(
        *[
            basis.design(cells.easting[cells.track == i], cells.northing[cells.track == i])
            for i, basis in enumerate(design.bases)
        ]
    )
    found, expected = splines @ solution.unknowns[columns], splines @ unknowns[columns]
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05  # mm/yr, against a sigma of about 1
    sigma = np.sqrt(np.einsum("pi,ij,pj->p", splines, solution.covariance[columns, columns], splines))
    exact = np.sqrt(np.einsum("pi,ij,pj->p", splines, covariance[columns, columns], splines))
    assert np.abs(sigma / exact - 1.0).max() < 0.03


def test_many_right_hand_sides_are_solved_as_one(solved):
    _, residual, _, solution = solved
    many = np.column_stack([residual, 2.0 * residual, np.ones(len(residual))])
    unknowns = solution.normals.solve(many)
    assert np.allclose(unknowns[:, 0], solution.unknowns, atol=1e-10)
    assert np.allclose(unknowns[:, 1], 2.0 * solution.unknowns, atol=1e-10)


def test_neighbour_process_is_close_to_the_full_covariance():
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0, 300, 600), rng.uniform(0, 300, 600)
    white = rng.uniform(0.1, 0.6, 600)
    precision = NeighbourProcess.at(easting, northing).precision(1.5, 15.0, white)
    position = np.column_stack([easting, northing])
    covariance = 1.5**2 * np.exp(-cdist(position, position) / 15.0) + np.diag(white)
    for direction in (np.ones(600), easting - 150.0, rng.standard_normal(600)):
        exact = direction @ np.linalg.solve(covariance, direction)
        assert direction @ (precision @ direction) == pytest.approx(exact, rel=0.05)
    shuffled = rng.permutation(600)
    again = NeighbourProcess.at(easting[shuffled], northing[shuffled]).precision(1.5, 15.0, white[shuffled])
    assert np.abs((again - precision[shuffled][:, shuffled]).toarray()).max() < 1e-12


def test_few_points_have_exact_precision():
    for count in (1, 2, 5):
        easting = np.arange(count) * 7.0
        precision = NeighbourProcess.at(easting, 0.0 * easting).precision(2.0, 10.0, np.full(count, 0.3))
        covariance = 4.0 * np.exp(-np.abs(easting[:, None] - easting) / 10.0) + 0.3 * np.eye(count)
        assert np.allclose(precision.toarray() @ covariance, np.eye(count), atol=1e-10)


def test_likelihood_gradient(world):
    from fiducial.motion.calibration.network_model import _Likelihood

    _, field, tracks = world
    cells = cells_of(tracks)
    few = cells.select(np.arange(0, cells.size, 12))
    regional = regional_field(few, field)
    residual = few.velocity_mm_per_yr - regional.along_mm_per_yr
    likelihood = _Likelihood(few, residual, regional.between(np.arange(few.size)), np.zeros(few.size))
    tracks_seen = np.unique(few.track)
    theta = np.log(np.array([2.0, 95.0, 3.5, 14.0, 1.2, 9.0, 0.6, 1.3, 0.8, 1.1]))
    _, gradient = likelihood(np.exp(theta), tracks_seen)
    for i in range(len(theta)):
        step = np.zeros(len(theta))
        step[i] = 1e-5
        numeric = (
            likelihood(np.exp(theta + step), tracks_seen)[0] - likelihood(np.exp(theta - step), tracks_seen)[0]
        ) / 2e-5
        assert gradient[i] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_model_is_estimated_within_its_bounds_and_travels(world):
    _, field, tracks = world
    cells = cells_of(tracks)
    regional = regional_field(cells, field)
    residual = cells.velocity_mm_per_yr - regional.along_mm_per_yr
    model = estimate_model(cells, residual, regional.between, np.zeros(cells.size), NetworkModel())
    assert model.up_sigma >= 1.0 - 1e-12
    assert 80.0 <= model.nuisance_length_km <= 120.0
    assert NetworkModel.from_dict(model.to_dict()) == model


def test_surface_of_a_ramp_is_found(world):
    stations, field, tracks = world
    result = JointRecipe(MODEL).fit(tracks, stations, field)
    for one, expected in zip(tracks, (ramp, flat, flat), strict=True):
        surface = result.track(one.name).surface
        error = surface.surface_mm_per_yr(one.blocks.easting, one.blocks.northing) - expected(
            one.blocks.easting, one.blocks.northing
        )
        sigma = surface.sigma_mm_per_yr(one.blocks.easting, one.blocks.northing)
        assert np.sqrt(np.mean((error / sigma) ** 2)) < 1.5
        assert np.sqrt(np.mean(error**2)) < 1.0  # mm/yr


def test_order_of_bursts_and_stations_does_not_matter(world):
    stations, field, tracks = world
    result = JointRecipe(MODEL).fit(tracks, stations, field)
    again = JointRecipe(MODEL).fit(tracks[::-1], stations, field)
    for one in tracks:
        where = one.blocks.easting, one.blocks.northing
        difference = result.track(one.name).surface.surface_mm_per_yr(*where) - again.track(
            one.name
        ).surface.surface_mm_per_yr(*where)
        assert np.abs(difference).max() < 1e-9


def test_subsidence_bowl_is_not_taken_for_nuisance(world):
    stations, field, tracks = world
    centre = 4.42e6, 2.24e6
    bowled = []
    for one in tracks:
        b = one.blocks
        bowl = -10.0 * np.exp(-0.5 * ((b.easting - centre[0]) ** 2 + (b.northing - centre[1]) ** 2) / 1e4**2)
        bowled.append(
            one.with_velocities(
                b.velocity_mm_per_yr + bowl * b.line_of_sight[:, 2], one.samples.medians.velocity_mm_per_yr
            )
        )
    fixed = JointRecipe(MODEL)
    before, after = fixed.fit(tracks, stations, field), fixed.fit(bowled, stations, field)
    at = np.array([centre[0]]), np.array([centre[1]])
    for one in tracks:
        absorbed = after.track(one.name).surface.surface_mm_per_yr(*at) - before.track(
            one.name
        ).surface.surface_mm_per_yr(*at)
        assert abs(absorbed[0]) < 1.0  # of 8 ... 9 mm/yr LOS


def in_bursts(one, pieces=3):
    """Cut a track into bursts along northing, with overlaps of one cell."""
    edges = np.linspace(one.blocks.northing.min(), one.blocks.northing.max() + 1.0, pieces + 1)
    bursts = []
    for i in range(pieces):
        inside = (one.blocks.northing >= edges[i] - 10_000.0) & (one.blocks.northing < edges[i + 1])
        samples = one.samples.select(
            (one.samples.medians.northing >= edges[i]) & (one.samples.medians.northing < edges[i + 1])
        )
        bursts.append(
            replace(
                one,
                name=f"{one.name}_{i}",
                track=one.name,
                blocks=one.blocks.select(inside),
                cell=one.cell[inside],
                samples=samples,
            )
        )
    return bursts


def test_offset_and_plane_added_to_one_burst_are_taken_out(world):
    stations, field, tracks = world
    bursts = [burst for one in tracks for burst in in_bursts(one)]
    spoiled = list(bursts)
    b = bursts[1].blocks
    added = 7.0 + 5.0 * (b.northing - b.northing.mean()) / 1e5
    spoiled[1] = bursts[1].with_velocities(b.velocity_mm_per_yr + added, bursts[1].samples.medians.velocity_mm_per_yr)
    fixed = JointRecipe(MODEL)
    before, after = fixed.fit(bursts, stations, field), fixed.fit(spoiled, stations, field)
    for index, one in enumerate(bursts):
        where = one.blocks.easting, one.blocks.northing
        change = after.track(one.name).surface.surface_mm_per_yr(*where) - before.track(
            one.name
        ).surface.surface_mm_per_yr(*where)
        expected = added if index == 1 else 0.0
        assert np.sqrt(np.mean((change - expected) ** 2)) < 0.05  # mm/yr


def test_cluster_offsets_are_found(world):
    stations, field, tracks = world
    one = tracks[0]
    label = (one.blocks.easting > np.median(one.blocks.easting)).astype(np.int64) + 1
    blocks = replace(one.blocks, cluster=label, velocity_mm_per_yr=one.blocks.velocity_mm_per_yr + 6.0 * (label == 2))
    sample_label = (one.samples.medians.easting > np.median(one.blocks.easting)).astype(np.int64) + 1
    samples = replace(one.samples, medians=replace(one.samples.medians, cluster=sample_label))
    clustered = [replace(one, blocks=blocks, samples=samples), *tracks[1:]]
    level = [
        replace(clustered[0], blocks=replace(blocks, velocity_mm_per_yr=one.blocks.velocity_mm_per_yr)),
        *tracks[1:],
    ]
    with_offset, without = (JointRecipe(MODEL).fit(some, stations, field) for some in (clustered, level))
    where = one.blocks.easting, one.blocks.northing, label
    change = with_offset.tracks[0].surface.surface_mm_per_yr(*where) - without.tracks[0].surface.surface_mm_per_yr(
        *where
    )
    assert np.sqrt(np.mean((change - 6.0 * (label == 2)) ** 2)) < 0.05  # mm/yr
    offsets = with_offset.tracks[0].surface.clusters
    assert offsets.labels.tolist() == [1, 2]
    both = with_offset.tracks[0].surface.sigma_mm_per_yr(*where)
    assert both.max() < offsets.sigma_mm_per_yr.min() + 1.0
    assert with_offset.tracks[1].surface.clusters is None


def test_field_without_vertical_widens_the_sigma(world):
    stations, _, tracks = world
    velocity, covariance = stations.velocity_enu_mm_per_yr.copy(), stations.covariance_enu.copy()
    velocity[:, 2] = np.nan
    covariance[:, 2, :] = covariance[:, :, 2] = np.nan
    flat = replace(stations, velocity_enu_mm_per_yr=velocity, covariance_enu=covariance)
    result = JointRecipe(MODEL).fit(tracks, flat, VelocityField.fit(flat))
    assert any("no station has a vertical" in note for note in result.notes)
    b = tracks[0].blocks
    sigma = result.tracks[0].surface.sigma_mm_per_yr(b.easting, b.northing)
    assert 1.5 < sigma.mean() < 4.0  # mm/yr: up is 0 +- 3


def test_singular_nuisance_is_an_error(solved):
    cells, residual, design, _ = solved
    broken = replace(design, prior_precision=np.full_like(design.prior_precision, -1e9))
    with pytest.raises(NumericsError, match="FID-3011"):
        adjust(cells, Processes.of(cells), broken, MODEL, residual, np.zeros(cells.size))


def test_very_many_bursts_are_adjusted_as_a_network(world, monkeypatch):
    stations, field, tracks = world
    monkeypatch.setattr("fiducial.motion.calibration.joint.MOST_BURSTS", 2)
    result = JointRecipe().fit(tracks, stations, field)
    assert result.recipe == recipe("network").name
    assert any("network of planes" in note for note in result.notes)


def test_registered():
    assert recipe("joint").name == "joint"


def test_a_burst_without_a_block_is_named(world):
    stations, field, tracks = world
    bare = replace(tracks[1], cell=tracks[1].cell[:0], blocks=tracks[1].blocks.select(slice(0, 0)))
    with pytest.raises(InputError, match="FID-1061") as caught:
        JointRecipe().fit([tracks[0], bare, tracks[2]], stations, field)
    assert caught.value.where == f"tracks {bare.name}"
