"""EGMS file names: every documented form, and what is no name."""

from __future__ import annotations

import pytest

from fiducial.errors import FormatError
from fiducial.formats.egms_names import BurstName, GnssModelName, TileName, Window, parse

NEW = Window(2020, 2024, 1)
FORMS = [
    ("EGMS_L2b_022_0845_IW2_VV_2020_2024_1", BurstName("L2b", 22, 845, 2, "VV", NEW)),
    ("EGMS_L2a_088_0282_IW1_VV_2018_2022_2", BurstName("L2a", 88, 282, 1, "VV", Window(2018, 2022, 2))),
    ("EGMS_L2a_001_0001_IW3_HH", BurstName("L2a", 1, 1, 3, "HH", None)),
    ("EGMS_L2b_175_0374_IW3_VH", BurstName("L2b", 175, 374, 3, "VH", None)),
    ("EGMS_L3_E45N17_100km_E_2020_2024_1", TileName(45, 17, "E", NEW)),
    ("EGMS_L3_E09N08_100km_U", TileName(9, 8, "U", None)),
    ("EGMS_AEPND_V2022.0", GnssModelName(2022, 0)),
    ("EGMS_AEPND_V2023.1", GnssModelName(2023, 1)),
]


@pytest.mark.parametrize(("text", "name"), FORMS)
@pytest.mark.parametrize("suffix", ["", ".zip", ".csv", ".xml", ".tif", ".tiff", ".ZIP"])
def test_every_form_and_extension(text, name, suffix):
    assert parse(text + suffix) == name
    assert str(parse(text + suffix)) == text


@pytest.mark.parametrize("folder", ["/data/egms/", "egms\\ustica\\", "EGMS_L2b_001_0001_IW1_VV.zip/"])
def test_folders_do_not_matter(folder):
    assert parse(folder + "EGMS_L3_E45N17_100km_U_2020_2024_1.csv") == TileName(45, 17, "U", NEW)


@pytest.mark.parametrize(
    "text",
    [
        "", ".zip", "points.csv", "EGMS_L2c_022_0845_IW2_VV", "EGMS_L2b_22_0845_IW2_VV", "EGMS_L2b_022_845_IW2_VV",
        "EGMS_L2b_022_0845_IW4_VV", "EGMS_L2b_022_0845_IW2_XX", "EGMS_L2b_022_0845_IW2_VV_2020_2024",
        "EGMS_L2b_022_0845_IW2_VV_2020_2024_1 (1)", "EGMS_L2b_022_0845_IW2_VV_2020_2024_1.zip.part",
        "EGMS_L3_E45N17_100km_N", "EGMS_L3_E45N17_50km_U", "EGMS_AEPND_V2022", "EGMS_L2b_022_0845_IW2_VV\n",
        "EGMS_L2b_\u0660\u0662\u0662_0845_IW2_VV", "EGMS_L2b_022_0845_IW2_VV_2020_2024_" + "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_name(text):
    with pytest.raises(FormatError) as caught:
        parse(text)
    assert caught.value.code == "FID-2012"
