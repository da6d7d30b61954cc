"""Small valid EGMS files of every level and both vocabularies, to be read as they are or damaged by a test.

A ``Product`` is a header and rows of texts; a test changes what it likes and takes the bytes. Nothing here comes from
``fiducial`` except the codec of identifiers, which has published vectors of its own.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from pyproj import Transformer

from fiducial.motion.identifiers import PointIds, encode_cells, encode_points

DOCUMENT_LEVEL2 = (
    "pid", "mp_type", "latitude", "longitude", "easting", "northing", "height", "height_wgs84", "line", "pixel", "rmse",
    "temporal_coherence", "amplitude_dispersion", "incidence_angle", "track_angle", "los_east", "los_north", "los_up",
    "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std", "seasonality", "seasonality_std",
)  # fmt: skip
REAL_LEVEL2 = (
    "pid", "mp_type", "latitude", "longitude", "easting", "northing", "height_ortho", "height_ellipse", "line", "pixel",
    "rmse_ts", "temporal_coherence", "amplitude_dispersion", "incidence_angle", "track_angle", "los_east", "los_north",
    "los_up", "mean_velocity", "mean_velocity_std", "acceleration", "acceleration_std", "seasonality",
    "seasonality_std", "gnss_velocity",
)  # fmt: skip
DOCUMENT_LEVEL3 = (
    "pid", "easting", "northing", "height", "rmse", "mean_velocity", "mean_velocity_std", "acceleration",
    "acceleration_std", "seasonality", "seasonality_std",
)  # fmt: skip
REAL_LEVEL3 = (
    "pid", "easting", "northing", "height_ortho", "rmse_ts", "mean_velocity", "mean_velocity_std", "acceleration",
    "acceleration_std", "seasonality", "seasonality_std", "gnss_velocity_n", "gnss_velocity_e", "gnss_velocity_u",
)  # fmt: skip

DESCENDING = (37.31, 191.42)
ASCENDING = (38.97, -8.94)
XML_HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n"


def dates(count: int, first: str = "20200103", step_days: int = 6) -> list[str]:
    start = dt.datetime.strptime(first, "%Y%m%d").replace(tzinfo=dt.UTC)
    return [(start + dt.timedelta(days=step_days * k)).strftime("%Y%m%d") for k in range(count)]


def shortest(value: float, decimals: int = 1) -> str:
    """Write a number as EGMS does: few digits, whole numbers as ``1.0``, the sign of a rounded zero kept."""
    return repr(round(float(value), decimals))


@cache
def _to_map() -> Transformer:
    return Transformer.from_crs("EPSG:4258", "EPSG:3035", always_xy=True)


@dataclass
class Product:
    """An EGMS product as texts."""

    stem: str
    columns: list[str]
    date_columns: list[str]
    rows: list[list[str]]
    xml_text: str
    newline: str = "\n"
    extra_members: dict[str, bytes] = field(default_factory=dict)

    def column(self, name: str) -> int:
        return [*self.columns, *self.date_columns].index(name)

    def set(self, row: int, name: str, text: str) -> None:
        self.rows[row][self.column(name)] = text

    def csv(self) -> bytes:
        lines = [",".join([*self.columns, *self.date_columns]), *(",".join(row) for row in self.rows)]
        return "".join(line + self.newline for line in lines).encode()

    def xml(self) -> bytes:
        return self.xml_text.encode()

    def zip(self) -> bytes:
        return zip_bytes({f"{self.stem}.csv": self.csv(), f"{self.stem}.xml": self.xml()} | self.extra_members)

    def write_zip(self, folder: Path, name: str | None = None) -> Path:
        path = folder / f"{name or self.stem}.zip"
        path.write_bytes(self.zip())
        return path

    def write_csv(self, folder: Path, *, with_xml: bool = True) -> Path:
        path = folder / f"{self.stem}.csv"
        path.write_bytes(self.csv())
        if with_xml:
            path.with_suffix(".xml").write_bytes(self.xml())
        return path

    def series_mm(self) -> np.ndarray:
        """Return the printed series, shape (point, epoch)."""
        width = len(self.columns)
        return np.array([[float(text) if text else np.nan for text in row[width:]] for row in self.rows])


def zip_bytes(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return sink.getvalue()


def burst_xml(level: str = "L2b", track: int = 22, burst: int = 845, swath: int = 2, scenes: int = 2) -> str:
    image = (
        "    <image>\n      <orbit_type>FILTERED</orbit_type>\n      <product_id>S1A_{}</product_id>\n    </image>\n"
    )
    gnss = "  <gnss>\n    <version>2.0</version>\n  </gnss>\n" if level == "L2b" else ""
    return (
        f"{XML_HEAD}<BURST>\n  <product_level>{level}</product_level>\n  <track>{track:03d}</track>\n"
        f"  <burst_id>{burst:04d}</burst_id>\n  <sub_swath>{swath}</sub_swath>\n"
        "  <production_facility>1</production_facility>\n  <production_date>06/11/2025</production_date>\n"
        f"  <dem>\n    <version>COPDEM</version>\n  </dem>\n{gnss}"
        f"  <reference>\n{image.format(0)}  </reference>\n"
        f"  <dataset>\n{''.join(image.format(k) for k in range(scenes))}  </dataset>\n</BURST>"
    )


def tile_xml() -> str:
    return (
        f"{XML_HEAD}<TILE>\n  <product_level>L3</product_level>\n  <production_facility>1</production_facility>\n"
        "  <production_date>11/11/2025</production_date>\n  <dem>\n    <version>COPDEM</version>\n  </dem>\n"
        "  <gnss>\n    <version>2.0</version>\n  </gnss>\n</TILE>"
    )


def level2(
    level: str = "L2b",
    *,
    points: int = 4,
    epochs: int = 5,
    vocabulary: str = "real",
    track: int = 22,
    burst: int = 845,
    swath: int = 2,
    angles_deg: tuple[float, float] = DESCENDING,
    seed: int = 0,
    west_deg: float = 13.17,
) -> Product:
    """Make a Level 2 product near Ustica with random series in tenths of a millimetre."""
    rng = np.random.default_rng(seed)
    columns = list(REAL_LEVEL2 if vocabulary == "real" else DOCUMENT_LEVEL2)
    if level == "L2a":
        columns = [name for name in columns if name != "gnss_velocity"]
        columns.insert(1, "cluster_label")
    longitude = (west_deg + 0.01 * rng.random(points)).round(6)
    latitude = (38.69 + 0.01 * rng.random(points)).round(6)
    easting, northing = _to_map().transform(longitude, latitude)
    line, pixel = 1217 + np.arange(points) // 7, 4670 + np.arange(points)
    one = np.ones(points, dtype=np.int64)
    pid = encode_points(PointIds(one, one * track, one * burst, one * swath, one * 3, line, pixel))
    incidence, heading = np.radians(angles_deg)
    sight = (-np.sin(incidence) * np.cos(heading), np.sin(incidence) * np.sin(heading), np.cos(incidence))
    series = np.round(rng.normal(0, 5, (points, epochs)), 1)
    rows = []
    for k in range(points):
        values = {
            "pid": str(pid[k]), "cluster_label": "0", "mp_type": "0", "latitude": repr(float(latitude[k])),
            "longitude": repr(float(longitude[k])), "easting": shortest(easting[k], 2),
            "northing": shortest(northing[k], 2), "height": shortest(rng.normal(80, 40)),
            "height_wgs84": shortest(rng.normal(120, 40)), "line": str(line[k]), "pixel": str(pixel[k]),
            "rmse": shortest(2 + rng.random()), "temporal_coherence": shortest(rng.random(), 2),
            "amplitude_dispersion": shortest(rng.random(), 2), "incidence_angle": shortest(angles_deg[0], 2),
            "track_angle": shortest(angles_deg[1], 2), "los_east": shortest(sight[0], 3),
            "los_north": shortest(sight[1], 3), "los_up": shortest(sight[2], 3),
            "mean_velocity": shortest(rng.normal(0, 3)), "mean_velocity_std": "0.1",
            "acceleration": shortest(rng.normal(0, 1), 2), "acceleration_std": "0.13",
            "seasonality": shortest(rng.random()), "seasonality_std": "0.2", "gnss_velocity": "-1.6",
        }  # fmt: skip
        values |= {"height_ortho": values["height"], "height_ellipse": values["height_wgs84"]}
        values["rmse_ts"] = values["rmse"]
        rows.append([*(values[name] for name in columns), *(shortest(value) for value in series[k])])
    stem = f"EGMS_{level}_{track:03d}_{burst:04d}_IW{swath}_VV_2020_2024_1"
    return Product(stem, columns, dates(epochs), rows, burst_xml(level, track, burst, swath))


def level3(
    component: str = "U", *, cells: int = 4, epochs: int = 5, vocabulary: str = "real", seed: int = 0
) -> Product:
    """Make a Level 3 product with cells in rows of twenty, inside its tile."""
    rng = np.random.default_rng(seed)
    columns = list(REAL_LEVEL3 if vocabulary == "real" else DOCUMENT_LEVEL3)
    easting, northing = 4_597_550 + 100 * (np.arange(cells) % 20), 1_739_750 + 100 * (np.arange(cells) // 20)
    pid = encode_cells(1, easting, northing)
    series = np.round(rng.normal(0, 5, (cells, epochs)), 1)
    rows = []
    for k in range(cells):
        numbers = [shortest(rng.normal(0, 3)) for _ in columns[3:]]
        rows.append([str(pid[k]), str(easting[k]), str(northing[k]), *numbers, *(shortest(v) for v in series[k])])
    return Product(f"EGMS_L3_E45N17_100km_{component}_2020_2024_1", columns, dates(epochs), rows, tile_xml())


def every_kind() -> list[Product]:
    """Return a product of each level and vocabulary."""
    return [
        level2("L2a"), level2("L2b"), level2("L2a", vocabulary="document"), level2("L2b", vocabulary="document"),
        level3("E"), level3("U"), level3("U", vocabulary="document"),
    ]  # fmt: skip


def joined(*products: Product) -> Product:
    """Put the rows of several products under the header of the first."""
    first = products[0]
    rows = [row for product in products for row in product.rows]
    return Product(first.stem, first.columns, first.date_columns, rows, first.xml_text)
