"""Writing a point motion product, row group by row group."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec

from fiducial.formats.egms_columns import WHOLE_COLUMNS, date_columns_of
from fiducial.formats.quantised_series import FILL, SCALE_MM, hilbert_order
from fiducial.timescales import Epochs

ROW_GROUP_POINTS: Final = 20_000
CHUNK_POINTS: Final = 2_000

# A dictionary of (nearly) as many entries as points only costs time and space.
_MANY_VALUES: Final = frozenset({
    "pid", "latitude", "longitude", "easting", "northing", "line", "pixel", "geometry", "series_index", "source_row",
    "negative_zero_epochs",
})  # fmt: skip

CODECS: Final = {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}
"""Zarr codecs compiled by the zarrs library: the same bytes, read two to three times faster (ADR 0003)."""

_SETTINGS: Final = threading.RLock()


@contextmanager
def codecs(more: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Let arrays that are opened or made in this context use `CODECS`; one thread at a time.

    The settings are those of the process: two threads that change them side by side leave them changed for ever.
    """
    with _SETTINGS, zarr.config.set(CODECS | dict(more or {})):
        yield


@dataclass(frozen=True)
class PointRows:
    """Points ready to be stored.

    Attributes
    ----------
    attributes : mapping of str to ndarray, shape (point,)
        With ``easting``, ``northing``, ``longitude`` and ``latitude``; ``pid`` as bytes.
    series : ndarray of int16 or float32, shape (point, epoch)
    negative_zero_count, negative_zero_epoch : ndarray
        As in ``QuantisedSeries``.
    """

    attributes: Mapping[str, NDArray[Any]]
    series: NDArray[Any]
    negative_zero_count: NDArray[np.int32]
    negative_zero_epoch: NDArray[np.uint16]

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.series)


def cut(rows: PointRows, start: int, stop: int) -> PointRows:
    """Return rows ``start`` to ``stop``."""
    offsets = np.concatenate([[0], np.cumsum(rows.negative_zero_count)])
    return PointRows(
        {name: column[start:stop] for name, column in rows.attributes.items()},
        rows.series[start:stop],
        rows.negative_zero_count[start:stop],
        rows.negative_zero_epoch[offsets[start] : offsets[stop]],
    )


def content_digest(directory: Path) -> str:
    """Return the hash that ties table and series of a product together: over every file of both, by name."""
    digest = hashlib.sha256()
    series = (path for path in (directory / "series.zarr").rglob("*") if path.is_file())
    for path in (directory / "points.parquet", *sorted(series)):
        with path.open("rb") as stream:
            digest.update(path.relative_to(directory).as_posix().encode())
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _wkb_points(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> pa.Array[Any]:
    layout = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
    raw = np.empty(len(longitude), dtype=layout)
    raw["order"], raw["type"], raw["x"], raw["y"] = 1, 1, longitude, latitude
    offsets = np.arange(len(raw) + 1, dtype=np.int32) * layout.itemsize
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(raw), [None, pa.py_buffer(offsets.data), pa.py_buffer(raw.data)]
    )


def _text(values: NDArray[np.bytes_]) -> pa.Array[Any]:
    width = values.dtype.itemsize
    if np.char.str_len(values).min(initial=width) < width:
        return pa.array([value.decode() for value in values], pa.string())
    offsets = np.arange(len(values) + 1, dtype=np.int32) * width
    raw = np.ascontiguousarray(values)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets.data), pa.py_buffer(raw.data))


def _numbers(name: str, values: NDArray[Any]) -> pa.Array[Any]:
    numbers = np.asarray(values, dtype=np.float64)
    if name in WHOLE_COLUMNS:
        whole = np.nan_to_num(numbers).astype(np.int32)
        if np.array_equal(whole[~np.isnan(numbers)], numbers[~np.isnan(numbers)]):
            return pa.array(whole, mask=np.isnan(numbers))
    return pa.array(numbers)


