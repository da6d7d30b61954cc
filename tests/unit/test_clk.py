"""RINEX clock files: both layouts, quirks of real files, refusal of damage, writing."""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest

from fiducial.errors import FormatError, InputError
from fiducial.formats import clk
from fiducial.formats.clk_header import AppliedCorrection, ReferenceClock, SolutionStation
from fiducial.orbits.orbit import Clocks

START = np.datetime64("2024-09-19T00:00:00", "ns")


def header(version="3.04", *, satellites="G01 G02 E05", time_system="   GPS", extra=()):
    """Return header lines made by hand, independent of the writer."""
    width = 65 if version == "3.04" else 60
    first = f"3.04{'':17}C{'':20}M" if version == "3.04" else f"     {version}           CLOCK DATA          M"
    lines = [(first, "RINEX VERSION / TYPE"), *extra]
    if time_system:
        lines.append((time_system, "TIME SYSTEM ID"))
    if satellites:
        lines += [(f"{len(satellites.split()):6d}", "# OF SOLN SATS"), (satellites, "PRN LIST")]
    lines.append(("", "END OF HEADER"))
    return [f"{text:<{width}}{label}" for text, label in lines]


def record(kind, name, epoch, values, version="3.04", count=None):
    """Return the lines of a record from the columns of the format description."""
    new = version == "3.04"
    texts = [value if isinstance(value, str) else f"{value:19.12E}" for value in values]
    gap = "  " if new else " "
    count = len(texts) if count is None else count
    lines = [f"{kind} {name:<{9 if new else 4}} {epoch}{count:3d}   {gap.join(texts[:2])}"]
    if len(texts) > 2:
        lines.append(("   " if new else "") + gap.join(texts[2:]))
    return lines


def day(version="3.04"):
    """Two epochs, three satellites, sigmas for one of them, a station."""
    lines = header(version)
    for index, epoch in enumerate(("2024 09 19 00 00  0.000000", "2024 09 19 00 00 30.000000")):
        lines += record("AR", "ONSA", epoch, [1e-9 * index, 2e-11, 1e-15, 2e-17, 3e-20, 4e-20], version)
        lines += record("AS", "G01", epoch, [1.5e-4 + index * 1e-9, 2e-11], version)
        lines += record("AS", "G02", epoch, [-2.5e-4 - index * 1e-9], version)
        lines += record("AS", "E05", epoch, [3.25e-5 + index * 1e-9], version)
    return lines


def joined(lines):
    return ("\n".join(lines) + "\n").encode()


def refusal(data, **options):
    with pytest.raises(FormatError) as caught:
        clk.read(data, name="x.clk", **options)
    return caught.value


@pytest.mark.parametrize("version", ["2.00", "3.00", "3.02", "3.04"])
def test_layouts_of_all_versions_give_the_same_clocks(version):
    found = clk.read(joined(day(version)), records="all")
    assert found.findings == ()
    assert found.header.version == version
    assert found.clocks.satellites == ("G01", "G02", "E05")
    np.testing.assert_array_equal(found.clocks.epochs_gps, START + np.array([0, 30]) * np.timedelta64(1, "s"))
    np.testing.assert_array_equal(
        found.clocks.bias_s, [[1.5e-4, -2.5e-4, 3.25e-5], [1.50001e-4, -2.50001e-4, 3.2501e-5]]
    )
    np.testing.assert_array_equal(found.clocks.sigma_s, [[2e-11, np.nan, np.nan]] * 2)
    assert found.clocks.stations == ("ONSA",)
    np.testing.assert_array_equal(found.clocks.station_bias_s, [[0.0], [1e-9]])
    np.testing.assert_array_equal(found.clocks.station_sigma_s, [[2e-11], [2e-11]])


def test_satellites_only_by_default():
    found = clk.read(joined(day())).clocks
    assert found.stations == ()
    assert found.station_bias_s is None


