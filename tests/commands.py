"""Run the command line inside the test process."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest import mock

from fiducial.cli import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def fiducial(*arguments: object) -> Done:
    """Run ``fiducial ARGUMENTS`` and give exit code and output."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    words = ["fiducial", *map(str, arguments)]
    with mock.patch("sys.argv", words), redirect_stdout(out), redirect_stderr(err):
        try:
            main.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return Done(code, out.getvalue(), err.getvalue())
