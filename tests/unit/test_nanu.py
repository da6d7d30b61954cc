"""NANU summaries: records, chains of notices, damaged lines."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import nanu
from igs_text_samples import NANUS


def read(text):
    return nanu.read(text.encode(), name="nanus_sum.2024")


def summary(*records):
    """Return notices of G05 from number, kind, reference and days of 2024 of begin and end."""
    lines = [
        f" 2024{number:03d} {kind} 05 {'-' if reference is None else f'2024{reference:03d}'} "
        + " ".join("-" if day is None else f"2024_{day:03d}_0100" for day in days)
        for number, kind, reference, *days in records
    ]
    return read("\n".join(["+nanu_sum", *lines, "-nanu_sum"]))


def found(nanus, solution):
    return [
        (m.satellite, *(None if np.isnat(t) else int(str(t.astype("datetime64[D]"))[-2:]) for t in m[1:3]), m.nanu[-1])
        for m in nanu.manoeuvres(nanus, solution)
    ]


def test_records_hold_both_time_scales():
    nanus = read(NANUS)
    assert [notice.kind for notice in nanus].count("FCSTSUMM") == 3
    notice = nanus[2]
    assert (notice.number, notice.kind, notice.satellite, notice.reference) == ("2024044", "FCSTSUMM", "G17", "2024043")
    assert notice.begin_utc == np.datetime64("2024-09-18T20:45")
    assert notice.begin_gps == np.datetime64("2024-09-18T20:45:18")
    assert notice.end_utc == np.datetime64("2024-09-19T03:15")
    assert np.isnat(nanus[-1].end_utc)
    assert np.isnat(nanus[-1].end_gps)


def test_manoeuvres_of_finals_and_ultra_rapids():
    nanus = read(NANUS)
    begin = np.datetime64("2024-09-18T20:45:18")
    # The first summary refers to a notice of last year, the last to a maintenance: neither is known to be a manoeuvre.
    assert nanu.manoeuvres(nanus, "FIN") == (("G17", begin, np.datetime64("2024-09-19T03:15:18"), "2024044"),)
    assert nanu.manoeuvres(nanus, "RAP") == nanu.manoeuvres(nanus, "FIN")
    assert nanu.manoeuvres(nanus, "ULT") == (("G17", begin, np.datetime64("2024-09-19T08:45:18"), "2024043"),)


DV = (1, "FCSTDV", None, 10, 11)


@pytest.mark.parametrize(
    ("records", "final", "ultra"),
    [
        ([DV], [], [("G05", 10, 11, "1")]),
        ([DV, (2, "FCSTCANC", 1, None, None)], [], []),
        ([DV, (2, "FCSTRESCD", 1, 12, 13)], [], [("G05", 12, 13, "2")]),
        # A second revision may refer to the first or to the original notice.
        ([DV, (2, "FCSTRESCD", 1, 12, 13), (3, "FCSTRESCD", 2, 14, 15)], [], [("G05", 14, 15, "3")]),
        ([DV, (2, "FCSTRESCD", 1, 12, 13), (3, "FCSTRESCD", 1, 14, 15)], [], [("G05", 14, 15, "3")]),
        ([DV, (2, "FCSTCANC", 1, None, None), (3, "FCSTRESCD", 1, 14, 15)], [], [("G05", 14, 15, "3")]),
        ([DV, (2, "FCSTEXTD", 1, 10, None)], [], [("G05", 10, None, "2")]),
        ([DV, (2, "FCSTEXTD", 1, None, None)], [], [("G05", 10, None, "2")]),
        ([DV, (2, "FCSTRESCD", 1, 12, 13), (3, "FCSTEXTD", 2, 12, None), (4, "FCSTSUMM", 3, 12, 14)],
         [("G05", 12, 14, "4")], [("G05", 12, None, "3")]),
        ([DV, (2, "FCSTSUMM", 1, 10, 11)], [("G05", 10, 11, "2")], [("G05", 10, 11, "1")]),
        ([(1, "FCSTMX", None, 10, 11), (2, "FCSTRESCD", 1, 12, 13), (3, "FCSTSUMM", 2, 12, 13)], [], []),
        ([(1, "FCSTSUMM", 2, 10, 11), (2, "FCSTRESCD", 1, 12, 13), (3, "FCSTSUMM", 3, 1, 2)], [], []),
    ],
)  # fmt: skip
def test_chains(records, final, ultra):
    nanus = summary(*records)
    assert found(nanus, "FIN") == final
    assert found(nanus, "ULT") == ultra


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("", "FID-2455", "cut"),
        (NANUS.replace("-nanu_sum", ""), "FID-2455", "cut"),
        (NANUS.replace("+nanu_sum", ""), "FID-2455", "cut"),
        (NANUS + NANUS, "FID-2455", "cut"),
        ("-nanu_sum\n+nanu_sum\n", "FID-2455", "cut"),
        (NANUS.replace("2024_262_2045  2024_263_0315", "2024_262_2045"), "FID-2456", "not number, type"),
        (NANUS.replace("2024044", "202404٤"), "FID-2456", "not number, type"),
        (NANUS.replace("2024_263_0315", "2024_367_0315"), "FID-2456", "no epoch"),
        (NANUS.replace("2024_263_0315", "2024_000_0315"), "FID-2456", "no epoch"),
        (NANUS.replace("2024_263_0315", "2024_263_2400"), "FID-2456", "no epoch"),
        (NANUS.replace("2024_263_0315", "2024_263_0360"), "FID-2456", "no epoch"),
        (NANUS.replace("2024_263_0315", "1900_263_0300"), "FID-2456", "no epoch"),
        (NANUS.replace("2024_263_0315", "2024_262_0315"), "FID-2456", "ends before it begins"),
        (NANUS.replace("FCSTMX       9", "FCSTMX      00"), "FID-2456", "no PRN"),
        (NANUS.replace("2024044", "2024043"), "FID-2457", "twice"),
    ],
)
def test_faults(text, code, problem):
    with pytest.raises(FormatError) as caught:
        read(text)
    assert caught.value.code == code
    assert problem in caught.value.problem
    assert caught.value.where.startswith("nanus_sum.2024")


def test_columns_are_named():
    with pytest.raises(FormatError) as caught:
        read(NANUS.replace("2024_263_0315", "2024_263_0360"))
    assert caught.value.where == "nanus_sum.2024, line 5, columns 50-62"
