"""Coefficients as a product: small, exact, versioned, and refused where this version would apply them wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zarr

from fiducial.errors import FormatError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import FOLDER, CalibrationFile
from fiducial.motion.calibration.bases import PolynomialBasis, SplineBasis
from fiducial.motion.calibration.surfaces import ClusterOffsets, CorrectionSurface


def burst_surface(spacing_m=20_000.0, clusters=None, correlation_m=60_000.0):
    """A surface over 20 x 85 km whose coefficients are correlated as those of a smooth surface are."""
    rng = np.random.default_rng(0)
    easting, northing = rng.uniform(0, 20_000, 900), rng.uniform(0, 85_000, 900)
    basis = SplineBasis.covering(easting, northing, spacing_m)
    place = np.column_stack(basis.nodes)
    squared = ((place[:, None] - place[None, :]) ** 2).sum(axis=-1)
    covariance = 0.3 * np.exp(-squared / correlation_m**2) + 0.2
    surface = CorrectionSurface("b", "EPSG:3035", basis, rng.normal(size=basis.terms), covariance, 0.05, clusters)
    return surface, easting, northing


def stored(folder, surface, version="v", document=None):
    calibration_file.write(folder, CalibrationFile(version, "ETRF2000", surface, document or {}))
    return calibration_file.read(folder, version).surface


def size_of(folder, version="v"):
    return {
        array.name: sum(path.stat().st_size for path in array.rglob("*") if path.is_file())
        for array in (folder / FOLDER / version).iterdir()
        if array.is_dir()
    }


@pytest.mark.parametrize("spacing_m", [20_000.0, 25_000.0 / 3])
def test_a_burst_takes_a_few_kilobytes_and_keeps_coefficients_exactly(tmp_path, spacing_m):
    surface, easting, northing = burst_surface(spacing_m)
    again = stored(tmp_path, surface)
    assert np.array_equal(again.coefficients, surface.coefficients)
    ratio = again.sigma_mm_per_yr(easting, northing) / surface.sigma_mm_per_yr(easting, northing)
    assert np.abs(ratio - 1.0).max() < 1e-3
    size = size_of(tmp_path)
    assert size["covariance_factor"] < 8_000
    assert sum(size.values()) < 10_000


def test_a_covariance_without_structure_is_kept_whole(tmp_path):
    surface, easting, northing = burst_surface()
    surface = replace(surface, covariance=np.diag(np.linspace(0.5, 2.0, surface.basis.terms)))
    again = stored(tmp_path, surface)
    assert np.abs(again.covariance - surface.covariance).max() < 1e-6
    ratio = again.sigma_mm_per_yr(easting, northing) / surface.sigma_mm_per_yr(easting, northing)
    assert np.abs(ratio - 1.0).max() < 1e-6


def test_a_cluster_known_better_than_the_surface_keeps_its_sigma(tmp_path):
    """Surface and offset of cluster 4 together are known to 0.05 mm/yr, the surface alone to 0.7."""
    surface, easting, northing = burst_surface()
    root = np.linalg.cholesky(surface.covariance + 1e-9 * np.eye(surface.basis.terms))
    whole = np.vstack([root, -root.mean(axis=0)])
    joint = whole @ whole.T
    joint[:-1, :-1] += 0.0025 * np.eye(surface.basis.terms)
    clusters = ClusterOffsets(
        np.array([4]), np.array([3.0]), np.sqrt(joint[-1:, -1]), joint[-1:, :-1], unknown_sigma_mm_per_yr=9.0
    )
    surface = replace(surface, covariance=joint[:-1, :-1], clusters=clusters, systematic_sigma_mm_per_yr=0.0)
    again = stored(tmp_path, surface)
    label = np.full(len(easting), 4)
    centre = surface.sigma_mm_per_yr(easting, northing, label)
    assert centre.min() < 0.5 * np.sqrt(joint[-1, -1])
    assert np.abs(again.sigma_mm_per_yr(easting, northing, label) / centre - 1.0).max() < 1e-3
    other = np.full(len(easting), 5)
    assert np.abs(again.sigma_mm_per_yr(easting, northing, other) / surface.sigma_mm_per_yr(easting, northing, other) - 1).max() < 1e-3  # fmt: skip
    assert np.array_equal(again.surface_mm_per_yr(easting, northing, label), surface.surface_mm_per_yr(easting, northing, label))  # fmt: skip


def test_polynomials_and_unknown_covariances_are_kept_as_they_are(tmp_path):
    easting, northing = np.random.default_rng(1).uniform(0, 1e5, (2, 50))
    basis = PolynomialBasis.full(easting, northing, 1)
    for covariance in (np.diag([0.1, 0.2, 0.3]) + 0.01, np.full((3, 3), np.nan)):
        surface = CorrectionSurface("b", "EPSG:3035", basis, np.array([1.0, 2.0, 3.0]), covariance)
        version = "known" if np.isfinite(covariance).all() else "unknown"
        np.testing.assert_array_equal(stored(tmp_path, surface, version).covariance, covariance)


def test_the_layout_says_which_functions_of_time_there_are(tmp_path):
    surface, _, _ = burst_surface()
    stored(tmp_path, surface)
    group = zarr.open_group(tmp_path / FOLDER / "v", mode="r")
    assert group.attrs["layout"] == 2
    assert [one["name"] for one in group.attrs["temporal"]] == ["trend"]
    assert group.attrs["temporal"][0]["amplitude"] == "A_1(x) = -S(x)"
    assert group["coefficients_mm_per_yr"].shape == (1, surface.basis.terms)
    assert group["covariance_factor"].shape[:2] == (1, surface.basis.terms)


def test_what_this_version_cannot_apply_is_refused(tmp_path):
    surface, _, _ = burst_surface()
    stored(tmp_path, surface)
    group = zarr.open_group(tmp_path / FOLDER / "v", mode="r+")
    season = {"name": "season", "function": "cos", "amplitude": "A_2(x)", "unit": "mm"}
    for change in ({"temporal": [*group.attrs["temporal"], season]}, {"temporal": [season]}, {"layout": 3}):
        before = dict(group.attrs)
        group.attrs.update(change)
        with pytest.raises(FormatError, match="FID-2103"):
            calibration_file.read(tmp_path)
        group.attrs.update(before)
    assert calibration_file.read(tmp_path).surface.basis.terms == surface.basis.terms


def test_the_layout_of_the_first_release_is_still_read(tmp_path):
    surface, _, _ = burst_surface()
    values = surface.to_dict()
    arrays = {name: np.array(values.pop(name)) for name in ("coefficients_mm_per_yr", "covariance_mm2_per_yr2")}
    group = zarr.create_group(tmp_path / FOLDER / "old")
    for name, array in arrays.items():
        group.create_array(name, data=array)
    group.attrs.update({"frame": "ETRF2000", "surface": values, "document": {"recipe": "egms"}})
    again = calibration_file.read(tmp_path, "old")
    assert np.array_equal(again.surface.coefficients, surface.coefficients)
    assert np.array_equal(again.surface.covariance, surface.covariance)
    summary = calibration_file.summaries(tmp_path)[0]
    assert (summary.version, summary.recipe, summary.terms) == ("old", "egms", surface.basis.terms)
    assert summary.written.startswith("20")


def test_summaries_read_no_coefficients_and_name_what_is_damaged(tmp_path):
    surface, _, _ = burst_surface()
    document = {"recipe": "gauss-60", "gnss_source": "a.csv", "gnss_sha256": "ab" * 32, "created_by": "fiducial 0.1.0"}
    stored(tmp_path, surface, "gauss-60-1", document)
    stored(tmp_path, surface, "gauss-60-2", document)
    first, second = calibration_file.summaries(tmp_path)
    assert (first.version, second.version) == ("gauss-60-1", "gauss-60-2")
    assert (first.recipe, first.frame, first.gnss_source, first.terms) == (
        "gauss-60", "ETRF2000", "a.csv", surface.basis.terms,
    )  # fmt: skip
    assert first.bytes > 1_000
    assert second.written.endswith("+00:00")
    assert calibration_file.summaries(tmp_path / "nothing") == []
    (tmp_path / FOLDER / "gauss-60-2" / "zarr.json").write_text("{}")
    with pytest.raises(FormatError, match="FID-2102"):
        calibration_file.summaries(tmp_path)
