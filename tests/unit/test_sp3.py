"""SP3: what is read, what is repaired, what is refused."""

from __future__ import annotations

import bz2
import gzip

import ncompress
import numpy as np
import pytest

import sp3_factory
from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import sp3
from fiducial.orbits.orbit import Orbit, RecordFlag
from sp3_factory import record, small


def _lzw(content):
    # The compiled function itself in a parameter list would outlive its module.
    return ncompress.compress(content)


def _refused(data, code, *, where=""):
    with pytest.raises(FormatError) as caught:
        sp3.read(data)
    assert caught.value.code == code, caught.value
    assert where in caught.value.where
    return caught.value


def _changed(old, new, count=1):
    data = small().data()
    assert old in data
    return data.replace(old, new, count)


def test_a_small_file_is_read():
    file = sp3.read(small(accuracy=(5, 0)).data())
    orbit = file.orbit
    assert orbit.satellites == ("G01", "G02")
    np.testing.assert_array_equal(
        orbit.epochs_gps, np.array(["2024-09-19T00:00", "2024-09-19T00:15"], dtype="datetime64[ns]")
    )
    assert orbit.position_m[0, 0].tolist() == [15000123.456, -4484630.202, 21166249.498]
    assert orbit.position_m[1, 1].tolist() == [15016123.456, -4500630.202, 21166249.482]
    assert orbit.clock_s.tolist() == [[1e-4, 1.01e-4]] * 2
    assert orbit.frame == "IGS20"
    assert dict(orbit.accuracy_m) == {"G01": 0.032}
    assert orbit.position_sigma_m is None
    assert orbit.flags is None
    assert file.findings == ()
    assert file.header == sp3.Sp3Header("d", "G", "GPS", "IGS20", "FIT", "AAA", "ORBIT", 1.25, 1.025, ())


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, _lzw])
def test_compressed_files_are_read(compress, tmp_path):
    path = tmp_path / "igs23324.sp3"
    path.write_bytes(compress(small().data()))
    assert sp3.read(path).name == "igs23324.sp3"


def test_line_ends_and_padding_do_not_matter():
    text = small()
    expected = sp3.read(text.data()).orbit.position_m
    text.newline = "\r\n"
    np.testing.assert_array_equal(sp3.read(text.data()).orbit.position_m, expected)
    text.head = [line.ljust(80) for line in text.head]
    text.body = [line.ljust(90) for line in text.body]
    text.end = "EOF".ljust(80) + "\n\x1a"
    np.testing.assert_array_equal(sp3.read(text.data()).orbit.position_m, expected)
    padded_with_zeros = small().data().replace(b"2024  9 19  0  0 ", b"2024 09 19 00 00 ")
    np.testing.assert_array_equal(sp3.read(padded_with_zeros).orbit.position_m, expected)
    np.testing.assert_array_equal(sp3.read(small().data().rstrip()).orbit.position_m, expected)


def test_old_names_of_satellites_mean_gps():
    text = small(version="a", satellites=("  1", " 02"), bases=(0.0, 0.0))
    assert sp3.read(text.data()).orbit.satellites == ("G01", "G02")
    text = small(version="c", satellites=("G 1", "R02"), file_type="M")
    assert sp3.read(text.data()).orbit.satellites == ("G01", "R02")
    _refused(small(satellites=("  1", " 02")).data(), "FID-2407", where="line 3, columns 10-12")


def test_satellites_come_in_the_order_of_the_house_whatever_the_file():
    text = small(satellites=("E02", "R01", "G17"), file_type="M")
    text.body[1:4] = text.body[3:0:-1]
    orbit = sp3.read(text.data()).orbit
    assert orbit.satellites == ("G17", "R01", "E02")
    assert orbit.clock_s.tolist() == [[1.02e-4, 1.01e-4, 1.0e-4]] * 2


def test_more_satellites_than_85_and_many_comments():
    names = tuple(f"{letter}{number:02d}" for letter in "GREC" for number in range(1, 41))
    comments = tuple(f"comment {number}" for number in range(9))
    file = sp3.read(small(satellites=names, comments=comments, file_type="M").data())
    assert len(file.orbit.satellites) == 160
    assert file.header.comments == comments
    assert file.findings == ()


