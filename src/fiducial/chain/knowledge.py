"""All that is known of the chain, in one object."""

from __future__ import annotations

from dataclasses import dataclass

from fiducial.chain.dependencies import Dependencies
from fiducial.chain.egv import EgvCatalogue, Source
from fiducial.chain.register import Register
from fiducial.chain.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Variables, workflow, requirements and dependencies, with the sources they were read in.

    Attributes
    ----------
    files : tuple of str
        Names of the data files it was read from, the packaged ones first, then the user's.
    """

    catalogue: EgvCatalogue
    workflow: Workflow
    register: Register
    dependencies: Dependencies
    sources: tuple[Source, ...]
    files: tuple[str, ...]
