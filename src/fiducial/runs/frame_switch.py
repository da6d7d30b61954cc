"""Calibrated products in another frame: a new version of the coefficients, and a guard for comparisons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fiducial import __version__
from fiducial.errors import InputError
from fiducial.formats import calibration_file
from fiducial.formats.calibration_file import FOLDER, CalibrationFile
from fiducial.formats.point_product import PointProduct
from fiducial.geodesy.frame_velocities import FrameChange, canonical_frame, frame_change, includes_origin_rate_bias
from fiducial.motion.calibration.bases import PolynomialBasis
from fiducial.motion.calibration.frame_switch import (
    LineOfSightSamples,
    SwitchedSurface,
    note_of_switch,
    switch_surface,
)
from fiducial.motion.calibration.surfaces import CorrectionSurface
from fiducial.runs.ingest import provenance_id
from fiducial.runs.sources import NO_CALIBRATION, Source, distinct

DELIVERED: Final = "delivered"
"""Stands for the version of a product that was tied by its producer, whose surface is not known."""
_COLUMNS: Final = ("easting", "northing", "longitude", "latitude", "los_east", "los_north", "los_up")
_SAMPLES: Final = 20_000


def line_of_sight_samples(product: PointProduct) -> LineOfSightSamples:
    """Return lines of sight at some 20 000 points spread over a product, row group by row group.

    Raises
    ------
    InputError
        FID-1032 when the product has no line of sight.
    """
    if product.manifest.component != "LOS":
        raise InputError(
            "FID-1032",
            f"{product.manifest.level} holds {product.manifest.component} displacement, which has no line of sight",
            where=str(product.path),
            fix="switch the Level 2a or 2b products, and make the Ortho from them",
        )
    # Points are stored along a Hilbert curve: every n-th of them covers the area evenly.
    step = max(1, product.manifest.points // _SAMPLES)
    parts: list[list[np.ndarray[Any, Any]]] = []
    for group in range(product.row_groups):
        columns = product.attributes(_COLUMNS, [group])
        first = -product.bounds(group)[0] % step
        parts.append([np.asarray(columns[name][first::step], dtype=np.float64) for name in _COLUMNS])
    easting, northing, longitude, latitude, *sight = (np.concatenate(column) for column in zip(*parts, strict=True))
    return LineOfSightSamples(easting, northing, longitude, latitude, np.column_stack(sight))


def switched(source: Source, target: str) -> CalibrationFile | None:
    """Return the calibration of a source in another frame, without writing it.

    Parameters
    ----------
    source : Source
        With the version to start from; without one it is the tie of the producer, such as ETRF2000 of EGMS Level 2b.
    target : str
        Name of a frame.

    Returns
    -------
    CalibrationFile or None
        None when the source is tied to that frame already. Its document says what was switched, and how.

    Raises
    ------
    InputError
        FID-1033 when the source is tied to no frame; FID-1032 no line of sight; FID-1004, FID-1101, FID-1102, FID-1103
        as `fiducial.motion.calibration.frame_switch.switch_frame` raises them.
    """
    if source.frame is None:
        raise InputError(
            "FID-1033",
            f"{source.name} is relative: it is tied to no frame that it could be switched from",
            where=str(source.product.path),
            fix="calibrate it first, with `fiducial motion calibrate`, and give the product that makes",
        )
    change = frame_change(source.frame, target)
    if change.source == change.target:
        return None
    samples = line_of_sight_samples(source.product)
    old = _delivered(source, samples) if source.calibration is None else source.calibration
    surface = switch_surface(old.surface, samples, change)
    return CalibrationFile(
        version=f"{old.version}-{re.sub(r'[^A-Za-z0-9]+', '-', change.target)}",
        frame=change.target,
        surface=surface.surface,
        document=_document(old, source.product, change, surface),
    )


def switch_calibration(product: Path, version: str | None, target: str) -> Path:
    """Write the calibration of a product in another frame as a new version beside the old one.

    Parameters
    ----------
    product : Path
        Point product.
    version : str or None
        Version to start from; the newest by default, ``none`` for the tie of the producer.
    target : str
        Name of a frame, such as ``ETRF2014``, ``ITRF2020``, ``plate:EURA@ITRF2014``, ``plate:EURA@ITRF2020+ORB``.

    Returns
    -------
    Path
        Folder of the new version, ``<old>-<frame>`` in ``calibration.zarr``, which then is the newest. When the
        version is in that frame already, its own folder, unchanged; the product, when it is so without calibration.

    Raises
    ------
    InputError
        FID-1030 no such version; FID-1002 another version has the new name; and those of `switched`.
    FormatError
        FID-2100, FID-2101, FID-2102 when product or calibration cannot be read.
    """
    opened = PointProduct.open(product)
    old = None if version == NO_CALIBRATION else calibration_file.read(product, version)
    new = switched(Source(opened, old), target)
    if new is None:
        return product if old is None else product / FOLDER / old.version
    again = False
    if new.version in calibration_file.versions(product):
        existing = calibration_file.read(product, new.version)
        again = existing is not None and existing.document.get("provenance_id") == new.document["provenance_id"]
    return calibration_file.write(product, new, overwrite=again)


def switch_products(products: Sequence[Path], version: str | None, target: str) -> list[dict[str, Any]]:
    """Switch several products; see `switch_calibration`.

    Returns
    -------
    list of dict
        A row a product: its path, the version in the wanted frame, its frame and the one it was switched from, the
        operations, the line of sight of the frame velocity, whether the version is new, and remarks.

    Raises
    ------
    InputError
        FID-1031 when a product is given twice; and those of `switch_calibration`.
    """
    return [_switch_product(path, version, target) for path in distinct(products)]


def _switch_product(path: Path, version: str | None, target: str) -> dict[str, Any]:
    before = calibration_file.versions(path)
    made = switch_calibration(path, version, target)
    if made == path:
        frame = PointProduct.open(path).manifest.tie.frame
        return {"product": str(path), "version": None, "new": False, "frame": frame, "switched_from": None,
                "frame_switch": None, "remarks": [f"tied to {frame} as delivered"]}  # fmt: skip
    stored = calibration_file.read(path, made.name)
    assert stored is not None  # noqa: S101 - written a moment ago
    new = made.name not in before
    remarks = [] if new else [f"{made.name} was there already, in {stored.frame}"]
    if any(path.glob("*.calibrated.tif")):
        remarks.append("the rasters beside it stay those of the calibration and frame named in their tags")
    return {
        "product": str(path),
        "version": made.name,
        "new": new,
        "frame": stored.frame,
        "switched_from": stored.document.get("switched_from"),
        "frame_switch": stored.document.get("frame_switch"),
        "remarks": remarks,
    }


def comparable(first: Source, second: Source, *, convert: bool = False) -> Source:
    """Return the second source as it can be subtracted from the first: tied to the same frame.

    Parameters
    ----------
    first, second : Source
    convert : bool
        Switch the second to the frame of the first while reading; its files stay as they are.

    Returns
    -------
    Source
        The second, with another calibration where it had to be converted.

    Raises
    ------
    InputError
        FID-1033 when one of them is relative; FID-1100 when the frames differ and ``convert`` is not given; and those
        of `switched`.

    Notes
    -----
    Between ETRF2000 and ETRF2014 alone Up differs by 0.32 mm/yr at 36 degrees north and by 1.04 at 70: a difference of
    two products would show a tilt of Europe that is none.
    """
    for source in (first, second):
        if source.frame is None:
            raise InputError(
                "FID-1033",
                f"{source.name} is relative: a difference from it has no datum",
                where=str(source.product.path),
                fix="calibrate it first, with `fiducial motion calibrate`",
            )
    wanted, found = (canonical_frame(str(source.frame)) for source in (first, second))
    if wanted == found:
        return second
    if not convert:
        raise InputError(
            "FID-1100",
            f"{first.name} is tied to {wanted}, {second.name} to {found}: their difference would hold the velocity of "
            "one frame in the other",
            where=f"{_called(first)} and {_called(second)}",
            fix=f"switch one of them, `fiducial motion switch-frame {second.product.path} --to {wanted}`, or allow the "
            "conversion",
        )
    return replace(second, calibration=switched(second, wanted))


def _called(source: Source) -> str:
    return f"{source.product.path} ({DELIVERED if source.calibration is None else source.calibration.version})"


def _delivered(source: Source, samples: LineOfSightSamples) -> CalibrationFile:
    """Return the tie of the producer as a calibration that changes nothing, with unknown sigma."""
    finite = np.isfinite(samples.easting) & np.isfinite(samples.northing)
    constant = PolynomialBasis.full(samples.easting[finite], samples.northing[finite], 0)
    surface = CorrectionSurface(source.name, "EPSG:3035", constant, np.zeros(1), np.full((1, 1), np.nan))
    tie = source.product.manifest.tie
    document = {
        "recipe": DELIVERED,
        "gnss_source": tie.gnss_source,
        "sign": "calibrated velocity = v - S; calibrated displacement = d(t) - S (t - t0)",
        "reference_epoch": source.product.manifest.epochs[0] if source.product.manifest.epochs else None,
        "epoch": "rates: the tie has no coordinate epoch",
        "tie_before": tie.frame,
        "provenance_id": source.product.manifest.provenance_id,
        "notes": [f"tied to {tie.frame} as delivered ({tie.stated_by}); the sigma of that tie is not stated"],
    }
    return CalibrationFile(DELIVERED, str(tie.frame), surface, document)


def _document(
    old: CalibrationFile, product: PointProduct, change: FrameChange, surface: SwitchedSurface
) -> dict[str, Any]:
    before = old.document.get("provenance_id")
    plates = [name for name in (change.source, change.target) if name.startswith("plate:")]
    document = old.document | {
        "frame": change.target,
        "switched_from": {
            "version": old.version,
            "frame": change.source,
            "frame_as_stated": old.frame,
            "provenance_id": before,
        },
        "frame_switch": {
            "source": change.source,
            "target": change.target,
            "operations": list(change.operations),
            "origin_rate_bias": {name: includes_origin_rate_bias(name) for name in plates},
            "los_of_frame_velocity": surface.to_dict(),
        },
        "notes": [*old.document.get("notes", []), note_of_switch(change)],
        "created_by": f"fiducial {__version__}",
        "provenance_id": provenance_id({
            "step": "switch-frame",
            "version": __version__,
            "calibration": [old.version, before],
            "source": change.source,
            "target": change.target,
            "operations": change.operations,
            "product": product.manifest.content_sha256,
        }),
    }  # fmt: skip
    track = dict(old.document.get("track") or {})
    if "stations" in track:
        track["stations"] = [_station(row, old.surface, surface.surface) for row in track["stations"]]
        document["track"] = track
    return document


def _station(row: dict[str, Any], old: CorrectionSurface, new: CorrectionSurface) -> dict[str, Any]:
    """Return the residuals of a station against velocities in the new frame; unknown where it has no position."""
    before, easting, northing = (row.get(name) for name in ("before_mm_per_yr", "easting", "northing"))
    if before is None or easting is None or northing is None:
        return row | {"before_mm_per_yr": None}
    place = np.array([easting]), np.array([northing])
    gained = new.basis.evaluate(new.coefficients, *place) - old.basis.evaluate(old.coefficients, *place)
    return row | {"before_mm_per_yr": float(before) + float(gained[0])}
