"""What parameters of steps and sections of recipes have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from fiducial.errors import FiducialError


class Section(BaseModel):
    """Fields that are known, bounded and finite; every field carries its unit in its name and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def check_frame(name: str | None, field: str) -> None:
    """Refuse a frame that is not known, and name the field of the recipe that states it; None states none (FID-1004)."""
    from fiducial.geodesy.frames import parse_frame

    if name is None:
        return
    try:
        parse_frame(name)
    except FiducialError as error:
        raise type(error)(error.code, error.problem, where=field, fix=error.fix) from error
