"""The real day 2024-09-19: ten centres, two official products, the product of ROCS, and the frame summary."""

from __future__ import annotations

import functools

from fiducial.formats import sinex_summary, sp3
from fiducial.orbits.orbit import Orbit
from fiducial.orbits.stack import common_grid, rotate_centre, stack_orbits
from support import data_path

FOLDER = ("orbits", "2024-263-final")
CENTRES = ("COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO")
COMPARED = ("IGF", "IGL")
COARSE = {"EMR", "IGF", "IGL", "NGS", "SIO"}


@functools.cache
def product(centre) -> Orbit:
    """The submitted orbit of a centre."""
    name = f"{centre}0OPSFIN_20242630000_01D_{'15M' if centre in COARSE else '05M'}_ORB.SP3"
    return sp3.read(data_path(*FOLDER, "sp3", name)).orbit


@functools.cache
def rocs() -> Orbit:
    """The combination that ROCS makes of the day."""
    return sp3.read(data_path(*FOLDER, "rocs_expected", "IGS0TSTFIN_20242630000_01D_05M_ORB.SP3")).orbit


@functools.cache
def rotations():
    """Rotations centre to frame of the day."""
    summary = sinex_summary.read(data_path(*FOLDER, "IGS0OPSSNX_20242590000_07D_07D_SUM.YML"))
    date = product("COD").epochs_gps[0]
    return {name: summary.rotation_rad(name, date) for name in CENTRES}


@functools.cache
def stacked():
    """All centres and official products at 5 min, turned into the frame."""
    orbits = {name: product(name) for name in (*CENTRES, *COMPARED)}
    return rotate_centre(stack_orbits(orbits, common_grid({k: orbits[k] for k in CENTRES})), rotations())
