"""Tallies over the points of a file, row group by row group: line of sight, identifiers, statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.geodesy import line_of_sight
from fiducial.motion.audit import Check, Verdict
from fiducial.motion.identifiers import POLARISATIONS, decode_cells, decode_points, provider_name
from fiducial.motion.statistics import SeriesStatistics

Array = NDArray[np.float64]
Attributes = Mapping[str, NDArray[Any]]

DOCUMENT: Final = "EGMS-D6-PDD v3.0 (2025)"
CONVENTIONS: Final = {
    "heading, clockwise from north": (1.0, 0.0),
    "heading, counter-clockwise from north": (-1.0, 0.0),
    "azimuth from the ground to the satellite": (1.0, 90.0),
    "azimuth from the satellite to the ground": (1.0, -90.0),
}
"""How ``track_angle`` may be meant: sign and offset (degrees) that turn it into a clockwise heading."""

# Three printed decimals of the cosines and two of the angles allow 0.0006 and 0.0009 (measured on real files).
_COSINE_TOLERANCE: Final = 0.0012
_KM: Final = 1000.0
_FEW: Final = 1e-3


def _worse(bad: int, points: int) -> Verdict:
    return "ok" if bad == 0 else "note" if bad <= _FEW * points else "defect"


class GeometryTally:
    """Line of sight and place of Level 2 points."""

    def __init__(self) -> None:
        self.points = 0
        self._norm = 0.0
        self._angle_difference = dict.fromkeys(CONVENTIONS, 0.0)
        self._ascending = self._contradicting = 0
        self._heading_range = [np.inf, -np.inf]
        self._origin: Array | None = None
        self._normal = np.zeros((3, 3))
        self._right = np.zeros((3, 3))
        self.bounds = np.array([[np.inf, np.inf], [-np.inf, -np.inf]])

    def add(self, attributes: Attributes) -> None:
        """Take in points; those of Level 3 have a place only."""
        place = np.column_stack([attributes["easting"], attributes["northing"]]).astype(np.float64)
        if self._origin is None:
            self._origin = place[0]
        self.points += len(place)
        self.bounds = np.stack([np.fmin(self.bounds[0], place.min(axis=0)), np.fmax(self.bounds[1], place.max(axis=0))])
        design = np.column_stack([np.ones(len(place)), (place - self._origin) / _KM])
        self._normal += design.T @ design
        if "los_east" not in attributes:
            return
        vectors = np.column_stack([attributes[f"los_{axis}"] for axis in ("east", "north", "up")]).astype(np.float64)
        heading = np.asarray(attributes["track_angle"], dtype=np.float64)
        self._right += design.T @ vectors
        self._norm = max(self._norm, float(line_of_sight.norm_error(vectors).max()))
        for name, (sign, offset) in CONVENTIONS.items():
            angles = line_of_sight.from_angles(attributes["incidence_angle"], sign * heading + offset)
            # A missing angle must not pass for agreement.
            worst = float(np.nan_to_num(np.abs(angles - vectors), nan=np.inf).max())
            self._angle_difference[name] = max(self._angle_difference[name], worst)
        ascending = vectors[:, 0] < 0
        self._ascending += int(ascending.sum())
        self._contradicting += int(np.count_nonzero((np.cos(np.deg2rad(heading)) > 0) != ascending))
        low, high = self._heading_range
        self._heading_range = [min(low, float(heading.min())), max(high, float(heading.max()))]

    @property
    def centroid(self) -> tuple[float, float]:
        """Mean easting and northing, metres."""
        origin = np.zeros(2) if self._origin is None else self._origin
        mean = origin + _KM * self._normal[0, 1:] / self._normal[0, 0]
        return float(mean[0]), float(mean[1])

    @property
    def passage(self) -> str:
        """``ascending``, ``descending`` or ``mixed``."""
        if self._ascending in {0, self.points}:
            return "ascending" if self._ascending else "descending"
        return "mixed"

    def line_of_sight_at(self, easting: float, northing: float) -> Array:
        """Return the unit vector at a place, from planes through the printed cosines, shape (3,).

        Notes
        -----
        The printed cosines have three decimals; a plane through thousands of them has five.
        """
        origin = np.zeros(2) if self._origin is None else self._origin
        planes = np.linalg.pinv(self._normal, hermitian=True) @ self._right
        east, north = (np.array([easting, northing]) - origin) / _KM
        vector = np.asarray(np.array([1.0, east, north]) @ planes, dtype=np.float64)
        return vector / float(np.linalg.norm(vector))

    def checks(self) -> list[Check]:
        """Return what was found about the line of sight."""
        best = min(self._angle_difference, key=self._angle_difference.__getitem__)
        worst = self._angle_difference[best]
        usual = best == next(iter(CONVENTIONS))
        low, high = self._heading_range
        agrees: Verdict = "ok" if worst <= _COSINE_TOLERANCE and usual else "note" if worst <= 0.005 else "defect"
        return [
            Check("line of sight, length", "ok" if self._norm <= _COSINE_TOLERANCE else "note",
                  f"the vectors are of unit length within {self._norm:.4f}", self._norm, "1", f"{DOCUMENT}, Table 5"),
            Check("line of sight, angles", agrees,
                  f"cosines and angles agree within {worst:.4f}, track_angle ({low:.2f}..{high:.2f}) read as {best}",
                  worst, "1", f"{DOCUMENT}, (-sin i cos a, sin i sin a, cos i)"),
            Check("line of sight, passage", "defect" if self.passage == "mixed" else "ok" if not self._contradicting
                  else "note", f"{self.passage} by los_east; track_angle taken as a heading contradicts it at "
                  f"{self._contradicting} points", float(self._contradicting), "points", f"{DOCUMENT}, right-looking"),
        ]  # fmt: skip


class IdentifierTally:
    """Identifiers against the columns, the XML and the name."""

    def __init__(self, *, cells: bool) -> None:
        self._cells = cells
        self._points = self._invalid = self._elsewhere = 0
        self._providers: Counter[int] = Counter()
        self._bursts: Counter[tuple[int, ...]] = Counter()

    def add(self, attributes: Attributes) -> None:
        """Take in points."""
        if self._cells:
            provider, easting, northing = decode_cells(attributes["pid"])
            off = (easting != attributes["easting"]) | (northing != attributes["northing"])
        else:
            ids = decode_points(attributes["pid"])
            provider = ids.provider
            off = (ids.line != attributes["line"]) | (ids.pixel != attributes["pixel"])
            keys, counts = np.unique(np.stack([ids.track, ids.burst, ids.swath, ids.polarisation]), axis=1,
                                     return_counts=True)  # fmt: skip
            for key, count in zip(keys.T.tolist(), counts.tolist(), strict=True):
                self._bursts[tuple(key)] += count
        self._points += len(provider)
        self._invalid += int(np.count_nonzero(provider < 0))
        self._elsewhere += int(np.count_nonzero(off & (provider >= 0)))
        self._providers.update(provider.tolist())

    @property
    def provider(self) -> int:
        """The most frequent provider, as a number; -1 when no identifier is valid."""
        return self._providers.most_common(1)[0][0]

    @property
    def burst(self) -> str:
        """The bursts of the identifiers, as ``022-0845-IW2-VV``; empty for Level 3."""
        return ", ".join(
            f"{track:03d}-{burst:04d}-IW{swath}-{POLARISATIONS[polarisation]}"
            for track, burst, swath, polarisation in self._bursts
            if track >= 0
        )

    def checks(self, facility: int | None) -> list[Check]:
        """Return what was found; ``facility`` is the one of the XML."""
        named = ", ".join(provider_name(one) for one in self._providers if one >= 0) or "none"
        columns = "easting and northing" if self._cells else "line and pixel"
        bad = self._invalid + self._elsewhere
        stated = facility
        alike = set(self._providers) == {stated}
        return [
            Check("identifiers, columns", _worse(bad, self._points),
                  f"{self._invalid} identifiers are invalid, {self._elsewhere} contradict {columns}", float(bad),
                  "points", f"{DOCUMENT}, point identifiers"),
            Check("identifiers, provider", "note" if stated is None else "ok" if alike else "defect",
                  f"identifiers say {named}, the XML says {'nothing' if stated is None else provider_name(stated)}",
                  float(len(self._providers)), "providers", f"{DOCUMENT}, point identifiers and XML"),
        ]  # fmt: skip


class StatisticsTally:
    """Printed statistics against those of the printed series.

    Parameters
    ----------
    decimals : mapping of str to int
        Printed decimals of each field to be compared.
    """

    def __init__(self, decimals: Mapping[str, int]) -> None:
        self._decimals = dict(decimals)
        self._points = Counter[str]()
        self._identical = Counter[str]()
        self._outside = Counter[str]()
        self._largest = dict.fromkeys(self._decimals, 0.0)

    def add(self, attributes: Attributes, computed: SeriesStatistics) -> None:
        """Take in points with their recomputed statistics; values that either lacks are left out."""
        for name, decimals in self._decimals.items():
            scale = 10.0**decimals
            printed = np.asarray(attributes[name], dtype=np.float64)
            value = np.asarray(getattr(computed, name), dtype=np.float64)
            known = np.isfinite(printed) & np.isfinite(value)
            steps = np.abs(np.rint(value[known] * scale) - np.rint(printed[known] * scale))
            self._points[name] += int(known.sum())
            self._identical[name] += int(np.count_nonzero(steps == 0))
            self._outside[name] += int(np.count_nonzero(steps > 1))
            largest = float(np.max(np.abs(value[known] - printed[known]) * scale, initial=0.0))
            self._largest[name] = max(self._largest[name], largest)

    def checks(self) -> list[Check]:
        """Return what was found, a check a field."""
        return [self._check(name) for name in self._decimals]

    def _check(self, name: str) -> Check:
        points, source = self._points[name], f"{DOCUMENT}, pseudo-code of Table 5"
        if not points:
            return Check(f"statistics, {name}", "note", "no value could be compared", None, "share", source)
        share = self._identical[name] / points
        unit = f"{10.0 ** -self._decimals[name]:g}"
        return Check(
            f"statistics, {name}",
            _worse(self._outside[name], points),
            f"{100 * share:.2f} % of {points} printed values equal those of the series; at most "
            f"{self._largest[name]:.2f} printed units of {unit} apart; {self._outside[name]} out by more than one",
            share,
            "share",
            source,
        )
