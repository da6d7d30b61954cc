"""Fuzzer of the texts around IGS orbits: file names, combination summary, satellite metadata, NANU summary.

``python tests/fuzz/fuzz_igs_texts.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the same
mutations from a random generator. Damaged input raises FiducialError and nothing else, and what is accepted answers
every question without another error.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import igs_text_samples
from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

SEEDS = (
    ("summary", igs_text_samples.SUMMARY.encode()),
    ("metadata", igs_text_samples.sinex().encode()),
    ("nanu", igs_text_samples.NANUS.encode()),
    ("name", b"COD0OPSFIN_20242630000_01D_05M_ORB.SP3.gz"),
    ("name", b"IGS0OPSFIN_20242630000_01D_05M_ABMF00GLP_TRO.TRO"),
    ("name", b"igu23324_06.sp3.Z"),
    ("name", b"codg2630.24i"),
    ("name", b"igs24P2332.snx"),
)
TOKENS = (
    b":", b": ", b"[", b"]", b"{", b"}", b"&a ", b"*a", b"!!int ", b"- ", b"---\n", b"...\n", b"\t", b"|", b">-", b"?", b"'",
    b'"', b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xfe\xff", b"\xd9\xa1", b"nan", b".inf", b"1e999", b"-0", b"9" * 30, b"_", b".",
    b"+SATELLITE/PRN\n", b"-SATELLITE/PRN\n", b"+", b"%ENDSNX\n", b"\r", b"\n", b"\r\n", b"\x85", b"0000:000:00000", b"86399",
    b"9999:366:00000", b"-nanu_sum\n", b"+nanu_sum\n", b"FCSTDV", b"FCSTRESCD", b"FCSTEXTD", b"2024043", b"2024_366_2359",
    b"2261_365_2359", b"<<: ", b"# - R = x (unit: mm)\n", b"# for week 9999\n", b"99", b"7", b"Z", b".gz", b"\x1f\x8b", b"BZh",
)  # fmt: skip
EPOCHS = tuple(np.datetime64(text) for text in ("2024-09-19", "1990-01-01", "2010-01-15T12:00", "NaT", "2261-12-31"))
SATELLITES = ("G17", "R01", "J01", "")


def _changed(content: bytes, choices: Choices) -> bytes:
    if choices.integer(0, 3) == 0:
        return _lines_changed(content, choices)
    place = choices.integer(0, len(content))
    length = choices.integer(0, 30)
    token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
    other = choices.integer(0, len(content))
    replacements = (
        (place, token, place),
        (place, token, place + len(token)),
        (place, b"", place + length),
        (place, b"", len(content)),
        (place, choices.content(length), place + length),
        (other, content[place : place + length], other),
    )
    begin, piece, end = replacements[choices.integer(0, len(replacements) - 1)]
    return content[:begin] + piece + content[end:]


def _lines_changed(content: bytes, choices: Choices) -> bytes:
    lines = content.split(b"\n")
    row, target = choices.integer(0, len(lines) - 1), choices.integer(0, len(lines) - 1)
    lines.insert(target, lines[row] if choices.integer(0, 1) else lines.pop(row))
    return b"\n".join(lines)


def exercise(kind: str, content: bytes) -> bool:
    """Read a content and ask it everything; return whether it was accepted."""
    try:
        {"summary": _summary, "metadata": _metadata, "nanu": _nanu, "name": _name}[kind](content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    return True


def _summary(content: bytes) -> None:
    from fiducial.formats import sinex_summary

    summary = sinex_summary.read(content, name="IGS0OPSSNX_20242590000_07D_07D_SUM.YML")
    assert 0 <= summary.week <= 9999
    for centre, day in summary.transformations:
        date = summary.first_day + day
        assert np.isfinite(summary.rotation_rad(centre, date)).all()
        assert np.isfinite(summary.translation_m(centre, date)).all()
        assert np.isfinite(summary.scale(centre, date))
    for epoch in EPOCHS:
        summary.erp_residuals("COD", epoch)
        summary.station_statistics("COD", epoch)


def _metadata(content: bytes) -> None:
    from fiducial.formats import satellite_metadata

    metadata = satellite_metadata.read(content)
    for epoch in EPOCHS:
        for prn in SATELLITES:
            mass = metadata.mass_kg(prn, epoch)
            assert mass is None or mass > 0
            metadata.block(prn, epoch)
            metadata.frequency_channel(prn, epoch)
            metadata.antenna_offset_m(prn, epoch)
            metadata.centre_of_mass_m(prn, epoch)


def _nanu(content: bytes) -> None:
    from fiducial.formats import nanu

    nanus = nanu.read(content)
    numbers = {notice.number for notice in nanus}
    for solution in ("FIN", "ULT"):
        assert {manoeuvre.nanu for manoeuvre in nanu.manoeuvres(nanus, solution)} <= numbers


def _name(content: bytes) -> None:
    from fiducial.formats import igs_names

    text = content.decode("utf-8", "surrogateescape")
    name = igs_names.parse_name(text)
    assert name.build() == text.replace("\\", "/").rsplit("/", 1)[-1]
    assert type(name)(*(getattr(name, field) for field in name.__slots__)) == name


def make(choices: Choices) -> tuple[str, bytes]:
    """Return the kind of a content and the content."""
    kind, content = SEEDS[choices.integer(0, len(SEEDS) - 1)]
    for _ in range(choices.integer(0, 3)):
        content = _changed(content, choices)
    return kind, content


def run(choices: Choices) -> bool:
    """Make one content and read it."""
    return exercise(*make(choices))


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats", "fiducial.orbits", "yaml"]):
        from fiducial.formats import igs_names, nanu, satellite_metadata, sinex_summary  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)
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
