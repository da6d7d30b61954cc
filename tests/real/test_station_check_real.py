"""What `fiducial stations check` finds in real SINEX files; each was confirmed in the text of the file."""

from __future__ import annotations

import pytest

from fiducial.runs.station_check import check_stations
from support import data_path

pytestmark = pytest.mark.real

CUMULATIVE = "igs17P49_CoordOnly.snx"
COUNTS = {
    "ESA0OPSFIN_20241850000_01D_01D_SOL.SNX": (2, 0, 0),
    "JAX0MGXFIN_20202440000_01D_000_SOL.SNX": (0, 1, 0),
    "STR1AUSPOS.SNX": (0, 5, 0),
    "ITRF2020-psd-gnss.snx": (0, 0, 0),
    CUMULATIVE: (356, 181, 190),
    "igs18P19821_all_CoordOnly.snx": (2, 0, 0),
}


@pytest.mark.parametrize("name", COUNTS)
def test_findings_by_severity(name):
    found = check_stations(data_path(f"sinex/{name}"))
    assert tuple(found.counts.values()) == COUNTS[name]


def test_places_with_a_lost_sign_and_moved_codes_are_errors():
    sites = {(one.code, one.severity) for name in (CUMULATIVE, "ESA0OPSFIN_20241850000_01D_01D_SOL.SNX")
             for one in check_stations(data_path(f"sinex/{name}")).findings if one.subject == "place"}  # fmt: skip
    assert sites == {("PALA", "error"), ("MBAR", "error"), ("NAUR", "error")}


def test_a_day_against_the_cumulative_solution():
    found = check_stations(data_path("sinex/igs18P19821_all_CoordOnly.snx"), data_path(f"sinex/{CUMULATIVE}"))
    assert found.counts == {"error": 2, "warning": 81, "note": 0}
    assert {one.text for one in found.findings if one.severity == "warning"} == {"is not in the site table"}
