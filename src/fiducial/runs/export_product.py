"""A part of a point product as a point product of its own, with its calibration beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fiducial import __version__
from fiducial.formats import calibration_file
from fiducial.formats.atomic import atomic_directory
from fiducial.formats.point_product import MANIFEST
from fiducial.formats.point_product_writer import ProductWriter
from fiducial.formats.product_manifest import Manifest
from fiducial.runs.export_area import Area
from fiducial.runs.export_rows import INTERNAL, printed_rows, stored_rows, wanted_groups
from fiducial.runs.ingest import provenance_id
from fiducial.runs.progress import progress
from fiducial.runs.sources import Source


def finish(directory: Path, writer: ProductWriter, manifest: Manifest, changes: Mapping[str, Any]) -> Manifest:
    """Close a product and write its ``product.json``."""
    points, content = writer.close()
    final = manifest.model_copy(update={**changes, "points": points, "content_sha256": content})
    # A copy is not validated; what is read back must be.
    final = Manifest.model_validate(final.model_dump())
    (directory / MANIFEST).write_text(final.model_dump_json(indent=1), encoding="utf-8")
    return final


def write_product(source: Source, out: Path, area: Area | None, *, overwrite: bool) -> list[Path]:
    """Write a source, or its part in an area, as a point product.

    The series stay as they are; the calibration in use goes along and is applied on reading, as before.

    Raises
    ------
    InputError
        FID-1002 output exists, FID-1082 nothing in the area.
    """
    product, manifest = source.product, source.product.manifest
    groups = wanted_groups(source, area)
    # Another name than an import has, or the next import of the whole source would think it is done.
    target = out / (manifest.name if area is None else f"{manifest.name}_clip")
    plain = Source(product, None)
    with (
        atomic_directory(target, overwrite=overwrite, marker=MANIFEST) as directory,
        progress(f"export {target.name}", len(groups)) as advance,
    ):
        writer = ProductWriter(directory, product.epochs, manifest.series_dtype)
        try:
            for group in groups:
                attributes, series_mm = printed_rows(plain, group, area)
                columns = {name: values for name, values in attributes.items() if name not in INTERNAL}
                writer.append(stored_rows(columns, series_mm, manifest.series_dtype))
                advance(1)
        except BaseException:
            writer.abandon()
            raise
        changes: dict[str, Any] = {}
        if area is not None:
            parts = {"step": "clip", "area": area.identity, "source": manifest.provenance_id, "version": __version__}
            changes = {
                "name": target.name,
                "created_by": f"fiducial {__version__}, clipped to {area.text}",
                "provenance_id": provenance_id(parts),
            }
        finish(directory, writer, manifest, changes)
        if source.calibration is not None:
            calibration_file.write(directory, source.calibration)
    return [target]
