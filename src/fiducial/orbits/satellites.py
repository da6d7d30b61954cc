"""Satellites: who flies under which number, of which block and mass; and the manoeuvres that notices announce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

import numpy as np

Value = TypeVar("Value", covariant=True)  # noqa: PLC0105 - the field is called value


@dataclass(frozen=True, slots=True)
class Valid(Generic[Value]):
    """A value with the span of time in which it holds.

    Attributes
    ----------
    value
        The value.
    begin, end : datetime64[s]
        Half open, NaT where not limited; the scale is that of the file, which states none (GPS time and UTC differ
        by less than any span).
    """

    value: Value
    begin: np.datetime64
    end: np.datetime64

    def holds(self, epoch: np.datetime64) -> bool:
        """Return whether an epoch lies in the span."""
        # NaT compares false, so that an unlimited side never excludes.
        return not (epoch < self.begin or epoch >= self.end)


@dataclass(frozen=True, slots=True)
class Identifier:
    """Names of a satellite.

    Attributes
    ----------
    svn : str
        Space vehicle number, ``G053``.
    cospar : str
        International designator, ``2005-038A``.
    catalogue_number : str
        Number of the satellite catalogue.
    block : str
        ``GPS-IIIA``, ``GLO-M+``, ``GAL-2``, ...
    comment : str
    """

    svn: str
    cospar: str
    catalogue_number: str
    block: str
    comment: str


Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Eccentricity:
    """A piece of equipment: its name, kind (``P`` antenna, ``L`` retroreflector), and body-fixed x y z, metres."""

    equipment: str
    kind: str
    offset_m: Vector


@dataclass(frozen=True, slots=True, eq=False)
class SatelliteMetadata:
    """IGS satellite metadata.

    Attributes
    ----------
    release : str
        Description in the header of the file.
    identifiers : mapping of SVN to Identifier
    prn_svns : mapping of PRN to tuple of Valid[str]
        SVN that used a PRN, by time.
    frequency_channels, masses_kg, centres_of_mass_m, transmit_powers_w : mapping of SVN to tuple of Valid
        GLONASS channel; mass; centre of mass x y z in the body frame of the manufacturer; transmit power.
    eccentricities : mapping of SVN to tuple of Eccentricity
        In the same body frame.

    Notes
    -----
    Look-ups take the PRN (``G17``) and an epoch in GPS time and return None for what the file does not tell. Where
    spans overlap, the one that begins later holds: the file replaces open values so.
    """

    release: str
    identifiers: Mapping[str, Identifier]
    prn_svns: Mapping[str, tuple[Valid[str], ...]]
    frequency_channels: Mapping[str, tuple[Valid[int], ...]]
    masses_kg: Mapping[str, tuple[Valid[float], ...]]
    centres_of_mass_m: Mapping[str, tuple[Valid[Vector], ...]]
    eccentricities: Mapping[str, tuple[Eccentricity, ...]]
    transmit_powers_w: Mapping[str, tuple[Valid[float], ...]]

    def svn(self, prn: str, epoch_gps: np.datetime64) -> str | None:
        """Return the space vehicle that used a PRN."""
        return _at(self.prn_svns.get(prn, ()), epoch_gps)

    def block(self, prn: str, epoch_gps: np.datetime64) -> str | None:
        """Return the block of the satellite that used a PRN."""
        identifier = self.identifiers.get(self.svn(prn, epoch_gps) or "")
        return None if identifier is None else identifier.block

    def mass_kg(self, prn: str, epoch_gps: np.datetime64) -> float | None:
        """Return the mass in orbit."""
        return self._at(self.masses_kg, prn, epoch_gps)

    def frequency_channel(self, prn: str, epoch_gps: np.datetime64) -> int | None:
        """Return the GLONASS frequency channel, -7 to 6."""
        return self._at(self.frequency_channels, prn, epoch_gps)

    def centre_of_mass_m(self, prn: str, epoch_gps: np.datetime64) -> Vector | None:
        """Return the centre of mass, x y z in the body frame of the manufacturer."""
        return self._at(self.centres_of_mass_m, prn, epoch_gps)

    def transmit_power_w(self, prn: str, epoch_gps: np.datetime64) -> float | None:
        """Return the transmit power."""
        return self._at(self.transmit_powers_w, prn, epoch_gps)

    def antenna_offset_m(self, prn: str, epoch_gps: np.datetime64) -> Vector | None:
        """Return the reference point of the transmit antenna, x y z in the body frame of the manufacturer.

        The phase-centre offsets of igs14.atx and later start at this point; subtract :meth:`centre_of_mass_m` for a
        vector from the centre of mass.
        """
        equipment = self.eccentricities.get(self.svn(prn, epoch_gps) or "", ())
        return next((piece.offset_m for piece in equipment if piece.kind == "P"), None)

    def _at(self, values: Mapping[str, tuple[Valid[Value], ...]], prn: str, epoch_gps: np.datetime64) -> Value | None:
        return _at(values.get(self.svn(prn, epoch_gps) or "", ()), epoch_gps)


def _at(values: tuple[Valid[Value], ...], epoch: np.datetime64) -> Value | None:
    """Return the value that holds at an epoch; of several, the one that begins last. None for NaT."""
    if np.isnat(epoch):
        return None
    holding = [valid for valid in values if valid.holds(epoch)]
    unlimited = np.datetime64("0001-01-01", "s")
    latest = max(holding, key=lambda v: unlimited if np.isnat(v.begin) else v.begin, default=None)
    return None if latest is None else latest.value


@dataclass(frozen=True, slots=True)
class Nanu:
    """A Notice Advisory to NAVSTAR Users about a satellite.

    Attributes
    ----------
    number : str
        Year and number, ``2024044``.
    kind : str
        ``FCSTDV`` forecast of a manoeuvre, ``FCSTSUMM`` what came of a forecast, ...
    satellite : str or None
        ``G17``; None where the notice names none.
    reference : str or None
        Number of the notice that it follows.
    begin_utc, end_utc, begin_gps, end_gps : datetime64[ns]
        Outage, in UTC as published and in GPS time; NaT where open.
    """

    number: str
    kind: str
    satellite: str | None
    reference: str | None
    begin_utc: np.datetime64
    end_utc: np.datetime64
    begin_gps: np.datetime64
    end_gps: np.datetime64


class Manoeuvre(NamedTuple):
    """A manoeuvre that a notice tells: satellite, outage in GPS time (end NaT where open), number of the notice."""

    satellite: str
    begin_gps: np.datetime64
    end_gps: np.datetime64
    nanu: str


Solution = Literal["FIN", "RAP", "ULT"]

_FORECAST = "FCSTDV"
_REVISIONS = frozenset({_FORECAST, "FCSTRESCD", "FCSTEXTD", "FCSTCANC"})


def manoeuvres(nanus: tuple[Nanu, ...], solution: Solution) -> tuple[Manoeuvre, ...]:
    """Return the manoeuvres that notices tell.

    Parameters
    ----------
    nanus : tuple of Nanu
        As published, in the order of publication.
    solution : {"FIN", "RAP", "ULT"}
        Final and rapid: what happened, from summaries (FCSTSUMM) whose references lead back, also through
        FCSTRESCD and FCSTEXTD, to the forecast of a manoeuvre (FCSTDV). Ultra-rapid: the last state of each forecast
        (FCSTDV, FCSTRESCD, FCSTEXTD), unless that is its cancellation (FCSTCANC).

    Returns
    -------
    tuple of Manoeuvre
        GPS satellites only: other constellations publish no such notices. A chain that leaves the list (a reference
        to last year's notices, say) is not known to begin with a manoeuvre and gives none.
    """
    by_number = {nanu.number: nanu for nanu in nanus}
    last: dict[str, Manoeuvre] = {}
    found = []
    for nanu in nanus:
        root = _root(nanu, by_number)
        if root is None or root.kind != _FORECAST or nanu.satellite is None:
            continue
        if solution != "ULT":
            if nanu.kind == "FCSTSUMM":
                found.append(Manoeuvre(nanu.satellite, nanu.begin_gps, nanu.end_gps, nanu.number))
        elif nanu.kind == "FCSTCANC":
            last.pop(root.number, None)
        elif nanu.kind in _REVISIONS:
            # An extension may state no begin of its own.
            known = last.get(root.number)
            begin = known.begin_gps if known is not None and np.isnat(nanu.begin_gps) else nanu.begin_gps
            last[root.number] = Manoeuvre(nanu.satellite, begin, nanu.end_gps, nanu.number)
    return tuple(found or last.values())


def _root(nanu: Nanu, by_number: Mapping[str, Nanu]) -> Nanu | None:
    """Follow references to the first notice; None when they leave the list or run in a circle."""
    seen = set()
    while nanu.reference is not None:
        seen.add(nanu.number)
        following = by_number.get(nanu.reference)
        if following is None or following.number in seen:
            return None
        nanu = following
    return nanu
