"""Recognise EGMS products, rasters, velocity models and point motion products, with what they say they were made from."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fiducial.catalogue.records import Entity, EntityKind
from fiducial.catalogue.rows import printable
from fiducial.errors import FiducialError
from fiducial.formats import egms, egms_names, egms_xml, velocity_model_file
from fiducial.formats.egms_xml import EgmsMetadata
from fiducial.formats.product_manifest import Manifest
from fiducial.runs.catalogue_content import Content
from fiducial.runs.catalogue_facts import Facts, Span, plain_utc

_ESD: Final = ("ESD",)
_UNSTATED: Final = "unstated"
_DOCUMENT_BYTES: Final = 100_000_000
Provenance = tuple[list[Entity], list[tuple[str, str]]]


def recognise_zip(content: Content) -> Facts:
    """Return what a ZIP archive holds: an EGMS product, a velocity model, or something else."""
    try:
        with zipfile.ZipFile(content.path) as archive:
            names = archive.namelist()
            document = archive.read("model.json") if _holds_model(archive) else None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        return Facts(note=f"the ZIP is cut or damaged: {error or type(error).__name__}")
    if document is not None:
        return _velocity_model(document)
    suffixes = {Path(name).suffix.lower() for name in names}
    if ".csv" in suffixes:
        return _egms(content)
    return Facts("ZIP", note=f"a ZIP of {len(names)} members that are no EGMS product and no velocity model")


def _holds_model(archive: zipfile.ZipFile) -> bool:
    try:
        return archive.getinfo("model.json").file_size <= _DOCUMENT_BYTES
    except KeyError:
        return False


def _velocity_model(document: bytes) -> Facts:
    try:
        loaded: dict[str, Any] = json.loads(document)
        if loaded.get("kind") != velocity_model_file.KIND:
            return Facts("ZIP", note="its model.json is of another kind")
        sources = [stated_file(str(one["sha256"]), str(one["name"]), "velocity model") for one in loaded["sources"]]
        frame = str(loaded["frame"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Facts(note=f"a velocity model whose model.json is damaged: {type(error).__name__}")
    attributes = {"epoch_span": loaded.get("epoch_span"), "stations": len(loaded.get("sites", ()))}
    return Facts("velocity model", frame=frame, entities=sources, is_product=True, centre="Fiducial",
                 centre_kind="software", attributes={key: one for key, one in attributes.items() if one},
                 derived=[(one.id, "velocity table") for one in sources])  # fmt: skip


def stated_file(sha256: str, name: str, stated_by: str, **attributes: object) -> Entity:
    """Return a file that is known by its hash alone; it becomes one with a place once it is added."""
    return Entity(f"sha256:{sha256}", EntityKind.FILE, name, {"stated_by": stated_by, **attributes})


def recognise_csv(content: Content) -> Facts | None:
    """Return an EGMS CSV or a GNSS model of EGMS; None for other tables."""
    first = content.text.partition("\n")[0].lower()
    if first.startswith("latitude,longitude,n,e,up") or _is_model(content.name):
        return Facts("AEPND", attributes={"content": "GNSS velocity model of EGMS"})
    if "pid" in first.split(",") and ("easting" in first or "latitude" in first):
        return _egms(content)
    return None


def _is_model(name: str) -> bool:
    try:
        return isinstance(egms_names.parse(name), egms_names.GnssModelName)
    except FiducialError:
        return False


def _egms(content: Content) -> Facts:
    try:
        found = egms.recognise(Path(content.path))
    except FiducialError as error:
        return Facts(note=f"not a whole EGMS product: {error.code} {error.problem}")
    epochs = found.header.epochs
    span = Span(plain_utc(epochs.min()), plain_utc(epochs.max())) if epochs.size else Span()
    attributes: dict[str, Any] = {"epochs": int(epochs.size)}
    if found.name is not None:
        attributes["egms_name"] = str(found.name)
    facts = Facts("EGMS", _ESD, level=found.level, span=span, is_product=True)
    whole = _with_metadata(facts, found.metadata, attributes)
    beside = None if found.member else _xml_beside(Path(content.path))
    if beside is None:
        return whole
    # The table itself names no scene: what is known of it, its XML says.
    return replace(whole, entities=[*whole.entities, beside], derived=[*whole.derived, (beside.id, "metadata")])


def _xml_beside(path: Path) -> Entity | None:
    beside = next((one for one in (path.with_suffix(".xml"), path.with_suffix(".XML")) if one.is_file()), None)
    if beside is None:
        return None
    return stated_file(hashlib.sha256(beside.read_bytes()).hexdigest(), printable(beside.name), "EGMS CSV")


def recognise_xml(content: Content) -> Facts | None:
    """Return the XML of an EGMS product; None for other documents."""
    if not ("<BURST" in content.text or "<TILE" in content.text):
        return None
    try:
        metadata = egms_xml.read(Path(content.path).read_bytes(), content.name)
    except (FiducialError, OSError) as error:
        return Facts(note=f"not EGMS metadata: {error}".partition("\n")[0])
    return _with_metadata(Facts("EGMS-XML", level=metadata.level), metadata, {})


def _with_metadata(facts: Facts, metadata: EgmsMetadata | None, attributes: dict[str, Any]) -> Facts:
    if metadata is None:
        return replace(facts, attributes=attributes | {"provenance": _UNSTATED})
    entities, derived = provenance(metadata)
    stated = {
        "track": metadata.track, "burst": metadata.burst, "swath": metadata.swath, "dem": metadata.dem_version,
        "corine": metadata.corine_version, "snow": metadata.snow_version, "gnss": metadata.gnss_version,
        "scenes": len({scene.product_id for scene in metadata.scenes}) or None,
    }  # fmt: skip
    attributes = attributes | {key: value for key, value in stated.items() if value is not None}
    if metadata.provider != _UNSTATED:
        facts = replace(facts, centre=metadata.provider, centre_kind="production facility")
    return replace(facts, attributes=attributes, entities=entities, derived=derived, issued=_day(metadata))


def provenance(metadata: EgmsMetadata) -> Provenance:
    """Return every scene, orbit type and auxiliary data set of an EGMS XML as an entity, with the role of each.

    Parameters
    ----------
    metadata : EgmsMetadata

    Returns
    -------
    list of Entity
    list of (id, role)
        A scene's role names its orbit type: ``scene, orbit RESORB``.
    """
    entities: dict[str, Entity] = {}
    derived: dict[tuple[str, str], None] = {}

    def add(kind: EntityKind, value: str, name: str, role: str) -> None:
        entity = Entity(f"{kind}:{value}", kind, name)
        entities[entity.id] = entity
        derived[entity.id, role] = None

    for role, scenes in (("scene", metadata.scenes), ("reference scene", metadata.reference_scenes)):
        orbits = Counter(scene.orbit_type for scene in scenes)
        for scene in scenes:
            told = f"{role}, orbit {scene.orbit_type}" if scene.orbit_type else role
            if scene.product_id:
                add(EntityKind.SCENE, scene.product_id, scene.product_id, told)
        for orbit in sorted(filter(None, orbits)):
            add(EntityKind.ORBIT, f"Sentinel-1/{orbit}", f"Sentinel-1 orbits {orbit}", f"orbit type of {role}s")
    for kind, value, name, role in (
        (EntityKind.DEM, metadata.dem_version, "DEM", "dem"),
        (EntityKind.LAND_COVER, metadata.corine_version, "CORINE", "land cover"),
        (EntityKind.OTHER, metadata.snow_version, "snow cover", "snow"),
        (EntityKind.GNSS, metadata.gnss_version, "EGMS GNSS model", "gnss"),
    ):
        if value is not None:
            add(kind, value if kind is not EntityKind.OTHER else f"snow/{value}", f"{name} {value}", role)
    return list(entities.values()), list(derived)


def _day(metadata: EgmsMetadata) -> datetime | None:
    """Return the day of production that the XML states, dd/mm/yyyy; its hour is not known and stands as 0."""
    try:
        return datetime.strptime(metadata.production_date or "", "%d/%m/%Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def recognise_tiff(content: Content) -> Facts:
    """Return a GeoTIFF with its size and projection; an EGMS tile by its name."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(content.path) as raster:
            crs = raster.crs.to_string() if raster.crs else None
            attributes = {"width": raster.width, "height": raster.height, "bands": raster.count, "crs": crs}
    except (RasterioError, OSError, ValueError) as error:
        return Facts(note=f"a TIFF that cannot be read: {error}".partition("\n")[0])
    kept = {key: value for key, value in attributes.items() if value is not None}
    if crs is None:
        return Facts("TIFF", attributes=kept, note="a TIFF without projection")
    try:
        tile = egms_names.parse(content.name)
    except FiducialError:
        return Facts("GeoTIFF", attributes=kept)
    return Facts("GeoTIFF", _ESD, level="L3", attributes=kept | {"egms_name": str(tile)}, is_product=True)


