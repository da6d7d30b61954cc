"""What is asked of `fiducial frame transform`, and the motion of stations that it implies."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.geodesy.epochs import parse_epoch
from fiducial.geodesy.frame_graph import FrameCoordinates, frame_path, transform_coordinates
from fiducial.geodesy.frame_propagation import no_velocity, plate_velocity, propagate_coordinates
from fiducial.geodesy.frame_velocities import canonical_frame, includes_origin_rate_bias
from fiducial.geodesy.frames import WITH_ORIGIN_RATE_BIAS, parse_frame

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_PLATE_MODEL: Final = "ITRF2020"
"""The newest plate motion model: what a plate without a model means here; every result names it."""


@dataclass(frozen=True, slots=True)
class TransformRequest:
    """From which frame to which, and when.

    Attributes
    ----------
    source, target : str
        Names of frames.
    epoch : str or None
        Decimal year or ISO date of the coordinates; None when a file states it row by row.
    to_epoch : str or None
        Epoch to propagate to; None leaves coordinates at their own.
    plate : str
        Plate whose motion stations without velocity follow: ``EURA``, ``EURA@ITRF2014``, ``EURA@ITRF2020+ORB``; empty
        for none.
    origin_rate_bias : bool
        Take the plate with the origin rate bias of its model.
    psd : path or None
        SINEX file of post-seismic terms.
    psd_start : {"regularised", "observed"} or None
        What the given positions are. None: regularised where the velocity is that of the file, observed where not.
    discontinuities : path or None
        SINEX file with SOLUTION/DISCONTINUITY or SOLUTION/EPOCHS, instead of those of the file itself.
    """

    source: str
    target: str
    epoch: str | None
    to_epoch: str | None = None
    plate: str = ""
    origin_rate_bias: bool = False
    psd: Path | str | None = None
    psd_start: Literal["regularised", "observed"] | None = None
    discontinuities: Path | str | None = None

    def plate_name(self) -> str:
        """Return the canonical name of the plate, model and origin rate bias included; empty without a plate.

        Raises
        ------
        InputError
            FID-1004 unknown plate or model; FID-1102 no origin rate bias in that model.
        """
        plain = re.sub(r"\s|^\s*plate:", "", self.plate, flags=re.IGNORECASE)
        if not plain:
            return ""
        biased = plain.upper().endswith(WITH_ORIGIN_RATE_BIAS)
        code, _, model = plain[: -len(WITH_ORIGIN_RATE_BIAS) if biased else None].partition("@")
        ending = WITH_ORIGIN_RATE_BIAS if biased or self.origin_rate_bias else ""
        return canonical_frame(f"plate:{code}@{model or _PLATE_MODEL}{ending}")

    def require_consistent(self) -> None:
        """Refuse options that mean something only together.

        Raises
        ------
        InputError
            FID-1371.
        """
        if self.to_epoch is None:
            given = [name for name, value in (("--plate", self.plate), ("--psd", self.psd), ("--discontinuities",
                     self.discontinuities)) if value]  # fmt: skip
            if given:
                raise _unfit(
                    f"{given[0]} without --to-epoch", "say to which epoch the coordinates are to be propagated"
                )
        if self.psd_start and not self.psd:
            raise _unfit("--psd-start without --psd", "give the post-seismic file, or leave --psd-start out")
        if self.psd_start not in {None, "regularised", "observed"}:
            raise _unfit(f"--psd-start {self.psd_start}", "give regularised or observed")
        if self.origin_rate_bias and not self.plate:
            raise _unfit("--origin-rate-bias without --plate", "name the plate")

    def require_no_solutions(self, what: str) -> None:
        """Refuse what needs the solution numbers of a SINEX file; FID-1371."""
        if self.psd or self.discontinuities:
            option = "--psd" if self.psd else "--discontinuities"
            raise _unfit(
                f"{option} with {what}, which has no solution numbers", "give a SINEX file of the frame solution"
            )

    def described(self) -> dict[str, Any]:
        """Return ``from``, ``to``, ``path`` (operations with EPSG codes) and ``notes`` as commands print them."""
        steps = [
            {"operation": step.label, "epsg": step.operation.epsg, "inverted": step.inverse, "from": step.source,
             "to": step.target}
            for step in frame_path(self.source, self.target)
        ]  # fmt: skip
        names = [(name.strip(), parse_frame(name).name) for name in (self.source, self.target)]
        notes = [f"{name} is {canonical}" for name, canonical in names if canonical != name]
        return {"from": self.source, "to": self.target, "path": steps, "notes": notes}


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """Stations in the target frame, at the epoch asked for.

    Attributes
    ----------
    coordinates : FrameCoordinates
        Velocities of stations on a plate are those of the plate.
    on_plate : ndarray of bool, shape (point,)
        Whose velocity is that of the plate.
    """

    coordinates: FrameCoordinates
    on_plate: Mask

    def own_velocity(self) -> Array | None:
        """Return velocities that were given; NaN, or None, where there was none."""
        velocity = self.coordinates.velocity_m_per_yr
        if velocity is None or not np.isfinite(velocity[~self.on_plate]).any():
            return None
        return np.where(self.on_plate[:, np.newaxis], np.nan, velocity)

    def described(self, request: TransformRequest) -> dict[str, Any]:
        """Return ``to_epoch`` and ``velocity_source`` as commands print them."""
        if request.to_epoch is None:
            return {"to_epoch": None, "velocity_source": None}
        plate = request.plate_name() if self.on_plate.any() else ""
        return {
            "to_epoch": parse_epoch(request.to_epoch),
            "velocity_source": {
                "given": int((~self.on_plate).sum()), "plate": int(self.on_plate.sum()), "plate_model": plate or None,
                "origin_rate_bias": includes_origin_rate_bias(plate) if plate else None,
            },
        }  # fmt: skip

    def notes(self, request: TransformRequest) -> list[str]:
        """Return the choice of the plate in words."""
        if not self.on_plate.any():
            return []
        name = request.plate_name()
        code, _, model = name.removeprefix("plate:").removesuffix(WITH_ORIGIN_RATE_BIAS).partition("@")
        bias = "with" if includes_origin_rate_bias(name) else "without"
        count = int(self.on_plate.sum())
        moved = f"{count} stations without velocity move" if count > 1 else "1 station without velocity moves"
        return [f"{moved} with {code} of the {model} plate motion model, {bias} origin rate bias; it counts as exact"]


def carry(given: FrameCoordinates, request: TransformRequest, names: list[str]) -> Carried:
    """Transform at the epoch of the coordinates, then propagate in the target frame.

    Parameters
    ----------
    given : FrameCoordinates
        In the source frame.
    request : TransformRequest
    names : list of str
        Of the stations.

    Raises
    ------
    InputError
        FID-1004, FID-1310, FID-1311, FID-1318; FID-1370 no velocity; FID-1101, FID-1102 the plate.
    """
    moved = transform_coordinates(given, request.target)
    on_plate = np.zeros(len(names), dtype=np.bool_)
    if request.to_epoch is None:
        return Carried(moved, on_plate)
    to_yr = parse_epoch(request.to_epoch)
    velocity = moved.velocity_m_per_yr
    velocity = np.full_like(moved.position_m, np.nan) if velocity is None else velocity
    missing = ~np.isfinite(velocity).all(axis=1) & (moved.epoch_yr != to_yr)
    plate = request.plate_name()
    if missing.any() and not plate:
        row = int(np.argmax(missing))
        raise no_velocity(int(missing.sum()), names[row], moved.epoch_yr[row], to_yr)
    if missing.any():
        on_plate = missing
        driven = plate_velocity(plate, request.target, moved.position_m)
        velocity = np.where(on_plate[:, np.newaxis], driven, velocity)
    moved = replace(moved, velocity_m_per_yr=velocity)
    return Carried(propagate_coordinates(moved, to_yr), on_plate)


def _unfit(problem: str, fix: str) -> InputError:
    return InputError("FID-1371", problem, where="fiducial frame transform", fix=fix)
