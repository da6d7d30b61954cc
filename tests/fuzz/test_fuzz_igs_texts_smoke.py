"""A few hundred deterministic inputs of the fuzzer of IGS texts; without atheris."""

from __future__ import annotations

import pytest

from fuzz import fuzz_igs_texts
from fuzz.fuzz_egms import RandomChoices


def test_damaged_texts_raise_fiducial_errors_and_nothing_else():
    accepted = sum(fuzz_igs_texts.run(RandomChoices(seed)) for seed in range(800))
    # Inputs that are all refused, or all accepted, would test little.
    assert 100 < accepted < 700


@pytest.mark.parametrize(("kind", "content"), fuzz_igs_texts.SEEDS)
def test_undamaged_texts_are_accepted(kind, content):
    assert fuzz_igs_texts.exercise(kind, content)
