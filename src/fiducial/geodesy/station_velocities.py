"""Velocities of GNSS stations, with covariance and frame: what velocity tables hold and fields are fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rejection:
    """A station that is not used, and why."""

    name: str
    reason: str


class StationPlaces(Protocol):
    """Names and places of stations: all that is needed to look at a product around them."""

    @property
    def names(self) -> NDArray[np.str_]:
        """Shape (station,)."""

    @property
    def longitude_deg(self) -> NDArray[np.float64]:
        """Shape (station,), degrees."""

    @property
    def latitude_deg(self) -> NDArray[np.float64]:
        """Shape (station,), degrees."""


@dataclass(frozen=True)
class StationVelocities:
    """Station velocities in one frame.

    Attributes
    ----------
    names : ndarray of str, shape (station,)
    longitude_deg, latitude_deg : ndarray of float64, shape (station,)
    velocity_enu_mm_per_yr : ndarray of float64, shape (station, 3)
        East, north, up; NaN where a component is unknown (a horizontal-only station has NaN up).
    covariance_enu : ndarray of float64, shape (station, 3, 3)
        Covariance in (mm/yr)^2; rows and columns of unknown components are NaN.
    frame : str
        Canonical frame name, such as ``ETRF2000`` or ``plate:EURA`` (see ``geodesy.frames``).
    source : str
        Where the table came from, for provenance.
    rejected : tuple of Rejection
        Rows that were recognised as unusable, with reasons.
    """

    names: NDArray[np.str_]
    longitude_deg: NDArray[np.float64]
    latitude_deg: NDArray[np.float64]
    velocity_enu_mm_per_yr: NDArray[np.float64]
    covariance_enu: NDArray[np.float64]
    frame: str
    source: str
    rejected: tuple[Rejection, ...] = ()

    @property
    def size(self) -> int:
        """Number of usable stations."""
        return len(self.names)

    def select(self, mask: NDArray[Any]) -> StationVelocities:
        """Return the stations chosen by a boolean mask or an index array."""
        return replace(
            self,
            names=self.names[mask],
            longitude_deg=self.longitude_deg[mask],
            latitude_deg=self.latitude_deg[mask],
            velocity_enu_mm_per_yr=self.velocity_enu_mm_per_yr[mask],
            covariance_enu=self.covariance_enu[mask],
        )