def test_version_304_in_the_layout_of_300_is_read_and_noted():
    lines = header("3.00")
    lines[0] = lines[0].replace("3.00", "3.04")
    lines += record("AS", "G01", "2024 09 19 00 00  0.000000", [1e-4], "3.00")
    found = clk.read(joined(lines))
    assert found.clocks.bias_s[0, 0] == 1e-4
    assert "version 3.04 with header labels at column 61" in found.findings[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("  -.123456789012E+00", None),
        (" -.123456789012E+00", -0.123456789012),
        ("  .123456789012D-03", 0.123456789012e-3),
        ("-1.234567890123e-04", -1.234567890123e-4),
        ("+1.234567890123d-04", 1.234567890123e-4),
        ("     1.5E-04       ", 1.5e-4),
        ("1.5E-4             ", 1.5e-4),
        ("           -0.00015", -1.5e-4),
        ("-0.000000000000E+00", 0.0),
    ],
)
def test_forms_of_numbers(text, value):
    lines = header(satellites="") + record("AS", "G01", "2024 09 19 00 00  0.000000", [text])
    if value is None:
        assert refusal(joined(lines)).code == "FID-2422"
    else:
        assert clk.read(joined(lines)).clocks.bias_s[0, 0] == value


def test_numbers_are_rounded_as_float_rounds_their_text():
    rng = np.random.default_rng(4)
    mantissa = rng.integers(0, 10**13, 4000)
    power = rng.integers(-45, 12, 4000)
    texts = [f"{sign}{m // 10**12}.{m % 10**12:012d}E{p:+03d}" for sign, m, p in zip(
        rng.choice([" ", "-"], 4000), mantissa, power, strict=True)]  # fmt: skip
    # Powers of ten and of two, where rounding has to know more than the nearest product.
    texts += [f" {digit}.000000000000E{p:+03d}" for digit in range(10) for p in range(-60, 20)]
    texts += [f" {2.0**-p:.12E}" for p in range(1, 90)]
    epochs = np.datetime_as_string(START + np.arange(len(texts)) * np.timedelta64(1, "s"))
    lines = header(satellites="")
    for text, epoch in zip(texts, epochs, strict=True):
        stamp = f"{epoch[:10].replace('-', ' ')} {epoch[11:13]} {epoch[14:16]} {epoch[17:26]}"
        lines += record("AS", "G01", stamp, [text, " 1.000000000000E-11"])
    found = clk.read(joined(lines)).clocks
    np.testing.assert_array_equal(found.bias_s[:, 0], [float(text) for text in texts])


def test_quick_and_careful_reader_agree():
    quick = clk.read(joined(day()), records="all").clocks
    # Without the blank-padded exponent the quick reader declines every line.
    odd = [line.replace("E-05", "E-5 ").replace("E-04", "E-4 ").replace("E-11", "E-11") for line in day()]
    odd += [""]
    careful = clk.read(joined(odd), records="all")
    np.testing.assert_array_equal(quick.bias_s, careful.clocks.bias_s)
    np.testing.assert_array_equal(quick.sigma_s, careful.clocks.sigma_s)
    assert "1 blank lines" in careful.findings[0]


def test_line_ends_of_windows_and_padding_and_compression():
    plain = clk.read(joined(day())).clocks
    padded = "\r\n".join(f"{line:<90}" for line in day()) + "\r\n"
    for data in (padded.encode(), gzip.compress(joined(day())), bz2.compress(joined(day()))):
        found = clk.read(data)
        assert found.findings == ()
        np.testing.assert_array_equal(found.clocks.bias_s, plain.bias_s)


def test_a_sigma_beyond_the_announced_number_of_values_is_taken_and_noted():
    lines = header("3.00", satellites="G01 G02")
    for satellite in ("G01", "G02"):
        lines += record("AS", satellite, "2024 09 19 00 00  0.000000", [1e-4, 5.5e-12], "3.00", count=1)
    found = clk.read(joined(lines))
    np.testing.assert_array_equal(found.clocks.sigma_s, [[5.5e-12, 5.5e-12]])
    assert "2 records announce one value and carry two" in found.findings[0]


def test_sigmas_of_zero_and_below_are_none():
    lines = header(satellites="G01 G02")
    for satellite, sigma in (("G01", 0.0), ("G02", -1e-11)):
        lines += record("AS", satellite, "2024 09 19 00 00  0.000000", [1e-4, sigma])
    found = clk.read(joined(lines))
    assert np.isnan(found.clocks.sigma_s).all()
    assert "1 sigmas are negative" in found.findings[0]


