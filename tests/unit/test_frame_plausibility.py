"""A table in another frame than said is refused."""

from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import InputError
from fiducial.geodesy.frame_plausibility import require_plausible_frame
from fiducial.geodesy.frame_velocities import frame_velocity
from fiducial.runs.gnss import load
from synthetic_network import network


def moved(stations, source, target):
    shift = frame_velocity(source, target, stations.longitude_deg, stations.latitude_deg)
    return replace(stations, velocity_enu_mm_per_yr=stations.velocity_enu_mm_per_yr + shift, frame=target)


@pytest.mark.parametrize("frame", ["ETRF2000", "ETRF2014", "plate:EURA", "plate:EURA@ITRF2014"])
def test_velocities_that_stand_still_are_fixed_to_a_plate(frame):
    stations, _ = network(count=20)
    require_plausible_frame(stations, frame)
    with pytest.raises(InputError, match="FID-1004") as caught:
        require_plausible_frame(stations, "ITRF2020")
    assert "state ETRF2000" in str(caught.value)


@pytest.mark.parametrize("frame", ["ETRF2000", "plate:EURA", "plate:EURA@ITRF2020"])
def test_velocities_that_move_with_the_plate_are_not_fixed_to_it(frame):
    stations, _ = network(count=20)
    fast = moved(stations, "ETRF2000", "ITRF2020")
    require_plausible_frame(fast, "ITRF2020")
    require_plausible_frame(fast, "IGS14")
    with pytest.raises(InputError, match="FID-1004"):
        require_plausible_frame(fast, frame)


def test_a_fast_deforming_area_is_not_taken_for_an_itrf():
    stations, _ = network(count=20)
    westward = stations.velocity_enu_mm_per_yr.copy()
    westward[:, 0] -= 20.0
    require_plausible_frame(replace(stations, velocity_enu_mm_per_yr=westward), "plate:EURA")


def test_unknown_velocities_contradict_nothing():
    stations, _ = network(count=5)
    nothing = replace(stations, velocity_enu_mm_per_yr=np.full((5, 3), np.nan))
    require_plausible_frame(nothing, "ITRF2020")


def test_a_table_of_another_continent_is_out_of_reach(tmp_path):
    table = tmp_path / "table.csv"
    rows = "".join(f"S{i},{12 + i},43,1,2,0.5,0.1,0.1,0.2\n" for i in range(4))
    table.write_text(f"name,lon,lat,ve_mm_yr,vn_mm_yr,vu_mm_yr,se_mm_yr,sn_mm_yr,su_mm_yr\n{rows}")
    with pytest.raises(InputError, match="FID-1140"):
        load(table, "ETRF2000", np.array([-120.0]), np.array([40.0]))
