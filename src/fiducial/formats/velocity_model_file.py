"""A velocity model in one file: a ZIP archive of ``model.json`` (what people read) and arrays of little-endian float64.

``model.json`` names frame, working frame, epoch span, tables with their hashes, fitted covariances, merged sites and
rejected stations, and for every array its shape and SHA-256. Everything that a prediction with full covariance needs is
inside; what was written is read back bit for bit.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from fiducial import __version__
from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file
from fiducial.formats.text_source import open_source
from fiducial.geodesy.frame_velocities import canonical_frame
from fiducial.geodesy.station_screening import COMPONENTS
from fiducial.geodesy.station_velocities import Rejection, StationVelocities
from fiducial.stations.velocity_covariance import ComponentCovariance, SiteWeights
from fiducial.stations.velocity_model import ModelSource, VelocityModel, known_rows
from fiducial.stations.velocity_sites import Site

Array = NDArray[np.float64]

KIND: Final = "fiducial velocity model"
LAYOUT: Final = 1
_DOCUMENT: Final = "model.json"
_MOST_BYTES: Final = 2_000_000_000
_LARGEST: Final = 1e8
_STAMP: Final = (1980, 1, 1, 0, 0, 0)
"""One date for all members: the same model is the same file, byte for byte."""
_UNREADABLE: Final = (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, IndexError, OSError,
                      NotImplementedError, RuntimeError, zlib.error, EOFError, RecursionError, OverflowError,
                      MemoryError)  # fmt: skip


def read(source: str | Path | bytes) -> VelocityModel:
    """Read a velocity model.

    Parameters
    ----------
    source : path or bytes

    Returns
    -------
    VelocityModel

    Raises
    ------
    FormatError
        FID-2400 unreadable or missing; FID-2460 not a velocity model, or damaged; FID-2461 written by a newer Fiducial;
        FID-2462 its parts contradict each other.
    """
    content = open_source(source)
    try:
        with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                _contradiction("its members are larger than any model", content.name)
            document = json.loads(archive.read(_DOCUMENT))
            _check_kind(document, content.name)
            arrays = {name: _array(archive, name, stated, content.name) for name, stated in document["arrays"].items()}
        model = _model(document, arrays)
    except _UNREADABLE as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            "FID-2460", f"not a velocity model, or a damaged one ({type(error).__name__})", where=content.name,
            fix="write it again with `fiducial stations model`, or fetch it again",
        ) from error  # fmt: skip
    _check(model, content.name)
    return model


def write(model: VelocityModel, sink: str | Path, *, overwrite: bool = True) -> None:
    """Write a velocity model, whole or not at all.

    Raises
    ------
    InputError
        FID-1002 when the file exists and may not be replaced.
    """
    with atomic_file(sink, overwrite=overwrite) as partial:
        partial.write_bytes(to_bytes(model))


def to_bytes(model: VelocityModel) -> bytes:
    """Return the file as bytes; the same model gives the same bytes."""
    arrays = _arrays(model)
    packed = {name: np.ascontiguousarray(array, dtype="<f8").tobytes() for name, array in arrays.items()}
    document = {
        "kind": KIND,
        "layout": LAYOUT,
        "written_by": f"fiducial {__version__}",
        "units": "mm/yr, (mm/yr)^2, degrees, km; components east, north, up",
        "frame": model.frame,
        "working_frame": model.working_frame,
        "epoch_span": model.epoch_span,
        "sources": [asdict(one) for one in model.sources],
        "covariances": {name: None if one is None else asdict(one)
                        for name, one in zip(COMPONENTS, model.covariances, strict=True)},
        "site_source": model.sites.source,
        "site_names": [str(name) for name in model.sites.names],
        "merged": [asdict(one) for one in model.merged],
        "rejected": [asdict(one) for one in model.rejected],
        "arrays": {name: {"shape": list(array.shape), "sha256": hashlib.sha256(packed[name]).hexdigest()}
                   for name, array in arrays.items()},
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        archive.writestr(_member(_DOCUMENT), text.encode())
        for name, data in packed.items():
            archive.writestr(_member(f"{name}.f8"), data)
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _arrays(model: VelocityModel) -> dict[str, Array]:
    sites = model.sites
    arrays = {
        "longitude_latitude_deg": np.column_stack([sites.longitude_deg, sites.latitude_deg]),
        "velocity_enu_mm_per_yr": sites.velocity_enu_mm_per_yr,
        "covariance_enu": sites.covariance_enu,
    }
    for name, weights in zip(COMPONENTS, model.weights, strict=True):
        if weights is not None:
            arrays[f"weights_{name}"] = np.column_stack([weights.amplitude, weights.inflation])
    return arrays


def _check_kind(document: Any, where: str) -> None:
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise FormatError("FID-2460", "not a velocity model", where=f"{where}, {_DOCUMENT}",
                          fix="give a file written by `fiducial stations model`")  # fmt: skip
    if document["layout"] != LAYOUT:
        raise FormatError("FID-2461", f"layout {document['layout']!r} of a velocity model; this version reads {LAYOUT}",
                          where=f"{where}, {_DOCUMENT}", fix="update Fiducial, or write the model again")  # fmt: skip


def _array(archive: zipfile.ZipFile, name: str, stated: dict[str, Any], where: str) -> Array:
    data = archive.read(f"{name}.f8")
    if hashlib.sha256(data).hexdigest() != stated["sha256"]:
        _contradiction(f"array {name} is not the one that model.json describes", where)
    return np.frombuffer(data, dtype="<f8").astype(np.float64).reshape([int(size) for size in stated["shape"]])


def _model(document: dict[str, Any], arrays: dict[str, Array]) -> VelocityModel:
    place = arrays["longitude_latitude_deg"]
    sites = StationVelocities(
        names=np.array([str(name) for name in document["site_names"]], dtype=np.str_),
        longitude_deg=place[:, 0],
        latitude_deg=place[:, 1],
        velocity_enu_mm_per_yr=arrays["velocity_enu_mm_per_yr"],
        covariance_enu=arrays["covariance_enu"],
        frame=canonical_frame(document["working_frame"]),
        source=str(document["site_source"]),
    )
    covariances: list[ComponentCovariance | None] = []
    weights: list[SiteWeights | None] = []
    for name in COMPONENTS:
        stated = document["covariances"][name]
        covariances.append(None if stated is None else _covariance(stated))
        columns = None if stated is None else arrays[f"weights_{name}"]
        weights.append(None if columns is None else SiteWeights(columns[:, 0], columns[:, 1]))
    span = document["epoch_span"]
    return VelocityModel(
        frame=canonical_frame(document["frame"]),
        working_frame=sites.frame,
        epoch_span=None if span is None else (float(span[0]), float(span[1])),
        sites=sites,
        covariances=tuple(covariances),
        weights=tuple(weights),
        merged=tuple(Site(str(one["name"]), tuple(map(str, one["members"])), tuple(map(str, one["left_out"])),
                          float(one["probability"]), bool(one["agree"])) for one in document["merged"]),
        rejected=tuple(Rejection(str(one["name"]), str(one["reason"])) for one in document["rejected"]),
        sources=tuple(ModelSource(str(one["name"]), str(one["sha256"]), int(one["stations"]))
                      for one in document["sources"]),
    )  # fmt: skip


def _covariance(stated: dict[str, Any]) -> ComponentCovariance:
    numbers = ("sigma_mm_per_yr", "length_km", "nugget_mm_per_yr", "station_sigma_factor")
    sigma, length, nugget, factor = (float(stated[name]) for name in numbers)
    return ComponentCovariance(
        sigma, length, nugget, factor, int(stated["sites"]), tuple(map(str, stated["at_bounds"]))
    )


def _check(model: VelocityModel, where: str) -> None:
    """Require what every prediction relies on."""
    sites, count = model.sites, model.sites.size
    shapes = (sites.longitude_deg.shape, sites.velocity_enu_mm_per_yr.shape, sites.covariance_enu.shape)
    if shapes != ((count,), (count, 3), (count, 3, 3)):
        _contradiction("its arrays are not of one number of sites", where)
    place = np.stack([sites.longitude_deg / 4.0, sites.latitude_deg])
    if not (np.abs(place) <= 90.0).all():
        _contradiction("a site lies outside the Earth", where)
    _check_covariances(sites, where)
    for component, (fitted, weights) in enumerate(zip(model.covariances, model.weights, strict=True)):
        if fitted is None or weights is None:
            continue
        rows = known_rows(sites, component)
        if weights.amplitude.shape != rows.shape or len(rows) < 2:
            _contradiction(f"the weights of {COMPONENTS[component]} are not those of its sites", where)
        numbers = np.r_[fitted.sigma_mm_per_yr, fitted.length_km, fitted.nugget_mm_per_yr, fitted.station_sigma_factor,
                        weights.amplitude, weights.inflation,
                        sites.covariance_enu[rows, component, component]]  # fmt: skip
        if not ((numbers > 0.0) & (numbers < _LARGEST)).all():
            _contradiction(f"a parameter or sigma of {COMPONENTS[component]} is not positive", where)


def _check_covariances(sites: StationVelocities, where: str) -> None:
    """Require velocities of moving ground and correlations below one; unknown ones are NaN."""
    values = sites.velocity_enu_mm_per_yr
    variance = np.diagonal(sites.covariance_enu, axis1=1, axis2=2)
    with np.errstate(all="ignore"):
        contradicted = sites.covariance_enu**2 > 1.000001 * variance[:, :, None] * variance[:, None, :]
    if (np.abs(values) > _LARGEST).any() or contradicted.any():
        _contradiction("a velocity or a correlation of a site is impossible", where)


def _contradiction(problem: str, where: str) -> NoReturn:
    raise FormatError("FID-2462", problem, where=where, fix="write the model again with `fiducial stations model`")
