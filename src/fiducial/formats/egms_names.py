"""Grammar of EGMS file names: Level 2 bursts, Level 3 tiles, GNSS model."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fiducial.errors import FormatError

_WINDOW = r"(?:_(?P<first_year>20\d\d)_(?P<last_year>20\d\d)_(?P<version>\d{1,4}))?"
_BURST = re.compile(
    r"EGMS_(?P<level>L2a|L2b)_(?P<track>\d{3})_(?P<burst>\d{4})_IW(?P<swath>[1-3])_(?P<polarisation>HH|HV|VH|VV)"
    + _WINDOW,
    re.ASCII,
)
_TILE = re.compile(r"EGMS_L3_E(?P<east>\d\d)N(?P<north>\d\d)_100km_(?P<component>[EU])" + _WINDOW, re.ASCII)
_MODEL = re.compile(r"EGMS_AEPND_V(?P<year>20\d\d)\.(?P<issue>\d{1,4})(?:_\w+)?", re.ASCII)


@dataclass(frozen=True)
class Window:
    """Nominal years of a release and its delivery number; the baseline (2015-2020) and its first update have none."""

    first_year: int
    last_year: int
    version: int

    def __str__(self) -> str:
        return f"{self.first_year}_{self.last_year}_{self.version}"


@dataclass(frozen=True)
class BurstName:
    """Name of a Level 2 file, such as ``EGMS_L2b_022_0845_IW2_VV_2020_2024_1``."""

    level: str
    track: int
    burst: int
    swath: int
    polarisation: str
    window: Window | None

    def __str__(self) -> str:
        stem = f"EGMS_{self.level}_{self.track:03d}_{self.burst:04d}_IW{self.swath}_{self.polarisation}"
        return stem if self.window is None else f"{stem}_{self.window}"


@dataclass(frozen=True)
class TileName:
    """Name of a Level 3 file, such as ``EGMS_L3_E45N17_100km_U_2020_2024_1``.

    Attributes
    ----------
    easting_100km, northing_100km : int
        South-west corner of the tile in units of 100 km, EPSG:3035.
    component : str
        ``E`` or ``U``.
    """

    easting_100km: int
    northing_100km: int
    component: str
    window: Window | None

    def __str__(self) -> str:
        stem = f"EGMS_L3_E{self.easting_100km:02d}N{self.northing_100km:02d}_100km_{self.component}"
        return stem if self.window is None else f"{stem}_{self.window}"


@dataclass(frozen=True)
class GnssModelName:
    """Name of a GNSS calibration model, such as ``EGMS_AEPND_V2022.0`` (issue 0 is a pre-release)."""

    year: int
    issue: int

    def __str__(self) -> str:
        return f"EGMS_AEPND_V{self.year}.{self.issue}"


EgmsName = BurstName | TileName | GnssModelName


def _window(match: re.Match[str]) -> Window | None:
    if match["first_year"] is None:
        return None
    return Window(int(match["first_year"]), int(match["last_year"]), int(match["version"]))


def parse(file_name: str) -> EgmsName:
    """Parse an EGMS file name, with or without its extension and folder.

    Parameters
    ----------
    file_name : str
        Such as ``EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip``.

    Returns
    -------
    BurstName, TileName or GnssModelName

    Raises
    ------
    FormatError
        FID-2012 when the name does not follow the grammar.

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025), file naming.

    Examples
    --------
    >>> parse("EGMS_L3_E45N17_100km_E_2020_2024_1.tiff").northing_100km
    17
    >>> str(parse("EGMS_L2a_088_0282_IW2_VV.csv"))
    'EGMS_L2a_088_0282_IW2_VV'
    """
    base = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = re.sub(r"\.(zip|csv|xml|tif|tiff)$", "", base, flags=re.IGNORECASE)
    if match := _BURST.fullmatch(stem):
        return BurstName(match["level"], int(match["track"]), int(match["burst"]), int(match["swath"]),
                         match["polarisation"], _window(match))  # fmt: skip
    if match := _TILE.fullmatch(stem):
        return TileName(int(match["east"]), int(match["north"]), match["component"], _window(match))
    if match := _MODEL.fullmatch(stem):
        return GnssModelName(int(match["year"]), int(match["issue"]))
    raise FormatError(
        "FID-2012",
        "not an EGMS file name",
        where=base,
        fix="name it as delivered, e.g. EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip",
    )
