"""The files of a stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fiducial.errors import InputError
from fiducial.formats import sinex
from fiducial.formats.igs_names import LongName
from fiducial.formats.name_parts import Period
from fiducial.runs.frame_combine import publish, refuse_existing
from fiducial.runs.frame_stack import StackedFrame, StackRequest, stack_frame
from fiducial.runs.frame_stack_page import stack_page
from fiducial.runs.frame_stack_report import build_stack_report
from fiducial.runs.frame_stack_report_model import StackReport
from fiducial.runs.frame_stack_solution import stacked_solution
from fiducial.runs.frame_stack_text import render_stack
from fiducial.runs.frame_stack_weeks import PRODUCT


def run_stack(request: StackRequest, *, overwrite: bool = False) -> StackReport:
    """Stack, and write the cumulative solution as SINEX and the report as JSON, text and page.

    Parameters
    ----------
    request : StackRequest
    overwrite : bool
        Replace products of an earlier stack; weekly combinations are always kept or remade as their input demands.

    Raises
    ------
    InputError
        FID-1002 when the folder holds another stack; FID-1355 when it cannot be written; and as `stack_frame`.
    """
    if not overwrite and request.out.is_dir():
        refuse_existing(request.out, [one.name for one in sorted(request.out.glob(f"{PRODUCT.build()}_*_SUM.JSON"))],
                        overwrite=False)  # fmt: skip
    try:
        found = stack_frame(request)
        return write_stack(found, request.out, overwrite=overwrite)
    except OSError as error:
        # Readers turn theirs into errors of the file.
        raise InputError(
            "FID-1355", f"the stack cannot be written: {error.strerror or error}", where=str(request.out),
            fix="give a folder that can be made and written, on a disk with room",
        ) from error  # fmt: skip


def write_stack(found: StackedFrame, out: Path, *, overwrite: bool = False) -> StackReport:
    """Write the products of a stack; parameters and errors as `run_stack`."""
    groups = [one.group for one in found.weeks]
    end = groups[-1].start + np.timedelta64(groups[-1].days, "D")
    days = int((end - groups[0].start).astype(int))
    years = round(days / 365.25)
    # Two digits: whole years of long stacks, weeks of short ones.
    length = (
        Period(min(years, 99), "Y")
        if years >= 2
        else Period(max(days // 7, 1), "W")
        if days >= 7
        else Period(days, "D")
    )
    start = groups[0].start.astype("datetime64[ns]")
    names = {
        (content, ending): LongName(PRODUCT, start, length, Period(groups[0].days, "D"), content, ending).build()
        for content, ending in (("SOL", "SNX"), ("SUM", "TXT"), ("SUM", "JSON"))
    }
    page = names["SUM", "JSON"].removesuffix(".JSON") + ".html"
    report = build_stack_report(found, [*names.values(), page])
    contents = {
        names["SOL", "SNX"]: sinex.to_bytes(stacked_solution(found)),
        names["SUM", "TXT"]: render_stack(report).encode("ascii", "replace"),
        page: stack_page(report).render().encode("utf-8"),
        names["SUM", "JSON"]: (report.model_dump_json(indent=1) + "\n").encode(),
    }
    publish(contents, out, overwrite=overwrite)
    return report
