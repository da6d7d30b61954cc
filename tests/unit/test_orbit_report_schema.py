"""The committed schema is the model's; reports fit it and use no texts for structures."""

from __future__ import annotations

import json
import re
import runpy
import sys
from importlib.util import find_spec

import pytest
from pydantic import ValidationError

from fiducial.runs.orbit_report_model import CombinationReport
from fiducial.runs.orbit_report_schema import DIALECT, schema_text
from report_factory import combination_report
from support import ROOT

FILE = ROOT / "docs" / "schema" / "orbit-combination-report.schema.json"


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_the_committed_schema_is_current():
    assert FILE.read_text(encoding="ascii") == schema_text()


def test_the_schema_can_be_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["orbit_report_schema", str(tmp_path / "schema.json")])
    monkeypatch.delitem(sys.modules, "fiducial.runs.orbit_report_schema")
    runpy.run_module("fiducial.runs.orbit_report_schema", run_name="__main__")
    assert (tmp_path / "schema.json").read_text(encoding="ascii") == schema_text()


def test_every_object_of_the_schema_is_closed_and_complete():
    schema = json.loads(schema_text())
    assert schema["$schema"] == DIALECT
    for name, part in {**schema["$defs"], "report": schema}.items():
        if part.get("type") == "object":
            assert part["additionalProperties"] is False, name
            assert set(part["required"]) == set(part["properties"]), name


@pytest.mark.parametrize("clocks", [True, False])
def test_a_report_fits_the_schema_and_comes_back_the_same(clocks):
    report = combination_report(clocks=clocks)
    written = report.model_dump_json()
    assert CombinationReport.model_validate_json(written) == report
    if find_spec("jsonschema") is not None:
        import jsonschema

        jsonschema.validate(json.loads(written), json.loads(schema_text()))


def test_no_key_is_a_stringified_structure():
    found = set(keys(json.loads(combination_report().model_dump_json())))
    assert found
    assert not [key for key in found if not re.fullmatch(r"[a-z0-9_]+", key)]


def test_unknown_fields_and_numbers_that_are_none_are_refused():
    good = combination_report().model_dump()
    with pytest.raises(ValidationError):
        CombinationReport.model_validate(good | {"extra": 1})
    good["statistics"][0]["rms_mm"] = float("nan")
    with pytest.raises(ValidationError):
        CombinationReport.model_validate(good)
