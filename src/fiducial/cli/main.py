"""Entry point of ``fiducial``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; exit code 0, or by class of error: 1 usage, 2 input, 3 format, 4 numerics, 5 catalogue, 6 run."""
    # Answered before anything heavy is imported: scripts ask for the version often.
    if sys.argv[1:] in (["--version"], ["-V"]):
        from fiducial import __version__

        sys.stdout.write(f"fiducial {__version__}\n")
        return
    sys.exit(_run())


def _run() -> int:
    # Read when NumPy loads: threads of BLAS that wait for each other slow small factorisations several times.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from fiducial.cli.app import app
    from fiducial.errors import FiducialError, InputError

    try:
        app(sys.argv[1:])
    except FiducialError as error:
        sys.stdout.flush()
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except BrokenPipeError:
        # The reader of a pipe has seen enough; keep the interpreter from complaining while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # Readers turn theirs into errors of the file: this one is of an output, or of the place for it.
        refused = InputError(
            "FID-1377", f"the output cannot be written: {error.strerror or error}", where=str(error.filename or "--out"),
            fix="give a place that can be made and written, on a disk with room",
        )  # fmt: skip
        sys.stdout.flush()
        sys.stderr.write(f"{refused}\n")
        return refused.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing half-written is left\n")
        return 130
    return 0
