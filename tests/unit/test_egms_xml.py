"""EGMS metadata: the real layout, the documented variants, and what is no metadata."""

from __future__ import annotations

import pytest

import egms_factory
from fiducial.errors import FormatError
from fiducial.formats import egms_xml
from fiducial.formats.egms_xml import EgmsMetadata, Scene

DOCUMENTED = b"""<?xml version="1.0"?>
<BURST>
  <product_level> L2a </product_level>
  <burst_id>022-0845-IW2-VV</burst_id>
  <production_facility>3</production_facility>
  <production_date>01/12/2021</production_date>
  <dem><version>EEA-10</version></dem>
  <corine><version>CLC2018</version></corine>
  <sce><version>v1</version></sce>
  <clusters><cluster>0</cluster><cluster>1</cluster><cluster>2</cluster></clusters>
  <reference><image><product_id>S1A_R</product_id><orbit_type>AUX_POEORB</orbit_type></image></reference>
  <dataset>
    <image><product_id>S1A_1</product_id><orbit_type>AUX_RESORB</orbit_type></image>
    <image><product_id>S1B_2</product_id><orbit_type>AUX_PROQUA</orbit_type></image>
  </dataset>
</BURST>"""


def test_real_layout():
    read = egms_xml.read(egms_factory.burst_xml().encode(), "a.xml")
    assert read == EgmsMetadata(
        level="L2b", track=22, burst=845, swath=2, production_facility=1, production_date="06/11/2025",
        dem_version="COPDEM", gnss_version="2.0", reference_scenes=(Scene("S1A_0", "FILTERED"),),
        scenes=(Scene("S1A_0", "FILTERED"), Scene("S1A_1", "FILTERED")),
    )  # fmt: skip
    assert read.provider == "EGEOS"


def test_documented_layout_with_one_burst_identifier_clusters_and_every_auxiliary():
    read = egms_xml.read(DOCUMENTED, "a.xml")
    assert (read.level, read.track, read.burst, read.swath, read.clusters) == ("L2a", 22, 845, 2, 3)
    assert (read.dem_version, read.corine_version, read.snow_version) == ("EEA-10", "CLC2018", "v1")
    assert read.gnss_version is None
    assert read.provider == "NORCE"
    assert [scene.orbit_type for scene in read.scenes] == ["AUX_RESORB", "AUX_PROQUA"]


@pytest.mark.parametrize(
    ("burst_id", "identity"),
    [("022-0845-IW2-VV", (22, 845, 2)), ("022_0845_IW3_VV", (22, 845, 3)), ("088-0282-IW1", (88, 282, 1)),
     ("0845", (None, 845, None))],
)  # fmt: skip
def test_forms_of_the_burst_identifier(burst_id, identity):
    text = f"<BURST><product_level>L2b</product_level><burst_id>{burst_id}</burst_id></BURST>"
    read = egms_xml.read(text.encode(), "a.xml")
    assert (read.track, read.burst, read.swath) == identity


def test_missing_elements_are_none_or_empty_and_stay_away_on_writing():
    read = egms_xml.read(b"<TILE><product_level>L3</product_level><dem><version> </version></dem></TILE>", "a.xml")
    assert read == EgmsMetadata(level="L3")
    assert read.provider == "unstated"
    assert egms_xml.read(egms_xml.write(read), "b.xml") == read


@pytest.mark.parametrize("text", ["<clusters>4</clusters>", "<clusters><n/><n/><n/><n/></clusters>"])
def test_clusters_as_number_or_list(text):
    document = f"<BURST><product_level>L2a</product_level>{text}</BURST>"
    read = egms_xml.read(document.encode(), "a.xml")
    assert read.clusters == 4
    assert egms_xml.read(egms_xml.write(read), "b.xml") == read


@pytest.mark.parametrize("product", egms_factory.every_kind(), ids=lambda product: product.stem)
def test_what_is_written_is_what_was_read_to_the_byte(product):
    assert egms_xml.write(egms_xml.read(product.xml(), "a.xml")) == product.xml()


def test_documented_layout_survives_writing_in_the_real_layout():
    read = egms_xml.read(DOCUMENTED, "a.xml")
    assert egms_xml.read(egms_xml.write(read), "b.xml") == read


def test_special_characters_survive():
    metadata = EgmsMetadata(level="L2b", dem_version='a<b>&"é', scenes=(Scene("<S1>", ""),))
    assert egms_xml.read(egms_xml.write(metadata), "a.xml") == metadata


BURST = "<BURST><product_level>L2b</product_level>{}</BURST>"
BOMB = (
    '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9))
    + "]><BURST>&j;</BURST>"
)


@pytest.mark.parametrize(
    "document",
    [
        b"", b"no xml", b"<BURST>", b"<BURST/>", b"<OTHER><product_level>L2b</product_level></OTHER>",
        b"<BURST><product_level>L2c</product_level></BURST>", b"\xff\xfe\x00", BOMB.encode(),
        b"<?xml version='1.0' encoding='nonsense'?><BURST/>", b"<?xml version='1.0' encoding='utf-7'?><BURST/>",
        BURST.format("<track>22a</track>").encode(), BURST.format("<burst_id>-1</burst_id>").encode(),
        BURST.format("<sub_swath>2.0</sub_swath>").encode(),
        BURST.format("<production_facility>\u0661</production_facility>").encode(),
        BURST.format(f"<track>{'9' * 5000}</track>").encode(),
        BURST.format(f"<burst_id>{'9' * 5000}-1-IW2</burst_id>").encode(),
        egms_factory.burst_xml()[:300].encode(),
    ],
)  # fmt: skip
def test_what_is_no_metadata(document):
    with pytest.raises(FormatError) as caught:
        egms_xml.read(document, "a.xml")
    assert caught.value.code == "FID-2011"
    assert caught.value.where == "a.xml"