def test_missing_values_are_nan():
    text = small()
    text.body[1] = record("G01", 0, 0, 0, 999999.999999)
    text.body[2] = record("G02", 999999.999999, 999999.999999, 999999.999999, -999999.999999)
    text.body[4] = record("G01", 0, 1, 0)[:46] + " 999999.      "
    text.body[5] = record("G02", 0, 1, 0)[:46] + "-999999       "
    orbit = sp3.read(text.data()).orbit
    assert np.isnan(orbit.position_m[0]).all()
    assert np.isnan(orbit.clock_s).all()
    assert orbit.position_m[1].tolist() == [[0, 1000, 0]] * 2


def test_a_record_that_is_not_there_is_nan():
    text = small()
    del text.body[4]
    file = sp3.read(text.data())
    assert np.isnan(file.orbit.position_m[1, 0]).all()
    assert file.findings == ()


def test_sigmas_and_flags():
    text = small()
    text.body[1] += " 11  9  1 109 EP  MP"
    text.body[2] += "    99      1       "
    text.body[4] += "  5"
    orbit = sp3.read(text.data()).orbit
    np.testing.assert_allclose(orbit.position_sigma_m[0, 0], 1.25 ** np.array([11, 9, 1]) / 1000, rtol=1e-14)
    np.testing.assert_allclose(orbit.clock_sigma_s[0], 1.025 ** np.array([109, 1]) * 1e-12, rtol=1e-14)
    assert np.isnan(orbit.position_sigma_m[0, 1, [0, 2]]).all()
    assert orbit.position_sigma_m[0, 1, 1] == pytest.approx(1.25**99 / 1000)
    assert orbit.position_sigma_m[1, 0, 0] == pytest.approx(1.25**5 / 1000)
    assert np.isnan(orbit.clock_sigma_s[1]).all()
    assert orbit.flags.tolist() == [[15, 0], [0, 0]]
    assert RecordFlag(15) == ~RecordFlag(0)


def test_exponents_without_a_base_say_nothing():
    text = small(bases=(0.0, 0.0))
    text.body[1] += " 11  9  1 109"
    file = sp3.read(text.data())
    assert file.orbit.position_sigma_m is None
    assert file.orbit.clock_sigma_s is None
    assert "no base" in file.findings[0]
    assert np.isnan(file.header.position_base)


def test_columns_behind_60_are_not_of_version_a():
    text = small(version="a", bases=(0.0, 0.0))
    text.body[1] += " 11  9  1 109"
    file = sp3.read(text.data())
    assert file.orbit.position_sigma_m is None
    assert "line 24" in file.findings[0]


def test_correlation_records_override_the_exponents():
    text = small()
    text.body[1] += " 11  9  1 109"
    text.body.insert(2, "EP  55   56          222  1234567 -1234567  5999999      -30       21 -1230000")
    orbit = sp3.read(text.data()).orbit
    np.testing.assert_allclose(orbit.position_sigma_m[0, 0], [0.055, 0.056, 0.00125], rtol=1e-14)
    assert orbit.clock_sigma_s[0, 0] == pytest.approx(222e-12)
    text.body[2] = text.body[2].replace("5999999", "59-9999")
    _refused(text.data(), "FID-2404", where="line 25, columns 46-53")
    text.body[2] = "EP  5x   56"
    _refused(text.data(), "FID-2404", where="line 25, columns 5-8")
    text.body[1:3] = text.body[2:0:-1]
    _refused(text.data(), "FID-2405", where="line 24")


def _with_velocities():
    text = small(mode="V")
    for row in (5, 4, 2, 1):
        name = text.body[row][1:4]
        text.body.insert(row + 1, record(name, -12345.678901, 0.000001, 31000.5, -0.000123, letter="V"))
    return text


def test_velocities():
    text = _with_velocities()
    orbit = sp3.read(text.data()).orbit
    assert orbit.velocity_m_per_s[1, 1].tolist() == [-1234.5678901, 1e-7, 3100.05]
    assert orbit.clock_rate[0, 0] == -1.23e-14
    text.body.insert(3, "EV  22   22   22     111  1234567  1234567  1234567  1234567  1234567  1234567")
    text.body.insert(2, "EP  55   56          222")
    np.testing.assert_array_equal(sp3.read(text.data()).orbit.velocity_m_per_s, orbit.velocity_m_per_s)
    text.body[4] = "EV  22   2x"
    _refused(text.data(), "FID-2404", where="line 27, columns 10-13")


