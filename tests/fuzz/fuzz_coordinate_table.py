"""Fuzzer of tables of station coordinates; ``python tests/fuzz/fuzz_coordinate_table.py -max_total_time=600``.

Damaged input raises FiducialError and nothing else; what is accepted is written and read to the same text again.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

SEEDS = (
    b"""# frame: ITRF2020
station,x,y,z,vx,vy,vz,epoch
EUR1,4027893.6750,307045.9069,4919475.1721,-0.01361,0.01686,0.01024,2010.0
"ALIC, new",-4052051.77,4212836.20,-2545106.03,,,,2020-01-01
""",
    b"""* code x y z
EUR1 4027893.6750 307045.9069 4919475.1721

EUR2 4.0278D6 3e5 4919475
""",
    b"""epoch name x_m y[m] Z(m)
2010 A 1 2 3
""",
)
TOKENS = (
    b",", b" ", b"\t", b'"', b'""', b"#", b"*", b"%", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\x85", b"\x0b",
    b"\x1f", "\u2028".encode(), "\u0661".encode(), "\u00a0".encode(), b"nan", b"inf", b"-", b"1e999", b"1e308", b"-0", b"D",
    b"9" * 400, b"_", b"[", b"station", b"epoch", b"vx", b"x_km", b"2010-02-30", b"NaT", b"2100", b"0001-01-01", b"# frame: X\n",
)  # fmt: skip


def exercise(content: bytes) -> bool:
    """Read a content and write it again; return whether it was accepted."""
    from fiducial.formats import coordinate_table

    try:
        table = coordinate_table.read(content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    assert table.position_m.shape == (len(table.names), 3)
    assert np.isfinite(table.position_m).all()
    for commas in (True, False):
        text = coordinate_table.to_bytes(table, commas=commas)
        again = coordinate_table.read(text)
        assert len(again.names) == len(table.names)
        assert coordinate_table.to_bytes(again, commas=commas) == text
    return True


def run(choices: Choices) -> bool:
    """Make one content and read it."""
    content = SEEDS[choices.integer(0, len(SEEDS) - 1)]
    for _ in range(choices.integer(0, 3)):
        place, length = choices.integer(0, len(content)), choices.integer(0, 20)
        token = TOKENS[choices.integer(0, len(TOKENS) - 1)]
        pieces = (token, b"", choices.content(length), content[place : place + length] * 2)
        keep = place + length * choices.integer(0, 1)
        content = content[:place] + pieces[choices.integer(0, len(pieces) - 1)] + content[keep:]
    return exercise(content)


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats", "fiducial.geodesy.epochs"]):
        from fiducial.formats import coordinate_table  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)

    def one_input(data: bytes) -> None:
        run(FuzzedChoices(data))

    atheris.Setup([sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
