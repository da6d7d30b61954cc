"""Published parameters between terrestrial reference frames, and of plate motion models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fiducial.geodesy.helmert import ZERO, HelmertRates, Triple


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

EARLIER_OPERATIONS: Final = (
    # EPSG v11.022, table of ITRF2020 to earlier realisations: Altamimi et al. 2023, J. Geodesy 97:47.
    FrameOperation(9993, "ITRF2005", "ITRF2020", (-2.7, -0.1, 1.4), -0.65, ZERO,
                   HelmertRates((-0.3, 0.1, -0.1), -0.03), 2015.0),
    FrameOperation(9994, "ITRF2000", "ITRF2020", (0.2, -0.8, 34.2), -2.25, ZERO,
                   HelmertRates((-0.1, 0.0, 1.7), -0.11), 2015.0),
    FrameOperation(9995, "ITRF97", "ITRF2020", (-6.5, 3.9, 77.9), -3.98, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(9996, "ITRF96", "ITRF2020", (-6.5, 3.9, 77.9), -3.98, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(9997, "ITRF94", "ITRF2020", (-6.5, 3.9, 77.9), -3.98, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(9998, "ITRF93", "ITRF2020", (65.8, -1.9, 71.3), -4.47, (3.36, 4.33, -0.75),
                   HelmertRates((2.8, 0.2, 2.3), -0.12, (0.11, 0.19, -0.07)), 2015.0),
    FrameOperation(9999, "ITRF92", "ITRF2020", (-14.5, 1.9, 85.9), -3.27, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(10100, "ITRF91", "ITRF2020", (-26.5, -12.1, 91.9), -4.67, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(10103, "ITRF90", "ITRF2020", (-24.5, -8.1, 107.9), -4.97, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(10104, "ITRF89", "ITRF2020", (-29.5, -32.1, 145.9), -8.37, (0.0, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    FrameOperation(10105, "ITRF88", "ITRF2020", (-24.5, 3.9, 169.9), -11.47, (-0.1, 0.0, -0.36),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.0, 0.0, -0.02)), 2015.0),
    # EPSG v11.022, table of ITRF2014: Altamimi et al. 2016, JGR 121.
    FrameOperation(8079, "ITRF2005", "ITRF2014", (-2.6, -1.0, 2.3), -0.92, ZERO,
                   HelmertRates((-0.3, 0.0, 0.1), -0.03), 2010.0),
    FrameOperation(8078, "ITRF2000", "ITRF2014", (-0.7, -1.2, 26.1), -2.12, ZERO,
                   HelmertRates((-0.1, -0.1, 1.9), -0.11), 2010.0),
    FrameOperation(8077, "ITRF97", "ITRF2014", (-7.4, 0.5, 62.8), -3.8, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8076, "ITRF96", "ITRF2014", (-7.4, 0.5, 62.8), -3.8, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8075, "ITRF94", "ITRF2014", (-7.4, 0.5, 62.8), -3.8, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8074, "ITRF93", "ITRF2014", (50.4, -3.3, 60.2), -4.29, (2.81, 3.38, -0.4),
                   HelmertRates((2.8, 0.1, 2.5), -0.12, (0.11, 0.19, -0.07)), 2010.0),
    FrameOperation(8073, "ITRF92", "ITRF2014", (-15.4, -1.5, 70.8), -3.09, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8072, "ITRF91", "ITRF2014", (-27.4, -15.5, 76.8), -4.49, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8071, "ITRF90", "ITRF2014", (-25.4, -11.5, 92.8), -4.79, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8070, "ITRF89", "ITRF2014", (-30.4, -35.5, 130.8), -8.19, (0.0, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    FrameOperation(8069, "ITRF88", "ITRF2014", (-25.4, 0.5, 154.8), -11.29, (-0.1, 0.0, -0.26),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.0, 0.0, -0.02)), 2010.0),
    # EPSG v11.022, table of ITRF2008: Altamimi et al. 2011, J. Geodesy 85.
    FrameOperation(6389, "ITRF2005", "ITRF2008", (2.0, 0.9, 4.7), -0.94, ZERO,
                   HelmertRates((-0.3, 0.0, 0.0), 0.0), 2000.0),
    FrameOperation(6300, "ITRF2000", "ITRF2008", (1.9, 1.7, 10.5), -1.34, ZERO,
                   HelmertRates((-0.1, -0.1, 1.8), -0.08), 2000.0),
    FrameOperation(6299, "ITRF97", "ITRF2008", (-4.8, -2.6, 33.2), -2.92, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6298, "ITRF96", "ITRF2008", (-4.8, -2.6, 33.2), -2.92, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6297, "ITRF94", "ITRF2008", (-4.8, -2.6, 33.2), -2.92, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6296, "ITRF93", "ITRF2008", (24.0, -2.4, 38.6), -3.41, (1.71, 1.48, 0.3),
                   HelmertRates((2.8, 0.1, 2.4), -0.09, (0.11, 0.19, -0.07)), 2000.0),
    FrameOperation(6295, "ITRF92", "ITRF2008", (-12.8, -4.6, 41.2), -2.21, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6294, "ITRF91", "ITRF2008", (-24.8, -18.6, 47.2), -3.61, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6293, "ITRF90", "ITRF2008", (-22.8, -14.6, 63.2), -3.91, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6292, "ITRF89", "ITRF2008", (-27.8, -38.6, 101.2), -7.31, (0.0, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    FrameOperation(6291, "ITRF88", "ITRF2008", (-22.8, -2.6, 125.2), -10.41, (-0.1, 0.0, -0.06),
                   HelmertRates((-0.1, 0.5, 3.2), -0.09, (0.0, 0.0, -0.02)), 2000.0),
    # EPSG v11.022, ITRF2000 to ITRF2005 (1): Altamimi et al. 2007, JGR 112.
    FrameOperation(6302, "ITRF2000", "ITRF2005", (-0.1, 0.8, 5.8), -0.4, ZERO,
                   HelmertRates((0.2, -0.1, 1.8), -0.08), 2000.0),
    # EPSG v11.022, table of ITRF2000 (IERS Conventions 2003, table 4.1); printed in cm.
    FrameOperation(6289, "ITRF97", "ITRF2000", (-6.7, -6.1, 18.5), -1.55, ZERO,
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1997.0),
    FrameOperation(6288, "ITRF96", "ITRF2000", (-6.7, -6.1, 18.5), -1.55, ZERO,
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1997.0),
    FrameOperation(6287, "ITRF94", "ITRF2000", (-6.7, -6.1, 18.5), -1.55, ZERO,
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1997.0),
    FrameOperation(6286, "ITRF93", "ITRF2000", (-12.7, -6.5, 20.9), -1.95, (0.39, -0.8, 1.14),
                   HelmertRates((2.9, 0.2, 0.6), -0.01, (0.11, 0.19, -0.07)), 1988.0),
    FrameOperation(6285, "ITRF92", "ITRF2000", (-14.7, -13.5, 13.9), -0.75, (0.0, 0.0, 0.18),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1988.0),
    FrameOperation(6284, "ITRF91", "ITRF2000", (-26.7, -27.5, 19.9), -2.15, (0.0, 0.0, 0.18),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1988.0),
    FrameOperation(6283, "ITRF90", "ITRF2000", (-24.7, -23.5, 35.9), -2.45, (0.0, 0.0, 0.18),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1988.0),
    FrameOperation(7814, "ITRF89", "ITRF2000", (-29.7, -47.5, 73.9), -5.85, (0.0, 0.0, 0.18),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1988.0),
    FrameOperation(6281, "ITRF88", "ITRF2000", (-24.7, -11.5, 97.9), -8.95, (-0.1, 0.0, 0.18),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.0, 0.0, -0.02)), 1988.0),
    # EPSG v11.022: EUREF Technical Note 1 (2024).
    FrameOperation(10574, "ITRF2014", "ETRF2020", (1.4, 0.9, -1.4), 0.42, (2.236, 13.494, -19.578),
                   HelmertRates((0.0, 0.1, -0.2), 0.0, (0.086, 0.519, -0.753)), 2015.0),
    FrameOperation(10575, "ITRF2008", "ETRF2020", (-0.2, -1.0, -3.3), 0.29, (2.236, 13.494, -19.578),
                   HelmertRates((0.0, 0.1, -0.1), -0.03, (0.086, 0.519, -0.753)), 2015.0),
    FrameOperation(10576, "ITRF2005", "ETRF2020", (-2.7, -0.1, 1.4), -0.65, (2.236, 13.494, -19.578),
                   HelmertRates((-0.3, 0.1, -0.1), -0.03, (0.086, 0.519, -0.753)), 2015.0),
    FrameOperation(10577, "ITRF2000", "ETRF2020", (0.2, -0.8, 34.2), -2.25, (2.236, 13.494, -19.578),
                   HelmertRates((-0.1, 0.0, 1.7), -0.11, (0.086, 0.519, -0.753)), 2015.0),
    FrameOperation(10578, "ITRF97", "ETRF2020", (-6.5, 3.9, 77.9), -3.98, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10579, "ITRF96", "ETRF2020", (-6.5, 3.9, 77.9), -3.98, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10580, "ITRF94", "ETRF2020", (-6.5, 3.9, 77.9), -3.98, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10581, "ITRF93", "ETRF2020", (65.8, -1.9, 71.3), -4.47, (5.596, 17.824, -20.328),
                   HelmertRates((2.8, 0.2, 2.3), -0.12, (0.196, 0.709, -0.823)), 2015.0),
    FrameOperation(10582, "ITRF92", "ETRF2020", (-14.5, 1.9, 85.9), -3.27, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10583, "ITRF91", "ETRF2020", (-26.5, -12.1, 91.9), -4.67, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10584, "ITRF90", "ETRF2020", (-24.5, -8.1, 107.9), -4.97, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    FrameOperation(10585, "ITRF89", "ETRF2020", (-29.5, -32.1, 145.9), -8.37, (2.236, 13.494, -19.938),
                   HelmertRates((-0.1, 0.6, 3.1), -0.12, (0.086, 0.519, -0.773)), 2015.0),
    # EPSG v11.022: EUREF Technical Note 1 (2018).
    FrameOperation(8869, "ITRF2008", "ETRF2014", (-1.6, -1.9, -2.4), 0.02, (1.785, 11.151, -16.17),
                   HelmertRates((0.0, 0.0, 0.1), -0.03, (0.085, 0.531, -0.77)), 2010.0),
    FrameOperation(8870, "ITRF2005", "ETRF2014", (-2.6, -1.0, 2.3), -0.92, (1.785, 11.151, -16.17),
                   HelmertRates((-0.3, 0.0, 0.1), -0.03, (0.085, 0.531, -0.77)), 2010.0),
    FrameOperation(8871, "ITRF2000", "ETRF2014", (-0.7, -1.2, 26.1), -2.12, (1.785, 11.151, -16.17),
                   HelmertRates((-0.1, -0.1, 1.9), -0.11, (0.085, 0.531, -0.77)), 2010.0),
    FrameOperation(8872, "ITRF97", "ETRF2014", (-7.4, 0.5, 62.8), -3.8, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8873, "ITRF96", "ETRF2014", (-7.4, 0.5, 62.8), -3.8, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8874, "ITRF94", "ETRF2014", (-7.4, 0.5, 62.8), -3.8, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8875, "ITRF93", "ETRF2014", (50.4, -3.3, 60.2), -4.29, (4.595, 14.531, -16.57),
                   HelmertRates((2.8, 0.1, 2.5), -0.12, (0.195, 0.721, -0.84)), 2010.0),
    FrameOperation(8876, "ITRF92", "ETRF2014", (-15.4, -1.5, 70.8), -3.09, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8877, "ITRF91", "ETRF2014", (-27.4, -15.5, 76.8), -4.49, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8878, "ITRF90", "ETRF2014", (-25.4, -11.5, 92.8), -4.79, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    FrameOperation(8879, "ITRF89", "ETRF2014", (-30.4, -35.5, 130.8), -8.19, (1.785, 11.151, -16.43),
                   HelmertRates((-0.1, 0.5, 3.3), -0.12, (0.085, 0.531, -0.79)), 2010.0),
    # EPSG v11.022: Boucher and Altamimi, memo version 8 (2011), as for the ETRFs of the same year that follow.
    FrameOperation(5900, "ITRF2005", "ETRF2005", (56.0, 48.0, -37.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.054, 0.518, -0.781)), 1989.0),
    # EPSG v11.022: EUREF Technical Note 1; Boucher and Altamimi, memo version 8 (2011).
    FrameOperation(7951, "ITRF2008", "ETRF2000", (52.1, 49.3, -58.5), 1.34, (0.891, 5.39, -8.712),
                   HelmertRates((0.1, 0.1, -1.8), 0.08, (0.081, 0.49, -0.792)), 2000.0),
    FrameOperation(7950, "ITRF2005", "ETRF2000", (54.1, 50.2, -53.8), 0.4, (0.891, 5.39, -8.712),
                   HelmertRates((-0.2, 0.1, -1.8), 0.08, (0.081, 0.49, -0.792)), 2000.0),
    FrameOperation(7941, "ITRF2000", "ETRF2000", (54.0, 51.0, -48.0), 0.0, (0.891, 5.39, -8.712),
                   HelmertRates(ZERO, 0.0, (0.081, 0.49, -0.792)), 2000.0),
    FrameOperation(7949, "ITRF97", "ETRF2000", (47.3, 46.7, -25.3), -1.58, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7948, "ITRF96", "ETRF2000", (47.3, 46.7, -25.3), -1.58, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7947, "ITRF94", "ETRF2000", (47.3, 46.7, -25.3), -1.58, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7946, "ITRF93", "ETRF2000", (76.1, 46.9, -19.9), -2.07, (2.601, 6.87, -8.412),
                   HelmertRates((2.9, 0.2, 0.6), -0.01, (0.191, 0.68, -0.862)), 2000.0),
    FrameOperation(7945, "ITRF92", "ETRF2000", (39.3, 44.7, -17.3), -0.87, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7944, "ITRF91", "ETRF2000", (27.3, 30.7, -11.3), -2.27, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7943, "ITRF90", "ETRF2000", (29.3, 34.7, 4.7), -2.57, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7942, "ITRF89", "ETRF2000", (24.3, 10.7, 42.7), -5.97, (0.891, 5.39, -8.772),
                   HelmertRates((0.0, 0.6, 1.4), -0.01, (0.081, 0.49, -0.812)), 2000.0),
    FrameOperation(7939, "ITRF97", "ETRF97", (41.0, 41.0, -49.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.2, 0.5, -0.65)), 1989.0),
    FrameOperation(7938, "ITRF96", "ETRF96", (41.0, 41.0, -49.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.2, 0.5, -0.65)), 1989.0),
    FrameOperation(7937, "ITRF94", "ETRF94", (41.0, 41.0, -49.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.2, 0.5, -0.65)), 1989.0),
    FrameOperation(7936, "ITRF93", "ETRF93", (19.0, 53.0, -21.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.32, 0.78, -0.67)), 1989.0),
    FrameOperation(7935, "ITRF92", "ETRF92", (38.0, 40.0, -37.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.21, 0.52, -0.68)), 1989.0),
    FrameOperation(7934, "ITRF91", "ETRF91", (21.0, 25.0, -37.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.21, 0.52, -0.68)), 1989.0),
    FrameOperation(7933, "ITRF90", "ETRF90", (19.0, 28.0, -23.0), 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.11, 0.57, -0.71)), 1989.0),
    FrameOperation(7932, "ITRF89", "ETRF89", ZERO, 0.0, ZERO,
                   HelmertRates(ZERO, 0.0, (0.11, 0.57, -0.71)), 1989.0),
)  # fmt: skip
"""Rows that only the graph of positions uses (`fiducial.geodesy.frame_graph`), one EPSG operation each.

Left out on purpose: deprecated rows, several of which have a wrong digit (6282, 6290, 6301) or target (8407 to 8411); rows
between neighbours of the first years (9020, 10139, 9024, 9025, 10143), which the tables of later frames replace; rows to
ITRF96 that serve NAD83 (9079 to 9083) and contradict ITRF96 = ITRF97 by 16 mm; second rows of the same numbers at another
epoch (7940, 8366, 10572). The rows that remain close: in all 190 triangles of three rows the parameters add to zero.
"""

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
