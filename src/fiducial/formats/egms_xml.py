"""EGMS metadata: the XML beside every CSV; it names the scenes, orbits and auxiliary data a product was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from fiducial.errors import FormatError
from fiducial.motion.identifiers import PROVIDERS, provider_name

_AUXILIARY: Final = ("dem", "corine", "sce", "gnss")
_INTEGER_DIGITS: Final = 9


@dataclass(frozen=True)
class Scene:
    """One Sentinel-1 SAFE product and the orbit file type it was processed with."""

    product_id: str
    orbit_type: str


@dataclass(frozen=True)
class EgmsMetadata:
    """Contents of an EGMS XML; fields that the file does not state are None or empty.

    Attributes
    ----------
    level : str
        ``L2a``, ``L2b`` or ``L3``.
    track, burst, swath : int or None
        Relative orbit, EGMS burst number, sub-swath.
    production_facility : int or None
        1 e-GEOS, 2 GAF, 3 NORCE, 4 TRE Altamira.
    production_date : str or None
        As written, dd/mm/yyyy.
    dem_version, corine_version, snow_version, gnss_version : str or None
        Auxiliary data, as written.
    clusters : int or None
        Number of unwrapping clusters (L2a).
    reference_scenes, scenes : tuple of Scene
    """

    level: str
    track: int | None = None
    burst: int | None = None
    swath: int | None = None
    production_facility: int | None = None
    production_date: str | None = None
    dem_version: str | None = None
    corine_version: str | None = None
    snow_version: str | None = None
    gnss_version: str | None = None
    clusters: int | None = None
    reference_scenes: tuple[Scene, ...] = ()
    scenes: tuple[Scene, ...] = ()

    @property
    def provider(self) -> str:
        """Name of the production facility, or ``unstated``."""
        facility = self.production_facility
        return "unstated" if not facility else provider_name(facility)


# Some producers write the sub-swath and themselves by name.
_NAMED: Final = {f"IW{k}": str(k) for k in (1, 2, 3)} | {name: str(k) for k, name in enumerate(PROVIDERS)}
_LEVELS: Final = {level.upper(): level for level in ("L2a", "L2b", "L3")}


def _text(root: ET.Element, path: str) -> str | None:
    value = root.findtext(path)
    return value.strip() if value and value.strip() else None


def _is_integer(text: str) -> bool:
    # No number of an EGMS file is long, and Python refuses to convert thousands of digits.
    return text.isascii() and text.isdigit() and len(text) <= _INTEGER_DIGITS


def _integer(root: ET.Element, path: str, where: str) -> int | None:
    text = _text(root, path)
    if text is None:
        return None
    text = _NAMED.get(text.upper(), text)
    if not _is_integer(text):
        raise FormatError(
            "FID-2011", f"<{path}> is not a whole number: {text[:40]!r}", where=where, fix="use the XML as delivered"
        )
    return int(text)


def _scenes(root: ET.Element, group: str) -> tuple[Scene, ...]:
    return tuple(
        Scene(_text(image, "product_id") or "", _text(image, "orbit_type") or "")
        for image in root.iterfind(f"{group}/image")
    )


def _burst_identity(root: ET.Element, where: str) -> tuple[int | None, int | None, int | None]:
    # Written "0845" beside <track> in the 2020-2024 files, "022-0845-IW2-VV" in one element in the documented form.
    text = _text(root, "burst_id")
    parts = (text or "").replace("-", "_").split("_")
    if len(parts) >= 3:
        numbers = [part.removeprefix("IW") for part in parts[:3]]
        if all(_is_integer(number) for number in numbers):
            return int(numbers[0]), int(numbers[1]), int(numbers[2])
    return (
        _integer(root, "track", where),
        _integer(root, "burst_id", where),
        _integer(root, "sub_swath", where),
    )


def read(content: bytes, where: str) -> EgmsMetadata:
    """Read EGMS metadata.

    Parameters
    ----------
    content : bytes
        The XML document.
    where : str
        Name of the file, for errors.

    Returns
    -------
    EgmsMetadata

    Raises
    ------
    FormatError
        FID-2011 when it is not EGMS metadata.

    Notes
    -----
    EGMS-D6-PDD v3.0 (2025), with the elements that the 2020-2024 files add: ``track``, ``sub_swath``,
    several reference images.
    """
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat >= 2.4.1 stops entity bombs; no external entity is resolved
    except (ET.ParseError, ValueError, LookupError) as error:
        raise FormatError(
            "FID-2011", f"XML cannot be read: {error}", where=where, fix="download the product again"
        ) from error
    level = _text(root, "product_level") or ""
    if root.tag not in {"BURST", "TILE"} or level.upper() not in _LEVELS:
        raise FormatError(
            "FID-2011",
            f"not EGMS metadata: <{str(root.tag)[:40]}>, product_level {level[:20]!r}",
            where=where,
            fix="use the XML delivered with the CSV",
        )
    track, burst, swath = _burst_identity(root, where)
    clusters = root.findall("clusters/*")
    return EgmsMetadata(
        level=_LEVELS[level.upper()],
        track=track,
        burst=burst,
        swath=swath,
        production_facility=_integer(root, "production_facility", where),
        production_date=_text(root, "production_date"),
        dem_version=_text(root, "dem/version"),
        corine_version=_text(root, "corine/version"),
        snow_version=_text(root, "sce/version"),
        gnss_version=_text(root, "gnss/version"),
        clusters=len(clusters) or _integer(root, "clusters", where),
        reference_scenes=_scenes(root, "reference"),
        scenes=_scenes(root, "dataset"),
    )


def write(metadata: EgmsMetadata) -> bytes:
    """Write EGMS metadata as the 2020-2024 files lay it out; elements that are not known are left out."""
    root = ET.Element("TILE" if metadata.level == "L3" else "BURST")

    def add(parent: ET.Element, tag: str, value: object | None) -> None:
        if value is not None:
            ET.SubElement(parent, tag).text = str(value)

    add(root, "product_level", metadata.level)
    add(root, "track", None if metadata.track is None else f"{metadata.track:03d}")
    add(root, "burst_id", None if metadata.burst is None else f"{metadata.burst:04d}")
    add(root, "sub_swath", metadata.swath)
    add(root, "production_facility", metadata.production_facility)
    add(root, "production_date", metadata.production_date)
    versions = (metadata.dem_version, metadata.corine_version, metadata.snow_version, metadata.gnss_version)
    for tag, version in zip(_AUXILIARY, versions, strict=True):
        if version is not None:
            add(ET.SubElement(root, tag), "version", version)
    add(root, "clusters", metadata.clusters)
    for tag, scenes in (("reference", metadata.reference_scenes), ("dataset", metadata.scenes)):
        if scenes:
            group = ET.SubElement(root, tag)
            for scene in scenes:
                image = ET.SubElement(group, "image")
                add(image, "orbit_type", scene.orbit_type)
                add(image, "product_id", scene.product_id)
    ET.indent(root, space="  ")
    document: str = ET.tostring(root, encoding="unicode")
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + document.encode()
