"""A few hundred deterministic inputs of the EGMS fuzzer, without atheris."""

from __future__ import annotations

from fuzz import fuzz_egms


def test_damaged_files_raise_fiducial_errors_and_nothing_else(tmp_path):
    accepted = sum(fuzz_egms.run(fuzz_egms.RandomChoices(seed), tmp_path) for seed in range(600))
    # Inputs that are all refused, or all accepted, would test little.
    assert 60 < accepted < 540


def test_undamaged_files_are_accepted(tmp_path):
    for stem, csv, xml in fuzz_egms.seeds():
        path = tmp_path / f"{stem}.csv"
        path.write_bytes(csv)
        path.with_suffix(".xml").write_bytes(xml)
        assert fuzz_egms.exercise(path)
