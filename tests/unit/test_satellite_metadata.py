"""Satellite metadata: look-ups by PRN and epoch, and damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import satellite_metadata
from igs_text_samples import sinex

EPOCH = np.datetime64("2024-09-19")


def read(text):
    return satellite_metadata.read(text.encode("latin-1"), name="x.snx")


def refused(text):
    with pytest.raises(FormatError) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_look_ups(line_end):
    metadata = read(sinex().replace("\n", line_end))
    assert metadata.release == "satellites, release 1"
    assert metadata.svn("G17", EPOCH) == "G053"
    assert metadata.svn("G17", np.datetime64("1990-01-01")) == "G017"
    assert metadata.block("G17", EPOCH) == "GPS-IIR-M"
    assert metadata.block("G17", np.datetime64("1990-01-01")) == "GPS-II"
    assert metadata.mass_kg("G17", np.datetime64("2010-01-01")) == 1080.0
    assert metadata.centre_of_mass_m("G17", EPOCH) == (0.0, 0.001, -0.002)
    assert metadata.antenna_offset_m("G17", EPOCH) == (0.1, 0.2, 0.3)
    assert metadata.transmit_power_w("G17", EPOCH) == 145.0
    identifier = metadata.identifiers["G053"]
    assert (identifier.cospar, identifier.catalogue_number) == ("2005-038A", "28874")


def test_the_span_that_begins_later_holds():
    assert read(sinex()).mass_kg("G17", EPOCH) == 1075.0


def test_a_day_that_ends_in_its_last_second_leaves_no_gap():
    metadata = read(sinex())
    assert metadata.frequency_channel("R01", np.datetime64("2010-01-14T23:59:59.9")) == -4
    assert metadata.frequency_channel("R01", np.datetime64("2010-01-15")) == 1


def test_an_end_excludes_its_instant():
    metadata = read(sinex())
    assert metadata.svn("G17", np.datetime64("2005-02-23T23:59:59")) == "G017"
    assert metadata.svn("G17", np.datetime64("2005-02-24")) is None


@pytest.mark.parametrize(
    ("prn", "epoch"),
    [("G99", "2024-09-19"), ("G17", "1970-01-01"), ("G17", "2005-08-01"), ("G17", "NaT"), ("", "2024")],
)
def test_what_the_file_does_not_tell_is_none(prn, epoch):
    metadata, at = read(sinex()), np.datetime64(epoch)
    methods = (
        "svn",
        "block",
        "mass_kg",
        "frequency_channel",
        "centre_of_mass_m",
        "antenna_offset_m",
        "transmit_power_w",
    )
    assert {getattr(metadata, method)(prn, at) for method in methods} == {None}


def test_optional_blocks_may_lack():
    optional = ("FREQUENCY_CHANNEL", "MASS", "COM", "ECCENTRICITY", "TX_POWER")
    metadata = read(sinex(**dict.fromkeys(optional, "")))
    assert metadata.block("G17", EPOCH) == "GPS-IIR-M"
    assert metadata.mass_kg("G17", EPOCH) is None
    assert metadata.antenna_offset_m("G17", EPOCH) is None


GOOD = sinex()


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("", "FID-2450", "first line"),
        ("x\n", "FID-2450", "first line"),
        (GOOD.replace("%ENDSNX", ""), "FID-2450", "cut"),
        (GOOD[: len(GOOD) // 2], "FID-2450", "cut"),
        (GOOD.replace("-SATELLITE/PRN\n", ""), "FID-2451", "opens inside"),
        (GOOD.replace("-SATELLITE/TX_POWER\n", ""), "FID-2451", "not closed"),
        (GOOD.replace("+SATELLITE/MASS\n", ""), "FID-2451", "closed but not open"),
        (GOOD.replace("%ENDSNX", "+SATELLITE/PRN\n-SATELLITE/PRN\n%ENDSNX"), "FID-2451", "twice"),
        (sinex(PRN=""), "FID-2451", "no block SATELLITE/PRN"),
        (sinex(IDENTIFIER=""), "FID-2451", "no block SATELLITE/IDENTIFIER"),
        (GOOD.replace(" G017 1989-097A", " G053 1989-097A"), "FID-2452", "twice"),
        (GOOD.replace(" G017 1989:345", " G17  1989:345"), "FID-2452", "no satellite"),
        (GOOD.replace(" G053 2005:269:00000 0000:000:00000 G17", " G053 2005:269:00000 0000:000:00000 G171"), "FID-2452",
         "no satellite"),
        (GOOD.replace("1989:345:00000", "1989:366:00000"), "FID-2452", "no epoch"),
        (GOOD.replace("1989:345:00000", "1989:345:86400"), "FID-2452", "no epoch"),
        (GOOD.replace("1989:345:00000", "1989:3x5:00000"), "FID-2452", "not of the form"),
        (GOOD.replace("1989:345:00000", "2005:345:00000"), "FID-2452", "ends before"),
        (GOOD.replace(" 1080.000", " 1080.x00"), "FID-2452", "not a number"),
        (GOOD.replace(" 1080.000", "     0.00"), "FID-2452", "not positive"),
        (GOOD.replace(" 1080.000", "1080.0000"), None, ""),
        (GOOD.replace(" 1080.000", " 1080.0000"), "FID-2452", "not a number"),
        (GOOD.replace("    0.0010   -0.0020 x", "    0.0010"), "FID-2452", "not a number"),
        (GOOD.replace("  -4 [x]", " 0.5 [x]"), "FID-2452", "no channel"),
        (GOOD.replace(" P    0.1000", " Q    0.1000"), "FID-2452", "neither P nor L"),
        (GOOD.replace("GPS-II\n", "\n"), "FID-2452", "no block"),
        (GOOD.replace(" G017 1989:345", "xG017 1989:345"), "FID-2452", "begins with a blank"),
    ],
)  # fmt: skip
def test_faults(text, code, problem):
    if code is None:
        read(text)
        return
    error = refused(text)
    assert error.code == code
    assert problem in error.problem
    assert error.where.startswith("x.snx")


def test_line_and_columns_are_named():
    line = next(number for number, text in enumerate(GOOD.split("\n"), 1) if "1080.000" in text)
    assert refused(GOOD.replace(" 1080.000", " 1080.x00")).where == f"x.snx, line {line}, columns 37-45"
