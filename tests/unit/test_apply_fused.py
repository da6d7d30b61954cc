"""Reading with a calibration: the fused pass gives what `apply` gives, and sigma is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from egms_factory import ASCENDING, DESCENDING, level2
from fiducial.errors import InputError
from fiducial.formats import point_product_writer
from fiducial.formats.calibration_file import CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.formats.quantised_series import FILL, decode_time_major
from fiducial.motion.calibration.application import apply
from fiducial.motion.calibration.bases import PolynomialBasis, SplineBasis
from fiducial.motion.calibration.polynomial_kernels import spline_sum, spline_variance
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface
from fiducial.runs import ingest
from fiducial.runs.calibration_sources import track_of, velocities
from fiducial.runs.ingest import import_egms
from fiducial.runs.sources import Source
from fiducial.timescales import egms_years

POINTS, EPOCHS = 75, 31


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Import a Level 2a burst in row groups of 32 points; with clusters 0, 1, 2 and a float32 variant if asked for."""
    for module in (point_product_writer, ingest):
        monkeypatch.setattr(module, "ROW_GROUP_POINTS", 32)
    monkeypatch.setattr(point_product_writer, "CHUNK_POINTS", 8)

    def made(level="L2a", *, hundredths=False, track=22, angles_deg=DESCENDING):
        source = level2(level, points=POINTS, epochs=EPOCHS, track=track, angles_deg=angles_deg)
        if level == "L2a":
            for k, row in enumerate(source.rows):
                row[1] = str(k % 3)
        if hundredths:
            source.rows[5][-3] = "12.34"
        return PointProduct.open(import_egms(source.write_zip(tmp_path), tmp_path / "out"))

    return made


def surface_over(product, kind, *, clusters=None):
    where = product.attributes(["easting", "northing"])
    basis = (
        SplineBasis.covering(where["easting"], where["northing"], 300.0)
        if kind == "spline"
        else PolynomialBasis.full(where["easting"], where["northing"], 2)
    )
    rng = np.random.default_rng(3)
    root = rng.normal(size=(basis.terms, basis.terms))
    return CorrectionSurface(
        product.manifest.name, "EPSG:3035", basis, 4 * rng.normal(size=basis.terms), root @ root.T, 0.1, clusters
    )


def offsets(terms, labels=(0, 1)):
    count = len(labels)
    return ClusterOffsets(
        np.array(labels), np.arange(count) * 3.0 - 1.0, 0.5 + np.arange(count), np.zeros((count, terms)), 9.0
    )


def source_with(product, surface):
    return Source(product, CalibrationFile("test", "ETRF2000", surface, {}))


@pytest.mark.parametrize("kind", ["spline", "polynomial"])
@pytest.mark.parametrize("hundredths", [False, True])
def test_fused_reading_equals_apply_to_the_last_bit(make, kind, hundredths):
    product = make(hundredths=hundredths)
    assert product.manifest.series_dtype == ("float32" if hundredths else "int16")
    surface = surface_over(product, kind)
    found = list(source_with(product, surface).blocks())
    assert len(found) == 3
    for block, plain in zip(found, product.blocks(), strict=True):
        expected = apply(plain, surface)
        np.testing.assert_array_equal(block.displacement_mm, expected.displacement_mm)
        assert block.attributes.keys() == expected.attributes.keys()
        for name, values in expected.attributes.items():
            np.testing.assert_array_equal(block.attributes[name], values, err_msg=name)
        assert np.abs(plain.displacement_mm[-1] - block.displacement_mm[-1]).max() > 0.1


def test_few_columns_and_attributes_are_calibrated_alike(make):
    product = make()
    surface = surface_over(product, "spline")
    source = source_with(product, surface)
    whole = apply(product.block(1), surface)
    block = source.block(1, ["pid", "mean_velocity"])
    np.testing.assert_array_equal(block.attributes["mean_velocity"], whole.attributes["mean_velocity"])
    np.testing.assert_array_equal(block.displacement_mm, whole.displacement_mm)
    only = source.attributes(["mean_velocity"], [1])
    np.testing.assert_array_equal(only["mean_velocity"], whole.attributes["mean_velocity"])
    np.testing.assert_array_equal(only["calibration_sigma"], whole.attributes["calibration_sigma"])


