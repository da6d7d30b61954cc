"""The JSON Schema of the combination report, as committed in docs/schema/orbit-combination-report.schema.json.

Written again after a change of the model with ``python -m fiducial.runs.orbit_report_schema FILE``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from fiducial.formats.atomic import atomic_file
from fiducial.runs.orbit_report_model import CombinationReport

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return the schema of the report as it is written: JSON, indented by two, ASCII, with a line feed at the end."""
    schema = {"$schema": DIALECT, **CombinationReport.model_json_schema()}
    # A default makes layout_version optional for the model; a written report always states it.
    schema["required"] = list(schema["properties"])
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    with atomic_file(sys.argv[1]) as partial:
        Path(partial).write_text(schema_text(), encoding="ascii")