@pytest.mark.parametrize("row", [1, 2, 4, 8])
def test_a_velocity_without_its_position_is_refused(row):
    text = _with_velocities()
    text.body[row], text.body[row + 1] = text.body[row + 1], text.body[row]
    # Behind the next epoch line it is also the second velocity of its satellite.
    _refused(text.data(), "FID-2407" if row == 4 else "FID-2405")


def test_a_velocity_of_another_satellite_is_refused():
    text = _with_velocities()
    text.body[2] = text.body[2].replace("G01", "G03")
    _refused(text.data(), "FID-2405", where="line 25")


@pytest.mark.parametrize(("label", "seconds"), [
    ("GPS", 0), ("GAL", 0), ("QZS", 0), ("IRN", 0), ("BDT", 14), ("TAI", -19), ("UTC", 18), ("GLO", 18),
])  # fmt: skip
def test_time_systems_become_gps_time(label, seconds):
    file = sp3.read(small(time_system=label).data())
    assert file.header.time_system == label
    expected = np.datetime64("2024-09-19T00:00:00", "ns") + np.timedelta64(seconds, "s")
    assert file.orbit.epochs_gps[0] == expected


def test_a_time_system_that_is_not_stated_is_found():
    file = sp3.read(small(time_system="ccc").data())
    assert file.header.time_system == "GPS"
    assert "time system" in file.findings[0]


def test_an_unknown_time_system_is_refused():
    _refused(small(time_system="UT1").data(), "FID-2409", where="columns 10-12")


def test_utc_before_leap_seconds_is_refused():
    text = small(time_system="UTC", start="1971  9 19  0  0  0.00000000")
    text.body[0] = text.body[0].replace("2024", "1971")
    with pytest.raises(InputError, match="FID-1010"):
        sp3.read(text.data())


def test_midnight_may_be_written_as_24_hours():
    text = small()
    text.body[3] = "*  2024  2 29 24  0  0.00000000"
    text.body[0] = "*  2024  2 29 23 45 59.12345678"
    orbit = sp3.read(text.data()).orbit
    expected = ["2024-02-29T23:45:59.123456780", "2024-03-01T00:00:00"]
    np.testing.assert_array_equal(orbit.epochs_gps, np.array(expected, dtype="datetime64[ns]"))


@pytest.mark.parametrize(("label", "frame"), [
    ("IGS20", "IGS20"), ("IGb14", "IGb14"), ("IGb20", ""), ("ITRF2", ""), ("ITR20", ""), ("WGS84", ""), ("", ""),
])  # fmt: skip
def test_frames(label, frame):
    file = sp3.read(small(label=label).data())
    assert file.header.frame_label == label
    assert file.orbit.frame == frame
    assert (file.findings == ()) == bool(frame)


