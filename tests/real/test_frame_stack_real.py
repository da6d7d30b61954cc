"""Real daily solutions through ``fiducial frame stack``, and the post-seismic covariance of ITRF2020."""

from __future__ import annotations

import numpy as np
import pytest

from commands import fiducial
from fiducial.formats import sinex
from fiducial.runs.station_reference import read_reference
from support import data_path

pytestmark = pytest.mark.real


@pytest.mark.slow
def test_the_day_of_2018_stacks_into_the_frame(tmp_path):
    day, reference = data_path("sinex/igs18P19821_all_CoordOnly.snx"), data_path("sinex/igs17P49_CoordOnly.snx")
    done = fiducial("frame", "stack", day, "--reference", reference, "--out", tmp_path, "--json")
    assert done.code == 0, done.err
    report = done.json
    product = report["product"]
    assert not product["rates"]
    assert product["stations"] == 558
    # B4: 430 of 474 common stations fit.
    assert len(product["core_segments"]) >= 430
    (solution,) = report["solutions"]
    (entry,) = solution["days"]
    found = entry["helmert"]
    assert max(abs(found[f"translation_{axis}_mm"]) for axis in "xyz") < 2.0
    assert abs(found["scale_ppb"]) < 0.3
    assert max(abs(found[f"rotation_{axis}_mas"]) for axis in "xyz") < 0.05
    (name,) = [one for one in product["files"] if one.endswith(".SNX")]
    written = sinex.read(tmp_path / name, strictness="raise").solution
    assert len(written.estimate) == 3 * 558
    assert written.discontinuities is not None


def test_post_seismic_parameters_of_itrf2020_widen_the_reference():
    reference, models = data_path("sinex/igs17P49_CoordOnly.snx"), data_path("sinex/ITRF2020-psd-gnss.snx")
    epoch = np.datetime64("2021-01-01T12:00:00", "ns")
    plain, moved = read_reference(reference, epoch), read_reference(reference, epoch, post_seismic=models)
    assert len(moved.post_seismic_sites) > 80
    for site in moved.post_seismic_sites:
        larger = moved.sites[site].covariance_m2 - plain.sites[site].covariance_m2
        values = np.linalg.eigvalsh(larger)
        assert values[0] > -1e-12, site
        assert 0.0 < values[-1] < 0.05**2, site
