"""The velocity model on the European field (B8, B9)."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats import velocity_model_file, velocity_tables
from fiducial.stations.velocity_model import fit_model, prepare_sites
from fiducial.stations.velocity_validation import block_folds, cross_validate, random_folds
from support import data_path

pytestmark = [pytest.mark.real, pytest.mark.slow]

# Track: LOS unit vector (east, north, up) and official GNSS rates, mm/yr (stations.md, B9).
USTICA = {"022": ((0.594, -0.120, 0.795), (-1.6,)), "117": ((-0.622, -0.098, 0.777), (-0.7, -0.8))}


@pytest.fixture(scope="module")
def europe():
    stations = velocity_tables.read(data_path("velocities", "euref_all.raw"), frame="ETRF2014")
    return stations, fit_model(stations)


def test_line_of_sight_rate_at_ustica(europe) -> None:
    """Within 0.5 mm/yr of the official one, in the frame that the field is taken for and in that of A-EPND."""
    stations, model = europe
    usix = [str(name)[:4] for name in stations.names].index("USIX")
    for frame in ("ETRF2014", "ETRF2000"):
        place = stations.longitude_deg[usix], stations.latitude_deg[usix]
        velocity = model.predict(*place, frame=frame).velocity_enu_mm_per_yr[0]
        for track, (along, official) in USTICA.items():
            for rate in official:
                assert abs(velocity @ np.array(along) - rate) < 0.5, (frame, track)


def test_sites_and_file(europe, tmp_path) -> None:
    stations, model = europe
    assert stations.size == 3028
    assert model.sites.size > 2800
    assert len(model.merged) == 158
    assert sum(not site.agree for site in model.merged) == 2
    velocity_model_file.write(model, tmp_path / "europe.fvm")
    again = velocity_model_file.read(tmp_path / "europe.fvm")
    place = np.linspace(-5.0, 25.0, 50), np.linspace(38.0, 60.0, 50)
    first, second = model.predict(*place), again.predict(*place)
    np.testing.assert_array_equal(first.velocity_enu_mm_per_yr, second.velocity_enu_mm_per_yr)
    np.testing.assert_array_equal(first.covariance_enu, second.covariance_enu)


def test_cross_validation(europe) -> None:
    """Robust sd well below the nearest site's, and sigmas that say how large residuals are (benchmark: all peers)."""
    stations, model = europe
    sites, _, _ = prepare_sites(stations)
    limits = {"random": (0.25, 0.25, 0.43), "blocks of 100 km": (0.26, 0.265, 0.46)}
    for folds in (random_folds(sites), block_folds(sites)):
        scores = cross_validate(sites, folds, fixed=model.covariances).scores()
        for limit, (component, values) in zip(limits[folds.name], scores.items(), strict=True):
            assert values["sites"] >= 2842
            assert values["robust_sd_mm_per_yr"] < limit, (folds.name, component)
            assert values["ratio_to_nearest"] < 0.85
            assert 0.9 < values["standardised_robust_sd"] < 1.1
