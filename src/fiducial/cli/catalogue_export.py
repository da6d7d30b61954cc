"""``fiducial catalogue export``: provenance in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fiducial.cli.catalogue import app

Flag = Annotated[bool, Parameter(negative="")]


@app.command
def export(
    product: str | None = None,
    /,
    *,
    format: Literal["prov-json", "ro-crate", "stac", "dcat", "datacite"],  # noqa: A002 - option
    out: Path,
    catalogue: str | None = None,
    title: str | None = None,
    description: str | None = None,
    creator: Annotated[list[str] | None, Parameter(negative="")] = None,
    publisher: str | None = None,
    licence: str | None = None,
    date: str | None = None,
    base_url: str | None = None,
    bbox: str | None = None,
    pack: Literal["none", "product", "all"] | None = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Export a product with all that it was made from, or the whole catalogue, for the tools of others.

    Example: ``fiducial catalogue export product:GSO-2024-259 --format ro-crate --out crate``

    Parameters
    ----------
    product
        Id, name or path; the whole catalogue by default.
    format
        PROV-JSON, RO-Crate (a folder, profile Process Run Crate), STAC (a folder), DCAT 3 as Turtle, or DataCite JSON
        for a DOI request.
    out
        File or folder to write.
    catalogue
        Path or URL of the catalogue; FIDUCIAL_CATALOGUE, else fiducial-catalogue.sqlite in this folder, by default.
    title
        Title of the export; of the product in a DOI request.
    description
        One or two sentences.
    creator
        A creator for the DOI request, "Family, Given" or an organisation; may be repeated. The organisations recorded
        as makers by default.
    publisher
        Needed for a DOI request; never recorded.
    licence
        SPDX identifier or URL of the licence of what is exported; none is assumed.
    date
        Date of publication; the time of issue by default.
    base_url
        Address under which the files lie; their paths on this machine (STAC) or no address by default.
    bbox
        W,S,E,N in degrees, for products whose area the catalogue does not know.
    pack
        Files to copy into an RO-Crate: those of the product by default, none for a whole catalogue.
    overwrite
        Replace the output.
    json
        Print what was written as JSON.
    """
    from fiducial.cli.console import print_json, print_lines
    from fiducial.runs.catalogue_export import ExportRequest, export_catalogue, stated

    options = stated(date=date, bbox=bbox, base_url=base_url, title=title, description=description,
                     creators=tuple(creator or ()), publisher=publisher, licence=licence)  # fmt: skip
    result = export_catalogue(ExportRequest(format, out, product, catalogue, options, pack, overwrite))
    if json:
        print_json(result.to_dict())
        return
    counts = ", ".join(f"{number} {name}" for name, number in result.counts.items())
    print_lines([f"{result.out}: {result.format}, {counts}", *result.notes])
