"""The velocity of one reference frame with respect to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fiducial.errors import InputError
from fiducial.geodesy.ellipsoid import geocentric_position_m, local_from_geocentric
from fiducial.geodesy.frame_graph import FrameStep, frame_path, frames_with_positions
from fiducial.geodesy.frame_parameters import ORIGIN_RATE_BIAS_MM_PER_YR, PLATE_ROTATIONS_MAS_PER_YR
from fiducial.geodesy.frames import WITH_ORIGIN_RATE_BIAS, Frame, parse_frame
from fiducial.geodesy.helmert import HelmertRates

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FrameChange:
    """What changes a velocity of one frame into that of another.

    Attributes
    ----------
    source, target : str
        Canonical names; a plate of the ITRF2020 model ends in ``+ORB`` when its origin rate bias is included.
    rates : HelmertRates
    operations : tuple of str
        What was put together, in order: ``EPSG:10586``, ``EPSG:9991 inverted``, ``EURA of the ITRF2014 plate motion
        model`` ...; empty from a frame to itself.
    """

    source: str
    target: str
    rates: HelmertRates
    operations: tuple[str, ...]

    def velocity_mm_per_yr(self, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Array:
        """Return what to add to velocities in ``source``; see `frame_velocity`."""
        longitude, latitude = np.broadcast_arrays(
            np.asarray(longitude_deg, dtype=np.float64), np.asarray(latitude_deg, dtype=np.float64)
        )
        if np.any(np.abs(latitude) > 90.0) or np.any(np.abs(longitude) > 360.0):
            raise InputError(
                "FID-1104",
                "a position lies outside the Earth",
                where=f"latitude {np.nanmin(latitude):g}..{np.nanmax(latitude):g}, "
                f"longitude {np.nanmin(longitude):g}..{np.nanmax(longitude):g}",
                fix="give longitude and latitude in degrees, in this order",
            )
        velocity = self.rates.velocity_mm_per_yr(geocentric_position_m(longitude, latitude))
        return local_from_geocentric(velocity, longitude, latitude)


def frame_velocity(
    source: Frame | str,
    target: Frame | str,
    longitude_deg: ArrayLike,
    latitude_deg: ArrayLike,
    *,
    origin_rate_bias: bool = False,
) -> Array:
    """Return the velocity that a point at rest in one frame has in another: v_target = v_source + frame_velocity.

    Parameters
    ----------
    source, target : Frame or str
        Names as `canonical_frame` takes them.
    longitude_deg, latitude_deg : array_like, shape (point,)
        On GRS80 at height 0; a kilometre of height changes the result by less than 0.005 mm/yr. NaN gives NaN.
    origin_rate_bias : bool
        Also take those plates of the ITRF2020 model with their origin rate bias whose name does not say so.

    Returns
    -------
    ndarray, shape (point, 3)
        East, north, up, mm per Julian year.

    Raises
    ------
    InputError
        FID-1004 unknown frame, FID-1101 no transformation is known, FID-1102 a plate without its model, FID-1104
        impossible position.

    Notes
    -----
    V2 = V1 + T' + D' X + R' X with the rates of EPSG v11.022 (Altamimi et al. 2016, 2023; EUREF Technical Note 1,
    2024). In the frame of a plate, v = v_ITRF - rotation x X [- origin rate bias]. Up is the normal of the ellipsoid,
    as in every GNSS table and line of sight: a rotation about the geocentre, level on a sphere, changes the ellipsoidal
    height wherever it moves a point north or south, by up to 0.05 mm/yr in Europe.

    Examples
    --------
    >>> frame_velocity("ITRF2020", "ETRF2000", [10.0], [52.0]).round(2).tolist()
    [[-19.13, -15.58, -0.63]]
    """
    return frame_change(source, target, origin_rate_bias=origin_rate_bias).velocity_mm_per_yr(
        longitude_deg, latitude_deg
    )


def frame_change(source: Frame | str, target: Frame | str, *, origin_rate_bias: bool = False) -> FrameChange:
    """Return the rates from one frame to another, along the fewest published operations.

    Parameters
    ----------
    source, target, origin_rate_bias
        See `frame_velocity`.

    Raises
    ------
    InputError
        FID-1004, FID-1101, FID-1102; see `frame_velocity`.

    Notes
    -----
    The way is that of positions, `frame_graph.frame_path`; another way has the same rates, for the rows in use close
    exactly. Every realisation from ITRF88 and ETRF89 on is reached.
    """
    start = canonical_frame(source, origin_rate_bias=origin_rate_bias)
    end = canonical_frame(target, origin_rate_bias=origin_rate_bias)
    for name in (start, end):
        _require_model(name)
    if start == end:
        return FrameChange(start, end, HelmertRates(), ())
    rates, operations = HelmertRates(), []
    first, last = start, end
    if start.startswith("plate:"):
        first, from_model, label = _plate(start)
        rates, operations = -from_model, [f"{label} inverted"]
    if end.startswith("plate:"):
        last, to_plate, last_label = _plate(end)
    for step in _published(first, last, f"{source} to {target}"):
        rates += -step.operation.rates if step.inverse else step.operation.rates
        operations.append(step.label)
    if end.startswith("plate:"):
        rates += to_plate
        operations.append(last_label)
    return FrameChange(start, end, rates, tuple(operations))


def canonical_frame(frame: Frame | str, *, origin_rate_bias: bool = False) -> str:
    """Return the canonical name of a frame, the choice of the origin rate bias included.

    Parameters
    ----------
    frame : Frame or str
        A name that `fiducial.geodesy.frames.parse_frame` knows. ``plate:EURA@ITRF2020+ORB`` is the plate with the
        origin rate bias of its model, ``plate:EURA@ITRF2020`` the plate as a pure rotation.
    origin_rate_bias : bool
        Add ``+ORB`` to a plate of the ITRF2020 model.

    Raises
    ------
    InputError
        FID-1004 unknown frame; FID-1102 ``+ORB`` on a frame that has no origin rate bias.

    Notes
    -----
    Without is the default. Altamimi et al. (2023) estimated the bias from horizontal velocities, which a plate then
    fits better by some 0.3 mm/yr in Europe; but as a translation of the origin it also moves Up, by 0.8 mm/yr there,
    and the line of sight sees Up most. A pure rotation leaves the vertical datum of ITRF2020 as it is, and is what
    ETRF2020 is made with. The choice is part of the name, so that it cannot get lost and two choices are never taken
    for one frame.

    Examples
    --------
    >>> canonical_frame("igs14"), canonical_frame("plate:eura@IGS20+orb")
    ('ITRF2014', 'plate:EURA@ITRF2020+ORB')
    """
    text = (str(frame) if isinstance(frame, Frame) else frame).strip()
    stated = text.upper().endswith(WITH_ORIGIN_RATE_BIAS)
    parsed = parse_frame(text[: -len(WITH_ORIGIN_RATE_BIAS)] if stated else text)
    has_bias = parsed.kind == "plate" and parsed.plate_model in ORIGIN_RATE_BIAS_MM_PER_YR
    if stated and not has_bias:
        raise InputError(
            "FID-1102",
            f"{parsed} has no origin rate bias",
            where=text,
            fix="leave +ORB out, or name a plate of a model that has one, such as plate:EURA@ITRF2020+ORB",
        )
    return str(parsed) + (WITH_ORIGIN_RATE_BIAS if has_bias and (stated or origin_rate_bias) else "")


def includes_origin_rate_bias(frame: str) -> bool:
    """Tell whether a canonical name is that of a plate with origin rate bias."""
    return frame.endswith(WITH_ORIGIN_RATE_BIAS)


def _require_model(name: str) -> None:
    if name.startswith("plate:") and "@" not in name:
        code = name.removeprefix("plate:")
        models = [f"{name}@{model}" for model, plates in PLATE_ROTATIONS_MAS_PER_YR.items() if code in plates]
        raise InputError(
            "FID-1102",
            f"{name} does not say which rotation of the plate was removed; the models differ by 0.5 mm/yr in Europe",
            where=name,
            fix=f"name the plate motion model: {' or '.join(models)}",
        )


def _published(source: str, target: str, where: str) -> tuple[FrameStep, ...]:
    try:
        return frame_path(source, target)
    except InputError as error:
        raise InputError(
            "FID-1101", f"no transformation of velocities is known from {source} to {target}", where=where,
            fix=f"use one of {', '.join(frames_with_positions())}, or a plate of a named model such as "
            "plate:EURA@ITRF2014",
        ) from error  # fmt: skip


def _plate(name: str) -> tuple[str, HelmertRates, str]:
    """Return the frame of the model, the rates from it to the frame of the plate, and a label."""
    biased = includes_origin_rate_bias(name)
    code, _, model = name.removeprefix("plate:").removesuffix(WITH_ORIGIN_RATE_BIAS).partition("@")
    label = f"{code} of the {model} plate motion model"
    motion = HelmertRates(rotation_mas_per_yr=PLATE_ROTATIONS_MAS_PER_YR[model][code])
    if biased:
        motion += HelmertRates(translation_mm_per_yr=ORIGIN_RATE_BIAS_MM_PER_YR[model])
        label += " with origin rate bias"
    return model, -motion, label
