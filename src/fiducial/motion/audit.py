"""The report of an audit: what a file is, what was checked, what its numbers give away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal

import numpy as np

from fiducial.motion.audit_dates import DateCoverage
from fiducial.motion.audit_north import NorthEvidence
from fiducial.motion.audit_rounding import GnssRatePlane, RoundingShares

Verdict = Literal["ok", "note", "defect"]

_SEVERITY: Final = {"ok": 0, "note": 1, "defect": 2}
_SHOWN: Final = 8


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes
    ----------
    name : str
    verdict : {"ok", "note", "defect"}
        ``note``: the file departs from its document or could not be tested, without being wrong.
    sentence : str
    value : float or None
        The number that the verdict rests on; None where nothing could be measured.
    unit : str
        Of ``value``.
    source : str
        The document or formula that the file was held against.
    """

    name: str
    verdict: Verdict
    sentence: str
    value: float | None
    unit: str
    source: str


@dataclass(frozen=True)
class Identity:
    """What a file is.

    Attributes
    ----------
    name, level, component : str
        ``L2a``, ``L2b`` or ``L3``; ``LOS``, ``east`` or ``up``.
    where : str
        Burst or tile.
    provider : str
    window : str
        Years and delivery of the release.
    vocabulary : str
        ``documented``, ``2018-2024`` or ``mixed`` spelling of the columns.
    columns_missing, columns_extra : tuple of str
        Against the documented table.
    points, epochs : int
    first, last : str
        Dates, UTC.
    frame : str
        Of the velocities, with who says so.
    """

    name: str
    level: str
    component: str
    where: str
    provider: str
    window: str
    vocabulary: str
    columns_missing: tuple[str, ...]
    columns_extra: tuple[str, ...]
    points: int
    epochs: int
    first: str
    last: str
    frame: str


@dataclass(frozen=True)
class StatedInputs:
    """What the XML says the product was made from; ``unstated`` where it says nothing.

    Attributes
    ----------
    scenes, reference_scenes : int
        SAFE products.
    scene_dates : int
        Dates that they cover.
    epochs_without_scene : tuple of str
        Dates of the series that no scene of the XML explains.
    orbit_types : mapping of str to int
        Scenes by orbit file type.
    production_date, dem, land_cover, snow, gnss : str
    """

    scenes: int
    reference_scenes: int
    scene_dates: int
    epochs_without_scene: tuple[str, ...]
    orbit_types: Mapping[str, int]
    production_date: str
    dem: str
    land_cover: str
    snow: str
    gnss: str


@dataclass(frozen=True)
class HiddenGnss:
    """The unrounded GNSS line-of-sight rate recovered from a Level 2b file.

    Attributes
    ----------
    easting, northing : float
        Place of the value, EPSG:3035, metres.
    rate_mm_per_yr, sigma_mm_per_yr : float
        Positive towards the satellite.
    plane : GnssRatePlane
        The plane that the value is taken from, with its gradient and the number of points behind it.
    planes : tuple of GnssRatePlane
        All regions of the file.
    line_of_sight : tuple of float
        East, north, up at the place.
    """

    easting: float
    northing: float
    rate_mm_per_yr: float
    sigma_mm_per_yr: float
    plane: GnssRatePlane
    planes: tuple[GnssRatePlane, ...]
    line_of_sight: tuple[float, ...]


