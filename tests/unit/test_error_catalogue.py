"""Every code is documented, every documented code is used, and every code has a test that names it."""

from __future__ import annotations

import re

from support import ROOT

CODE = re.compile(r"FID-[1-5]\d{3}")


def _codes(paths):
    return {code for path in paths for code in CODE.findall(path.read_text(encoding="utf-8"))}


def _raised():
    """Codes that stand as a string of their own in the program, not those that docstrings speak of."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        found |= set(re.findall(r'"(FID-[1-5]\d{3})"', path.read_text(encoding="utf-8")))
    return found


def test_every_code_is_documented_and_every_documented_code_is_used():
    documented = re.findall(
        r"^\| (FID-\d{4}) \|", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(documented) == len(set(documented)), "a code has two lines"
    assert set(documented) == _raised()


def test_every_code_is_named_by_a_test():
    tested = _codes(path for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_error_catalogue.py")
    assert _raised() - tested == set()
