"""SINEX: what each block means, and that a damaged file is never read short."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest

from fiducial.errors import FiducialError, FormatError, InputError
from fiducial.formats import sinex, sinex_matrix, sinex_numbers, sinex_stream
from sinex_samples import (
    DAY,
    ESTIMATE,
    FACTORS,
    HEADER,
    MAS,
    PRINTED,
    SITES,
    SPANS,
    covariance,
    full_solution,
    matrix_block,
    small,
    table,
    text,
)

NAT = np.datetime64("NaT", "ns")


def refused(code, content, **options):
    with pytest.raises(FiducialError) as caught:
        sinex.read(content, **options)
    assert caught.value.code == code, str(caught.value)
    return caught.value


class TestEstimates:
    def test_values_in_si_units(self):
        estimate = sinex.read(small()).solution.estimate
        np.testing.assert_allclose(estimate.values, PRINTED * FACTORS, rtol=1e-15)
        assert estimate.units.tolist() == ["m", "m", "m", "m/yr", "rad", "s"]
        assert estimate.printed_units.tolist() == ["m", "m", "m", "m/y", "mas", "ms"]
        assert estimate.types.tolist() == ["STAX", "STAY", "STAZ", "VELX", "XPO", "LOD"]
        assert estimate.codes.tolist() == ["AAAA"] * 4 + ["----"] * 2
        assert estimate.points.tolist() == ["A"] * 4 + ["--"] * 2
        assert estimate.constraints.tolist() == [2, 2, 1, 2, 0, -1]
        assert (estimate.epochs_utc == np.datetime64("2024-07-03T12:00:00")).all()

    def test_a_sigma_of_zero_is_none(self):
        sigmas = sinex.read(small()).solution.estimate.sigmas
        np.testing.assert_allclose(sigmas[:5], [2e-3, 3e-3, 4e-3, 1e-4, 5e-2 * MAS], rtol=1e-15)
        assert np.isnan(sigmas[5])

    def test_header(self):
        header = sinex.read(small()).solution.header
        assert (header.version, header.agency, header.technique) == ("2.02", "TST", "P")
        assert (header.parameters, header.constraint, header.contents) == (6, 2, ("S", "E"))
        assert header.start_utc == np.datetime64("2024-07-02T23:59:42")
        assert header.created_utc == np.datetime64("2024-07-07T02:47:35")

    def test_sites_and_the_sign_of_a_zero_degree(self):
        sites = sinex.read(small()).solution.sites
        np.testing.assert_allclose(sites.longitude_deg, [10.51, 350.0])
        np.testing.assert_allclose(sites.latitude_deg, [45.0, -0.5])
        np.testing.assert_allclose(sites.height_m, [100.0, -10.5])
        assert sites.domes.tolist() == ["10001M001", "10002M001"]
        assert sites.descriptions.tolist() == ["First station", "Second station"]

    def test_a_sound_file_has_no_findings(self):
        found = sinex.read(small(), strictness="raise")
        assert found.findings == ()
        assert found.titles == ("SITE/ID", "SOLUTION/EPOCHS", "SOLUTION/ESTIMATE")

    def test_windows_line_ends_and_trailing_blanks(self):
        content = small().replace(b"%ENDSNX", b"%ENDSNX   ").replace(b"\n", b"\r\n")
        np.testing.assert_array_equal(
            sinex.read(content).solution.estimate.values, sinex.read(small()).solution.estimate.values
        )

    def test_chosen_blocks(self):
        found = sinex.read(small(), blocks=["SOLUTION/ESTIMATE"])
        assert found.solution.sites is None
        assert len(found.solution.estimate) == 6
        with pytest.raises(InputError, match="FID-1304"):
            sinex.read(small(), blocks=["SOLUTION/NOTHING"])

    def test_time_constants_are_years(self):
        rows = ESTIMATE.replace("1 STAX   AAAA", "1 AEXP_E AAAA").replace("2 STAY   AAAA", "2 TEXP_E AAAA")
        solution = sinex.read(text(SITES, rows)).solution
        assert solution.estimate.units.tolist()[:2] == ["m", "yr"]
        terms = solution.post_seismic()
        assert terms.models.tolist() == ["EXP"]
        assert terms.components.tolist() == ["E"]
        assert terms.time_constant_yr[0] == 824067.4

    def test_texts_statistics_equipment_discontinuities(self):
        blocks = """+FILE/REFERENCE
 REFERENCE FRAME    IGS20
 SOFTWARE           test 1
 SOFTWARE           test 2