@dataclass(frozen=True)
class AuditReport:
    """All that an audit found.

    Attributes
    ----------
    identity : Identity
    inputs : StatedInputs or None
        None when there is no XML.
    dates : DateCoverage
    checks : tuple of Check
    rounding : RoundingShares or None
        Level 2b with ``gnss_velocity`` only.
    hidden_gnss : HiddenGnss or None
        None where the velocities are not rounded twice.
    north : NorthEvidence or None
        Level 2b and 3 only.
    """

    identity: Identity
    inputs: StatedInputs | None
    dates: DateCoverage
    checks: tuple[Check, ...]
    rounding: RoundingShares | None
    hidden_gnss: HiddenGnss | None
    north: NorthEvidence | None

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of all checks."""
        return max((check.verdict for check in self.checks), key=_SEVERITY.__getitem__, default="ok")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and mappings; NaN becomes None."""
        return {"verdict": self.verdict, **plain(self)}

    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return titles and lines for people."""
        parts: list[tuple[str, Sequence[str]]] = [
            (f"{self.identity.name}: {self.verdict}", list(_identity_lines(self.identity))),
            ("Made from, as the XML states", list(_input_lines(self.inputs))),
            ("Dates", list(_date_lines(self.dates))),
            ("Checks", [f"{check.verdict:<6}  {check.name}: {check.sentence} [{check.source}]"
                        for check in self.checks]),
        ]  # fmt: skip
        if self.hidden_gnss is not None:
            parts.append(("GNSS line-of-sight rate hidden in the series", list(_hidden_lines(self.hidden_gnss))))
        if self.north is not None:
            parts.append(("Is the north component contained?", list(_north_lines(self.north))))
        return tuple((title, tuple(lines)) for title, lines in parts)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        out: list[str] = []
        for title, lines in self.sections():
            out += [title, *(f"  {line}" for line in lines), ""]
        return out[:-1]


def plain(value: Any) -> Any:
    """Return a result as plain numbers, texts, lists and mappings, ready for JSON; NaN becomes None.

    Examples
    --------
    >>> plain({"rate": np.float64("nan"), "shape": np.array([1, 2])})
    {'rate': None, 'shape': [1, 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _identity_lines(identity: Identity) -> Iterator[str]:
    yield f"{identity.level} ({identity.component}), {identity.where}, provider {identity.provider}, {identity.window}"
    yield f"{identity.points} points, {identity.epochs} dates from {identity.first} to {identity.last}"
    yield f"velocities in {identity.frame}"
    yield (
        f"columns in the {identity.vocabulary} spelling"
        f"; missing: {', '.join(identity.columns_missing) or 'none'}"
        f"; beyond the document: {', '.join(identity.columns_extra) or 'none'}"
    )


def _input_lines(inputs: StatedInputs | None) -> Iterator[str]:
    if inputs is None:
        yield "there is no XML: scenes, orbits, DEM and GNSS version are unstated"
        return
    orbits = ", ".join(f"{kind or 'unstated'} {count}" for kind, count in inputs.orbit_types.items())
    yield f"{inputs.scenes} scenes on {inputs.scene_dates} dates, {inputs.reference_scenes} reference scenes"
    yield f"orbits: {orbits or 'unstated'}"
    yield (
        f"DEM {inputs.dem}, land cover {inputs.land_cover}, snow {inputs.snow}, GNSS model {inputs.gnss}, "
        f"produced {inputs.production_date}"
    )


def _date_lines(dates: DateCoverage) -> Iterator[str]:
    yield (
        f"nominal step {dates.nominal_step_days} d, longest {dates.longest_step_days} d; "
        f"{100 * dates.grid_share:.1f} % of a {dates.grid_step_days}-day grid is filled"
    )
    yield f"{len(dates.gaps)} gaps longer than 1.5 nominal steps"
    longest = sorted(dates.gaps, key=lambda gap: (-gap.days, gap.after))[:_SHOWN]
    for gap in longest:
        yield f"{gap.days} d: {gap.after} to {gap.before}"
    if len(dates.gaps) > _SHOWN:
        yield f"... and {len(dates.gaps) - _SHOWN} not longer ones"


def _hidden_lines(hidden: HiddenGnss) -> Iterator[str]:
    _, east, north = hidden.plane.parameters
    yield (
        f"{hidden.rate_mm_per_yr:+.4f} +- {hidden.sigma_mm_per_yr:.4f} mm/yr at E {hidden.easting:.0f} "
        f"N {hidden.northing:.0f}, from {hidden.plane.points} points"
    )
    yield f"gradient {east:+.4f} mm/yr/km to the east, {north:+.4f} to the north"
    if len(hidden.planes) > 1:
        values = [plane.parameters[0] for plane in hidden.planes]
        yield f"{len(values)} regions, from {min(values):+.3f} to {max(values):+.3f} mm/yr"


def _north_lines(north: NorthEvidence) -> Iterator[str]:
    yield f"{north.verdict}: {north.sentence}"
    yield f"compared: {north.quantity} {north.observed_mm_per_yr:+.4f} +- {north.sigma_mm_per_yr:.4f} mm/yr"
    for witness in north.witnesses:
        yield (
            f"{witness.source}: E {witness.velocity_enu_mm_per_yr[0]:+.3f} N {witness.velocity_enu_mm_per_yr[1]:+.3f} "
            f"U {witness.velocity_enu_mm_per_yr[2]:+.3f} mm/yr"
        )
        for reading in (witness.contained, witness.removed):
            yield (
                f"  N {reading.name}: {reading.predicted_mm_per_yr:+.3f}, off by "
                f"{reading.difference_mm_per_yr:+.3f} where {reading.allowed_mm_per_yr:.3f} fits: {reading.verdict}"
            )
        yield f"  {witness.sentence}"
        yield f"  if N is contained and not removed, Up carries {witness.leak_into_up_mm_per_yr:+.2f} mm/yr of it"
