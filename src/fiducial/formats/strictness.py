"""What a reader does with faults that can be repaired: collect them as texts, ignore them, or refuse the file."""

from __future__ import annotations

from typing import Final, Literal

from fiducial.errors import FormatError, InputError

Strictness = Literal["ignore", "warn", "raise"]
CHOICES: Final = ("ignore", "warn", "raise")


class Findings:
    """Repairable faults of one file.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    strictness : {"ignore", "warn", "raise"}
    code : str
        Code of the error under ``raise``.
    """

    def __init__(self, name: str, strictness: Strictness, code: str) -> None:
        if strictness not in CHOICES:
            fix = f"give one of {', '.join(CHOICES)}"
            raise InputError("FID-1281", f"unknown strictness {strictness!r}", where=name, fix=fix)
        self._name = name
        self._strictness = strictness
        self._code = code
        self._texts: list[str] = []

    def note(self, text: str, line: int | None = None) -> None:
        """Record a fault, or raise it.

        Raises
        ------
        FormatError
            With the code given to the constructor, when the strictness is ``raise``.
        """
        where = self._name if line is None else f"{self._name}, line {line}"
        if self._strictness == "raise":
            fix = "mend the file, or read it with strictness 'warn'"
            raise FormatError(self._code, text, where=where, fix=fix)
        if self._strictness == "warn":
            self._texts.append(f"{where}: {text}")

    @property
    def texts(self) -> tuple[str, ...]:
        """What was found, in order."""
        return tuple(self._texts)