def test_the_first_epoch_stays_and_the_rate_is_taken_off_in_years_of_365_days(make):
    product = make()
    rate = np.linspace(-8, 8, POINTS)
    plain, corrected = product.series_mm(), product.series_mm(rate_mm_per_yr=rate)
    np.testing.assert_array_equal(plain[0], corrected[0])
    expected = plain.astype(np.float64) - egms_years(product.epochs)[:, None] * rate
    assert np.nanmax(np.abs(corrected - expected)) < 1e-5
    part = product.series_mm(20, 50, rate_mm_per_yr=rate[20:50])
    np.testing.assert_array_equal(part, corrected[:, 20:50])


def test_decoding_with_a_rate_keeps_gaps_and_every_edge_of_a_tile():
    rng = np.random.default_rng(0)
    for points, epochs in ((1, 1), (255, 64), (257, 65), (300, 130)):
        stored = rng.integers(-3000, 3000, (points, epochs)).astype(np.int16)
        stored[rng.random(stored.shape) < 0.1] = FILL
        rate, years = rng.normal(size=points).astype(np.float32), (np.arange(epochs) / 60).astype(np.float32)
        plain, out = np.full((epochs, points + 2), -7.0, np.float32), np.full((epochs, points + 2), -7.0, np.float32)
        decode_time_major(stored, plain, 1)
        decode_time_major(stored, out, 1, rate_mm_per_yr=rate, years=years)
        expected = np.where(stored == FILL, np.nan, stored / np.float32(10.0)).astype(np.float32).T
        np.testing.assert_array_equal(plain[:, 1:-1], expected)
        np.testing.assert_array_equal(out[:, 1:-1], expected - years[:, None] * rate)
        assert (out[:, [0, -1]] == -7.0).all()


def test_clusters_are_read_without_being_asked_for(make):
    product = make()
    surface = surface_over(product, "spline")
    surface = replace(surface, clusters=offsets(surface.basis.terms))
    source = source_with(product, surface)
    for group in range(product.row_groups):
        expected = apply(product.block(group), surface)
        block = source.block(group, ["pid"])
        np.testing.assert_array_equal(block.displacement_mm, expected.displacement_mm)
        sigma = source.attributes(["pid"], [group])["calibration_sigma"]
        np.testing.assert_array_equal(sigma, expected.attributes["calibration_sigma"])
    label = product.attributes(["cluster_label"])["cluster_label"]
    assert (source.attributes(["pid"])["calibration_sigma"][label == 2] >= 9.0).all()


def test_clusters_without_labels_are_refused(make):
    product = make("L2b")
    surface = surface_over(product, "polynomial")
    source = source_with(product, replace(surface, clusters=offsets(surface.basis.terms)))
    with pytest.raises(InputError, match="FID-1063"):
        source.block(0, ["pid"])
    with pytest.raises(InputError, match="FID-1063"):
        source.attributes(["pid"])


def test_cells_get_the_largest_sigma_of_the_clusters_that_have_points(make):
    product = make()
    surface = surface_over(product, "spline")
    easting, northing = (product.attributes([name])[name][:5] for name in ("easting", "northing"))
    assert (Source(product, None).tie_sigma_mm_per_yr(easting, northing) == 0).all()
    plain = source_with(product, surface).tie_sigma_mm_per_yr(easting, northing)
    np.testing.assert_array_equal(plain, surface.sigma_mm_per_yr(easting, northing))
    known = replace(surface, clusters=offsets(surface.basis.terms, (0, 1, 2)))
    found = source_with(product, known).tie_sigma_mm_per_yr(easting, northing)
    np.testing.assert_allclose(found, np.hypot(plain, 2.5), rtol=1e-12)
    # Cluster 2 was not observed: its points are known to 9 mm/yr only.
    unknown = replace(surface, clusters=offsets(surface.basis.terms, (0, 1)))
    found = source_with(product, unknown).tie_sigma_mm_per_yr(easting, northing)
    np.testing.assert_allclose(found, np.hypot(plain, 9.0), rtol=1e-12)