def test_other_records_are_left_out_and_counted():
    lines = day()
    epoch = "2024 09 19 00 00 30.000000"
    lines += record("CR", "ONSA", epoch, [1e-9, 1e-11]) + record("DR", "ONSA", epoch, [1e-9, 1e-11, 1e-15])
    lines += record("MS", "ONSA", epoch, [1e-9])
    findings = clk.read(joined(lines)).findings
    assert [text.split(": ")[1][:22] for text in findings] == [
        f"1 records of type {kind} a" for kind in ("CR", "DR", "MS")
    ]


@pytest.mark.parametrize(
    ("system", "shift_s"),
    [("GPS", 0), ("GAL", 0), ("QZS", 0), ("BDT", 14), ("TAI", -19), ("UTC", 18), ("GLO", 18)],
)
def test_time_systems_become_gps_time(system, shift_s):
    lines = header(time_system=f"   {system}", satellites="")
    lines += record("AS", "G01", "2024 09 19 00 00  0.000000", [1e-4])
    assert clk.read(joined(lines)).clocks.epochs_gps[0] == START + np.timedelta64(shift_s, "s")


def test_missing_time_system():
    epoch = "2024 09 19 00 00  0.000000"
    gps = header("2.00", time_system="", satellites="") + record("AS", "G01", epoch, [1e-4], "2.00")
    assert clk.read(joined(gps)).findings == ()
    mixed = gps + record("AS", "R01", epoch, [1e-4], "2.00")
    assert "taken as GPS time" in clk.read(joined(mixed)).findings[0]
    assert refusal(joined(mixed), strictness="raise").code == "FID-2426"
    assert clk.read(joined(mixed), strictness="ignore").findings == ()


def test_header_is_kept():
    extra = [
        ("PROGRAM             CENTRE               20240920  010203 UTC", "PGM / RUN BY / DATE"),
        ("a comment  é", "COMMENT"),
        ("    37", "LEAP SECONDS"),
        ("    18", "LEAP SECONDS GNSS"),
        ("G PAGES             igs20.atx @ files.igs.org", "SYS / PCVS APPLIED"),
        ("G CC2NONCC          p1c1bias.hist @ somewhere", "SYS / DCBS APPLIED"),
        ("     2    AS    AR", "# / TYPES OF DATA"),
        ("IGS  IGS CLOCK COORDINATOR", "ANALYSIS CENTER"),
        ("     1 2024 09 19  0  0  0.000000 2024 09 19 23 59 59.000000", "# OF CLK REF"),
        ("ONSA00SWE 10402M004                          -1.000000000000E-09", "ANALYSIS CLK REF"),
        ("     1    IGS20", "# OF SOLN STA / TRF"),
        ("ONSA00SWE 10402M004            3370658542   711877138  5349786943", "SOLN STA NAME / NUM"),
    ]  # fmt: skip
    lines = header(extra=extra) + day()[len(header()) :]
    data = ("\n".join(lines) + "\n").encode("latin-1")
    found = clk.read(data)
    assert found.findings == ()
    head = found.header
    assert (head.program, head.agency, head.created) == ("PROGRAM", "CENTRE", "20240920  010203 UTC")
    assert head.comments == ("a comment  é",)
    assert (head.leap_seconds, head.leap_seconds_gnss) == (37, 18)
    assert head.pcvs_applied == (AppliedCorrection("G", "PAGES", "igs20.atx @ files.igs.org"),)
    assert head.dcbs_applied == (AppliedCorrection("G", "CC2NONCC", "p1c1bias.hist @ somewhere"),)
    assert head.data_types == ("AS", "AR")
    assert (head.analysis_center, head.analysis_center_name) == ("IGS", "IGS CLOCK COORDINATOR")
    span = "2024 09 19  0  0  0.000000 2024 09 19 23 59 59.000000"
    assert head.reference_clocks == (ReferenceClock("ONSA00SWE", "10402M004", -1e-9, span),)
    assert head.frame == "IGS20"
    assert head.stations == (SolutionStation("ONSA00SWE", "10402M004", (3370658.542, 711877.138, 5349786.943)),)
    assert head.satellites == ("G01", "G02", "E05")
    # All of it comes back from a written file.
    again = clk.read(clk.to_bytes(found.clocks, head)).header
    assert again == clk.read(clk.to_bytes(found.clocks, again)).header
    for name in ("program", "agency", "created", "comments", "pcvs_applied", "dcbs_applied", "reference_clocks", "stations",
                 "frame", "leap_seconds", "leap_seconds_gnss", "analysis_center", "satellites"):  # fmt: skip
        assert getattr(again, name) == getattr(head, name)


