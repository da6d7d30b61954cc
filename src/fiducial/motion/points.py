"""The data type of the room: a block of points with their displacement series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.timescales import Epochs


@dataclass(frozen=True)
class PointBlock:
    """Points of one source, with attributes and series.

    Attributes
    ----------
    attributes : mapping of str to ndarray, shape (point,)
        Columns by canonical name (the documented EGMS vocabulary: ``pid``, ``easting``, ``northing`` in
        metres EPSG:3035, ``longitude``, ``latitude`` in degrees, ``los_east`` ..., ``mean_velocity`` in
        mm/yr, ...). NaN where unknown.
    displacement_mm : ndarray of float32, shape (epoch, point)
        Displacement in mm, positive towards the satellite (LOS), up, east or north; NaN where missing.
        Laid out [epoch, point] and C-contiguous, as the kernels want it.
    epochs : ndarray of datetime64[ns], shape (epoch,)
        Scene dates in UTC, strictly increasing.
    """

    attributes: Mapping[str, NDArray[Any]]
    displacement_mm: NDArray[np.float32]
    epochs: Epochs

    @property
    def size(self) -> int:
        """Number of points."""
        return len(next(iter(self.attributes.values()))) if self.attributes else self.displacement_mm.shape[1]

    def line_of_sight(self) -> NDArray[np.float64]:
        """Return the unit vectors ground to satellite, shape (point, 3), order east, north, up."""
        return np.column_stack([np.asarray(self.attributes[f"los_{axis}"], dtype=np.float64)
                                for axis in ("east", "north", "up")])  # fmt: skip

    def select(self, mask: NDArray[Any]) -> PointBlock:
        """Return the points chosen by a boolean mask or an index array."""
        return replace(
            self,
            attributes={name: column[mask] for name, column in self.attributes.items()},
            displacement_mm=np.ascontiguousarray(self.displacement_mm[:, mask]),
        )