@pytest.mark.parametrize("ordered", [True, False])
def test_spline_kernels_are_the_sums_over_the_design(ordered):
    rng = np.random.default_rng(4)
    easting, northing = rng.uniform(0, 100_000, 3000), rng.uniform(0, 60_000, 3000)
    if ordered:
        order = np.lexsort((northing // 20_000, easting // 20_000))
        easting, northing = easting[order], northing[order]
    basis = SplineBasis.covering(easting, northing, 20_000.0)
    coefficients, root = rng.normal(size=basis.terms), rng.normal(size=(basis.terms, basis.terms))
    covariance = root @ root.T
    design = basis.design(easting, northing)
    assert np.abs(basis.evaluate(coefficients, easting, northing) - design @ coefficients).max() < 1e-12
    expected = np.einsum("pi,ij,pj->p", design, covariance, design, optimize=True)
    assert np.abs(basis.variance(covariance, easting, northing) / expected - 1).max() < 1e-10


def test_spline_kernels_outside_and_at_missing_positions():
    covariance = np.eye(20) + 0.5
    values = np.arange(20.0)
    x, y = np.array([-9.0, 1.0, 2.5, 99.0, np.nan, 2.0, np.inf]), np.array([1.5, 1.5, 99.0, 99.0, 1.0, np.nan, 1.0])
    rate, variance = spline_sum(x, y, 5, 4, values), spline_variance(x, y, 5, 4, covariance)
    assert np.isnan(rate[4:]).all()
    assert np.isnan(variance[4:]).all()
    assert rate[0] == rate[1]
    assert variance[0] == variance[1]
    assert rate[3] == pytest.approx(spline_sum(np.array([3.0]), np.array([2.0]), 5, 4, values)[0], abs=1e-12)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_polynomial_kernels_are_the_sums_over_the_design(degree):
    rng = np.random.default_rng(5)
    easting, northing = rng.uniform(4e6, 4.2e6, 500), rng.uniform(2e6, 2.1e6, 500)
    basis = replace(PolynomialBasis.full(easting, northing, degree), rotation_deg=17.0)
    coefficients, root = rng.normal(size=basis.terms), rng.normal(size=(basis.terms, basis.terms))
    design = basis.design(easting, northing)
    assert np.abs(basis.evaluate(coefficients, easting, northing) - design @ coefficients).max() < 1e-12
    expected = np.einsum("pi,ij,pj->p", design, root @ root.T, design)
    assert np.abs(basis.variance(root @ root.T, easting, northing) / expected - 1).max() < 1e-9
    assert np.isnan(basis.evaluate(coefficients, np.array([np.nan]), np.array([2e6]))).all()


def test_track_and_clusters_reach_the_recipe(make):
    product = make()
    points = velocities(product, product.manifest.name)
    assert points.track == "022D"
    np.testing.assert_array_equal(np.bincount(points.cluster), [25, 25, 25])
    other = make("L2b", track=117, angles_deg=ASCENDING)
    points = velocities(other, other.manifest.name)
    assert points.track == "117A"
    assert points.cluster is None


def test_tracks_are_told_by_names_that_name_them_only():
    west, east = np.full(3, -0.6), np.full(3, 0.6)
    assert track_of("087A_04904_121313", east) == "087A"
    assert track_of("EGMS_L2a_088_0282_IW2_VV", west) == "088A"
    assert track_of("EGMS_L2b_088_0282_IW2_VV_2020_2024_1", east) == "088D"
    for name in ("EGMS_L3_E45N17_100km_E_2020_2024_1", "087A", "087A_04904_121313_b", "track 88", "088_merged"):
        assert not track_of(name, west)