def test_header_and_body_disagree():
    lines = header(satellites="G01 G02 G03 R07") + day()[len(header()) :]
    findings = clk.read(joined(lines)).findings
    assert any("without records: G03 R07" in text for text in findings)
    assert any("does not list: E05" in text for text in findings)


def test_not_a_clock_file():
    for data in (b"", b"\n", b"#dP2024  9 19  0  0  0.00000000      97 ORBIT IGS20 FIT  IGS\n",
                 joined(day()).replace(b"3.04 ", b"4.00 ", 1), joined(day()).replace(b" C ", b" O ", 1)):  # fmt: skip
        assert refusal(data).code == "FID-2420"
    error = refusal(joined(header()[:-1]))
    assert error.code == "FID-2421"


def test_damage_is_named_by_line_and_column():
    lines = day()
    at = next(index for index, line in enumerate(lines) if line.startswith("AS G02"))
    cases = [
        ("0E-04", "0E-0x", "FID-2422", f"line {at + 1}, columns 46-64"),
        ("AS G02", "AS GO2", "FID-2422", f"line {at + 1}, columns 4-12"),
        ("AS G02", "XS G02", "FID-2422", f"line {at + 1}, columns 1-3"),
        ("2024 09 19", "2024 09 31", "FID-2425", f"line {at + 1}, columns 14-39"),
        ("2024 09 19", "2024 0x 19", "FID-2425", f"line {at + 1}, columns 14-39"),
        ("00 00  0.0", "00 00 60.0", "FID-2425", f"line {at + 1}, columns 14-39"),
        ("00 00  0.0", "24 00  0.0", "FID-2425", f"line {at + 1}, columns 14-39"),
        ("  1   ", "  0   ", "FID-2422", f"line {at + 1}, columns 40-42"),
        ("  1   ", "  2   ", "FID-2422", f"line {at + 1}, columns 67-85"),
        ("  1   ", "  1 x ", "FID-2422", f"line {at + 1}, columns 43-45"),
        ("0E-04", "0E-04 x", "FID-2422", f"line {at + 1}, columns 65-66"),
        ("0E-04", "0E+999", "FID-2422", f"line {at + 1}, column"),
    ]
    for old, new, code, where in cases:
        damaged = list(lines)
        damaged[at] = damaged[at].replace(old, new, 1)
        error = refusal(joined(damaged))
        assert (error.code, where in error.where, "x.clk" in error.where) == (code, True, True), (new, str(error))
    missing = refusal(joined([line for line in lines if not line.startswith("    1.0")]))
    assert missing.code == "FID-2422"
    assert "values 3 to 6 is missing" in missing.problem


@pytest.mark.parametrize("version", ["3.00", "3.04"])
def test_a_file_cut_anywhere_is_refused_or_noted(version):
    data = joined(day(version))
    body = data.index(b"END OF HEADER") + len("END OF HEADER") + 1
    second = data.index(b"AR ONSA", data.index(b"AS E05"))
    satellites_of_second = data.index(b"AS", second)
    for cut in range(1, len(data)):
        part = data[:cut]
        try:
            found = clk.read(part)
        except FormatError as error:
            wanted = {"FID-2423", "FID-2428"} if cut >= body else {"FID-2420", "FID-2421"}
            assert error.code in wanted, (part[-80:], str(error))  # noqa: PT017
        else:
            # A whole last line is all that can stand, and no satellite of the second epoch leaves nothing to see.
            assert part.endswith(b"\n") or data[cut : cut + 1] == b"\n", part[-80:]
            assert found.findings or second <= cut <= satellites_of_second, part[-80:]


def test_cuts_are_told_from_damage():
    whole = joined(day())
    first_of_last_epoch = whole.rindex(b"AS G02") - 1
    error = refusal(whole[:first_of_last_epoch])
    assert (error.code, error.where) == ("FID-2423", "x.clk, line 13")
    assert "1 of 3 satellites" in error.problem
    noted = clk.read(whole[: first_of_last_epoch + 1])
    assert "first 1 of the 3 satellites of the epoch before it: the file may be cut" in noted.findings[0]
    assert refusal(whole[: first_of_last_epoch + 1], strictness="raise").code == "FID-2426"
    assert refusal(whole[:-3]).where == "x.clk, line 15, column 63"
    assert "no line end" in clk.read(whole[:-1]).findings[0]


