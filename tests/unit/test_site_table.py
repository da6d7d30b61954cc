"""Tables of trusted sites."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import site_table

TABLE = b"""station,domes,longitude,latitude,height,antenna,radome,receiver,start,end
ZIMM00CHE,14001M004,7.4653,46.8771,956.4,TRM29659.00,NONE,TRIMBLE NETRS,1998-11-06,
# moved in between
wtzr,14201M010,12.8789,49.1442,666.0,,,LEICA GR50,,
"""


def test_names_places_and_equipment():
    found = site_table.read(TABLE, name="sites.csv")
    assert found.sites.codes.tolist() == ["ZIMM", "WTZR"]
    assert found.sites.points.tolist() == ["A", "A"]
    assert found.sites.domes.tolist() == ["14001M004", "14201M010"]
    assert found.antennas.kinds.tolist() == ["TRM29659.00     NONE"]
    assert found.receivers.codes.tolist() == ["ZIMM", "WTZR"]
    assert str(found.antennas.start_utc[0])[:10] == "1998-11-06"
    assert np.isnat(found.antennas.end_utc).all()


def test_geocentric_places_as_in_the_list_of_igs():
    head = b"#StationName,X,Y,Z,ReceiverName,Agency\n"
    found = site_table.read(head + b"EUR1,4027893.675,307045.907,4919475.172,X,a\nNONE,0,0,0,Y,\n")
    assert found.sites.longitude_deg[0] == pytest.approx(4.35922, abs=1e-5)
    assert found.sites.height_m[0] == pytest.approx(149.676, abs=1e-2)
    assert np.isnan(found.sites.longitude_deg[1])
    assert found.antennas is None


def test_rows_of_several_antennas_are_one_site():
    rows = b"station\tantenna\tradome\tstart\nZIMM\tA\tnone\t2000-01-01\nZIMM\tB\t\t2010-01-01\n"
    found = site_table.read(rows)
    assert len(found.sites) == 1
    assert found.antennas.kinds.tolist() == ["A               NONE", "B"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no sites"),
        (b"station\n", "no sites"),
        (b"x,y,z\n1,2,3\n", "does not name"),
        (b"station,code\nAAAA,AAAA\n", "none twice"),
        (b"station,x,y\nAAAA,1,2\n", "all or none"),
        (b"station,domes\nAAAA\n", "1 columns instead of 2"),
        (b"station\nAAA\n", "no station"),
        (b"station,longitude,latitude,height\nAAAA,10,91,0\n", "no latitude"),
        (b"station,longitude,latitude,height\nAAAA,1e,9,0\n", "no longitude"),
        (b"station,start\nAAAA,2010-02-30\n", "no date"),
        (b'station,domes\n"AAAA,1\n', "no row"),
        (b"\xff", "UTF-8"),
    ],
)
def test_tables_that_do_not_fit_are_refused(content, told):
    with pytest.raises(FormatError, match="FID-2485") as caught:
        site_table.read(content, name="sites.csv")
    assert told in str(caught.value)
    assert "sites.csv" in str(caught.value)