class ProductWriter:
    """Writes ``points.parquet`` and ``series.zarr`` into a directory; ``close`` gives what the manifest needs.

    Parameters
    ----------
    directory : Path
        Existing and empty: a temporary one that is renamed when all is written.
    epochs : ndarray of datetime64, shape (epoch,)
        Scene dates, UTC; may be empty for rates without series.
    dtype : str
        ``int16`` (tenths of a millimetre) or ``float32`` (millimetres).
    """

    def __init__(self, directory: Path, epochs: Epochs, dtype: str) -> None:
        self._directory = directory
        self._epochs = len(epochs)
        self._dtype = np.dtype(dtype)
        self._pending: list[PointRows] = []
        self._pending_points = 0
        self._points = 0
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self._buffers = [np.empty((ROW_GROUP_POINTS, len(epochs)), dtype=self._dtype) for _ in range(2)]
        # Table and series go to files of their own, so both are compressed at once.
        self._pool = ThreadPoolExecutor(1)
        self._table: pq.ParquetWriter | None = None
        self._series = self._create_series(epochs) if len(epochs) else None

    def _create_series(self, epochs: Epochs) -> zarr.Array[Any]:
        with codecs():
            series = self._create_arrays(epochs)
        # Chunks that threads compress stand in a shard as they were finished: only one thread gives the same bytes again.
        # Nothing is read or written here, for the setting would become that of all reading and writing of the process.
        with codecs({"threading.max_workers": 1}):
            made = series.async_array
            return zarr.Array(type(made)(made.metadata, made.store_path, made.config))

    def _create_arrays(self, epochs: Epochs) -> zarr.Array[Any]:
        group = zarr.create_group(self._directory / "series.zarr", attributes={"Conventions": "CF-1.11"})
        integer = self._dtype == np.int16
        attributes: dict[str, Any] = {"long_name": "displacement", "units": "mm"}
        attributes |= {"scale_factor": SCALE_MM, "_FillValue": FILL} if integer else {}
        series = group.create_array(
            "displacement",
            shape=(0, len(epochs)),
            dtype=self._dtype,
            chunks=(CHUNK_POINTS, len(epochs)),
            shards=(ROW_GROUP_POINTS, len(epochs)),
            # The checksum makes every read tell a damaged byte, not only `verify`.
            compressors=(BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle"), Crc32cCodec()),
            fill_value=FILL if integer else np.nan,
            dimension_names=("point", "epoch"),
            attributes=attributes,
        )
        days = (np.asarray(epochs) - np.asarray(epochs)[0]) // np.timedelta64(1, "D")
        axis = group.create_array("epoch", data=days.astype(np.int32), dimension_names=("epoch",))
        first = date_columns_of(epochs[:1])[0]
        axis.attrs.update({"units": f"days since {first[:4]}-{first[4:6]}-{first[6:]}", "calendar": "standard"})
        return series

    @property
    def points(self) -> int:
        """Points appended so far."""
        return self._points + self._pending_points

    def append(self, rows: PointRows) -> None:
        """Add points in the order of the source."""
        self._pending.append(rows)
        self._pending_points += rows.size
        while self._pending_points >= ROW_GROUP_POINTS:
            self._flush(ROW_GROUP_POINTS)

    def _flush(self, size: int) -> None:
        parts: list[PointRows] = []
        missing = size
        while missing:
            head = self._pending.pop(0)
            if head.size > missing:
                self._pending.insert(0, cut(head, missing, head.size))
                head = cut(head, 0, missing)
            parts.append(head)
            missing -= head.size
        self._pending_points -= size
        self._write_group(self._join(parts, size))

    def _join(self, parts: list[PointRows], size: int) -> PointRows:
        """Join parts; the series go into one buffer that every row group uses again."""
        series = self._buffers[0][:size]
        np.concatenate([part.series for part in parts], out=series)
        return PointRows(
            {name: np.concatenate([part.attributes[name] for part in parts]) for name in parts[0].attributes},
            series,
            np.concatenate([part.negative_zero_count for part in parts]),
            np.concatenate([part.negative_zero_epoch for part in parts]),
        )

    def _write_group(self, rows: PointRows) -> None:
        order = hilbert_order(rows.attributes["easting"], rows.attributes["northing"])
        written = self._pool.submit(self._write_series, rows, order)
        table = self._arrow(rows, order)
        if self._table is None:
            self._table = pq.ParquetWriter(
                self._directory / "points.parquet",
                table.schema,
                compression="snappy",
                write_page_checksum=True,
                use_dictionary=cast("Any", [name for name in table.schema.names if name not in _MANY_VALUES]),
            )
        self._table.write_table(table, row_group_size=ROW_GROUP_POINTS)
        written.result()
        self._points += rows.size

    def _write_series(self, rows: PointRows, order: NDArray[np.int64]) -> None:
        series = np.take(rows.series, order, axis=0, out=self._buffers[1][: rows.size])
        if self._series is not None:
            self._series.resize((self._points + rows.size, self._epochs))
            self._series[self._points : self._points + rows.size] = series

    def _arrow(self, rows: PointRows, order: NDArray[np.int64]) -> pa.Table:
        columns: dict[str, pa.Array[Any]] = {}
        for name, values in rows.attributes.items():
            chosen = values[order]
            columns[name] = _text(chosen) if chosen.dtype.kind == "S" else _numbers(name, chosen)
        longitude, latitude = rows.attributes["longitude"], rows.attributes["latitude"]
        low = np.minimum(self._bounds[:2], [np.min(longitude), np.min(latitude)])
        high = np.maximum(self._bounds[2:], [np.max(longitude), np.max(latitude)])
        self._bounds = np.concatenate([low, high])
        columns["series_index"] = pa.array(self._points + np.arange(rows.size))
        columns["source_row"] = pa.array(self._points + order)
        starts = np.concatenate([[0], np.cumsum(rows.negative_zero_count)])
        counts = rows.negative_zero_count[order]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        epochs = rows.negative_zero_epoch[np.repeat(starts[:-1][order], counts) + within]
        columns["negative_zero_epochs"] = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), pa.array(epochs, pa.uint16())
        )
        columns["geometry"] = _wkb_points(longitude[order], latitude[order])
        return pa.table(columns)

    def close(self) -> tuple[int, str]:
        """Write what is pending and finish both files.

        Returns
        -------
        points : int
        content_sha256 : str
            See :func:`content_digest`.
        """
        if self._pending_points:
            self._flush(self._pending_points)
        if self._table is not None:
            self._table.add_key_value_metadata({"geo": _geo(self._bounds)})
            self._table.close()
        self._pool.shutdown()
        return self._points, content_digest(self._directory)

    def abandon(self) -> None:
        """Release the open table; the caller removes the directory."""
        self._pool.shutdown()
        if self._table is not None:
            self._table.close()


def _geo(bounds: NDArray[np.float64]) -> str:
    """Return the GeoParquet 1.1 metadata; without a crs key it means longitude and latitude, OGC:CRS84."""
    import json  # noqa: PLC0415

    column = {"encoding": "WKB", "geometry_types": ["Point"], "bbox": bounds.tolist()}
    return json.dumps({"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}})
