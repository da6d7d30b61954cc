"""Fuzzer of the readers of clocks, Earth rotation and IERS finals: FiducialError and nothing else.

``python tests/fuzz/fuzz_clk_erp.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. Inputs are damaged copies of valid files. What is accepted must survive being
written and read again, and the quick reader of clock records must agree with the careful one.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

TOKENS = (
    b"\n", b"\r\n", b"\r", b"\x00", b"-", b".", b"E", b"D", b"nan", b"inf", b"-0.0", b"E+99", b"E-99", b"1e400", b"_", b" ",
    b"\xff", b"\xc2\xa0", b"\xd9\xa1", b"AS ", b"AR ", b"CR ", b"G01", b"2024", b"9999", b"0000", b"60.000000", b"  6", b"  0",
    b"END OF HEADER", b"TIME SYSTEM ID", b"   UTC", b"MJD", b"UT1-TAI", b"LODR", b"version 2", b"I", b"P", b"99999.99",
    b"\x1f\x8b", b"BZh", b"\x1f\x9d", b"          ", b"#" * 40, b'10**-5"', b"1.000000000000E-30", b"9.999999999999E+22",
)  # fmt: skip
FINALS = (
    b"24 919 60572.00 I  0.225415 0.000012  0.411006 0.000009  I 0.0590652 0.0000056  0.2461 0.0052  I"
    b"  -110.427    0.815    -5.675    0.155  0.225410  0.411010  0.0590650  -110.452    -5.772  \n"
    + b"24 920 60573.00 P  0.225935 0.014379  0.408848 0.022707  P 0.0574194 0.0182122".ljust(187)
    + b"\n"
)


def _clock_seeds() -> list[bytes]:
    from fiducial.formats import clk
    from fiducial.formats.clk_header import AppliedCorrection, ReferenceClock, SolutionStation
    from fiducial.orbits.orbit import Clocks

    epochs = np.datetime64("2016-12-31T23:59:00", "ns") + np.arange(3) * np.timedelta64(30, "s")
    bias = np.array([[1e-4, -2e-4, np.nan], [1.1e-4, -2.1e-4, 3e-4], [1.2e-4, -2.2e-4, 3.2e-4]])
    clocks = Clocks(
        epochs, ("G01", "G02", "E05"), bias, np.abs(bias) * 1e-7, ("ONSA",), bias[:, :1], bias[:, :1] * 1e-8
    )
    header = clk.ClockHeader(
        program="P", agency="A", comments=("c",), leap_seconds=37, frame="IGS20", analysis_center="IGS",
        pcvs_applied=(AppliedCorrection("G", "P", "igs20.atx"),), reference_clocks=(ReferenceClock("ONSA", "1", 1e-9),),
        stations=(SolutionStation("ONSA", "10402M004", (1.0, 2.0, 3.0)),),
    )  # fmt: skip
    new, old = (clk.to_bytes(clocks, header, version=version) for version in ("3.04", "3.00"))
    six = old.replace(b"  2    1.0", b"  6    1.0")
    line = b" ".join([b" 1.000000000000E-15"] * 4)
    lines = [part + b"\n" + line if b"  6   " in part[30:40] else part for part in six.split(b"\n")]
    return [new, old, b"\n".join(lines), new.replace(b"E-05", b"E-5 "), old.replace(b"   GPS ", b"   UTC ")]


def _erp_seeds() -> list[bytes]:
    from fiducial.formats import erp
    from fiducial.orbits.earth_rotation import EarthRotation

    mjd = 60000.5 + np.arange(3.0)
    rotation = EarthRotation(
        mjd, x_pole_rad=mjd * 1e-12, y_pole_rad=mjd * 1e-11, ut1_minus_utc_s=mjd * 1e-7, lod_s=mjd * 1e-9,
        x_pole_sigma_rad=mjd * 0 + 1e-11, y_pole_sigma_rad=mjd * 0 + 1e-11, x_rate_rad_per_day=mjd * 1e-15,
        y_rate_rad_per_day=mjd * 1e-15,
    )  # fmt: skip
    plain = erp.to_bytes(rotation, comments=("comment",))
    atomic = erp.to_bytes(replace(rotation, ut1_minus_utc_s=rotation.ut1_minus_utc_s - 37.0))
    return [plain, atomic.replace(b"UT1-UTC", b"UT1 -TAI").replace(b"E-7s", b".1us")]


def seeds() -> list[tuple[str, bytes]]:
    """Return valid files with the name of their reader."""
    clocks = [("clk", data) for data in _clock_seeds()]
    return [*clocks, *clocks[:3], *(("erp", data) for data in _erp_seeds()), ("finals", FINALS)]


_SEEDS: list[tuple[str, bytes]] = []


def _changed(content: bytes, choices: Choices) -> bytes:
    # Most of a clock file is header; half of the changes go to the last third, where the records stand.
    low = 0 if choices.integer(0, 1) else len(content) * 2 // 3
    place = choices.integer(low, len(content))
    length = choices.integer(0, 30)
    action = choices.integer(0, 7)
    token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
    flipped = bytes(byte ^ (1 << choices.integer(0, 7)) for byte in content[place : place + 1])
    # What stands in place of how many bytes: insert, overwrite, delete, cut, scramble, flip a bit.
    changes = (
        (token, 0), (token, len(token)), (b"", length), (b"", len(content)), (choices.content(length), length), (flipped, 1),
    )  # fmt: skip
    if action < len(changes):
        new, old = changes[action]
        return content[:place] + new + content[place + old :]
    lines = content.split(b"\n")
    row = choices.integer(len(lines) * bool(low) * 2 // 3, len(lines) - 1)
    if action == len(changes):
        lines.insert(row, lines[choices.integer(0, len(lines) - 1)])
    else:
        del lines[row]
    return b"\n".join(lines)


def make(choices: Choices) -> tuple[str, bytes]:
    """Return the name of a reader and a damaged file for it."""
    if not _SEEDS:
        _SEEDS.extend(seeds())
    kind, content = _SEEDS[choices.integer(0, len(_SEEDS) - 1)]
    for _ in range(choices.integer(0, 3)):
        content = _changed(content, choices)
    return kind, content


def exercise(kind: str, content: bytes) -> bool:
    """Read a file, write it and read it again; return whether it was accepted."""
    from fiducial.formats import clk, erp, iers_finals

    try:
        if kind == "clk":
            found = clk.read(content, records="all")
        elif kind == "erp":
            rotation = erp.read(content)
        else:
            iers_finals.read(content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    if kind == "clk":
        _check_clocks(found, content)
    elif kind == "erp":
        _check_rotation(rotation)
    return True


def _check_clocks(found, content: bytes) -> None:
    from fiducial.formats import clk, clk_words

    clocks = found.clocks
    usual = clk_words.fields
    try:
        clk_words.fields = lambda rows, layout: _nothing_usual(usual(rows, layout))
        careful = clk.read(content, records="all")
    finally:
        clk_words.fields = usual
    np.testing.assert_array_equal(clocks.bias_s, careful.clocks.bias_s)
    np.testing.assert_array_equal(clocks.sigma_s, careful.clocks.sigma_s)
    np.testing.assert_array_equal(clocks.epochs_gps, careful.clocks.epochs_gps)
    assert (clocks.satellites, clocks.stations) == (careful.clocks.satellites, careful.clocks.stations)
    assert found.findings == careful.findings
    try:
        written = clk.to_bytes(clocks)
    except FiducialError:
        return  # an epoch finer than a microsecond, a huge value
    again = clk.read(written, records="all").clocks
    np.testing.assert_array_equal(again.epochs_gps, clocks.epochs_gps)
    np.testing.assert_allclose(again.bias_s, clocks.bias_s, rtol=1e-12, atol=1e-98)


def _nothing_usual(fields):
    return replace(fields, usual=np.zeros_like(fields.usual))


def _check_rotation(found) -> None:
    from fiducial.formats import erp

    try:
        written = erp.to_bytes(found.rotation, comments=found.comments, columns=found.columns)
    except FiducialError:
        return
    again = erp.read(written)
    np.testing.assert_allclose(again.rotation.x_pole_rad, found.rotation.x_pole_rad, rtol=0, atol=3e-12)


def run(choices: Choices) -> bool:
    """Make one file and read it."""
    return exercise(*make(choices))


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats"]):
        from fiducial.formats import clk, erp, iers_finals  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)  # an overflow in a check is a check that does not check
    accepted = total = 0

    def one_input(data: bytes) -> None:
        nonlocal accepted, total
        total += 1
        accepted += run(FuzzedChoices(data))
        if total % 10_000 == 0:
            print(f"{total} inputs, {accepted} accepted", file=sys.stderr, flush=True)  # noqa: T201

    # Long inputs from the start: every decision takes bytes, and short inputs decide everything as zero.
    atheris.Setup([sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
