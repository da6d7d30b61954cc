"""A combination report of an invented day, with something of everything: ten centres or more, 81 satellites."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import numpy as np

from fiducial.runs import orbit_report_model as model

DAY = datetime(2024, 9, 19)  # noqa: DTZ001
CENTRES = ("COD", "EMR", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT", "NGS", "SIO")
COMPARED = ("IGF", "IGL")
MEMBERS = {
    "G": CENTRES,
    "R": ("COD", "ESA", "GFZ", "GRG", "JGX"),
    "E": ("COD", "ESA", "GFZ", "GRG", "JGX", "JPL", "MIT"),
}
REFERENCES = {"IGF": "G", "IGL": "R"}
BLOCKS = {"G": ("GPS-IIF", "GPS-IIIA", "GPS-IIR-A", "GPS-IIR-B", "GPS-IIR-M"), "R": ("GLO-K1B", "GLO-M", "GLO-M+"),
          "E": ("GAL-1", "GAL-2")}  # fmt: skip
COUNTS = {"G": 32, "R": 22, "E": 27}
LEVEL_MM = {"G": 9.0, "R": 18.0, "E": 10.0}
EPOCHS = 288
DATUM = "COD"


def satellites() -> list[str]:
    return [f"{letter}{number:02d}" for letter, count in COUNTS.items() for number in range(1, count + 1)]


def block(satellite: str) -> str:
    names = BLOCKS[satellite[0]]
    return names[int(satellite[1:]) % len(names)]


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def combination_report(*, extra_centres: int = 0, clocks: bool = True, seed: int = 7) -> model.CombinationReport:
    """A report with ``extra_centres`` more than ten combined centres that give GPS only."""
    random = np.random.default_rng(seed)
    extra = tuple(f"X{number:02d}" for number in range(extra_centres))
    members = {"G": (*CENTRES, *extra), "R": MEMBERS["R"], "E": MEMBERS["E"]}
    statistics = _statistics(random, members)
    return model.CombinationReport(
        product=_product(clocks=clocks),
        software=model.Software(name="Fiducial", version="0.1.0", created_utc=datetime(2026, 11, 3, 9, 15, 2)),  # noqa: DTZ001
        options={"weighting": "variance-components", "weights_by": "constellation", "share_limit": 0.4, "without": [],
                 "satellite_limit_m": None, "clocks": {"share_limit": 0.4, "kind_factor": 10.0}},
        inputs=_inputs((*CENTRES, *extra)),
        auxiliary=[model.AuxiliaryFile(kind="frame summary", file="IGS0OPSSNX_20242630000_01D_01D_SUM.YML", sha256=sha256("yml")),
                   model.AuxiliaryFile(kind="NANU summary", file="nanus_sum_2024", sha256=sha256("nanu"))],
        coverage=_coverage(members),
        exclusions=_exclusions(),
        manoeuvres=_manoeuvres(),
        eclipses=[model.EclipseEntry(satellite=name, body="Moon" if name == "E10" else "Earth", kind="full", begin_gps=at(2 + k),
                                     end_gps=at(2.85 + k), duration_min=51.0, least_lit_fraction=0.0)
                  for k, name in enumerate(("G02", "G06", "G11", "G18", "E10", "E11", "E33"))],
        pre_alignment=[model.PreAlignment(centre=name, rotation_x_uas=None if name == "NGS" else float(random.normal(0, 20)),
                                          rotation_y_uas=None if name == "NGS" else float(random.normal(0, 20)),
                                          rotation_z_uas=None if name == "NGS" else float(random.normal(0, 30)))
                       for name in CENTRES],
        transformations=_transformations(random, members),
        weighting="variance components by constellation",
        weights=_weights(random, members),
        statistics=statistics,
        satellites=_satellites(random),
        clocks=_clocks(random) if clocks else None,
        earth_rotation=[model.EarthRotationEntry(mjd_utc=60_572.5, x_pole_uas=213_456.7, y_pole_uas=387_654.3, x_pole_sigma_uas=5.1,
                                                 y_pole_sigma_uas=4.9, length_of_day_us=None, source="frame summary")],
        fragile=["GLONASS hangs on 5 centres (COD, ESA, GFZ, GRG, JGX); the loss of any takes its RMS from about 9 to 12 mm.",
                 "R22 is given by COD alone."],
        notes=["The records of 24:00 were dropped: they belong to the next day."],
    )  # fmt: skip


def _product(*, clocks: bool) -> model.Product:
    return model.Product(
        name="IGS0TSTFIN", files=["IGS0TSTFIN_20242630000_01D_05M_ORB.SP3"], frame="IGS20", start_gps=DAY,
        end_gps=at(24 - 1 / 12), epochs=EPOCHS, sampling_s=300.0, gps_week=2332, day_of_week=4, year=2024, day_of_year=263,
        time_scale="GPS clocks of COD" if clocks else "",
    )  # fmt: skip


def _inputs(centres) -> list[model.InputFile]:
    found = []
    for name in (*centres, *COMPARED):
        short = name in ("EMR", "NGS", "SIO", *COMPARED)
        found.append(model.InputFile(
            centre=name, role="compared" if name in COMPARED else "combined", file=f"{name}0OPSFIN_20242630000_01D_{15 if short else 5:02d}M_ORB.SP3",
            sha256=sha256(name), agency="Männel" if name == "GFZ" else name, orbit_type="FIT",
            frame_label="ITRF2" if name == "ESA" else "IGS20", start_gps=DAY, end_gps=at(23.75 if short else 24),
            sampling_s=900.0 if short else 300.0, satellites=32, records=9_216 if not short else 3_072,
            clock_records=0 if name == "SIO" else 9_000, interpolated_epochs=192 if short else 0,
            clock_file="JPL0OPSFIN_20242630000_01D_30S_CLK.CLK" if name == "JPL" else None,
            findings=["line 1: the frame is cut to 5 columns"] if name == "ESA" else [],
        ))  # fmt: skip
    return found


def _coverage(members) -> list[model.Coverage]:
    found = []
    for letter, names in members.items():
        full = COUNTS[letter] * EPOCHS
        for name in names:
            lost = 2 if name in ("EMR", "GFZ") else 0
            records = full - lost * EPOCHS
            found.append(model.Coverage(centre=name, constellation=letter, satellites=COUNTS[letter] - lost, records=records,
                                        share_of_product_percent=100 * records / full))  # fmt: skip
        found.append(model.Coverage(centre="IGS0TSTFIN", constellation=letter, satellites=COUNTS[letter], records=full,
                                    share_of_product_percent=100.0))  # fmt: skip
    return found


def _exclusion(centre, satellite, reason, sentence, **more) -> model.ExclusionEntry:
    given = {"begin_gps": None, "end_gps": None, "records": 0, "value": None, "limit": None, "unit": ""} | more
    return model.ExclusionEntry(centre=centre, satellite=satellite, reason=reason, sentence=sentence, **given)


def _exclusions() -> list[model.ExclusionEntry]:
    return [
        _exclusion("GFZ", "E12", "satellite-rms", "RMS 94.1 mm above 70.2 mm", records=288, value=0.0941, limit=0.0702, unit="m"),
        _exclusion("GRG", "G17", "cut-arc", "the arc leaves the other centres from 03:15 to 23:55 (up to 812.4 mm, limit 2000.0 mm)",
                   begin_gps=at(3.25), end_gps=at(23 + 55 / 60), records=249, value=0.8124, limit=2.0, unit="m"),
        _exclusion("EMR", "G01", "gross-arc", "the whole arc lies up to 4210.0 mm from the median", records=96, value=4.21, limit=2.0,
                   unit="m", begin_gps=DAY, end_gps=at(23.75)),
        _exclusion("JGX", "R", "scale", "scale 1.300 ppb above 1.000 ppb: compared only", value=1.3, limit=1.0, unit="ppb"),
        _exclusion("NGS", "", "rotation", "rotation 0.412 mas above 0.300 mas: compared only", value=0.412, limit=0.3, unit="mas"),
        _exclusion("WHU", "", "by-request", "left out on request"),
    ]  # fmt: skip


def _manoeuvres() -> list[model.ManoeuvreEntry]:
    told = "GPS G17: COD, GFZ, MIT, SIO agree through it and stay; GRG cut; EMR gives no orbit"
    common = {"satellite": "G17", "centres_kept": ["COD", "GFZ", "MIT", "SIO"], "centres_cut": ["GRG"], "centres_without": ["EMR"],
              "sentence": told}  # fmt: skip
    return [
        model.ManoeuvreEntry(source="NANU", reference="2024052", begin_gps=at(-3.25), end_gps=at(3.25), change_mm_per_s=None, **common),
        model.ManoeuvreEntry(source="orbits", reference="COD, GFZ, MIT", begin_gps=at(0.5), end_gps=at(0.75), change_mm_per_s=142.3,
                             **common),
    ]  # fmt: skip


def _parameters(random, name: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for axis in "xyz":
        found |= {f"translation_{axis}_mm": float(random.normal(0, 2)), f"rotation_{axis}_uas": float(random.normal(0, 30)),
                  f"translation_{axis}_sigma_mm": None if name == "IGL" else 0.2,
                  f"rotation_{axis}_sigma_uas": None if name == "IGL" else 3.4}  # fmt: skip
    return found


def _transformations(random, members) -> list[model.Transformation]:
    found = []
    for name in (*members["G"], *COMPARED):
        letters = (
            [REFERENCES[name]] if name in REFERENCES else [letter for letter in members if name in members[letter]]
        )
        scales = [model.ScaleEntry(constellation=letter, scale_ppb=float(random.normal(0, 0.1)), scale_sigma_ppb=0.012)
                  for letter in letters]  # fmt: skip
        role = "compared" if name in (*COMPARED, "NGS") else "combined"
        found.append(model.Transformation(centre=name, role=role, scales=scales, **_parameters(random, name)))
    return found


def _weights(random, members) -> list[model.WeightEntry]:
    found = []
    for letter, names in members.items():
        share = random.uniform(0.5, 2.0, len(names))
        share[[name == "NGS" or (name, letter) == ("JGX", "R") for name in names]] = 0.0
        found += [model.WeightEntry(group=letter, centre=name, share_percent=float(100 * one / share.sum()),
                                    sigma_mm=float(LEVEL_MM[letter] / np.sqrt(one)) if one else None)
                  for name, one in zip(names, share, strict=True)]  # fmt: skip
    return found


def _statistic(name, level, group, rms, records=EPOCHS) -> model.Statistic:
    role = "compared" if name in (*COMPARED, "NGS") else "combined"
    wrms = None if level == "satellite" else float(0.9 * rms)
    return model.Statistic(
        centre=name, role=role, level=level, group=group, records=records, rms_mm=float(rms), wrms_mm=wrms
    )


def _statistics(random, members) -> list[model.Statistic]:
    found = []
    eclipsed = ("G11", "G18", "E10", "E11", "E33")
    for name in (*members["G"], *COMPARED):
        letters = (
            [REFERENCES[name]] if name in REFERENCES else [letter for letter in members if name in members[letter]]
        )
        rms: dict[str, float] = {}
        for satellite in satellites():
            if satellite[0] not in letters or (name, satellite) == ("EMR", "G01"):
                continue
            level = 1.4 if name == "IGF" else 6.0 if name == "IGL" else LEVEL_MM[satellite[0]]
            factor = 3.0 if satellite in eclipsed and name in ("GFZ", "MIT", "ESA") else 1.0
            rms[satellite] = level * factor * float(random.lognormal(0, 0.3))
        if name == "GFZ":
            rms["E12"] = 94.1
        squares = {satellite: value**2 for satellite, value in rms.items()}
        found.append(_statistic(name, "all", "all", np.sqrt(np.mean(list(squares.values())))))
        for level, of in (("constellation", lambda satellite: satellite[0]), ("block", block)):
            for group in dict.fromkeys(map(of, squares)):
                values = [value for satellite, value in squares.items() if of(satellite) == group]
                found.append(_statistic(name, level, group, np.sqrt(np.mean(values)), EPOCHS * len(values)))
        found += [_statistic(name, "satellite", satellite, value) for satellite, value in rms.items()]
    return found


def _satellites(random) -> list[model.SatelliteEntry]:
    events = {"G02": "E", "G06": "E", "G11": "E", "G18": "E", "E10": "EM", "E11": "E", "E33": "E", "G17": "V"}
    found = []
    for name in satellites():
        alone = name == "R22"
        accuracy = None if alone else float(LEVEL_MM[name[0]] / 3 * random.lognormal(0, 0.2))
        found.append(model.SatelliteEntry(
            satellite=name, svn=f"{name[0]}{600 + int(name[1:])}" if name != "E27" else None, block=block(name) if name != "E27" else None,
            centres=1 if alone else 5, records=EPOCHS, accuracy_mm=accuracy, accuracy_code=0 if alone else 2,
            excess_sigma_mm=None if alone else 1.5, events=list(events.get(name, "")),
        ))  # fmt: skip
    return found


def _clocks(random) -> model.ClockReport:
    parts, entries = [], []
    for letter, names in MEMBERS.items():
        with_clocks = [name for name in names if name != "SIO"]
        share = random.uniform(0.5, 2.0, len(with_clocks))
        share[[name == "NGS" for name in with_clocks]] = 0.0
        centres = []
        for name, one in zip(with_clocks, share, strict=True):
            kept = name != "NGS"
            centres.append(model.ClockCentre(
                centre=name, role="combined" if kept else "compared", share_percent=float(100 * one / share.sum()),
                noise_ps=float(random.uniform(4, 20)) if kept else 364.0, rms_ps=float(random.uniform(4, 20)) if kept else 371.0,
                records=9_000, rejected=12, offset_ns=float(random.normal(0, 5)), drift_ns_per_day=float(random.normal(0, 1)),
                inter_system_bias_ns=None if letter == "G" else float(random.normal(0, 8)),
            ))  # fmt: skip
            entries += [model.ClockSatellite(satellite=satellite, centre=name, constant_ps=float(random.normal(0, 300)),
                                             rms_ps=float(random.lognormal(2.2, 0.4)) if kept else 350.0)
                        for satellite in satellites() if satellite[0] == letter]  # fmt: skip
        jumps = [
            model.ClockJumpEntry(
                centre="EMR", satellite="G09", begin_gps=at(6), end_gps=at(9), records=36, size_ps=-312.4
            )
        ]
        parts.append(model.ClockConstellation(constellation=letter, separable=letter != "R", centres=centres,
                                              jumps=jumps if letter == "G" else []))  # fmt: skip
    excluded = [_exclusion("NGS", "G", "clock-kind", "noise 364.0 ps, while the other centres allow 120.0 ps: clocks of another kind",
                           value=3.64e-10, limit=1.2e-10, unit="s")]  # fmt: skip
    return model.ClockReport(datum_centre=DATUM, exclusions=excluded, constellations=parts, satellites=entries)
