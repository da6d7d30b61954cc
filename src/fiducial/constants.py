"""Physical and conventional constants, with unit and source."""

from __future__ import annotations

from typing import Final

SENTINEL1_WAVELENGTH_MM: Final = 55.465760
"""Sentinel-1 C-band radar wavelength (EGMS-D6-PDD v3.0, temporal coherence)."""

SENTINEL1_BURST_TIME_PREAMBLE_S: Final = 2.298687
SENTINEL1_BURST_TIME_BEAM_S: Final = 2.758273
SENTINEL1_ORBIT_TIME_S: Final = 12 * 86_400 / 175
"""Timing of the ESA burst grid; 175 orbits in a 12-day repeat cycle (ESA burst id map, ATBD)."""

EGMS_YEAR_DAYS: Final = 365.0
"""Days a year in every EGMS statistic: t = days since first epoch / 365, not 365.25."""

JULIAN_YEAR_DAYS: Final = 365.25

MEAN_EARTH_RADIUS_KM: Final = 6371.0088
"""IUGG mean radius R1, for great-circle distances."""

MILLIARCSECOND_RAD: Final = 4.848136811095359936e-9

TAI_MINUS_GPS_S: Final = 19

EARTH_ROTATION_RAD_PER_S: Final = 7.2921151467e-5
"""Mean rotation rate of the Earth (IS-GPS-200, WGS 84 value; IGS clocks and orbits use the same)."""

EARTH_GRAVITATIONAL_CONSTANT_M3_PER_S2: Final = 3.986004418e14
EARTH_EQUATORIAL_RADIUS_M: Final = 6_378_136.6
EARTH_J2: Final = 1.0826359e-3
"""Gravity field to its flattening (IERS Conventions 2010, table 1.1)."""

SPEED_OF_LIGHT_M_PER_S: Final = 299_792_458.0
