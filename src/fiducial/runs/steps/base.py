"""What parameters of steps and sections of recipes have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Fields that are known, bounded and finite; every field carries its unit in its name and a description."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
