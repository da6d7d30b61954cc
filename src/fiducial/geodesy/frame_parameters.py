"""Published parameters between terrestrial reference frames, and of plate motion models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fiducial.geodesy.helmert import HelmertRates, Triple


@dataclass(frozen=True)
class FrameOperation:
    """Fourteen parameters from one frame to another; P(t) = P + P' (t - epoch), position-vector signs.

    Attributes
    ----------
    epsg : int
        Code of the coordinate operation.
    source, target : str
        Canonical names of frames.
    translation_mm : tuple of three float
    scale_ppb : float
    rotation_mas : tuple of three float
    rates : HelmertRates
    epoch : float
        Decimal year that translation, scale and rotation hold at.
    """

    epsg: int
    source: str
    target: str
    translation_mm: Triple
    scale_ppb: float
    rotation_mas: Triple
    rates: HelmertRates
    epoch: float


OPERATIONS: Final = (
    # EPSG v11.022, ITRF2014 to ITRF2020 (1): Altamimi et al. 2023, J. Geodesy 97:47.
    FrameOperation(9991, "ITRF2014", "ITRF2020", (1.4, 0.9, -1.4), 0.42, (0.0, 0.0, 0.0),
                   HelmertRates((0.0, 0.1, -0.2), 0.0), 2015.0),
    # EPSG v11.022, ITRF2008 to ITRF2020 (1): Altamimi et al. 2023, J. Geodesy 97:47.
    FrameOperation(9992, "ITRF2008", "ITRF2020", (-0.2, -1.0, -3.3), 0.29, (0.0, 0.0, 0.0),
                   HelmertRates((0.0, 0.1, -0.1), -0.03), 2015.0),
    # EPSG v11.022, ITRF2008 to ITRF2014 (1): Altamimi et al. 2016, JGR 121.
    FrameOperation(7790, "ITRF2008", "ITRF2014", (-1.6, -1.9, -2.4), 0.02, (0.0, 0.0, 0.0),
                   HelmertRates((0.0, 0.0, 0.1), -0.03), 2010.0),
    # EPSG v11.022, ITRF2020 to ETRF2000 (1): EUREF Technical Note 1 (2024).
    FrameOperation(10586, "ITRF2020", "ETRF2000", (53.8, 51.8, -82.2), 2.25, (2.106, 12.740, -20.592),
                   HelmertRates((0.1, 0.0, -1.7), 0.11, (0.081, 0.490, -0.792)), 2015.0),
    # EPSG v11.022, ITRF2020 to ETRF2014 (1): EUREF Technical Note 1 (2024).
    FrameOperation(10587, "ITRF2020", "ETRF2014", (-1.4, -0.9, 1.4), -0.42, (2.210, 13.806, -20.020),
                   HelmertRates((0.0, -0.1, 0.2), 0.0, (0.085, 0.531, -0.770)), 2015.0),
    # EPSG v11.022, ITRF2020 to ETRF2020 (2): EUREF Technical Note 1 (2024).
    FrameOperation(10573, "ITRF2020", "ETRF2020", (0.0, 0.0, 0.0), 0.0, (2.236, 13.494, -19.578),
                   HelmertRates((0.0, 0.0, 0.0), 0.0, (0.086, 0.519, -0.753)), 2015.0),
    # EPSG v11.022, ITRF2014 to ETRF2000 (1): EUREF Technical Note 1 (2018).
    FrameOperation(8405, "ITRF2014", "ETRF2000", (54.7, 52.2, -74.1), 2.12, (1.701, 10.290, -16.632),
                   HelmertRates((0.1, 0.1, -1.9), 0.11, (0.081, 0.490, -0.792)), 2010.0),
    # EPSG v11.022, ITRF2014 to ETRF2014 (2): EUREF Technical Note 1 (2018).
    FrameOperation(8880, "ITRF2014", "ETRF2014", (0.0, 0.0, 0.0), 0.0, (1.785, 11.151, -16.170),
                   HelmertRates((0.0, 0.0, 0.0), 0.0, (0.085, 0.531, -0.770)), 2010.0),
)  # fmt: skip
"""Deprecated EPSG rows with a wrong target (8407, 8409, 8410, 8411) are left out on purpose."""

PLATE_ROTATIONS_MAS_PER_YR: Final[dict[str, dict[str, Triple]]] = {
    # Altamimi et al. 2017, GJI 209, as PROJ 9.5.1 ships them in its file ITRF2014.
    "ITRF2014": {
        "ANTA": (-0.248, -0.324, 0.675), "ARAB": (1.154, -0.136, 1.444), "AUST": (1.510, 1.182, 1.215),
        "EURA": (-0.085, -0.531, 0.770), "INDI": (1.154, -0.005, 1.454), "NAZC": (-0.333, -1.544, 1.623),
        "NOAM": (0.024, -0.694, -0.063), "NUBI": (0.099, -0.614, 0.733), "PCFC": (-0.409, 1.047, -2.169),
        "SOAM": (-0.270, -0.301, -0.140), "SOMA": (-0.121, -0.794, 0.884),
    },
    # Altamimi et al. 2023, GRL 50, 2023GL106373, as PROJ 9.5.1 ships them in its file ITRF2020.
    "ITRF2020": {
        "AMUR": (-0.131, -0.551, 0.837), "ANTA": (-0.269, -0.312, 0.678), "ARAB": (1.129, -0.146, 1.438),
        "AUST": (1.487, 1.175, 1.223), "CARB": (0.207, -1.422, 0.726), "EURA": (-0.085, -0.519, 0.753),
        "INDI": (1.137, 0.013, 1.444), "NAZC": (-0.327, -1.561, 1.605), "NOAM": (0.045, -0.666, -0.098),
        "NUBI": (0.090, -0.585, 0.717), "PCFC": (-0.404, 1.021, -2.154), "SOAM": (-0.261, -0.282, -0.157),
        "SOMA": (-0.081, -0.719, 0.864),
    },
}  # fmt: skip
"""Rotation of each plate in the frame that its model is named after: V = rotation x X (+ origin rate bias)."""

ORIGIN_RATE_BIAS_MM_PER_YR: Final[dict[str, Triple]] = {"ITRF2020": (0.37, 0.35, 0.74)}
"""Translation rate estimated together with the plates of ITRF2020 (Altamimi et al. 2023, table 2); ITRF2014 has none."""
