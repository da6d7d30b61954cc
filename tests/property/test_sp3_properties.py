"""SP3: what is written is read, and what is cut is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fiducial.errors import FiducialError, FormatError
from fiducial.formats import sp3
from fiducial.orbits.orbit import Orbit, satellite_order
from sp3_factory import record, small

SATELLITES = st.lists(
    st.builds("{}{:02d}".format, st.sampled_from("GRECJISL"), st.integers(1, 99)), min_size=1, max_size=120, unique=True
).map(lambda names: tuple(sorted(names, key=satellite_order)))
STEPS = st.lists(st.integers(1, 86_400 * 10**8), min_size=0, max_size=4)
MICRO = st.integers(-999_998_999_999, 999_998_999_999)


@st.composite
def orbits(draw):
    satellites = draw(SATELLITES)
    steps = draw(STEPS)
    first = np.datetime64("2000-01-01", "ns") + np.timedelta64(draw(st.integers(0, 3 * 10**16)) * 10, "ns")
    epochs = first + (np.cumsum([0, *steps]) * 10).astype("timedelta64[ns]")
    shape = epochs.size, len(satellites)
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    largest = draw(st.sampled_from([1, 1000, 10**8, 999_998_999_999]))

    def micro(*size):
        return random.integers(-largest, largest, size, endpoint=True)

    def with_gaps(values, share=0.2):
        gaps = random.random(shape) < share
        return np.where(gaps.reshape(*shape, *[1] * (values.ndim - 2)), np.nan, values)

    velocities = draw(st.booleans())
    sigmas = draw(st.booleans())
    zero_free = np.array([1, 0, 0])
    exponents = random.integers(1, 99, (*shape, 3), endpoint=True).astype(float)
    clock_exponents = random.integers(1, 999, shape, endpoint=True).astype(float)
    vectors = [
        values + zero_free * ~values.any(axis=2, keepdims=True) for values in (micro(*shape, 3), micro(*shape, 3))
    ]
    return Orbit(
        epochs, satellites, with_gaps(vectors[0] / 1e3), with_gaps(micro(*shape) / 1e12), draw(st.sampled_from(["", "IGS20"])),
        position_sigma_m=np.where(random.random((*shape, 3)) < 0.3, np.nan, 1.25**exponents * 1e-3) if sigmas else None,
        clock_sigma_s=with_gaps(1.025**clock_exponents * 1e-12) if sigmas else None,
        flags=random.integers(0, 15, shape, dtype=np.uint8, endpoint=True) if draw(st.booleans()) else None,
        accuracy_m={name: 2.0 ** random.integers(1, 99, endpoint=True) / 1000 for name in satellites[::2]},
        velocity_m_per_s=with_gaps(vectors[1] / 1e7) if velocities else None,
        clock_rate=with_gaps(micro(*shape) / 1e16) if velocities else None,
    )  # fmt: skip


def _same(first, second, fill):
    if first is None or second is None:
        stated = first if second is None else second
        return stated is None or np.array_equal(stated, np.full_like(stated, fill), equal_nan=fill != 0)
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


@settings(max_examples=60, deadline=None)
@given(orbits())
def test_written_and_read_is_the_same(orbit):
    content = sp3.to_bytes(sp3.Sp3File(orbit, sp3.Sp3Header()))
    file = sp3.read(content)
    assert all("coordinate system" in finding for finding in file.findings)
    again = file.orbit
    np.testing.assert_array_equal(again.epochs_gps, orbit.epochs_gps)
    assert again.satellites == orbit.satellites
    assert dict(again.accuracy_m) == dict(orbit.accuracy_m)
    parts = ("position_m", "clock_s", "position_sigma_m", "clock_sigma_s", "velocity_m_per_s", "clock_rate")
    assert [part for part in parts if not _same(getattr(orbit, part), getattr(again, part), np.nan)] == []
    assert _same(orbit.flags, again.flags, 0)
    assert max(len(line) for line in content.splitlines()) <= 80
    assert sp3.to_bytes(file) == content


@settings(max_examples=200, deadline=None)
@given(micro=arrays.arrays(np.int64, 4, elements=MICRO))
def test_every_printed_number_becomes_the_nearest_double(micro):
    text = small()
    micro[0] += micro[0] == 0
    text.body[1] = record("G01", *(micro / 1e6))
    if "999999.999999" in text.body[1][:46]:
        return
    orbit = sp3.read(text.data()).orbit
    expected = [
        float(text.body[1][column : column + 14].replace(".", "").replace(" ", "")) / 1000 for column in (4, 18, 32)
    ]
    assert orbit.position_m[0, 0].tolist() == expected
    assert orbit.clock_s[0, 0] == int(micro[3]) / 1e12


def _rich():
    text = small(mode="V", comments=("one", "two", "three", "four", "five"), accuracy=(4, 5))
    for row in (5, 4, 2, 1):
        name = text.body[row][1:4]
        text.body[row] += " 11  9 10 109 EP  MP"
        text.body.insert(row + 1, record(name, 1.5, -2.5, 3.5, 0.25, letter="V"))
        text.body.insert(row + 1, "EP  55   56   57      222")
    return text


RICH = _rich().data()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(RICH) - 2))
def test_a_file_cut_anywhere_is_refused(end):
    assert sp3.read(RICH, strictness="raise").orbit.velocity_m_per_s is not None
    with pytest.raises(FiducialError):
        sp3.read(RICH[:end])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_lines_doubled_or_exchanged_are_refused_or_harmless(data):
    text = _rich()
    expected = sp3.read(text.data()).orbit
    lines = data.draw(st.permutations(range(len(text.body)))) if data.draw(st.booleans()) else None
    if lines is None:
        row = data.draw(st.integers(0, len(text.body) - 1))
        text.body.insert(data.draw(st.integers(0, len(text.body))), text.body[row])
    else:
        first, second = lines[:2]
        text.body[first], text.body[second] = text.body[second], text.body[first]
    try:
        orbit = sp3.read(text.data()).orbit
    except FormatError:
        return
    # What was exchanged and still read must be records that both satellites have with the same content.
    assert orbit.satellites == expected.satellites
    assert orbit.position_m.shape == expected.position_m.shape


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(RICH) - 1), st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_fiducial_errors(place, byte):
    with contextlib.suppress(FiducialError):
        sp3.read(RICH[:place] + bytes([byte]) + RICH[place + 1 :])
