"""GeoPackage: points with attributes (and, if wanted, series) for GIS programs, streamed chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
from numpy.typing import NDArray

from fiducial.errors import FormatError
from fiducial.formats.atomic import atomic_file

GEOMETRY: Final = "geom"
_RESERVED: Final = frozenset({GEOMETRY, "fid"})
_MOST_COLUMNS: Final = 1990  # SQLite is built for at most 2 000 columns
_POINT: Final = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])

Columns = Mapping[str, NDArray[Any]]


def write(path: Path | str, columns: Columns | Iterable[Columns], *, crs: str, coordinates: tuple[str, str],
          layer: str = "points", overwrite: bool = True) -> int:  # fmt: skip
    """Write points to a GeoPackage of one layer, atomically; return how many.

    Parameters
    ----------
    path : path
        Ends in ``.gpkg``.
    columns : mapping of str to ndarray, or an iterable of such mappings
        Columns of shape (point,): integers, floats (NaN becomes NULL), booleans, text or datetime64. An iterable is
        written as it comes, so memory holds one chunk; every chunk has the same columns.
    crs : str
        Of the coordinates: ``EPSG:4326`` for longitude and latitude, ``EPSG:3035`` for the European map.
    coordinates : tuple of str
        Names of the two columns that make the geometry, x first: ``("longitude", "latitude")`` or
        ``("easting", "northing")``. They are kept as attributes as well.
    layer : str

    Raises
    ------
    FormatError
        FID-2220 columns of different length or shape, or a coordinate column missing; FID-2221 a name or type that a
        GeoPackage cannot hold; FID-2222 unknown CRS, or coordinates impossible in it; FID-2223 chunks with different
        columns; FID-2224 nothing to write; FID-2225 GDAL failed; FID-2226 the name does not end in ``.gpkg``.
    InputError
        FID-1002 when the file exists and may not be replaced.
    """
    where = str(path)
    system = _crs(crs, where)
    if Path(path).suffix.lower() != ".gpkg":
        raise FormatError("FID-2226", "the name does not end in .gpkg, so GIS programs would not open it", where=where,
                          fix="name the file <something>.gpkg")  # fmt: skip
    chunks: Iterator[Columns] = iter([columns]) if isinstance(columns, Mapping) else iter(columns)
    first = next(chunks, None)
    if first is None:
        raise FormatError("FID-2224", "no chunk of points to write", where=where, fix="check the selection")
    first_batch = _batch(first, coordinates, system, where)
    schema = first_batch.schema
    count = 0
    failures: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal count
        try:
            for batch in chain([first_batch], (_batch(chunk, coordinates, system, where) for chunk in chunks)):
                _check_schema(schema, batch.schema, where)
                count += batch.num_rows
                yield batch
        except (Exception, KeyboardInterrupt) as error:
            failures.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    with atomic_file(path, overwrite=overwrite) as partial:
        try:
            _stream(reader, partial, layer, crs, where)
        except FormatError:
            if failures:  # GDAL only knows that its stream broke; the chunk's own error says why
                raise failures[0] from None
            raise
    return count


def series_columns(displacement_mm: NDArray[np.float32], epochs: NDArray[np.datetime64]) -> dict[str, NDArray[Any]]:
    """Return one column an epoch, named by date as EGMS does, to add to the columns of :func:`write`.

    Parameters
    ----------
    displacement_mm : ndarray, shape (epoch, point)
    epochs : ndarray of datetime64, shape (epoch,)

    Examples
    --------
    >>> series_columns(np.zeros((1, 2), np.float32), np.array(["2020-01-03"], "datetime64[D]"))
    {'20200103': array([0., 0.], dtype=float32)}
    """
    names = [str(day).replace("-", "") for day in epochs.astype("datetime64[D]")]
    return dict(zip(names, displacement_mm, strict=True))


def _crs(text: str, where: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise FormatError("FID-2222", f"unknown coordinate reference system {text!r}", where=where,
                          fix="use EPSG:4326 or EPSG:3035") from error  # fmt: skip


def _batch(columns: Columns, coordinates: tuple[str, str], system: pyproj.CRS, where: str) -> pa.RecordBatch:
    missing = [name for name in coordinates if name not in columns]
    if missing:
        raise FormatError("FID-2220", f"no coordinate column {', '.join(missing)}", where=where,
                          fix=f"the columns are {', '.join(columns)}")  # fmt: skip
    size = len(columns[coordinates[0]])
    if len(columns) > _MOST_COLUMNS:
        raise FormatError("FID-2221", f"{len(columns)} columns are too many for a GeoPackage", where=where,
                          fix="leave out the series, or export them as Parquet")  # fmt: skip
    fields, arrays = [], []
    for name, values in columns.items():
        column = np.asarray(values)
        if column.shape != (size,):
            raise FormatError("FID-2220", f"column {name!r} has shape {column.shape}, the points {(size,)}", where=where,
                              fix="give one value a point; make series columns with series_columns")  # fmt: skip
        if name.lower() in _RESERVED or not name:
            raise FormatError("FID-2221", f"a GeoPackage uses the name {name!r} itself", where=where,
                              fix="rename the column")  # fmt: skip
        array = _arrow(name, column, where)
        fields.append(pa.field(name, array.type))
        arrays.append(array)
    x, y = (np.asarray(columns[name], dtype=np.float64) for name in coordinates)
    _check_positions(x, y, system, where)
    fields.append(pa.field(GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"}))
    arrays.append(_points(x, y))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _arrow(name: str, column: NDArray[Any], where: str) -> pa.Array[Any]:
    if column.dtype.kind == "M":
        column = column.astype("datetime64[ms]")  # OGR keeps milliseconds
    elif column.dtype == np.float16:
        column = column.astype(np.float32)
    elif column.dtype.kind == "S":
        column = np.char.decode(column, "utf-8")
    if column.dtype.kind not in "biufUOTM" or column.dtype == np.uint64:
        raise FormatError("FID-2221", f"column {name!r} of type {column.dtype} does not fit a GeoPackage", where=where,
                          fix="convert it to int64, float64, bool, text or datetime64")  # fmt: skip
    try:
        array: pa.Array[Any] = pa.array(column, from_pandas=True)  # NaN and NaT become null
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise FormatError("FID-2221", f"column {name!r} mixes types: {error}", where=where,
                          fix="convert it to one type") from error  # fmt: skip
    return array


def _check_positions(x: NDArray[np.float64], y: NDArray[np.float64], system: pyproj.CRS, where: str) -> None:
    good = np.isfinite(x) & np.isfinite(y)
    if system.is_geographic:
        good &= (np.abs(x) <= 360.0) & (np.abs(y) <= 90.0)
    if not good.all():
        point = int(np.argmin(good))
        raise FormatError("FID-2222", f"position ({x[point]:g}, {y[point]:g}) is impossible in {system.name}",
                          where=f"{where}, point {point}", fix="name the CRS the coordinates are in, x first")  # fmt: skip


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> pa.Array[Any]:
    """Return points as well-known binary: byte order 1 (little-endian), kind 1 (point), x, y (OGC 06-103r4)."""
    binary = np.empty(len(x), dtype=_POINT)
    binary["order"], binary["kind"], binary["x"], binary["y"] = 1, 1, x, y
    offsets = np.arange(len(x) + 1, dtype=np.int32) * _POINT.itemsize
    return pa.Array.from_buffers(
        pa.binary(), len(x), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(binary.tobytes())]
    )


def _check_schema(expected: pa.Schema, found: pa.Schema, where: str) -> None:
    if found == expected:
        return
    first, second = ({field.name: str(field.type) for field in schema} for schema in (expected, found))
    names = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    difference = f"in the columns {', '.join(names)}" if names else "in the order of their columns"
    raise FormatError("FID-2223", f"chunks differ {difference}", where=where,
                      fix="give every chunk the same columns of the same types")  # fmt: skip


def _stream(reader: pa.RecordBatchReader, partial: Path, layer: str, crs: str, where: str) -> None:
    try:
        pyogrio.write_arrow(reader, partial, layer=layer, driver="GPKG", geometry_name=GEOMETRY, geometry_type="Point",
                            crs=crs, layer_options={"GEOMETRY_NAME": GEOMETRY})  # fmt: skip
    except (pyogrio.errors.DataLayerError, pyogrio.errors.DataSourceError, RuntimeError) as error:
        raise FormatError("FID-2225", f"GDAL could not write the GeoPackage: {error}", where=where,
                          fix="check the space and the rights on the disk") from error  # fmt: skip
