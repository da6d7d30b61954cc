"""A gridded GNSS velocity model, such as A-EPND, the model EGMS is calibrated with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy.station_velocities import StationVelocities

AEPND_FRAME: Final = "ETRF2000"
"""Frame of A-EPND by its definition (EGMS GNSS Calibration Data v1)."""


@dataclass(frozen=True)
class GnssGrid:
    """Velocities at the nodes of a map grid.

    Attributes
    ----------
    latitude_deg, longitude_deg : ndarray of float64, shape (node,)
        ETRS89 (GRS80), degrees.
    velocity_enu_mm_per_yr : ndarray of float64, shape (node, 3)
        East, north, up.
    sigma_enu_mm_per_yr : ndarray of float64, shape (node, 3)
        Standard deviations, east, north, up.
    easting_m, northing_m : ndarray of int64, shape (node,)
        Map coordinates, EPSG:3035.
    frame : str
        Canonical frame name.
    source : str
        Where the grid came from, for provenance.
    """

    latitude_deg: NDArray[np.float64]
    longitude_deg: NDArray[np.float64]
    velocity_enu_mm_per_yr: NDArray[np.float64]
    sigma_enu_mm_per_yr: NDArray[np.float64]
    easting_m: NDArray[np.int64]
    northing_m: NDArray[np.int64]
    frame: str = AEPND_FRAME
    source: str = ""

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.easting_m)

    def select(self, mask: NDArray[Any]) -> GnssGrid:
        """Return the nodes chosen by a boolean mask or an index array."""
        return replace(
            self,
            latitude_deg=self.latitude_deg[mask],
            longitude_deg=self.longitude_deg[mask],
            velocity_enu_mm_per_yr=self.velocity_enu_mm_per_yr[mask],
            sigma_enu_mm_per_yr=self.sigma_enu_mm_per_yr[mask],
            easting_m=self.easting_m[mask],
            northing_m=self.northing_m[mask],
        )

    def official_order(self) -> GnssGrid:
        """Return the nodes in the order of the official file: northing descending, easting ascending."""
        return self.select(np.lexsort((self.easting_m, -self.northing_m)))

    def to_stations(self) -> StationVelocities:
        """Return the nodes as stations named by their map coordinates in kilometres, ``E2800N5100``.

        Notes
        -----
        The model publishes no correlations: covariances are diagonal. Neighbouring nodes come from the same
        stations, so their errors are not independent, and a fit to many nodes looks better than it is.
        """
        names = [f"E{e / 1000:g}N{n / 1000:g}" for e, n in zip(self.easting_m, self.northing_m, strict=True)]
        return StationVelocities(
            names=np.array(names, dtype=np.str_),
            longitude_deg=self.longitude_deg,
            latitude_deg=self.latitude_deg,
            velocity_enu_mm_per_yr=self.velocity_enu_mm_per_yr,
            covariance_enu=self.sigma_enu_mm_per_yr[:, :, None] ** 2 * np.eye(3),
            frame=self.frame,
            source=self.source,
        )
