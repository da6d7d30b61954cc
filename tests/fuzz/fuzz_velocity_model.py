"""Fuzzer of velocity model files and of lists of points.

``python tests/fuzz/fuzz_velocity_model.py -max_total_time=600`` runs it with atheris; the smoke test beside it runs the
same mutations from a random generator. Damaged input raises FiducialError and nothing else, and an accepted model predicts.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import warnings
import zipfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from fiducial.errors import FiducialError
from fuzz.fuzz_egms import Choices, FuzzedChoices

POINTS = b"# points\nlon,lat,name\n10.0,48.0,A\n12.5,-49.25,B\n"
TOKENS = (
    b"",
    b"nan",
    b"inf",
    b"-1e999",
    b"\xff",
    b"\x00",
    b'"',
    b",",
    b" ",
    b"\n",
    b"9" * 40,
    b"PK\x01\x02",
    b"lat",
    b"\xef\xbb\xbf",
)
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, -1e308, 0.5, float("nan"), float("inf"), "", "x", "ETRF2000", "plate:EURA", [], {}, [1, 2],
    [3, -1], "NaN", [[0]],
)  # fmt: skip
NUMBERS = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e-300, 1e300, 1e7, 89.9, 180.0)


@cache
def seed() -> bytes:
    from fiducial.formats import velocity_model_file
    from fiducial.stations.velocity_covariance import ComponentCovariance
    from fiducial.stations.velocity_model import model_of_sites
    from velocity_networks import network

    given = (ComponentCovariance(0.8, 300.0, 0.02, 1.0, 0),) * 3
    return velocity_model_file.to_bytes(model_of_sites(network(32)[0], fixed=given))


def _bytes_changed(content: bytes, choices: Choices) -> bytes:
    place, length = choices.integer(0, len(content)), choices.integer(0, 20)
    token = (*TOKENS, choices.content(length))[choices.integer(0, len(TOKENS))]
    end = (place, place + len(token), place + length, len(content))[choices.integer(0, 3)]
    return content[:place] + token + content[end:]


def _parts_changed(content: bytes, choices: Choices) -> bytes:
    """Change values of the document and of arrays, and seal the file again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(parts.pop("model.json"))
    for _ in range(choices.integer(0, 2)):
        node: Any = document
        while isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = keys[choices.integer(0, len(keys) - 1)]
            if choices.integer(0, 2) == 0 or not isinstance(node[key], dict | list) or not node[key]:
                node[key] = deepcopy(VALUES[choices.integer(0, len(VALUES) - 1)])
                break
            node = node[key]
    for _ in range(choices.integer(0, 2)):
        name = sorted(parts)[choices.integer(0, len(parts) - 1)]
        array = np.frombuffer(parts[name], "<f8").copy()
        if choices.integer(0, 9) == 0:
            array = array[: choices.integer(0, len(array))]
        elif len(array):
            array[choices.integer(0, len(array) - 1)] = NUMBERS[choices.integer(0, len(NUMBERS) - 1)]
        parts[name] = array.tobytes()
        stated = document.get("arrays")
        if isinstance(stated, dict) and isinstance(stated.get(name.removesuffix(".f8")), dict):
            stated[name.removesuffix(".f8")]["sha256"] = hashlib.sha256(parts[name]).hexdigest()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.json", json.dumps(document))
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def exercise(kind: str, content: bytes) -> bool:
    """Read a content and use it; return whether it was accepted."""
    from fiducial.formats import point_list, velocity_model_file

    try:
        if kind == "points":
            points = point_list.read(content)
            assert len(points.names) == len(points.longitude_deg) == len(points.latitude_deg) > 0
            return True
        model = velocity_model_file.read(content)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
        return False
    try:
        found = model.predict([10.0, -170.0], [48.0, -80.0], between_points=True)
        assert found.velocity_enu_mm_per_yr.shape == (2, 3)
    except FiducialError as error:
        assert error.fix and error.where  # noqa: PT017, PT018
    return True


def run(choices: Choices) -> bool:
    """Make one content and read it."""
    if choices.integer(0, 3) == 0:
        content = POINTS
        for _ in range(choices.integer(0, 3)):
            content = _bytes_changed(content, choices)
        return exercise("points", content)
    content = _parts_changed(seed(), choices)
    if choices.integer(0, 4) == 0:
        content = _bytes_changed(content, choices)
    return exercise("model", content)


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["fiducial.formats", "fiducial.stations"]):
        from fiducial.formats import point_list, velocity_model_file  # noqa: F401

    warnings.simplefilter("error", RuntimeWarning)
    atheris.Setup(
        [sys.argv[0], "-max_len=300", "-len_control=0", *sys.argv[1:]], lambda data: run(FuzzedChoices(data)) and None
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
