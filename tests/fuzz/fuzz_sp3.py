"""Fuzzer of the SP3 reader: damaged files raise FiducialError and nothing else.

``python tests/fuzz/fuzz_sp3.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. Inputs start from valid files of every version and kind of record. What is accepted
is written and read again: both must hold the same numbers.
"""

from __future__ import annotations

import bz2
import gzip
import sys
import warnings
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ncompress
import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices
from sp3_factory import record, small

TOKENS = (
    b"\n", b"\r\n", b"\r", b"\x00", b"-", b"+", b".", b"e", b" ", b"nan", b"Inf", b"*", b"999999.999999", b"0.000000", b"\xff",
    b"EOF", b"EOF\n", b"EP", b"EV", b"P", b"V", b"PG01", b"VG01", b"*  2024  9 19  0 15  0.00000000\n", b"++", b"+ ", b"%c",
    b"%f", b"%i", b"/* ", b"##", b"#a", b"#c", b"#dV", b"UTC", b"BDT", b"GLO", b"ccc", b"  1", b"R24", b"9" * 20, b"99", b"1.25",
    b"2024", b"1971", b"2199 12 31", b"24", b"60", b"IGS20", b"ITRF2", b"\xb2", b"  ", b"        ", b"\x1a", b"/*\n",
)  # fmt: skip


def _with_everything():
    text = small(mode="V", satellites=("G01", "E02", "R03"), comments=("one", "two"), accuracy=(4, 0, 5), file_type="M")
    for row in (7, 6, 5, 3, 2, 1):
        name = text.body[row][1:4]
        text.body[row] += " 11  9 10 109 EP  MP"
        text.body.insert(row + 1, "EV  55   56   57      222  1234567 -1234567  5999999      -30       21 -1230000")
        text.body.insert(row + 1, record(name, 1.5, -2.5, 3.5, 0.25, letter="V"))
        text.body.insert(row + 1, "EP  55   56   57      222  1234567 -1234567  5999999      -30       21 -1230000")
    return text


@cache
def seeds() -> list[bytes]:
    """Return files of every kind."""
    clean = small(accuracy=(5, 6))
    clean.body[1] += "  5  6  7  89"
    wide = small(version="c", satellites=("G 1", "R02", "C03"), file_type="M", time_system="UTC")
    wide.newline = "\r\n"
    wide.body[2] = record("R02", 0, 0, 0)
    names = tuple(f"E{number:02d}" for number in range(1, 90))
    return [
        clean.data(), wide.data(), small(version="a", satellites=("  1", " 02"), bases=(0.0, 0.0)).data(),
        _with_everything().data(), small(satellites=names, time_system="GAL").data(), small(time_system="GLO").data(),
    ]  # fmt: skip


def _lines(content: bytes, choices: Choices) -> bytes:
    """Double, drop, move, cut or pad a line, or put a token at a column of it."""
    lines = content.split(b"\n")
    row, other = choices.integer(0, len(lines) - 1), choices.integer(0, len(lines) - 1)
    action = choices.integer(0, 6)
    if action == 0:
        lines.insert(other, lines[row])
    elif action == 1:
        del lines[row]
    elif action == 2:
        lines[row], lines[other] = lines[other], lines[row]
    elif action == 3:
        lines[row] = lines[row][: choices.integer(0, 80)]
    elif action == 4:
        lines[row] = lines[row].ljust(choices.integer(60, 90))
    else:
        token = TOKENS[choices.integer(0, len(TOKENS) - 1)] if action == 5 else choices.content(choices.integer(1, 4))
        column = choices.integer(0, 80)
        lines[row] = lines[row][:column] + token + lines[row][column + len(token) :]
    return b"\n".join(lines)


def _bytes(content: bytes, choices: Choices) -> bytes:
    start = choices.integer(0, len(content))
    length = choices.integer(0, 40)
    action = choices.integer(0, 4)
    if action == 0:
        return content[:start] + TOKENS[choices.integer(0, len(TOKENS) - 1)] + content[start:]
    if action == 1:
        return content[:start] + content[start + length :]
    if action == 2:
        return content[:start]
    if action == 3:
        return content[:start] + choices.content(length) + content[start + length :]
    flipped = bytes(byte ^ (1 << choices.integer(0, 7)) for byte in content[start : start + 1])
    return content[:start] + flipped + content[start + 1 :]


def make(choices: Choices) -> bytes:
    """Return one input."""
    content = seeds()[choices.integer(0, len(seeds()) - 1)]
    for _ in range(choices.integer(0, 3)):
        content = (_bytes if choices.integer(0, 2) == 0 else _lines)(content, choices)
    if choices.integer(0, 15) == 0:
        content = (gzip.compress, bz2.compress, ncompress.compress)[choices.integer(0, 2)](content)
        for _ in range(choices.integer(0, 2)):
            content = _bytes(content, choices)
    return content


def exercise(content: bytes) -> bool:
    """Read; what is accepted must be written and read to the same numbers. Return whether it was accepted."""
    from fiducial.formats import sp3

    strict = True
    try:
        file = sp3.read(content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    try:
        sp3.read(content, strictness="raise")
    except FiducialError as error:
        assert error.code == "FID-2408"  # noqa: PT017
        strict = False
    assert strict == (not file.findings)
    try:
        again = sp3.read(sp3.to_bytes(file))
    except FiducialError as error:
        # An epoch that GPS time or the columns of the interval do not hold.
        assert error.code == "FID-2410"  # noqa: PT017
        return True
    for part in ("epochs_gps", "position_m", "clock_s", "velocity_m_per_s", "clock_rate"):
        np.testing.assert_array_equal(getattr(again.orbit, part), getattr(file.orbit, part))
    assert again.orbit.satellites == file.orbit.satellites
    return True


def main() -> None:
    import atheris

    # atheris keeps the result of every comparison that it traces, also when that is an array: 70 kB an input.
    arrays = [f"fiducial.formats.sp3_{part}" for part in ("fields", "records", "writer")]
    with atheris.instrument_imports(include=["fiducial.formats"], exclude=arrays):
        from fiducial.formats import sp3, sp3_body, sp3_header, text_source  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)  # an overflow in a check is a check that does not check
    accepted = total = 0

    def one_input(data: bytes) -> None:
        nonlocal accepted, total
        total += 1
        accepted += exercise(make(FuzzedChoices(data)))
        if total % 10_000 == 0:
            print(f"{total} inputs, {accepted} accepted", file=sys.stderr, flush=True)  # noqa: T201

    # Long inputs from the start: every decision takes bytes, and short inputs decide everything as zero.
    atheris.Setup([sys.argv[0], "-max_len=200", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
