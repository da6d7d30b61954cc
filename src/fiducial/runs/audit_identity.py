"""What an EGMS product says about itself: name, columns, XML and dates, held against the document."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from fiducial.errors import FiducialError
from fiducial.formats import egms_names
from fiducial.formats.egms_columns import ALIASES, LEVEL2_COLUMNS, LEVEL3_COLUMNS, REAL_SPELLING
from fiducial.formats.product_manifest import Manifest
from fiducial.motion.audit import Check, Identity, StatedInputs
from fiducial.motion.audit_dates import GRID_STEP_DAYS, LEVEL3_ORIGIN, DateCoverage
from fiducial.motion.audit_points import DOCUMENT, IdentifierTally
from fiducial.motion.identifiers import provider_name

# Beyond the documented table: the GNSS rates that files have carried since the 2020-2024 release.
_LATER: Final = ("gnss_velocity", "gnss_velocity_n", "gnss_velocity_e", "gnss_velocity_u")
_SCENE_DATE: Final = re.compile(r"_(\d{8})T\d{6}_")


def name_of(manifest: Manifest) -> egms_names.EgmsName | None:
    """Return the parsed name of a product, None when it does not follow the grammar."""
    try:
        return egms_names.parse(manifest.name)
    except FiducialError:
        return None


def _documented(level: str) -> set[str]:
    columns = set(LEVEL3_COLUMNS if level == "L3" else LEVEL2_COLUMNS) - set(_LATER)
    return columns if level == "L2a" else columns - {"cluster_label"}


def identity_of(manifest: Manifest, identifiers: IdentifierTally) -> Identity:
    """Tell what a product is."""
    name = name_of(manifest)
    spelled = {column.spelled for column in manifest.columns}
    real, documented = bool(spelled & ALIASES.keys()), bool(spelled & REAL_SPELLING.keys())
    columns = {column.name for column in manifest.columns}
    window = getattr(name, "window", None)
    where = identifiers.burst or "a tile that the name does not tell"
    if isinstance(name, egms_names.TileName):
        where = f"tile E{name.easting_100km:02d}N{name.northing_100km:02d}"
    provider = identifiers.provider
    return Identity(
        name=manifest.name,
        level=manifest.level,
        component=manifest.component,
        where=where,
        provider=provider_name(provider) if provider >= 0 else "unstated",
        window=f"release {window}" if window else "release without a window in its name",
        vocabulary="mixed" if real and documented else "2018-2024" if real else "documented",
        columns_missing=tuple(sorted(_documented(manifest.level) - columns)),
        columns_extra=tuple(sorted(columns - _documented(manifest.level))),
        points=manifest.points,
        epochs=len(manifest.epochs),
        first=manifest.epochs[0],
        last=manifest.epochs[-1],
        frame=f"{manifest.tie.frame or 'no frame, relative'} ({manifest.tie.stated_by})",
    )


def stated_inputs(manifest: Manifest) -> StatedInputs | None:
    """Return what the XML says the product was made from; None without an XML."""
    metadata = manifest.metadata
    if metadata is None:
        return None
    every = (*metadata.scenes, *metadata.reference_scenes)
    found = {match[1] for scene in every if (match := _SCENE_DATE.search(scene.product_id))}
    own = {match[1] for scene in metadata.scenes if (match := _SCENE_DATE.search(scene.product_id))}
    alone = [day for day in manifest.epochs if day[:10].replace("-", "") not in found] if found else []
    return StatedInputs(
        scenes=len(metadata.scenes),
        reference_scenes=len(metadata.reference_scenes),
        scene_dates=len(own),
        epochs_without_scene=tuple(alone),
        orbit_types=dict(Counter(scene.orbit_type for scene in every)),
        production_date=metadata.production_date or "unstated",
        dem=metadata.dem_version or "unstated",
        land_cover=metadata.corine_version or "unstated",
        snow=metadata.snow_version or "unstated",
        gnss=metadata.gnss_version or "unstated",
    )


def column_checks(manifest: Manifest) -> list[Check]:
    """Hold the columns against the documented table."""
    columns = {column.name for column in manifest.columns}
    missing, extra = _documented(manifest.level) - columns, columns - _documented(manifest.level)
    renamed = sorted(column.spelled for column in manifest.columns if column.spelled in ALIASES)
    return [
        Check("columns", "defect" if missing else "note" if extra or renamed else "ok",
              f"{len(missing)} documented columns are missing, {len(extra)} are not documented "
              f"({', '.join(sorted(extra)) or 'none'}), {len(renamed)} are renamed ({', '.join(renamed) or 'none'})",
              float(len(missing) + len(extra) + len(renamed)), "columns", f"{DOCUMENT}, Table 5"),
    ]  # fmt: skip


def input_checks(inputs: StatedInputs | None) -> list[Check]:
    """Hold the XML against the document and the dates."""
    source = f"{DOCUMENT}, XML metadata"
    if inputs is None:
        return [Check("XML", "note", "there is none: the provenance of the file is unstated", None, "scenes", source)]
    unstated = [name for name in ("dem", "land_cover", "snow", "gnss") if getattr(inputs, name) == "unstated"]
    other = sorted(kind for kind in inputs.orbit_types if not kind.startswith("AUX_"))
    checks = [Check("XML, auxiliary data", "note" if unstated else "ok", f"unstated: {', '.join(unstated) or 'none'}",
                    float(len(unstated)), "inputs", source)]  # fmt: skip
    if inputs.scenes:
        count = sum(inputs.orbit_types[kind] for kind in other)
        alone = inputs.epochs_without_scene
        checks += [
            Check("XML, orbits", "note" if other else "ok", f"{count} scenes name an orbit type that is not documented "
                  f"({', '.join(kind or 'empty' for kind in other) or 'none'})", float(count), "scenes", source),
            Check("XML, scenes", "note" if alone or not inputs.scene_dates else "ok", "the scenes name no dates"
                  if not inputs.scene_dates else f"dates of the series that no scene explains: {len(alone)}"
                  + (f" ({', '.join(alone[:5])})" if alone else ""), float(len(alone)), "dates", source),
        ]  # fmt: skip
    return checks


def date_checks(coverage: DateCoverage, level: str) -> list[Check]:
    """Judge the dates; those of Level 3 against the documented grid."""
    gaps = len(coverage.gaps)
    checks = [Check("dates, gaps", "note" if gaps else "ok",
                    f"{gaps} gaps longer than 1.5 steps of {coverage.nominal_step_days} d, the longest "
                    f"{coverage.longest_step_days} d; {100 * coverage.grid_share:.1f} % of the {GRID_STEP_DAYS}-day "
                    "grid is filled", float(coverage.longest_step_days), "d",
                    "Sentinel-1 repeat of 6 d with two satellites")]  # fmt: skip
    if level == "L3":
        regular = coverage.off_grid == 0 and coverage.grid_share == 1.0
        offset = coverage.origin_offset_days
        checks += [
            Check("time grid, step", "ok" if regular else "defect", f"{coverage.off_grid} dates lie off a "
                  f"{GRID_STEP_DAYS}-day grid, {100 * coverage.grid_share:.1f} % of it is filled",
                  100 * coverage.grid_share, "%", f"{DOCUMENT}, Level 3 time grid"),
            Check("time grid, origin", "ok" if offset == 0 else "note", f"the first date is {offset} mod "
                  f"{GRID_STEP_DAYS} days from the documented origin {LEVEL3_ORIGIN}", float(offset), "d",
                  f"{DOCUMENT}, Level 3 time grid"),
        ]  # fmt: skip
    return checks