DISAGREEMENTS = {
    "epochs": (b"      2 ORBIT", b"      3 ORBIT", "announces 3 epochs, there are 2"),
    "listed, not there": (b"+    2   G01G02", b"+    3   G01G02G03", "header lists: G03"),
    "there, not listed": (b"+    2   G01G02", b"+    1   G01  0", "does not list: G02"),
    "count": (b"+    2   G01G02", b"+    5   G01G02", "announces 5 satellites and lists 2"),
    "twice": (b"+    2   G01G02", b"+    3   G01G02G02", "some of them twice"),
    "first epoch": (b"#dP2024  9 19", b"#dP2024  9 18", "the header starts at 2024-09-18"),
    "interval": (b"   900.0", b"   300.0", "interval of 300 s, it is 900 s"),
    "week": (b"## 2332", b"## 2331", "GPS week"),
    "day": (b"60572", b"60573", "Julian"),
    "frame": (b"IGS20", b"IGS99", "coordinate system"),
    "velocities": (b"#dP", b"#dV", "velocities"),
    "blank clock": (b"    100.000000", b" " * 14, "clock is blank"),
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_disagreements_are_found_ignored_or_raised(name):
    old, new, text = DISAGREEMENTS[name]
    data = _changed(old, new)
    findings = sp3.read(data).findings
    assert len(findings) == 1
    assert text in findings[0]
    assert sp3.read(data, strictness="ignore").findings == ()
    with pytest.raises(FormatError, match="FID-2408"):
        sp3.read(data, strictness="raise")
    assert sp3.read(small().data(), strictness="raise").findings == ()


def test_an_unknown_strictness_is_refused():
    with pytest.raises(InputError, match="FID-1281"):
        sp3.read(small().data(), strictness="strict")


def test_the_body_decides_which_satellites_there_are():
    orbit = sp3.read(_changed(b"+    2   G01G02", b"+    1   G05  0")).orbit
    assert orbit.satellites == ("G01", "G02")
    assert dict(orbit.accuracy_m) == {}


@pytest.mark.parametrize(("data", "where"), [
    (b"", "line 1, columns 1-3"), (b"     3.04           C\n", "line 1"), (b"#", "line 1"), (b"\n", "line 1"),
    (small(version="b").data(), "line 1, column 2"), (b"#dX2024", "line 1"), (b"\xff\xfe", "line 1"),
])  # fmt: skip
def test_what_is_not_sp3_is_refused(data, where):
    _refused(data, "FID-2402", where=where)


def test_a_file_without_its_last_line_is_refused():
    data = small().data()
    for end in (b"EOF\n", b"OF\n", b"F\n"):
        _refused(data.removesuffix(end), "FID-2403")
    _refused(data.replace(b"EOF", b"EOG"), "FID-2403")
    assert sp3.read(data.removesuffix(b"\n")).orbit.position_m.shape == (2, 2, 3)


def test_text_behind_the_end_is_refused():
    _refused(small().data() + small().data(), "FID-2405", where="line 30, column 1")


@pytest.mark.parametrize("length", [0, 1, 4, 20, 45, 46, 59])
def test_a_record_that_is_cut_is_refused(length):
    text = small()
    text.body[2] = text.body[2][:length]
    _refused(text.data(), "FID-2405" if length == 0 else "FID-2403", where="line 25")


FIELDS = {
    "letter": (5, "x"), "two points": (13, "."), "point moved": (11, " "), "sign inside": (8, "-"),
    "not ASCII": (9, "\xb2"), "NUL": (6, "\0"), "stars": (4, "*"), "blank inside": (7, " "), "colon": (8, ":"),
    "slash": (8, "/"), "last digit": (17, " "), "exponent": (14, "e"), "underscore": (8, "_"),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("column", [4, 18, 32, 46])
def test_a_field_that_is_no_number_is_named(name, column):
    text = small()
    place, letter = FIELDS[name]
    line = record("G02", 123456.123456, -12345.123456, 123456.654321, -12345.123456)
    place += column - 4
    text.body[2] = line[:place] + letter + line[place + 1 :]
    _refused(text.data(), "FID-2404", where=f"line 25, columns {column + 1}-{column + 14}")


@pytest.mark.parametrize(
    "word", ["NaN", "nan", "Inf", "-inf", "1e5", "", "0x1", "999999999.1", "1.0000000", "1,000000"]
)
def test_words_are_no_coordinates(word):
    text = small()
    text.body[2] = text.body[2][:4] + f"{word:>14}" + text.body[2][18:]
    _refused(text.data(), "FID-2404", where="line 25, columns 5-18")


@pytest.mark.parametrize(("word", "metres"), [
    ("       .123456", 123.456), ("      -.123456", -123.456), ("    +12.000001", 12000.001), ("9000001.000001", None),
    ("-900001.000001", -900001000.001), ("     -0.000000", 0.0), ("000001.5000001", None),
])  # fmt: skip
def test_unusual_numbers(word, metres):
    text = small()
    text.body[2] = text.body[2][:4] + word + text.body[2][18:]
    if metres is None:
        _refused(text.data(), "FID-2404")
    else:
        assert sp3.read(text.data()).orbit.position_m[0, 1, 0] == metres


TAILS = {
    " 1x": (61, 63), "1 1": (61, 61), "          1 1": (71, 73), "              X": (75, 75), "               E": (76, 76),
    "                  P": (79, 79), "                X": (77, 77), "                     x": (81, 82),
}  # fmt: skip


@pytest.mark.parametrize("tail", TAILS)
def test_columns_behind_60_are_checked(tail):
    text = small()
    text.body[2] += tail
    error = _refused(text.data(), "FID-2405" if len(tail) > 20 else "FID-2404", where="line 25, column")
    first, last = (int(part) for part in (error.where.split()[-1].split("-") * 2)[:2])
    assert first <= TAILS[tail][1]
    assert last >= TAILS[tail][0]


@pytest.mark.parametrize("line", [
    "*  2024  9 19  0  0  0.00000000", "*  2024  9 19  0 15  0.0000000", "*  2024  9 19  0 15", "*  2024  9 31  0  0  0.00000000",
    "*  2023  2 29  0  0  0.00000000", "*  2024 13  1  0  0  0.00000000", "*  2024  9 19 24  0  0.00000001",
    "*  2024  9 19  0 60  0.00000000", "*  2024  9 19  0 15 60.00000000", "*  2024  9 19  0 1x  0.00000000", "*",
    "*  0024  9 19  0 15  0.00000000", "*  9999  9 19  0 15  0.00000000", "*  2024  9  0  0 15  0.00000000",
    "*  2024  9 18  0 15  0.00000000", "*- 2024  9 19  0 15  0.00000000", "*  2024 -9 19  0 15  0.00000000",
])  # fmt: skip
def test_epochs_that_are_impossible_or_not_later_are_refused(line):
    text = small()
    text.body[3] = line
    _refused(text.data(), "FID-2406", where="line 26, columns 4-31")


@pytest.mark.parametrize("name", ["X01", "g01", "G00", "G-1", "GG1", "   ", "G1 ", "G 0", "\xb2\xb2\xb2"])
def test_impossible_satellites_are_refused(name):
    text = small()
    text.body[2] = "P" + name + text.body[2][4:]
    _refused(text.data(), "FID-2407", where="line 25, columns 2-4")
    text = small()
    text.head[2] = text.head[2].replace("G02", name)
    if name.strip():
        _refused(text.data(), "FID-2407", where="line 3, columns 13-15")


def test_a_satellite_twice_at_an_epoch_is_refused():
    text = small()
    text.body.insert(3, text.body[1])
    _refused(text.data(), "FID-2407", where="line 26, columns 2-4")


def test_one_missing_coordinate_is_refused():
    text = small()
    text.body[2] = record("G02", 1.0, 999999.999999, 2.0)
    _refused(text.data(), "FID-2404", where="line 25")


@pytest.mark.parametrize(("row", "first", "new"), [
    (0, 33, "     2x"), (1, 4, "23x2"), (1, 9, "345600.0x"), (1, 25, "nan"), (1, 40, "  -1 "), (1, 46, ".."),
    (2, 3, "  xx"), (7, 10, " 5x"), (14, 4, "       inf"), (14, 4, " 3.2500000"), (14, 15, "0.5"),
])  # fmt: skip
def test_header_fields_that_are_no_numbers_are_refused(row, first, new):
    text = small(accuracy=(5,))
    line = text.head[row]
    text.head[row] = line[: first - 1] + new + line[first - 1 + len(new) :]
    _refused(text.data(), "FID-2404", where=f"line {row + 1}, columns")


@pytest.mark.parametrize("row", range(22))
def test_header_lines_must_be_there_and_in_order(row):
    text = small()
    removed = text.head.pop(row)
    if removed.startswith("/*"):
        assert sp3.read(text.data()).orbit.position_m.shape == (2, 2, 3)
        return
    with pytest.raises(FormatError, match=r"FID-240[25]"):
        sp3.read(text.data())
    text.head.insert((row + 8) % 22, removed)
    with pytest.raises(FormatError, match=r"FID-240[25]"):
        sp3.read(text.data())


@pytest.mark.parametrize("line", ["/* comment", "Q", "PG01", "E", "EX", "#dP2024", "\x1a", " "])
def test_lines_that_belong_elsewhere_are_refused(line):
    text = small()
    text.body.insert(2, line)
    with pytest.raises(FormatError, match=r"FID-240[35]") as caught:
        sp3.read(text.data())
    assert "line 25" in caught.value.where


def test_a_record_before_the_first_epoch_is_refused():
    text = small()
    text.body[:2] = text.body[1::-1]
    _refused(text.data(), "FID-2405", where="line 23")


def test_a_file_without_records_is_refused():
    text = small()
    text.body = []
    _refused(text.data(), "FID-2411")
    text.body = ["*  2024  9 19  0  0  0.00000000"]
    _refused(text.data(), "FID-2411")


def test_comments_that_are_not_text_are_made_so():
    file = sp3.read(small(comments=("Z\xfcrich\x07", "", "b", "")).data())
    assert file.header.comments == ("Z\xfcrich?", "", "b")
    assert sp3.read(sp3.to_bytes(file)).header.comments == file.header.comments


def _orbit(**changes):
    parts = {
        "epochs_gps": np.array(["2024-09-19T00:00", "2024-09-19T00:15"], dtype="datetime64[ns]"),
        "satellites": ("G01", "E02"),
        "position_m": np.arange(12.0).reshape(2, 2, 3) * 1e6 + 1e6,
        "clock_s": np.arange(4.0).reshape(2, 2) * -1e-4,
        "frame": "IGS20",
    }
    return Orbit(**{**parts, **changes})


def test_the_text_is_that_of_the_standard():
    sigma = np.full((2, 2, 3), np.nan)
    sigma[0, 0] = 1.25**11 / 1000, 0.0, 1e9
    clock_sigma = np.array([[1.025**191 * 1e-12, np.nan], [np.nan, np.nan]])
    position = _orbit().position_m.copy()
    position[1, 1] = np.nan
    clock = _orbit().clock_s.copy()
    clock[1, 0] = np.nan
    orbit = _orbit(position_m=position, clock_s=clock, position_sigma_m=sigma, clock_sigma_s=clock_sigma,
                   flags=np.array([[15, 0], [4, 2]], dtype=np.uint8), accuracy_m={"G01": 0.0161, "E02": 0.0001})  # fmt: skip
    lines = sp3.to_bytes(sp3.Sp3File(orbit, sp3.Sp3Header(agency="FID", orbit_type="CMB"))).decode("ascii").split("\n")
    assert lines[0] == "#dP2024  9 19  0  0  0.00000000       2       IGS20 CMB  FID"
    assert lines[1] == "## 2332 345600.00000000   900.00000000 60572 0.0000000000000"
    assert lines[2] == "+    2   G01E02" + "  0" * 15
    assert lines[3:7] == ["+        " + "  0" * 17] * 4
    assert lines[7] == "++         4  1" + "  0" * 15
    assert lines[12] == "%c M  cc GPS ccc cccc cccc cccc cccc ccccc ccccc ccccc ccccc"
    assert lines[14] == "%f  1.2500000  1.025000000  0.00000000000  0.000000000000000"
    assert lines[18:22] == ["/*".ljust(60)] * 4
    assert lines[22] == "*  2024  9 19  0  0  0.00000000"
    assert lines[23] == "PG01   1000.000000   2000.000000   3000.000000      0.000000 11  1 99 191 EP  MP"
    assert lines[24] == "PE02   4000.000000   5000.000000   6000.000000   -100.000000".ljust(80)
    assert lines[26] == "PG01   7000.000000   8000.000000   9000.000000 999999.999999".ljust(78) + "M "
    assert lines[27] == "PE02      0.000000      0.000000      0.000000   -300.000000".ljust(75) + "P    "
    assert lines[28:] == ["EOF", ""]


def test_fractions_of_a_second_and_of_a_day():
    epochs = np.array(["2024-09-21T23:59:59.12345678", "2024-09-22T00:00:00"], dtype="datetime64[ns]")
    content = sp3.to_bytes(sp3.Sp3File(_orbit(epochs_gps=epochs), sp3.Sp3Header()))
    assert b"## 2332 604799.12345678     0.87654322 60574 0.9999898548" in content
    file = sp3.read(content, strictness="raise")
    np.testing.assert_array_equal(file.orbit.epochs_gps, epochs)


def test_a_file_is_written_and_read(tmp_path):
    file = sp3.Sp3File(_orbit(), sp3.Sp3Header())
    path = tmp_path / "x.sp3"
    sp3.write(file, path)
    assert sp3.read(path).name == "x.sp3"
    with pytest.raises(InputError, match="FID-1002"):
        sp3.write(file, path, overwrite=False)


def test_a_single_epoch():
    orbit = _orbit()
    single = Orbit(orbit.epochs_gps[:1], orbit.satellites, orbit.position_m[:1], orbit.clock_s[:1], "IGS20")
    assert sp3.read(sp3.to_bytes(sp3.Sp3File(single, sp3.Sp3Header())), strictness="raise").orbit.position_m.shape == (
        1,
        2,
        3,
    )


def test_velocities_are_written():
    velocity = np.full((2, 2, 3), -1234.5678901)
    velocity[0, 0] = np.nan
    orbit = _orbit(velocity_m_per_s=velocity)
    content = sp3.to_bytes(sp3.Sp3File(orbit, sp3.Sp3Header()))
    again = sp3.read(content, strictness="raise").orbit
    np.testing.assert_array_equal(again.velocity_m_per_s, velocity)
    assert np.isnan(again.clock_rate).all()
    rates = _orbit(clock_rate=np.full((2, 2), 1.23e-14))
    again = sp3.read(sp3.to_bytes(sp3.Sp3File(rates, sp3.Sp3Header()))).orbit
    assert (again.clock_rate == 1.23e-14).all()


def _filled(value):
    return np.full((2, 2, 3), value)


UNFIT = {
    "position": {"position_m": _filled(1e9)},
    "infinite position": {"position_m": _filled(np.inf)},
    "clock": {"clock_s": np.full((2, 2), -1.0)},
    "infinite clock": {"clock_s": np.full((2, 2), np.inf)},
    "part of a position": {"position_m": np.tile([1.0, np.nan, 1.0], (2, 2, 1))},
    "centre of the Earth": {"position_m": _filled(0.0001)},
    "velocity": {"velocity_m_per_s": _filled(1e5)},
    "sigma": {"position_sigma_m": _filled(-1.0)},
    "infinite sigma": {"clock_sigma_s": np.full((2, 2), np.inf)},
    "accuracy": {"accuracy_m": {"G01": -1.0}},
    "frame": {"frame": "ITRF2020"},
    "before GPS": {"epochs_gps": np.array(["1979-01-01", "1980-01-01"], dtype="datetime64[ns]")},
    "far future": {"epochs_gps": np.array(["2199-01-01", "2200-01-01"], dtype="datetime64[ns]")},
    "nanoseconds": {"epochs_gps": np.array([10**18 + 1, 2 * 10**18], dtype="datetime64[ns]")},
    "interval": {"epochs_gps": np.array(["2024-01-01", "2024-02-01"], dtype="datetime64[ns]")},
    "satellite": {"satellites": ("G01", "G100")},
    "satellite zero": {"satellites": ("G00", "G01")},
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_not_written(name):
    with pytest.raises(FormatError, match="FID-2410"):
        sp3.to_bytes(sp3.Sp3File(_orbit(**UNFIT[name]), sp3.Sp3Header()))


@pytest.mark.parametrize("header", [
    {"agency": "TOO LONG"}, {"comments": ("x" * 78,)}, {"comments": ("two\nlines",)}, {"frame_label": "IGb14"},
    {"orbit_type": "\u03b1"}, {"frame_label": "ITRF2"},
])  # fmt: skip
def test_a_header_that_does_not_fit_is_not_written(header):
    with pytest.raises(FiducialError, match=r"FID-(2410|1004)"):
        sp3.to_bytes(sp3.Sp3File(_orbit(), sp3.Sp3Header(**header)))


def test_nothing_is_not_written():
    nothing = Orbit(np.zeros(0, dtype="datetime64[ns]"), (), np.zeros((0, 0, 3)), np.zeros((0, 0)))
    with pytest.raises(FormatError, match="FID-2411"):
        sp3.to_bytes(sp3.Sp3File(nothing, sp3.Sp3Header()))


def test_the_factory_agrees_with_the_writer():
    text = sp3_factory.small(comments=("a", "b", "c", "d"))
    again = sp3.to_bytes(sp3.read(text.data())).decode()
    assert [line.rstrip() for line in again.splitlines()] == [
        line.rstrip() for line in text.data().decode().splitlines()
    ]
