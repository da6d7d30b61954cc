"""Long lists of SINEX, which are read column by column: the same numbers, texts, faults and places as line by line."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.errors import FormatError
from fiducial.formats import sinex, sinex_fields, sinex_numbers, sinex_stream
from fiducial.stations.metadata_checks import SAME_SITE_M, identity_findings
from sinex_samples import text

COUNT = 48
LIST = ["SOLUTION/ESTIMATE"]


def line(index, kind="STAX", code="", point=" A", soln="   1", epoch="24:185:43200", unit="m   ", flag="2", value=None):
    value = f"{(-1) ** index * (4.0e6 + index):21.14E}" if value is None else value
    return f" {index:5d} {kind:6} {code or f'S{index:03d}'} {point} {soln} {epoch} {unit} {flag} {value} {index * 1e-4:11.5E}"


def content(lines):
    block = "\n".join(["+SOLUTION/ESTIMATE", "*INDEX TYPE__ CODE PT", *lines, "-SOLUTION/ESTIMATE"])
    return text(block).replace(b" 00006 ", f" {len(lines):05d} ".encode())


def sample():
    """Return lines of one length: three components of sixteen stations, two epochs, two units."""
    epochs, units = ("24:185:43200", "00:000:00000"), ("m   ", "m/y ")
    return [
        line(index, f"{'STA' if index % 2 else 'VEL'}{'XYZ'[index % 3]}", soln=f"{index % 12:4d}", epoch=epochs[index > 30],
             unit=units[index % 2])
        for index in range(1, COUNT + 1)
    ]  # fmt: skip


def same(first, second):
    for name in type(first).__slots__:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype


class TestLists:
    def test_lines_of_any_length_give_the_same(self):
        plain = content(sample())
        wanted = sinex.read(plain, strictness="raise").solution.estimate
        assert wanted.codes.tolist() == [f"S{index:03d}" for index in range(1, COUNT + 1)]
        assert wanted.solns.tolist() == [str(index % 12) for index in range(1, COUNT + 1)]
        assert wanted.values[1] == 4_000_002.0
        assert np.isnat(wanted.epochs_utc[40])
        assert wanted.epochs_utc[0] == np.datetime64("2024-07-03T12:00:00")
        for changed in (
            plain.replace(b"\n", b"\r\n"), plain.replace(b"\n     7 ", b"\n* comment\n     7 "),
            plain.replace(b"\n     7 ", b"\n\n     7 "), plain.replace(b"E-04\n     3", b"E-04   \n     3"),
            b"\n".join(row.ljust(95) for row in plain.split(b"\n")),
        ):  # fmt: skip
            assert changed != plain
            same(sinex.read(changed, strictness="raise").solution.estimate, wanted)

    def test_pieces(self, monkeypatch):
        wanted = sinex.read(content(sample())).solution.estimate
        monkeypatch.setattr(sinex_stream, "PIECE_BYTES", 500)
        same(sinex.read(content(sample())).solution.estimate, wanted)

    @pytest.mark.parametrize(
        ("first", "new", "columns", "code"),
        [
            (0, "x", "1-1", "FID-2473"), (1, "   99", "2-6", "FID-2474"), (1, " 3 7 ", "2-6", "FID-2473"),
            (6, "x", "7-7", "FID-2473"), (8, "\x07", "8-13", "FID-2473"), (27, "24:367:43200", "28-39", "FID-2473"),
            (27, "24:185:86401", "28-39", "FID-2473"), (29, ".", "28-39", "FID-2473"), (45, "7", "46-46", "FID-2473"),
            (46, "1", "47-47", "FID-2473"), (50, ",", "48-68", "FID-2473"), (51, "x", "48-68", "FID-2473"),
            (64, "F", "48-68", "FID-2473"), (65, ",", "48-68", "FID-2473"), (66, "99", "48-68", "FID-2473"),
            (47, 21 * " ", "48-68", "FID-2473"), (69, "-1.0000E-04", "70-80", "FID-2473"), (80, "x", "81-81", "FID-2473"),
        ],
    )  # fmt: skip
    def test_faults_name_line_and_columns(self, first, new, columns, code):
        lines = sample()
        lines[36] = lines[36][:first].ljust(first) + new + lines[36][first + len(new) :]
        with pytest.raises(FormatError) as caught:
            sinex.read(content(lines), name="a.snx")
        assert caught.value.code == code
        assert caught.value.where == f"a.snx, line {4 + 36}, columns {columns}"

    def test_letters_beyond_ascii(self):
        changed = content(sample()).replace(b"S004", b"S\xe904")
        assert sinex.read(changed).solution.estimate.codes[3] == "S\xe904"

    def test_blocks_that_are_not_wanted_are_only_framed(self):
        extra = "+SITE/ID\nx damaged\n-SITE/ID\n"
        file = content(sample()).replace(b"+SOLUTION", extra.encode() + b"+SOLUTION")
        assert sinex.read(file, blocks=LIST).titles == ("SITE/ID", "SOLUTION/ESTIMATE")
        with pytest.raises(FormatError, match="FID-2473"):
            sinex.read(file)
        with pytest.raises(FormatError, match="FID-2472"):
            sinex.read(file.replace(b"-SITE/ID\n", b""), blocks=LIST)


class TestFarApart:
    @pytest.mark.parametrize("seed", range(12))
    def test_what_is_skipped_would_have_found_nothing(self, seed):
        rng = np.random.default_rng(seed)
        lines = []
        for station in range(20):
            place = rng.uniform(-6e6, 6e6, 3)
            for soln in range(rng.integers(1, 4)):
                moved = place + rng.choice([0.0, 0.01, 0.3, 0.55, 0.9, 3.0]) * SAME_SITE_M * rng.normal(size=3)
                for axis, value in zip("XYZ", moved, strict=True):
                    code, number = f"S{station:03d}", f"{soln + 1:4d}"
                    lines.append(line(len(lines) + 1, f"STA{axis}", code, soln=number, value=f"{value:21.14E}"))
        found = sinex.read(content(lines), blocks=LIST, name="a")
        assert found.findings == tuple(f"a: {finding}" for finding in identity_findings(found.solution))

    def test_doubled_parameters_among_many(self):
        lines = sample()
        lines[40] = f" {41:5d}{lines[38][6:]}"
        findings = sinex.read(content(lines), blocks=LIST, name="a").findings
        assert len(findings) == 1
        assert findings[0].startswith("a, line 44: parameter STAX S039 A 3")
        assert "stands twice in SOLUTION/ESTIMATE" in findings[0]


class TestNumbers:
    TEMPLATES = ("%21.14E", "%20.13e", "%11.5E", "%22.15E", "%9.2E")

    @staticmethod
    def both(part):
        columns = np.ascontiguousarray(part.T)
        low, high = columns.min(axis=1).tobytes(), columns.max(axis=1).tobytes()
        return sinex_numbers.uniform_numbers(columns, low, high), *sinex_numbers.fixed_numbers(part)

    @staticmethod
    def characters(words):
        width = max(map(len, words))
        return np.array([word.rjust(width) for word in words], dtype=f"S{width}").view(np.uint8).reshape(-1, width)

    @pytest.mark.parametrize("template", TEMPLATES)
    @pytest.mark.parametrize("powers", [(0, 8), (-9, 0), (-12, 12), (-30, 30)])
    def test_to_the_bit(self, template, powers):
        rng = np.random.default_rng(5)
        values = rng.normal(size=300) * 10.0 ** rng.integers(*powers, 300)
        uniform, fixed, done = self.both(self.characters([(template % value).encode() for value in values]))
        assert (uniform is not None) == done.all()
        if uniform is not None:
            np.testing.assert_array_equal(uniform.view(np.uint64), fixed.view(np.uint64))

    def test_fortran(self):
        words = [b"-.405205296884358E+07", b"0.421283595074131E+07", b" .254510426632942E-07", b"+.000000000000000E+00"]
        for chosen in (words, words[:1], words[1:2], [b"-1.5E+01", b" 2.5E-01"], [b".5E+01"], [b"+.5E-01", b"1.5E-01"]):
            uniform, fixed, done = self.both(self.characters(chosen * 40))
            assert done.all()
            np.testing.assert_array_equal(uniform, fixed)

    def test_one_damaged_character_is_never_taken(self):
        rng = np.random.default_rng(8)
        taken = 0
        for _ in range(1500):
            words = [f"{value:21.14E}".encode() for value in rng.normal(size=40)]
            part = self.characters(words).copy()
            row, column = rng.integers(0, 40), rng.integers(0, part.shape[1])
            part[row, column] = rng.choice(np.frombuffer(b" +-.,/:;0159EeDdFx\x00\x1f\xff", dtype=np.uint8))
            uniform, fixed, done = self.both(part)
            assert (uniform is None) or done.all()
            if uniform is not None:
                taken += 1
                np.testing.assert_array_equal(uniform, fixed)
        assert 50 < taken < 1000

    def test_whole_numbers(self):
        rng = np.random.default_rng(9)
        for _ in range(600):
            words = [f"{value:5d}".encode() for value in rng.integers(0, 99_999, 6)]
            part = np.full((6, sinex_fields.WIDTH), ord(" "), dtype=np.uint8)
            part[:, 1:6] = self.characters([b"12345", *words])[1:]
            part[rng.integers(0, 6), rng.integers(1, 6)] = rng.choice(np.frombuffer(b" 0379-+./:x", dtype=np.uint8))
            rows = sinex_fields.Rows(part, np.arange(6), "a")
            printed = [bytes(row[1:6]) for row in part]
            sound = all(word.strip().isdigit() for word in printed)
            if sound:
                assert sinex_fields.integers(rows, 1, 6).tolist() == [int(word) for word in printed]
            else:
                with pytest.raises(FormatError, match="FID-2473"):
                    sinex_fields.integers(rows, 1, 6)
