"""Names, headers and places of what a combination writes."""

from __future__ import annotations

from dataclasses import replace

import pytest

import orbit_day_factory as factory
from fiducial.errors import InputError
from fiducial.formats import sp3
from fiducial.runs import orbit_products
from fiducial.runs.orbit_combine import CombineRequest, combine, load
from fiducial.runs.orbit_products import length_of, period_of, product_name, write_products


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    folder, _, _ = factory.write_day(tmp_path_factory.mktemp("day"), count=3)
    return combine(load(CombineRequest(sources=[folder])))


@pytest.mark.parametrize(("seconds", "text"), [
    (1.0, "01S"), (30.0, "30S"), (90.0, "90S"), (300.0, "05M"), (3600.0, "01H"), (86_400.0, "01D"), (172_800.0, "02D"),
    (90_000.0, "25H"),
])  # fmt: skip
def test_periods(seconds, text):
    assert str(period_of(seconds)) == str(length_of(seconds)) == text


@pytest.mark.parametrize("seconds", [0.0, -30.0, 0.5, 150.0, 86_401.0, float("nan"), float("inf")])
def test_what_two_digits_cannot_state(seconds):
    with pytest.raises(InputError) as caught:
        period_of(seconds)
    assert caught.value.code == "FID-1237"


@pytest.mark.parametrize(("seconds", "text"), [(150.0, "01H"), (69_300.0, "20H"), (86_130.0, "01D")])
def test_lengths_count_to_the_next_hour(seconds, text):
    assert str(length_of(seconds)) == text


@pytest.mark.parametrize("seconds", [0.0, float("nan"), float("inf"), 100 * 86_400.0])
def test_lengths_that_cannot_be(seconds):
    with pytest.raises(InputError) as caught:
        length_of(seconds)
    assert caught.value.code == "FID-1237"


def test_names_of_products(combined):
    assert product_name(combined, None).build() == "FID0TSTFIN"
    assert product_name(combined, "abc1mgxrap").build() == "ABC1MGXRAP"
    undecided = replace(combined, given=replace(combined.given, solution=None))
    with pytest.raises(InputError) as caught:
        product_name(undecided, None)
    assert caught.value.code == "FID-1236"
    assert product_name(undecided, "FID0TSTULT").build() == "FID0TSTULT"


@pytest.mark.parametrize(("frame", "label"), [("IGS20", "IGS20"), ("ITRF2020", "IGS20"), ("ITRF2014", "IGS14")])
def test_frames_in_the_header(combined, tmp_path, frame, label):
    stated = replace(
        combined, given=replace(combined.given, frame=frame), orbit=replace(combined.orbit, frame=frame), clocks=None
    )
    written = write_products(stated, tmp_path, page=False)
    header = sp3.read(tmp_path / written.files[0]).header
    assert (header.frame_label, header.orbit_type, header.agency) == (label, "HLM", "FID")


def test_the_header_names_the_centres(combined, tmp_path):
    written = write_products(combined, tmp_path, page=False)
    comments = " ".join(sp3.read(tmp_path / written.files[0]).header.comments)
    assert "AAA BBB CCC" in comments
    assert f"CLOCKS IN THE TIME SCALE OF {combined.clocks.datum_centre}" in comments


def test_a_frame_without_room_in_the_header(combined, tmp_path):
    given = replace(combined.given, frame="ITRF2000")
    with pytest.raises(InputError) as caught:
        write_products(replace(combined, given=given), tmp_path, page=False)
    assert caught.value.code == "FID-1237"
    assert list(tmp_path.iterdir()) == []


def test_nothing_appears_when_one_content_cannot_be_made(combined, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(orbit_products, "build_report", fail)
    with pytest.raises(RuntimeError):
        write_products(combined, tmp_path / "out", page=False)
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_when_the_disk_is_full(combined, tmp_path, monkeypatch):
    calls = []

    def full(path, content):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(orbit_products, "_write_through", full)
    with pytest.raises(InputError) as caught:
        write_products(combined, tmp_path / "out", page=False)
    assert caught.value.code == "FID-1239"
    assert "No space left" in caught.value.problem
    assert list((tmp_path / "out").iterdir()) == []


def test_the_report_appears_last_and_existing_files_stay(combined, tmp_path, monkeypatch):
    order = []
    link = orbit_products.os.link
    monkeypatch.setattr(orbit_products.os, "link", lambda a, b: (order.append(b.name), link(a, b)))
    written = write_products(combined, tmp_path, page=False)
    assert order == list(written.files)
    assert order[-1].endswith(".JSON")
    (tmp_path / order[0]).unlink()
    with pytest.raises(InputError) as caught:
        write_products(combined, tmp_path, page=False)
    assert caught.value.code == "FID-1002"
    assert not (tmp_path / order[0]).exists()