def test_double_records():
    lines = day()
    again = next(line for line in lines if line.startswith("AS G02"))
    found = clk.read(joined([*lines, again]))
    assert "1 records stand twice" in found.findings[0]
    error = refusal(joined([*lines, again.replace("-2.5", "-2.6")]))
    assert error.code == "FID-2424"
    assert "lines 9 and 16" in error.where


def test_time_system_faults():
    lines = header(time_system="   XYZ") + day()[len(header()) :]
    assert refusal(joined(lines)).code == "FID-2425"
    two = header(extra=[("   UTC", "TIME SYSTEM ID")]) + day()[len(header()) :]
    assert refusal(joined(two)).code == "FID-2425"


def test_no_records_and_unknown_strictness():
    assert refusal(joined(header())).code == "FID-2428"
    only_stations = header(satellites="") + record("AR", "ONSA", "2024 09 19 00 00  0.000000", [1e-9])
    assert refusal(joined(only_stations)).code == "FID-2428"
    assert clk.read(joined(only_stations), records="all").clocks.station_bias_s[0, 0] == 1e-9
    with pytest.raises(InputError) as caught:
        clk.read(joined(day()), strictness="strict")
    assert caught.value.code == "FID-1281"


def small_clocks(**changes):
    parts = {"epochs_gps": START + np.array([0, 30]) * np.timedelta64(1, "s"), "satellites": ("G01", "E05"),
             "bias_s": np.array([[1e-4, np.nan], [2e-4, 3e-4]]), "sigma_s": np.full((2, 2), np.nan)}  # fmt: skip
    return Clocks(**(parts | changes))


def test_written_files_are_read_by_columns_again(tmp_path):
    clocks = small_clocks(stations=("ONSA00SWE",), station_bias_s=np.array([[1e-9], [np.nan]]),
                          station_sigma_s=np.array([[2e-12], [np.nan]]))  # fmt: skip
    clk.write(clocks, tmp_path / "a.clk")
    found = clk.read(tmp_path / "a.clk", records="all")
    assert found.findings == ()
    assert found.name == "a.clk"
    for name in ("bias_s", "sigma_s", "station_bias_s", "station_sigma_s"):
        np.testing.assert_array_equal(getattr(found.clocks, name), getattr(clocks, name))
    text = (tmp_path / "a.clk").read_text().splitlines()
    assert text[0] == "3.04                 C                    M                      RINEX VERSION / TYPE"
    assert "AR ONSA00SWE 2024 09 19 00 00  0.000000  2    1.000000000000E-09   2.000000000000E-12" in text
    assert "AS E05       2024 09 19 00 00 30.000000  1    3.000000000000E-04" in text
    old = clk.to_bytes(small_clocks(), version="3.00").decode().splitlines()
    assert old[0] == "     3.00           CLOCK DATA          M                   RINEX VERSION / TYPE"
    assert "AS E05  2024 09 19 00 00 30.000000  1    3.000000000000E-04" in old


@pytest.mark.parametrize(
    "changes",
    [
        {"clocks": small_clocks(bias_s=np.full((2, 2), np.inf))},
        {"clocks": small_clocks(epochs_gps=START + np.array([1, 2]))},
        {"clocks": small_clocks(satellites=("ONSA", "WTZR"))},
        {"clocks": small_clocks(stations=("ONSA00SWE",), station_bias_s=np.zeros((2, 1))), "version": "3.00"},
        {"version": "2.00"},
        {"header": clk.ClockHeader(comments=("two\nlines",))},
        {"header": clk.ClockHeader(comments=("x" * 70,))},
        {"header": clk.ClockHeader(program="x" * 21)},
        {"header": clk.ClockHeader(comments=("\u4e2d",))},
    ],
)
def test_what_cannot_be_written(changes):
    clocks = changes.pop("clocks", small_clocks())
    with pytest.raises(FormatError) as caught:
        clk.to_bytes(clocks, changes.pop("header", None), **changes)
    assert caught.value.code == "FID-2427"
