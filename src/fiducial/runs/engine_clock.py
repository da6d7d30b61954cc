"""How long steps take, and with it what is left of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from fiducial.formats.atomic import atomic_file


class Clock:
    """How long steps took, here and now or in earlier runs, to tell what is left.

    Parameters
    ----------
    memory : Path
        File with the means of earlier runs.
    """

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._now: dict[str, tuple[int, float]] = {}
        try:
            found = json.loads(memory.read_text(encoding="utf-8"))
            self._before = {str(name): float(value) for name, value in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self._before = {}
        self._began = time.perf_counter()
        self._worked = 0.0

    def took(self, step: str, seconds: float) -> None:
        """Count a task."""
        count, total = self._now.get(step, (0, 0.0))
        self._now[step] = count + 1, total + seconds
        self._worked += seconds

    def remember(self) -> None:
        """Keep the means for later runs."""
        if self._now:
            means = self._before | {name: total / count for name, (count, total) in self._now.items()}
            with atomic_file(self._memory) as partial:
                partial.write_text(json.dumps(means), encoding="utf-8")

    def left(self, steps: Mapping[str, int]) -> str:
        """Return the time that tasks, counted by step, will take, in words; at least that when some were never run."""
        wanted = {name: count for name, count in steps.items() if count}
        if not wanted:
            return ""
        known = {name: self._mean(name) for name in wanted}
        seconds = sum(mean * wanted[name] for name, mean in known.items() if mean is not None)
        if all(mean is None for mean in known.values()):
            return ", time left unknown"
        at_once = max(1.0, self._worked / max(time.perf_counter() - self._began, 1e-9))
        word = "at least" if None in known.values() else "about"
        return f", {word} {_duration(seconds / at_once)} left"

    def _mean(self, step: str) -> float | None:
        if step not in self._now:
            return self._before.get(step)
        count, total = self._now[step]
        return total / count


def _duration(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"
