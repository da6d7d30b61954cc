"""Eclipses of 2024-09-19 against the list of ROCS (GeoscienceAustralia/ROCS) for its own combined orbit."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.formats import sp3
from fiducial.orbits.eclipses import find_eclipses
from fiducial.orbits.orbit import Orbit
from support import data_path

pytestmark = pytest.mark.real
EPOCH_S = 300.0


def published():
    text = data_path("orbits", "2024-263-final", "rocs_expected", "eclipse_2024263").read_text(encoding="ascii")
    rows = [line.split() for line in text.splitlines() if line.split()[-1:] in (["full"], ["partial"])]
    return sorted(
        (row[0], np.datetime64(f"{row[3]}T{row[4]}", "s"), np.datetime64(f"{row[5]}T{row[6]}", "s"), row[7])
        for row in rows
    )


def seconds(difference):
    return difference / np.timedelta64(1, "s")


@pytest.mark.parametrize("product", [
    ("rocs_expected", "IGS0TSTFIN_20242630000_01D_05M_ORB.SP3"), ("sp3", "COD0OPSFIN_20242630000_01D_05M_ORB.SP3"),
])  # fmt: skip
def test_the_list_is_that_of_rocs_within_one_epoch(product):
    whole = sp3.read(data_path("orbits", "2024-263-final", *product)).orbit
    # ROCS leaves the record of 24:00 out, in which another eclipse of G28 has begun.
    orbit = Orbit(whole.epochs_gps[:288], whole.satellites, whole.position_m[:288], whole.clock_s[:288])
    mine = sorted(find_eclipses(orbit), key=lambda e: (e.satellite, e.begin_gps))
    theirs = published()
    assert {e.body for e in mine} == {"Earth"}
    assert [(e.satellite, e.kind) for e in mine] == [(name, kind) for name, _, _, kind in theirs]
    assert len(theirs) == 36
    for eclipse, (_, first, last, _) in zip(mine, theirs, strict=True):
        # ROCS lists the first and the last epoch in the shadow, so contacts lie up to one epoch outside of them.
        begin = np.ceil(seconds(eclipse.begin_gps - first) / EPOCH_S)
        end = np.floor(seconds(eclipse.end_gps - last) / EPOCH_S)
        assert abs(begin) <= 1
        assert abs(end) <= 1
        # Its shadow comes between 17 and 36 s late.
        assert -EPOCH_S - 30.0 < seconds(eclipse.begin_gps - first) <= 0.0
        assert -30.0 < seconds(eclipse.end_gps - last) < EPOCH_S
