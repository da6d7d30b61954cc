"""``calibration.zarr``: the coefficients of calibrations beside the series that they correct."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import zarr
from numpy.typing import NDArray

from fiducial.errors import FormatError, InputError
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.creation_time import creation_time
from fiducial.motion.calibration.bases import SplineBasis
from fiducial.motion.calibration.surfaces import CorrectionSurface

Array = NDArray[np.float64]

FOLDER: Final = "calibration.zarr"
LAYOUT: Final = 2
TREND: Final = {
    "name": "trend",
    "function": "C_1(t) = (t - t0) / 365 d, t0 the first epoch",
    "amplitude": "A_1(x) = -S(x)",
    "unit": "mm/yr",
}
"""The temporal function that this version applies; the correction is c(x, t) = sum_k A_k(x) C_k(t)."""

VARIANCE_SHARE: Final = 1e-3
"""Share of the smallest variance on the map that a stored covariance may lose."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_COEFFICIENTS: Final = "coefficients_mm_per_yr"
_COVARIANCE: Final = "covariance_mm2_per_yr2"
_CROSS: Final = "cross_covariance_mm2_per_yr2"
_UNREADABLE: Final = (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError)


@dataclass(frozen=True)
class CalibrationFile:
    """One version of a calibration of one product.

    Attributes
    ----------
    version : str
        Name among the versions of the product.
    frame : str
        Frame that calibrated velocities refer to.
    surface : CorrectionSurface
    document : dict
        Everything else worth keeping, as plain values: recipe, GNSS source, epoch, stations with residuals,
        rejected stations with reasons, notes, provenance.
    """

    version: str
    frame: str
    surface: CorrectionSurface
    document: dict[str, Any]


@dataclass(frozen=True)
class PackedCalibration:
    """A `CalibrationFile` as it is stored: plain values and arrays.

    Attributes
    ----------
    version, frame : str
    surface : dict
        Plain values of the surface, but for its arrays.
    arrays : dict of str to ndarray
    document : dict
    """

    version: str
    frame: str
    surface: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    document: dict[str, Any]

    @classmethod
    def of(cls, calibration: CalibrationFile) -> PackedCalibration:
        """Pack a calibration; of the covariance of a spline as many columns of a factor as it needs."""
        surface, arrays = _packed(calibration.surface)
        return cls(calibration.version, calibration.frame, surface, arrays, calibration.document)


@dataclass(frozen=True)
class VersionSummary:
    """What a version of a calibration says of itself.

    Attributes
    ----------
    version, frame : str
    recipe, gnss_source, gnss_sha256, created_by : str or None
        None where the version does not say.
    written : str
        When it was written, UTC, ISO 8601.
    terms : int
        Coefficients of the surface.
    bytes : int
        Of its files.
    """

    version: str
    frame: str
    recipe: str | None
    gnss_source: str | None
    gnss_sha256: str | None
    created_by: str | None
    written: str
    terms: int
    bytes: int


def versions(product: Path) -> list[str]:
    """Return the versions of a product, oldest first."""
    folder = product / FOLDER
    if not folder.is_dir():
        return []
    found = [entry for entry in folder.iterdir() if (entry / "zarr.json").is_file() and not entry.name.startswith(".")]
    return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]


def summaries(product: Path) -> list[VersionSummary]:
    """Return what the versions of a product say of themselves, oldest first, without reading coefficients.

    Raises
    ------
    FormatError
        FID-2102 when one cannot be read.
    """
    return [_summary(product / FOLDER / version) for version in versions(product)]


def _summary(folder: Path) -> VersionSummary:
    try:
        group = zarr.open_group(folder, mode="r")
        document: Any = group.attrs["document"]
        written = group.attrs.get("written") or _utc(folder.stat().st_mtime)
        terms = int(group[_COEFFICIENTS].shape[-1])  # type: ignore[union-attr]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return VersionSummary(
            version=folder.name,
            frame=str(group.attrs["frame"]),
            recipe=document.get("recipe"),
            gnss_source=document.get("gnss_source"),
            gnss_sha256=document.get("gnss_sha256"),
            created_by=document.get("created_by"),
            written=str(written),
            terms=terms,
            bytes=size,
        )
    except _UNREADABLE as error:
        raise _damaged(folder, error) from error


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def write(product: Path, calibration: CalibrationFile | PackedCalibration, *, overwrite: bool = False) -> Path:
    """Write a version atomically.

    Raises
    ------
    InputError
        FID-1002 when the version exists; FID-1030 when its name is no file name.
    """
    if not _VERSION.fullmatch(calibration.version):
        raise InputError(
            "FID-1030",
            f"not a name of a calibration: {calibration.version[:80]!r}",
            where=str(product),
            fix="use letters, digits, points, dashes and underscores",
        )
    root = product / FOLDER
    root.mkdir(exist_ok=True)
    if not (root / "zarr.json").exists():
        zarr.create_group(root)
    target = root / calibration.version
    packed = calibration if isinstance(calibration, PackedCalibration) else PackedCalibration.of(calibration)
    now = creation_time()
    with atomic_directory(target, overwrite=overwrite, marker="zarr.json") as directory:
        group = zarr.create_group(directory, overwrite=True)
        for name, values in packed.arrays.items():
            group.create_array(name, data=values)
        group.attrs.update({
            "layout": LAYOUT,
            "frame": packed.frame,
            "temporal": [TREND],
            "surface": packed.surface,
            "written": _utc(now.timestamp()),
            "document": packed.document,
        })  # fmt: skip
    os.utime(target)
    return target


