"""Names of terrestrial reference frames: which frame a text means, and whether two texts mean the same frame."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from fiducial.errors import InputError

ITRF_REALISATIONS: Final = (
    "1988", "1989", "1990", "1991", "1992", "1993", "1994", "1996", "1997", "2000", "2005", "2008", "2014", "2020",
)  # fmt: skip
ETRF_REALISATIONS: Final = (
    "1989", "1990", "1991", "1992", "1993", "1994", "1996", "1997", "2000", "2005", "2014", "2020",
)  # fmt: skip
IGS_ALIASES: Final = {
    "IGS08": "ITRF2008", "IGB08": "ITRF2008", "IGS14": "ITRF2014", "IGB14": "ITRF2014",
    "IGS20": "ITRF2020", "IGC20": "ITRF2020",
}  # fmt: skip
"""The IGS realisations share origin, scale and orientation with the ITRF they realise; no transform lies between."""

PLATES_BY_MODEL: Final = {
    "ITRF2014": ("ANTA", "ARAB", "AUST", "EURA", "INDI", "NAZC", "NOAM", "NUBI", "PCFC", "SOAM", "SOMA"),
    "ITRF2020": ("AMUR", "ANTA", "ARAB", "AUST", "CARB", "EURA", "INDI", "NAZC", "NOAM", "NUBI", "PCFC", "SOAM",
                 "SOMA"),
}  # fmt: skip
"""Plates of the plate motion models of Altamimi et al. (2017, ITRF2014) and Altamimi et al. (2023, ITRF2020)."""


MODELS_WITH_ORIGIN_RATE_BIAS: Final = ("ITRF2020",)
WITH_ORIGIN_RATE_BIAS: Final = "+ORB"
"""Ending of the name of a plate that is taken to move with the origin rate bias of its model."""


@dataclass(frozen=True)
class Frame:
    """A reference frame, or velocities relative to a plate.

    Attributes
    ----------
    name : str
        Canonical name: ``ITRF2020``, ``ETRF2000``, ``plate:EURA`` or ``plate:EURA@ITRF2014``.
    kind : {"ITRF", "ETRF", "plate"}
    realisation : str
        Four digits of the year; empty for a plate.
    plate : str
        Four-letter plate code; empty unless ``kind`` is "plate".
    plate_model : str
        Frame of the plate motion model, ``ITRF2014`` or ``ITRF2020``; empty when not stated.
    given : str
        The name as the user or file wrote it; does not count in comparisons.
    """

    name: str
    kind: Literal["ITRF", "ETRF", "plate"]
    realisation: str = ""
    plate: str = ""
    plate_model: str = ""
    given: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


def _short(realisation: str) -> str:
    """Return the usual spelling of a realisation: two digits up to 1997, four from 2000."""
    return realisation[2:] if realisation < "2000" else realisation


def known_frames() -> tuple[str, ...]:
    """Return every accepted name, in canonical spelling."""
    return (
        *(f"ITRF{_short(year)}" for year in ITRF_REALISATIONS),
        *(f"ETRF{_short(year)}" for year in ETRF_REALISATIONS),
        "IGS08", "IGb08", "IGS14", "IGb14", "IGS20", "IGc20",
        *(f"plate:{code}" for code in PLATES_BY_MODEL["ITRF2020"]),
    )  # fmt: skip


def parse_frame(text: str | None) -> Frame:
    """Recognise the name of a frame.

    Parameters
    ----------
    text : str or None
        ``ITRF88`` ... ``ITRF2020``, ``ETRF89`` ... ``ETRF2020``, ``IGS08``, ``IGb08``, ``IGS14``, ``IGb14``,
        ``IGS20``, ``IGc20``, ``plate:EURA`` or ``plate:EURA@ITRF2014``,
        ``plate:EURA@ITRF2020+ORB`` (with the origin rate bias of the model), in any case; blanks, ``-`` and ``_`` are
        overlooked.

    Raises
    ------
    InputError
        FID-1004 when the frame is missing or unknown; names the nearest known one.

    Notes
    -----
    IGS20 is ITRF2020, IGS14 and IGb14 are ITRF2014, IGS08 and IGb08 are ITRF2008 in every transform: the IGS
    aligns its realisations without net translation, rotation or scale. ``ETRS89`` and ``WGS 84`` name systems, not
    realisations: vertical rates in two realisations of ETRS89 differ by up to 1 mm/yr, so these names are refused.

    Examples
    --------
    >>> parse_frame("igb14")
    Frame(name='ITRF2014', kind='ITRF', realisation='2014', plate='', plate_model='', given='igb14')
    >>> str(parse_frame("Plate:eura@itrf2014"))
    'plate:EURA@ITRF2014'
    """
    if text is None or not text.strip():
        raise _unknown("no reference frame is stated", text)
    given = text.strip()
    plain = re.sub(r"[\s_-]", "", given).upper()
    if plain.startswith("PLATE:"):
        return _parse_plate(plain.removeprefix("PLATE:"), given)
    plain = IGS_ALIASES.get(plain, plain)
    match = re.fullmatch(r"(ITRF|ETRF)(\d{2}|\d{4})", plain)
    if match is not None:
        family, digits = match[1], match[2]
        realisations = ITRF_REALISATIONS if family == "ITRF" else ETRF_REALISATIONS
        # No realisation of one century ends as one of the other does, so two digits are enough.
        years = [year for year in realisations if year == digits or (len(digits) == 2 and year[2:] == digits)]
        if years:
            kind: Literal["ITRF", "ETRF"] = "ITRF" if family == "ITRF" else "ETRF"
            return Frame(f"{family}{_short(years[0])}", kind, realisation=years[0], given=given)
    raise _unknown(f"unknown reference frame {given!r}", given)


def _parse_plate(text: str, given: str) -> Frame:
    plain = text.removesuffix(WITH_ORIGIN_RATE_BIAS)
    code, separator, model_text = plain.partition("@")
    model = ""
    if separator:
        model = IGS_ALIASES.get(model_text, model_text)
        if model not in PLATES_BY_MODEL:
            raise _unknown(
                f"no plate motion model of frame {model_text!r}; there are {', '.join(PLATES_BY_MODEL)}", given
            )
    if code not in PLATES_BY_MODEL[model or "ITRF2020"]:
        raise _unknown(f"unknown plate {code!r}" + (f" in the model of {model}" if model else ""), given)
    name = f"plate:{code}@{model}" if model else f"plate:{code}"
    if plain != text:
        if model not in MODELS_WITH_ORIGIN_RATE_BIAS:
            raise _unknown(f"the plate motion model of {name} has no origin rate bias", given)
        name += WITH_ORIGIN_RATE_BIAS
    return Frame(name, "plate", plate=code, plate_model=model, given=given)


def _unknown(problem: str, text: str | None) -> InputError:
    names = known_frames()
    spelled = {name.upper(): name for name in names}
    near = difflib.get_close_matches((text or "").upper(), list(spelled), n=1, cutoff=0.6)
    hint = f"did you mean {spelled[near[0]]}? " if near else ""
    return InputError("FID-1004", problem, where=repr(text) if text else "frame",
                      fix=f"{hint}known are {', '.join(names)}; a Eurasia-fixed table is plate:EURA")  # fmt: skip


def same_frame(a: Frame | str, b: Frame | str) -> bool:
    """Tell whether two frames are the same, aliases resolved.

    Notes
    -----
    ``plate:EURA`` without a model is not the same as ``plate:EURA@ITRF2014``: poles of different models differ by
    0.3 mm/yr in Europe, and which one was used is unknown.

    Examples
    --------
    >>> same_frame("IGS20", "ITRF2020"), same_frame("ITRF2014", "ITRF2020")
    (True, False)
    """
    first = parse_frame(a) if isinstance(a, str) else a
    second = parse_frame(b) if isinstance(b, str) else b
    return first == second
