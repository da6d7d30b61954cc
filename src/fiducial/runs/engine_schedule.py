"""Which tasks can be run: those whose inputs are there, without looking at the others."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from fiducial.runs.engine_model import Task


class Schedule:
    """Tasks of a graph that are not done, and those among them that can be run.

    A task that has just become possible goes before those that were so earlier: what it reads was written a moment ago, and
    is in memory still. The cost of a run grows with the number of tasks and of their inputs, not with their product.

    Parameters
    ----------
    tasks : sequence of Task
        Each after all it takes something from.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._waits = {task.name: len(task.upstream()) for task in tasks}
        self._tasks = {task.name: task for task in tasks}
        self._after: dict[str, list[str]] = {task.name: [] for task in tasks}
        for task in tasks:
            for name in task.upstream():
                self._after[name].append(task.name)
        self._ready = deque(task for task in tasks if not self._waits[task.name])
        self._held: list[Task] = []
        self.left = Counter(task.step.name for task in tasks)
        """Steps of tasks that are not done."""

    @property
    def waiting(self) -> bool:
        """Whether tasks are neither done nor taken."""
        return bool(self._waits)

    def take(self) -> Task | None:
        """Return a task that can be run; None when there is none now."""
        if not self._ready:
            return None
        task = self._ready.popleft()
        del self._waits[task.name]
        return task

    def hold(self, task: Task) -> None:
        """Give a task back that another process makes."""
        self._waits[task.name] = 0
        self._held.append(task)

    def retry(self) -> None:
        """Let the tasks that were given back be taken once more."""
        self._ready.extend(self._held)
        self._held.clear()

    def done(self, task: Task) -> None:
        """Count a task as done."""
        self.left[task.step.name] -= 1
        possible = []
        for name in self._after[task.name]:
            if name not in self._waits:
                continue
            self._waits[name] -= 1
            if not self._waits[name]:
                possible.append(self._tasks[name])
        self._ready.extendleft(reversed(possible))

    def drop(self, task: Task) -> None:
        """Count a task as failed: what stands on it is not waited for."""
        self.left[task.step.name] -= 1
        waiting = [task.name]
        for name in waiting:
            for after in self._after[name]:
                if self._waits.pop(after, None) is not None:
                    self.left[self._tasks[after].step.name] -= 1
                    waiting.append(after)
