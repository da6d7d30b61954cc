from __future__ import annotations

import pytest

from fiducial.errors import InputError
from fiducial.geodesy.frames import known_frames, parse_frame, same_frame


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("ITRF2020", "ITRF2020", "ITRF"),
        ("itrf 88", "ITRF88", "ITRF"),
        ("ITRF1994", "ITRF94", "ITRF"),
        ("ITRF00", "ITRF2000", "ITRF"),
        ("ITRF14", "ITRF2014", "ITRF"),
        ("IGS20", "ITRF2020", "ITRF"),
        ("IGc20", "ITRF2020", "ITRF"),
        ("igs14", "ITRF2014", "ITRF"),
        ("IGb14", "ITRF2014", "ITRF"),
        ("IGb08", "ITRF2008", "ITRF"),
        ("ETRF89", "ETRF89", "ETRF"),
        (" etrf2000 ", "ETRF2000", "ETRF"),
        ("ETRF_2014", "ETRF2014", "ETRF"),
        ("ETRF2020", "ETRF2020", "ETRF"),
        ("plate:EURA", "plate:EURA", "plate"),
        ("PLATE:eura@igs14", "plate:EURA@ITRF2014", "plate"),
        ("plate:AMUR@ITRF2020", "plate:AMUR@ITRF2020", "plate"),
    ],
)
def test_names_and_aliases(text, name, kind):
    frame = parse_frame(text)
    assert (str(frame), frame.kind, frame.given) == (name, kind, text.strip())


def test_parts():
    assert parse_frame("IGS08").realisation == "2008"
    plate = parse_frame("plate:EURA@ITRF2014")
    assert (plate.plate, plate.plate_model, plate.realisation) == ("EURA", "ITRF2014", "")


@pytest.mark.parametrize("name", known_frames())
def test_every_known_name_is_its_own_canonical_name_or_an_alias(name):
    frame = parse_frame(name)
    assert parse_frame(str(frame)) == frame
    assert str(frame) == name or name.startswith("IG")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "no reference frame is stated"),
        ("  ", "no reference frame is stated"),
        ("ITRF2015", "did you mean ITRF20"),
        ("ETRS89", "did you mean ETRF89"),
        ("WGS84", "unknown reference frame"),
        ("ITRF95", "unknown reference frame"),
        ("ETRF2008", "unknown reference frame"),
        ("plate:EURO", "did you mean plate:EURA"),
        ("plate:AMUR@ITRF2014", "in the model of ITRF2014"),
        ("plate:EURA@ITRF2008", "no plate motion model"),
        ("Eurasia-fixed", "plate:EURA"),
    ],
)
def test_unknown_frames_are_refused(text, says):
    with pytest.raises(InputError, match="FID-1004") as caught:
        parse_frame(text)
    assert says in str(caught.value)
    assert "ITRF2020, ETRF89" in caught.value.fix


def test_same_frame():
    assert same_frame("IGS20", parse_frame("itrf2020"))
    assert not same_frame("ITRF2014", "ITRF2020")
    assert not same_frame("plate:EURA", "plate:EURA@ITRF2014")
    assert not same_frame("ETRF2014", "ITRF2014")
