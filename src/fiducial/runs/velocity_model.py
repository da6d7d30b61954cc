"""A velocity model from tables of station velocities: build, predict, validate."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fiducial.errors import InputError
from fiducial.formats import velocity_model_file, velocity_tables
from fiducial.formats.atomic import atomic_file
from fiducial.geodesy.frame_plausibility import require_plausible_frame
from fiducial.geodesy.frame_velocities import canonical_frame, frame_change
from fiducial.geodesy.station_screening import COMPONENTS
from fiducial.geodesy.station_velocities import StationVelocities
from fiducial.runs.ingest import file_sha256
from fiducial.stations.velocity_model import ModelSource, VelocityModel, fit_model, model_of_sites, prepare_sites
from fiducial.stations.velocity_validation import BLOCK_KM, CrossValidation, block_folds, cross_validate, random_folds

Array = NDArray[np.float64]

_FIRST_YEAR: Final = 1980.0
_LAST_YEAR: Final = 2100.0


@dataclass(frozen=True)
class ModelRequest:
    """What a model is to be made of.

    Attributes
    ----------
    tables : tuple of Path
        In one frame.
    frame : str or None
        Frame of the tables; only A-EPND states its own.
    plate : str
        Plate whose rotation is removed from velocities in an ITRF.
    origin_rate_bias : bool
    epoch_span : tuple of two floats, or None
        First and last epoch of the series behind the tables.
    layout : str
        One of ``formats.velocity_tables.LAYOUTS``.
    """

    tables: tuple[Path, ...]
    frame: str | None
    plate: str = "EURA"
    origin_rate_bias: bool = False
    epoch_span: tuple[float, float] | None = None
    layout: str = "auto"


def build(
    request: ModelRequest, out: Path | None = None, *, overwrite: bool = False
) -> tuple[VelocityModel, list[str]]:
    """Fit a model and write it; return it with what was read and decided, as sentences.

    Raises
    ------
    InputError
        FID-1001 no such table; FID-1002 the model exists; FID-1004 frame missing or contradicted; FID-1342 too few
        sites; FID-1346 a table given twice; FID-1347 epochs that are none.
    """
    stations, sources, notes = gather(request)
    _check_epochs(request.epoch_span)
    model = fit_model(
        stations, plate=request.plate, origin_rate_bias=request.origin_rate_bias, epoch_span=request.epoch_span,
        sources=sources,
    )  # fmt: skip
    if out is not None:
        if out.exists() and not overwrite:
            raise InputError(
                "FID-1002", "output exists already", where=str(out), fix="choose another name, or --overwrite"
            )
        velocity_model_file.write(model, out, overwrite=overwrite)
    return model, [*notes, *sentences(model)]


def gather(request: ModelRequest) -> tuple[StationVelocities, tuple[ModelSource, ...], list[str]]:
    """Read the tables into one."""
    read: list[StationVelocities] = []
    sources: list[ModelSource] = []
    notes: list[str] = []
    for path in request.tables:
        if not path.is_file():
            raise InputError("FID-1001", "no such table", where=str(path), fix="check the path")
        sha256 = file_sha256(path)
        if sha256 in {one.sha256 for one in sources}:
            raise InputError("FID-1346", "the table is given twice, and would count twice", where=str(path),
                             fix="give each table once")  # fmt: skip
        table = velocity_tables.read(path, frame=request.frame, layout=request.layout)
        require_plausible_frame(table, table.frame)
        read.append(table)
        sources.append(ModelSource(path.name, sha256, table.size))
        notes += velocity_tables.describe(table)
    # The folders are no property of the model: one made of the same tables elsewhere must be the same to the byte.
    return replace(_joined(read), source=", ".join(one.name for one in sources)), tuple(sources), notes


def validate(
    request: ModelRequest,
    *,
    folds: int = 10,
    block_km: float = BLOCK_KM,
    seed: int = 0,
    refit: bool = True,
    progress: Callable[[float], object] = lambda _: None,
) -> tuple[list[CrossValidation], list[str]]:
    """Cross-validate, with random folds and with folds of blocks; see `stations.velocity_validation`."""
    stations, _, notes = gather(request)
    sites, merged, _ = prepare_sites(stations, plate=request.plate, origin_rate_bias=request.origin_rate_bias)
    fixed = None if refit else model_of_sites(sites).covariances
    dealt = (random_folds(sites, folds, seed), block_folds(sites, block_km, folds, seed))
    found = [cross_validate(sites, one, fixed=fixed, progress=progress) for one in dealt]
    notes.append(
        f"{stations.size} stations at {sites.size} sites ({len(merged)} of several stations); every site is held out "
        f"once and scored without screening; covariance parameters {found[0].parameters} in each fold"
    )
    return found, notes


def sentences(model: VelocityModel) -> list[str]:
    """Say what a model is made of."""
    disagree = [site for site in model.merged if not site.agree]
    names = ", ".join("/".join((*site.members, *site.left_out)) for site in disagree[:5])
    span = "not stated" if model.epoch_span is None else f"{model.epoch_span[0]:g} to {model.epoch_span[1]:g}"
    merging = (
        f"{model.sites.size} sites; {len(model.merged)} of them of several stations closer than 100 m, "
        f"{len(disagree)} of which disagree{': ' + names if disagree else ''}"
    )
    lines = [
        merging,
        f"frame {model.frame}, collocation in {model.working_frame}, epochs of the series {span}",
    ]
    if model.frame != model.working_frame:
        lines.append("removed and restored: " + ", ".join(frame_change(model.frame, model.working_frame).operations))
    merged = {name for site in model.merged for name in site.members}
    gone = [one for one in model.rejected if one.name not in merged]
    lines += [f"not used: {one.name}: {one.reason}" for one in gone[:5]]
    if len(gone) > 5:
        lines.append(f"not used: {len(gone) - 5} more, all listed in the model")
    lines += [f"{name} is at a bound of its range: {', '.join(one.at_bounds)}"
              for name, one in zip(COMPONENTS, model.covariances, strict=True) if one and one.at_bounds]  # fmt: skip
    return lines


def covariance_rows(model: VelocityModel) -> list[list[str | int | float]]:
    """Return component, sites, sigma, length, nugget, factor of published sigmas, and range of the local sigma."""
    rows: list[list[str | int | float]] = []
    for name, one, weights in zip(COMPONENTS, model.covariances, model.weights, strict=True):
        if one is None or weights is None:
            rows.append([name, 0, "-", "-", "-", "-", "-"])
            continue
        low, high = np.percentile(one.sigma_mm_per_yr * weights.amplitude, [5.0, 95.0])
        rows.append([
            name, one.sites, round(one.sigma_mm_per_yr, 3), round(one.length_km), round(one.nugget_mm_per_yr, 3),
            round(one.station_sigma_factor, 3), f"{low:.2f} to {high:.2f}",
        ])  # fmt: skip
    return rows


def summary(model: VelocityModel) -> dict[str, Any]:
    """Return what a model is, as plain values."""
    return {
        "frame": model.frame,
        "working_frame": model.working_frame,
        "epoch_span": model.epoch_span,
        "sites": model.sites.size,
        "sources": [vars(one) for one in model.sources],
        "covariances": {name: None if one is None else vars(one)
                        for name, one in zip(COMPONENTS, model.covariances, strict=True)},
        "merged": [vars(one) for one in model.merged],
        "rejected": [vars(one) for one in model.rejected],
    }  # fmt: skip


def _joined(tables: Sequence[StationVelocities]) -> StationVelocities:
    frames = {canonical_frame(table.frame) for table in tables}
    if len(frames) > 1:
        raise InputError("FID-1346", f"the tables are in several frames: {', '.join(sorted(frames))}",
                         where=", ".join(table.source for table in tables),
                         fix="transform them to one frame first")  # fmt: skip
    first = tables[0]
    return replace(
        StationVelocities(first.names, first.longitude_deg, first.latitude_deg, first.velocity_enu_mm_per_yr,
                          first.covariance_enu, frames.pop(), first.source),
        names=np.concatenate([table.names for table in tables]),
        longitude_deg=np.concatenate([table.longitude_deg for table in tables]),
        latitude_deg=np.concatenate([table.latitude_deg for table in tables]),
        velocity_enu_mm_per_yr=np.concatenate([table.velocity_enu_mm_per_yr for table in tables]),
        covariance_enu=np.concatenate([table.covariance_enu for table in tables]),
        source=", ".join(table.source for table in tables),
        rejected=tuple(one for table in tables for one in table.rejected),
    )  # fmt: skip


def _check_epochs(span: tuple[float, float] | None) -> None:
    if span is not None and not _FIRST_YEAR <= span[0] < span[1] <= _LAST_YEAR:
        raise InputError("FID-1347", f"{span[0]:g} to {span[1]:g} is no span of epochs", where="--epochs",
                         fix="give first and last epoch of the series as decimal years, e.g. --epochs 1996.0 2021.5")  # fmt: skip


def score_rows(found: Sequence[CrossValidation]) -> list[list[str | int | float]]:
    """Return a row for each kind of fold and component."""
    return [
        [
            one.folds.name, name, int(values["sites"]), *(round(values[key], 3) for key in (
                "robust_sd_mm_per_yr", "rms_mm_per_yr", "median_mm_per_yr", "nearest_robust_sd_mm_per_yr",
                "ratio_to_nearest", "standardised_robust_sd", "standardised_sd", "beyond_3_sigma",
            )),
        ]
        for one in found for name, values in one.scores().items()
    ]  # fmt: skip


def write_validation(
    found: Sequence[CrossValidation], notes: Sequence[str], out: Path, *, overwrite: bool = False
) -> None:
    """Write folds, scores, and residual and sigma of every site as JSON.

    Raises
    ------
    InputError
        FID-1002 when the file exists and may not be replaced.
    """
    document = {"validations": [one.to_dict() for one in found], "notes": list(notes)}
    with atomic_file(out, overwrite=overwrite) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
