"""What commands print."""

from __future__ import annotations

import pytest

from fiducial.cli.console import print_table


@pytest.mark.parametrize("count", [3, 501])
def test_short_and_long_tables_hold_the_same_cells(count, capsys):
    rows = [[f"name {k}", float(k), None] for k in range(count)]
    print_table("Title", ["name", "value", "note"], rows)
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip("- \u2500")]
    assert lines[:2] == [["Title"], ["name", "value", "note"]]
    assert lines[2:] == [["name", str(k), f"{k:.3f}", "-"] for k in range(count)]
