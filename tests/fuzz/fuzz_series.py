"""Fuzzer of the readers of station series: damaged tenv, tenv3, TMS and lists of steps raise FiducialError only.

``python tests/fuzz/fuzz_series.py -max_total_time=120`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. What is accepted must be a consistent series, and TMS must write and read it.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import series_factory as factory
from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

TOKENS = (
    b"\n", b"\r", b" ", b"  ", b"-", b"+", b".", b"nan", b"inf", b"1e400", b"1e99", b"0", b"9" * 30, b"54475", b"08JAN09",
    b"2008-01-09", b"2008-02-30", b"9999-12-31", b"0001-01-01", b"2008:400:99999", b"99999", b"-99999999", b"\x00", b"\xff",
    b"%=TMS 1.0", b"%ENDTMS", b"+TIMESERIES/DATA", b"-TIMESERIES/DATA", b"+SITE/ID", b"*", b"EAST", b"YEAR", b"MJD", b"mm",
    b"1_0", b"\xd9\xa1", b"HH:MM:SS", b"25:00:00", b"SIMU", b"100000.5", b"29999", b"1e-5",
)  # fmt: skip


@cache
def seeds() -> list[tuple[str, bytes]]:
    """Return kinds and contents of valid files."""
    values = np.round(factory.linear(8, noise_m=0.002), 4)
    dated = (("YYYY-DDD", ""), ("HH:MM:SS", ""), ("X", "m"), ("Y", "m"), ("Z", "m"), ("SIG_X", "m"), ("CORR_XY", ""))
    return [
        ("tenv", factory.tenv(values)),
        ("tenv", factory.tenv3(values)),
        ("tenv", factory.tenv3(values, columns=20, titled=False)),
        ("tms", factory.tms(values)),
        ("tms", factory.tms(values, titles=dated, end=False)),
        (
            "tms",
            factory.tms(values, titles=(("JD", ""), ("EAST", "m"), ("NORTH", "m"), ("UP", "m"), ("SIG_EAST", "m"))),
        ),
        ("steps", b"# steps\nSIMU 10MAY01 1 antenna\nSIMU 2011.5 2 M6\nSIMU 2012-01-01T12:30\n"),
    ]


def _mutated(content: bytes, choices: Choices) -> bytes:
    place, length = choices.integer(0, len(content)), choices.integer(0, 30)
    action = choices.integer(0, 6)
    token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
    if action == 0:
        return content[:place] + token + content[place:]
    if action == 1:
        return content[:place] + token + content[place + len(token) :]
    if action == 2:
        return content[:place] + content[place + length :]
    if action == 3:
        return content[:place]
    if action == 4:
        return content[:place] + choices.content(length) + content[place + length :]
    lines = content.split(b"\n")
    row, other = choices.integer(0, len(lines) - 1), choices.integer(0, len(lines) - 1)
    if action == 5:
        lines[row], lines[other] = lines[other], lines[row]
    else:
        words = lines[row].split(b" ")
        words[choices.integer(0, len(words) - 1)] = token
        lines[row] = b" ".join(words)
    return b"\n".join(lines)


def make(choices: Choices) -> tuple[str, bytes, str]:
    """Return a kind, a damaged content and a strictness."""
    kind, content = seeds()[choices.integer(0, len(seeds()) - 1)]
    for _ in range(choices.integer(1, 3)):
        content = _mutated(content, choices)
    return kind, content, ("warn", "ignore", "raise")[choices.integer(0, 2)]


def exercise(kind: str, content: bytes, strictness: str = "warn") -> bool:
    """Read a content; return whether it was accepted."""
    from fiducial.formats import station_steps, tenv, tms

    try:
        if kind == "steps":
            station_steps.read(content)
            return True
        found = (tenv if kind == "tenv" else tms).read(content, strictness=strictness)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    assert found.size > 0
    assert np.all(np.diff(found.epochs) > np.timedelta64(0))
    try:
        written = tms.to_bytes(found)
    except FiducialError as error:
        assert error.code == "FID-2498"  # noqa: PT017
        return True
    again = tms.read(written, strictness="raise")
    np.testing.assert_array_equal(again.epochs, found.epochs)
    np.testing.assert_allclose(again.displacement_m, found.displacement_m, atol=1e-4, rtol=1e-9)
    return True


def main() -> None:
    import atheris

    from fiducial.stations import series  # noqa: F401

    with atheris.instrument_imports(include=["fiducial.formats"]):
        from fiducial.formats import series_rows, station_steps, tenv, tms, tms_columns, tms_writer  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)
    accepted = total = 0

    def one_input(data: bytes) -> None:
        nonlocal accepted, total
        total += 1
        accepted += exercise(*make(FuzzedChoices(data)))
        if total % 10_000 == 0:
            print(f"{total} inputs, {accepted} accepted", file=sys.stderr, flush=True)  # noqa: T201

    atheris.Setup([sys.argv[0], "-max_len=120", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