def recognise_product(manifest_bytes: bytes) -> Facts:
    """Return a point motion product from its ``product.json``."""
    try:
        manifest = Manifest.model_validate_json(manifest_bytes)
    except ValueError as error:
        return Facts(note=f"product.json is not valid: {error}".partition("\n")[0])
    entities, derived = provenance(manifest.metadata.to_egms()) if manifest.metadata else ([], [])
    sources = [stated_file(one.sha256, one.name, "product.json", bytes=one.bytes) for one in manifest.sources]
    derived = [*derived, *((one.id, "source") for one in sources)]
    attributes: dict[str, Any] = {
        "points": manifest.points, "epochs": len(manifest.epochs), "component": manifest.component,
        "created_by": manifest.created_by, "provenance_id": manifest.provenance_id,
        "content_sha256": manifest.content_sha256,
        "requirements": {one.name: one.state for one in manifest.requirements},
    }  # fmt: skip
    return Facts(
        "point product", _ESD, level=manifest.level, frame=manifest.tie.frame, span=_dates(manifest.epochs),
        centre=manifest.created_by, centre_kind="software", attributes=attributes, entities=[*entities, *sources], derived=derived,
        is_product=True,
    )  # fmt: skip


def _dates(epochs: Iterable[str]) -> Span:
    days = sorted(datetime.fromisoformat(day).replace(tzinfo=UTC) for day in epochs)
    return Span(days[0], days[-1]) if days else Span()