-FILE/REFERENCE
+FILE/COMMENT
 free text
-FILE/COMMENT
+SOLUTION/STATISTICS
 NUMBER OF OBSERVATIONS                        1804024
 VARIANCE FACTOR                 0.419867589918620E+07
-SOLUTION/STATISTICS
+SITE/ECCENTRICITY
 AAAA  A    1 P 24:184:86382 00:000:00000 UNE   0.1000   0.0200  -0.0030
 BBBB  A    1 P 24:184:86382 00:000:00000 XYZ   0.1000   0.0200  -0.0030
-SITE/ECCENTRICITY
+SOLUTION/DISCONTINUITY
 AAAA  A    1 P 00:000:00000 99:365:86400 P - earthquake
 AAAA  A    2 P 50:001:00000 49:365:00000 V -
-SOLUTION/DISCONTINUITY"""
        solution = sinex.read(text(SITES, blocks)).solution
        assert solution.reference_frame == "IGS20"
        assert solution.reference == {"SOFTWARE": "test 1\ntest 2"}
        assert solution.comments == ("free text",)
        assert solution.statistics == {"NUMBER OF OBSERVATIONS": 1804024.0, "VARIANCE FACTOR": 0.41986758991862e7}
        np.testing.assert_array_equal(solution.eccentricities.vector_m, [[-0.003, 0.02, 0.1], [0.1, 0.02, -0.003]])
        cuts = solution.discontinuities
        assert cuts.kinds.tolist() == ["P", "V"]
        assert cuts.comments.tolist() == ["earthquake", ""]
        assert np.isnat(cuts.start_utc[0])
        assert cuts.end_utc[0] == np.datetime64("2000-01-01")
        assert cuts.start_utc[1] == np.datetime64("1950-01-01")
        assert cuts.end_utc[1] == np.datetime64("2049-12-31")


class TestMatrices:
    @pytest.mark.parametrize("lower", [True, False])
    @pytest.mark.parametrize("kind", ["COVA", "CORR", "CORR with ones", "INFO"])
    def test_all_kinds_give_the_same_matrix(self, kind, lower):
        printed = covariance()
        sigmas = np.sqrt(printed.diagonal())
        matrix = {
            "COVA": printed, "CORR": printed / np.outer(sigmas, sigmas), "INFO": np.linalg.inv(printed),
        }[kind[:4]].copy()  # fmt: skip
        if kind == "CORR":
            np.fill_diagonal(matrix, sigmas)
        elif kind == "CORR with ones":
            np.fill_diagonal(matrix, 1.0)
        title = f"SOLUTION/MATRIX_ESTIMATE {'L' if lower else 'U'} {kind[:4]}"
        rows = ESTIMATE.replace(" 0.00000E+00", " .700000E-01")
        solution = sinex.read(
            text(SITES, SPANS, rows, matrix_block(matrix, title, lower=lower)), check_matrix=True
        ).solution
        found = np.linalg.inv(solution.information) if kind == "INFO" else solution.covariance
        np.testing.assert_allclose(found / np.outer(FACTORS, FACTORS), printed, rtol=1e-9, atol=1e-15)
        assert np.array_equal(found, found.T) or kind == "INFO"

    def test_lines_left_out_are_zero_within_the_triangle(self):
        block = (
            "+SOLUTION/MATRIX_ESTIMATE L COVA\n     3     1  0.10000000000000E-05\n     3     3  0.16000000000000E-04\n"
        )
        block += "-SOLUTION/MATRIX_ESTIMATE L COVA"
        matrix = sinex.read(text(SITES, SPANS, ESTIMATE, block), strictness="ignore").solution.covariance
        assert (matrix[0, 2], matrix[2, 0], matrix[2, 2], matrix[1, 1]) == (1e-6, 1e-6, 1.6e-5, 0.0)
        assert np.count_nonzero(matrix) == 3

    def test_a_matrix_may_stand_before_its_list_and_come_in_pieces(self, monkeypatch, tmp_path):
        block = matrix_block(covariance(), "SOLUTION/MATRIX_ESTIMATE L COVA")
        whole = sinex.read(text(SITES, SPANS, ESTIMATE, block)).solution.covariance
        path = tmp_path / "first.snx"
        path.write_bytes(text(block, SITES, SPANS, ESTIMATE))
        monkeypatch.setattr(sinex_stream, "PIECE_BYTES", 100)
        for source in (path, path.read_bytes(), text(SITES, SPANS, ESTIMATE, block)):
            np.testing.assert_array_equal(sinex.read(source).solution.covariance, whole)

    def test_large_matrices_are_mirrored_tile_by_tile(self, monkeypatch):
        monkeypatch.setattr(sinex_matrix, "_TILE", 4)
        matrix = np.tril(np.arange(1.0, 122.0).reshape(11, 11))
        whole = matrix + np.tril(matrix, -1).T
        sinex_matrix._mirror(matrix)
        np.testing.assert_array_equal(matrix, whole)

    def test_normal_equations(self):
        rows = ESTIMATE.replace("SOLUTION/ESTIMATE", "SOLUTION/NORMAL_EQUATION_VECTOR")
        matrix = np.linalg.inv(covariance())
        block = matrix_block(matrix, "SOLUTION/NORMAL_EQUATION_MATRIX U", lower=False)
        solution = sinex.read(text(SITES, rows, block)).solution
        assert len(solution.estimate) == 0
        np.testing.assert_allclose(solution.normal.vector.values, PRINTED / FACTORS, rtol=1e-14)
        np.testing.assert_allclose(solution.normal.matrix * np.outer(FACTORS, FACTORS), matrix, rtol=1e-12)

    def test_sigmas_that_are_not_those_of_the_matrix(self):
        block = matrix_block(covariance() * 4.0, "SOLUTION/MATRIX_ESTIMATE L COVA")
        findings = sinex.read(text(SITES, SPANS, ESTIMATE, block)).findings
        assert len(findings) == 1
        assert "6 standard deviations disagree" in findings[0]
        assert "all are 0.5 times the matrix" in findings[0]
        refused("FID-2476", text(SITES, SPANS, ESTIMATE, block), strictness="raise")

    def test_zeros_beyond_the_diagonal_are_a_finding(self):
        block = (
            "+SOLUTION/MATRIX_ESTIMATE L COVA\n     1     1" + " 0.40000000000000E-05" + 2 * "  0.00000000000000E+00"
        )
        block = block.replace(" 0.4", "  0.4") + "\n-SOLUTION/MATRIX_ESTIMATE L COVA"
        rows = "\n".join(ESTIMATE.split("\n")[:3]) + "\n-SOLUTION/ESTIMATE"
        with pytest.raises(FormatError, match="FID-2475"):
            sinex.read(text(SITES, rows, block))
        block = block.replace("     1     1", "     2     1")
        findings = sinex.read(text(SITES, ESTIMATE, block)).findings
        assert any("zeros outside of its triangle" in finding for finding in findings)

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("     6     4", "     7     4", "FID-2475"),
            ("     6     4", "     6     6", "FID-2475"),
            ("     6     4", "     6     5", "FID-2475"),
            ("     6     4", "     6     0", "FID-2475"),
            ("     6     4", "     6     1", "FID-2475"),
            ("     6     4", "     6   4 4", "FID-2473"),
            ("     6     4", "     6     -", "FID-2473"),
            (" L COVA", " X COVA", "FID-2475"),
            (" L COVA", " L COVX", "FID-2475"),
            (" L COVA", "", "FID-2475"),
            ("E-0", "x-0", "FID-2473"),
            ("E-0", "E+999", "FID-2473"),
            ("     6     4", "      6     4", "FID-2473"),
            ("+SOLUTION/ESTIMATE", "+SOLUTION/ESTIMATES", "FID-2472"),
        ],
    )
    def test_damage(self, old, new, code):
        block = matrix_block(covariance(), "SOLUTION/MATRIX_ESTIMATE L COVA")
        content = text(SITES, SPANS, ESTIMATE, block)
        place = content.rfind(old.encode()) if old.startswith("    ") else content.find(old.encode(), 800)
        refused(code, content[:place] + new.encode() + content[place + len(old) :])

    def test_correlations(self):
        matrix = np.eye(6) * 0.001
        matrix[1, 0] = 1.5
        refused("FID-2475", text(SITES, ESTIMATE, matrix_block(matrix, "SOLUTION/MATRIX_ESTIMATE L CORR")))
        ones = matrix_block(np.eye(6), "SOLUTION/MATRIX_ESTIMATE L CORR")
        assert "no standard deviation for parameter 6" in refused("FID-2475", text(SITES, ESTIMATE, ones)).problem
        negative = matrix_block(-np.eye(6), "SOLUTION/MATRIX_ESTIMATE L COVA")
        refused("FID-2475", text(SITES, ESTIMATE, negative))

    def test_a_matrix_without_its_list(self):
        block = matrix_block(covariance(), "SOLUTION/MATRIX_ESTIMATE L COVA")
        refused("FID-2474", text(SITES, block))
        other = matrix_block(covariance(), "SOLUTION/MATRIX_ESTIMATE U COVA", lower=False)
        refused("FID-2475", text(SITES, ESTIMATE, block, other))

    def test_not_positive_definite(self):
        matrix = covariance()
        matrix[1, 0] = matrix[0, 1] = 1.001 * np.sqrt(matrix[0, 0] * matrix[1, 1])
        content = text(SITES, SPANS, ESTIMATE, matrix_block(matrix, "SOLUTION/MATRIX_ESTIMATE L COVA"))
        sinex.read(content)
        error = refused("FID-2477", content, check_matrix=True)
        sigmas = np.sqrt(matrix.diagonal())
        smallest = np.linalg.eigvalsh(matrix / np.outer(sigmas, sigmas))[0]
        assert f"{smallest:.3g}" in error.problem
        zero = covariance()
        zero[2, 2] = 0.0
        refused(
            "FID-2477", text(SITES, ESTIMATE, matrix_block(zero, "SOLUTION/MATRIX_ESTIMATE L COVA")), check_matrix=True
        )

    def test_no_memory(self, monkeypatch):
        def none(*_):
            raise MemoryError

        monkeypatch.setattr(sinex_matrix.np, "zeros", none)
        with pytest.raises(FormatError, match="FID-2478"):
            sinex_matrix.MatrixReader("SOLUTION/MATRIX_ESTIMATE L COVA", 1, 10**6, "x", None)


class TestDamage:
    @pytest.mark.parametrize("block", ["", matrix_block(covariance(), "SOLUTION/MATRIX_ESTIMATE L COVA")])
    def test_every_truncation_is_noticed(self, block):
        content = text(SITES, *([block] if block else []), SPANS, ESTIMATE).rstrip()
        sinex.read(content)
        for size in range(0, len(content), 1 if not block else 7):
            with pytest.raises(FiducialError):
                sinex.read(content[:size], strictness="ignore")

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("%=SNX", "%=TRO", "FID-2470"),
            ("SNX 2.02", "SNX 3.00", "FID-2470"),
            ("24:189:10055", "24/189/10055", "FID-2470"),
            ("24:189:10055", "24:367:10055", "FID-2470"),
            (" P 00006", " P 0x006", "FID-2470"),
            ("%=SNX 2.02 TST", "%=SNX 2.02 T\xe9T", "FID-2470"),
            ("-SITE/ID", "", "FID-2472"),
            ("+SITE/ID", "", "FID-2472"),
            ("-SITE/ID", "-SITE/IDS", "FID-2472"),
            ("SOLUTION/EPOCHS", "SITE/ID", "FID-2472"),
            ("-SITE/ID", "-SITE/ID\n%X", "FID-2472"),
            ("-SITE/ID", "-SITE/ID\n+", "FID-2472"),
            ("-SOLUTION/ESTIMATE\n", "", "FID-2472"),
            ("-SOLUTION/ESTIMATE\n%ENDSNX\n", "", "FID-2471"),
            ("%ENDSNX", "", "FID-2471"),
            ("0.444172100000000E+07", "0.44417x100000000E+07", "FID-2473"),
            ("0.444172100000000E+07", "0.4441721000.0000E+07", "FID-2473"),
            ("0.444172100000000E+07", "9.444172100000000E+99", "FID-2473"),
            ("0.444172100000000E+07", 21 * " ", "FID-2473"),
            (".200000E-02", "-.20000E-02", "FID-2473"),
            (".200000E-02", ".200000E-023", "FID-2473"),
            (" 0.444172100000000E+07", "10.444172100000000E+07", "FID-2473"),
            ("24:185:86382 24:185:43182", "24:185:86382124:185:43182", "FID-2473"),
            ("24:185:43200 m    2", "24:367:43200 m    2", "FID-2473"),
            ("24:185:43200 m    2", "23:366:43200 m    2", "FID-2473"),
            ("24:185:43200 m    2", "24:185:86401 m    2", "FID-2473"),
            ("24:185:43200 m    2", "24-185:43200 m    2", "FID-2473"),
            ("24:185:43200 m    2", "24:185:43200 m    7", "FID-2473"),
            (" STAX ", " ST\0X ", "FID-2473"),
            ("     1 STAX", "x    1 STAX", "FID-2473"),
            ("     2 STAY", "     3 STAY", "FID-2474"),
        ],
    )
    def test_codes(self, old, new, code):
        content = small().decode()
        assert old in content
        refused(code, content.replace(old, new, 2 if old == "SOLUTION/EPOCHS" else 1).encode("latin-1"))

    def test_where(self):
        error = refused("FID-2473", small().replace(b"0.444172100000000E+07", b"0.44417210000000xE+07"), name="a.snx")
        assert error.where == "a.snx, line 12, columns 48-68"

    def test_very_long_line(self):
        refused("FID-2473", small().replace(b"-SITE/ID", b" " * 70_000 + b"\n-SITE/ID"))

    def test_unknown_axes_and_discontinuities(self):
        axes = "+SITE/ECCENTRICITY\n AAAA  A    1 P 24:184:86382 00:000:00000 NEU   0.1000   0.0200  -0.0030\n"
        refused("FID-2473", text(SITES, axes + "-SITE/ECCENTRICITY"))
        kind = "+SOLUTION/DISCONTINUITY\n AAAA  A    1 P 00:000:00000 99:365:86400 X - earthquake\n"
        refused("FID-2473", text(SITES, kind + "-SOLUTION/DISCONTINUITY"))

    def test_compressed(self, tmp_path):
        path = tmp_path / "a.snx.gz"
        packed = gzip.compress(small(), mtime=0)
        path.write_bytes(packed)
        found = sinex.read(path)
        assert len(found.solution.estimate) == 6
        assert (found.name, found.sha256) == ("a.snx.gz", sinex.read(packed).sha256)
        path.write_bytes(packed[:-20])
        refused("FID-2401", path)
        path.write_bytes(packed[:200] + bytes(50) + packed[250:])
        refused("FID-2401", path)
        refused("FID-2400", tmp_path / "none.snx")
        refused("FID-2400", tmp_path)

    def test_coordinates_only(self):
        content = text(SITES, SPANS, ESTIMATE, end="")
        found = sinex.read(content, name="igs_CoordOnly.snx")
        assert "%ENDSNX is missing" in found.findings[0]
        refused("FID-2471", content, name="igs.snx")
        refused("FID-2476", content, name="igs_CoordOnly.snx", strictness="raise")
        cut = content.replace(ESTIMATE.split("\n")[-2].encode() + b"\n", b"")
        refused("FID-2471", cut, name="igs_CoordOnly.snx")


class TestFindings:
    @pytest.mark.parametrize(
        ("old", "new", "finding"),
        [
            ("00006 2", "00007 2", "the header states 7 parameters, SOLUTION/ESTIMATE has 6"),
            ("43200 mas ", "43200 foo ", "unit 'foo' of XPO is not known"),
            ("     2 STAY", "     2 STAX", "parameter STAX AAAA A 1 24:185:43200 stands twice"),
            ("-SITE/ID", "-SITE/ID\ntext", "text outside of every block"),
            ("%ENDSNX", "%ENDSNX\nmore", "text after the last line"),
            ("%ENDSNX", "%ENDSNX\n%ENDSNX", "stands twice"),
            ("10002M001", "10002X001", "is no DOMES number"),
            ("10002M001", "10001M001", "DOMES number 10001M001 belongs to AAAA A and BBBB A"),
            ("BBBB  A", "AAAA  A", "stands twice in the site table, "),
            ("BBBB  A", "AAAA  B", "code AAAA belongs to points A and B"),
            (
                " AAAA  A    1 P",
                " CCCC  A    1 P",
                "the spans of data have 1 sites that the site table does not list: CCCC A",
            ),
            (" AAAA  A    1 P", " AAAA  A    2 P", "1 estimated positions have no span of data: AAAA A"),
            ("824067.4", "824067.4", ""),
            ("0.824067400000000D+06", "0.844067400000000D+06", "from its approximate coordinates"),
            ("24:184:86382 24:185:86382 24", "24:186:86382 24:185:86382 24", "an interval ends before it starts"),
            ("45  0  0.0", "45 61  0.0", "is no angle"),
            ("10 30 36.0", "10 3036.0 ", "is no angle"),
            ("45  0  0.0", "45 -1  0.0", "from its approximate coordinates"),
        ],
    )
    def test_each(self, old, new, finding):
        content = small().decode().replace(old, new, 1).encode()
        if not finding:
            return
        if old.startswith("45 ") and "-1" in new:
            content = content.replace(b"45 -1  0.0", b"-0  1  0.0")
        findings = sinex.read(content).findings
        assert any(finding in text for text in findings), findings
        assert sinex.read(content, strictness="ignore").findings == ()
        refused("FID-2476", content, strictness="raise")

    def test_moved_between_solutions(self):
        rows = ESTIMATE.split("\n")
        again = [
            f"{index:6d}{row[6:22]}   2{row[26:]}".replace("0.4441721", "0.4451721")
            for index, row in enumerate(rows[2:5], start=7)
        ]
        block = "\n".join([*rows[:-1], *again, rows[-1]])
        findings = sinex.read(text(SITES, block)).findings
        assert any("solutions 1 and 2 of site AAAA A are 10.0 km apart" in finding for finding in findings)

    def test_statistics_twice(self):
        block = "+SOLUTION/STATISTICS\n VARIANCE FACTOR                1.0\n VARIANCE FACTOR                2.0\n"
        found = sinex.read(text(SITES, block + "-SOLUTION/STATISTICS"))
        assert found.solution.statistics == {"VARIANCE FACTOR": 1.0}
        assert "stands twice" in found.findings[0]


class TestNumbers:
    def test_of_one_format(self):
        rng = np.random.default_rng(3)
        values = rng.normal(size=4000) * 10.0 ** rng.integers(-30, 25, 4000)
        for template in ("%21.14E", "%20.13e", "%11.5E", "%22.15E"):
            words = [(template % value).encode() for value in values]
            width = max(map(len, words))
            part = np.array([word.rjust(width) for word in words], dtype=f"S{width}").view(np.uint8).reshape(-1, width)
            found, done = sinex_numbers.fixed_numbers(part)
            wanted = np.array([float(word) for word in words])
            if template == "%22.15E":
                assert not done.any()
                continue
            assert done.mean() > 0.6
            near = (np.abs(wanted) > 1e-5) & (np.abs(wanted) < 1e20) & done
            np.testing.assert_array_equal(found[near], wanted[near])
            np.testing.assert_allclose(found[done], wanted[done], rtol=2.3e-16)

    def test_fortran_without_a_leading_digit(self):
        words = [b"-.405205296884358E+07", b"0.421283595074131D+07", b" .254510426632942E-07", b"+.000000000000000E+00"]
        part = np.array(words * 20).view(np.uint8).reshape(-1, 21)
        found, done = sinex_numbers.fixed_numbers(part)
        assert done.all()
        bare = np.array([b".228184E-02", b".100000D+03"] * 20).view(np.uint8).reshape(-1, 11)
        np.testing.assert_array_equal(sinex_numbers.fixed_numbers(bare)[0][:2], [0.00228184, 100.0])
        np.testing.assert_array_equal(found[:4], [float(word.replace(b"D", b"E")) for word in words])

    @pytest.mark.parametrize(
        "word",
        [
            b"-.40520529688435xE+07", b"-.405205296884358E 07", b"- .05205296884358E+07", b"-.405205296884358F+07",
            b"1-405205296884358E+07", b"x.405205296884358E+07", b"--.05205296884358E+07", b"9.405205296884358E+07",
            b"-.405205296884358E+99",
        ],
    )  # fmt: skip
    def test_others_are_left_alone(self, word):
        part = np.array([b"-.405205296884358E+07"] * 40 + [word]).view(np.uint8).reshape(-1, 21)
        assert sinex_numbers.fixed_numbers(part)[1].tolist() == [True] * 40 + [False]


class TestWriting:
    def test_what_is_written_is_read(self, tmp_path):
        solution = full_solution()
        path = tmp_path / "a.snx"
        sinex.write(solution, path)
        content = path.read_bytes()
        assert content == sinex.to_bytes(solution)
        assert max(map(len, content.split(b"\n"))) <= 80
        found = sinex.read(path, check_matrix=True)
        again = found.solution
        assert found.findings == ()
        assert sinex.to_bytes(again) == content
        np.testing.assert_allclose(again.covariance, solution.covariance, rtol=1e-13)
        np.testing.assert_allclose(again.estimate.values, solution.estimate.values, rtol=1e-14)
        np.testing.assert_allclose(again.apriori_covariance, solution.apriori_covariance, rtol=1e-13)
        np.testing.assert_allclose(again.normal.matrix, solution.normal.matrix, rtol=1e-13)
        np.testing.assert_allclose(again.normal.vector.values, solution.normal.vector.values, rtol=1e-13)
        np.testing.assert_allclose(again.sites.latitude_deg, [45.0])
        np.testing.assert_array_equal(again.eccentricities.vector_m, solution.eccentricities.vector_m)
        assert again.header == replace(solution.header)
        assert again.antennas.kinds.tolist() == ["TRM59800.00     SCIS"]
        assert np.isnat(again.receivers.end_utc[0])
        assert again.spans.mean_utc[0] == DAY
        assert (again.reference_frame, again.comments) == ("IGS20", ("a comment",))

    @pytest.mark.parametrize(
        "change",
        [
            {"reference_frame": "x" * 61},
            {"comments": ("two\nlines",)},
            {"estimate": table(["STAX"], [np.nan])},
            {"estimate": table(["STAX"], [-1e120])},
            {"estimate": table(["STAX"], [1.0], printed=["mas"])},
            {"estimate": table(["STAX"], [1.0], code="TOOLONG")},
            {"estimate": replace(table(["STAX"], [1.0]), constraints=np.array([3], dtype=np.int8))},
            {"estimate": replace(table(["STAX"], [1.0]), epochs_utc=np.array(["1949-12-31"], dtype="datetime64[ns]"))},
            {"estimate": replace(table(["STAX"], [1.0]), epochs_utc=np.array([DAY + 1]))},
            {"estimate": table(["STAX"], [1.0]), "covariance": np.array([[np.inf]])},
            {"estimate": table(["STAX"], [1.0]), "covariance": np.array([[1e120]])},
        ],
    )
    def test_what_does_not_fit_is_refused(self, change):
        plain = replace(full_solution(), estimate=table(["STAX"], [1.0]), covariance=None)
        with pytest.raises(FormatError, match="FID-2479"):
            sinex.to_bytes(replace(plain, **change))

    def test_too_many_parameters(self):
        count = 100_000
        with pytest.raises(FormatError, match="FID-2479"):
            sinex.to_bytes(replace(full_solution(), estimate=table(["STAX"] * count, np.ones(count)), covariance=None))


def test_other_versions_are_told_by_their_header():
    for version in ("1.00", "2.00", "2.01"):
        assert sinex.read(small().replace(b"SNX 2.02", f"SNX {version}".encode())).solution.header.version == version
    assert HEADER.startswith("%=SNX 2.02")