def read(product: Path, version: str | None = None) -> CalibrationFile | None:
    """Read a version of the calibration of a product, the newest by default; None when it has none.

    Raises
    ------
    InputError
        FID-1030 when there is no version of that name.
    FormatError
        FID-2102 when it cannot be read; FID-2103 when it was written by a later Fiducial, in another layout or with
        temporal functions that this one cannot apply.
    """
    known = versions(product)
    if version is None and not known:
        return None
    chosen = known[-1] if version is None else version
    if chosen not in known:
        raise InputError(
            "FID-1030",
            f"no calibration named {chosen!r}",
            where=str(product),
            fix=f"use one of {', '.join(known)}" if known else "calibrate the product first",
        )
    folder = product / FOLDER / chosen
    try:
        group = zarr.open_group(folder, mode="r")
        _check_layout(folder, dict(group.attrs))
        stated: Any = group.attrs["surface"]
        arrays = {name: np.asarray(array) for name, array in group.arrays()}
        document: Any = group.attrs["document"]
        surface = CorrectionSurface.from_dict(_unpacked(dict(stated), arrays))
        return CalibrationFile(chosen, str(group.attrs["frame"]), surface, dict(document))
    except FormatError:
        raise
    except _UNREADABLE as error:
        raise _damaged(folder, error) from error


def _check_layout(folder: Path, attributes: dict[str, Any]) -> None:
    """Refuse what this version would apply wrongly: a part of a correction is worse than none."""
    layout = attributes.get("layout", 1)
    names = [str(one.get("name")) for one in attributes.get("temporal", [TREND])]
    if layout not in (1, LAYOUT) or names != [TREND["name"]]:
        raise FormatError(
            "FID-2103",
            f"the calibration has layout {layout} and the temporal functions {', '.join(names) or 'none'}; this version "
            f"knows layouts 1 and {LAYOUT} and the function {TREND['name']}",
            where=str(folder),
            fix="use the version of Fiducial that wrote it, or calibrate again",
        )


def _damaged(folder: Path, error: Exception) -> FormatError:
    return FormatError(
        "FID-2102", f"the calibration cannot be read: {error}", where=str(folder), fix="calibrate the product again"
    )


def _packed(surface: CorrectionSurface) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return plain values and arrays."""
    values = surface.to_dict()
    arrays: dict[str, NDArray[Any]] = {_COEFFICIENTS: np.array([values.pop(_COEFFICIENTS)], dtype=np.float64)}
    covariance = np.asarray(values.pop(_COVARIANCE), dtype=np.float64)
    if values["clusters"] is not None:
        arrays[_CROSS] = np.asarray(values["clusters"].pop(_CROSS), dtype=np.float64)
    if isinstance(surface.basis, SplineBasis) and np.isfinite(covariance).all():
        arrays["covariance_factor"] = _factor(surface, covariance)[np.newaxis].astype(np.float32)
    else:
        arrays["covariance"] = covariance
    return values, arrays


def _factor(surface: CorrectionSurface, covariance: Array) -> Array:
    """Return F with F F' the covariance, but for a thousandth of the smallest variance on the map.

    b'Cb loses at most the largest eigenvalue left out, for the splines at a point are weights that sum to one.
    """
    nodes = surface.basis.nodes if isinstance(surface.basis, SplineBasis) else (np.empty(0), np.empty(0))
    labels: list[Any] = [None] if surface.clusters is None else list(surface.clusters.labels)
    sigmas = [surface.sigma_mm_per_yr(*nodes, label) for label in labels] or [np.zeros(1)]
    smallest = min(float(sigma.min()) for sigma in sigmas) ** 2
    eigenvalues, vectors = np.linalg.eigh(covariance)
    kept = eigenvalues > max(VARIANCE_SHARE * smallest, 0.0)
    return np.asarray(vectors[:, kept] * np.sqrt(eigenvalues[kept]), dtype=np.float64)


def _unpacked(values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what `CorrectionSurface.from_dict` takes, of either layout."""
    coefficients = np.asarray(arrays[_COEFFICIENTS], dtype=np.float64)
    if _COVARIANCE in arrays:
        return values | {_COEFFICIENTS: coefficients, _COVARIANCE: arrays[_COVARIANCE]}
    if "covariance" in arrays:
        covariance = np.asarray(arrays["covariance"], dtype=np.float64)
    else:
        factor = arrays["covariance_factor"][0].astype(np.float64)
        covariance = factor @ factor.T
    if values.get("clusters") is not None:
        values["clusters"] = values["clusters"] | {_CROSS: arrays[_CROSS]}
    return values | {_COEFFICIENTS: coefficients[0], _COVARIANCE: covariance}
