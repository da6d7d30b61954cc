"""Where tasks run: threads, processes, or the workers of a Dask cluster, behind one interface."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Literal, Protocol

from fiducial import __version__
from fiducial.errors import RunError

Workers = Literal["threads", "processes"]

MOST_BY_DEFAULT: Final = 8
"""Steps use threads of their own, and hold a part of their data in memory."""
_AHEAD: Final = 2
_CONNECT_S: Final = 10.0


class Executor(Protocol):
    """What the engine asks of an executor; those of ``concurrent.futures`` have it, and Dask's ``get_executor()``."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function elsewhere."""

    def map(self, fn: Callable[..., Any], /, *iterables: Any) -> Iterator[Any]:
        """Run a function on every item, and give the results in their order."""


def default_workers() -> int:
    """Return how many tasks run at once by default: as many as there are cores, at most `MOST_BY_DEFAULT`."""
    return max(1, min(MOST_BY_DEFAULT, len(os.sched_getaffinity(0))))


@contextmanager
def executor(
    scheduler: str = "local", workers: int | None = None, *, kind: Workers = "threads"
) -> Iterator[tuple[Executor, int]]:
    """Open an executor.

    Parameters
    ----------
    scheduler : str
        ``local``, or the address of a Dask scheduler such as ``tcp://10.0.0.1:8786``. Its workers must see the same
        folders under the same names.
    workers : int, optional
        Tasks at once; the number of cores by default, or of the threads of the cluster.
    kind : {"threads", "processes"}
        Of the local executor. Threads: the kernels free the interpreter, and nothing has to be sent. Processes pay
        where a step is held up by Python itself.

    Yields
    ------
    tuple of Executor and int
        And how many tasks it is given at once: two more than it runs, so that no worker waits for the books to be kept;
        of a cluster with stated ``workers`` no more than these.

    Raises
    ------
    RunError
        FID-5006 for fewer than one worker, an address that is none, a cluster that does not answer or runs another
        version, or Dask missing.
    """
    if workers is not None and workers < 1:
        raise _refused(f"{workers} workers", "--workers", "one worker or more")
    if scheduler == "local":
        count = workers or default_workers()
        with one_blas_thread(), _local(count, kind) as pool:
            yield pool, count + _AHEAD
        return
    with _cluster(scheduler) as (pool, threads):
        yield pool, workers or threads + _AHEAD


def one_blas_thread() -> AbstractContextManager[object]:
    """Let the libraries of linear algebra work with one thread, from now on or as a context.

    The order of their sums depends on the number of threads: with one, a result is the same to the last bit wherever and
    beside whatever a task runs. Tasks run side by side, so that no core stands idle for it.
    """
    # Only libraries that are loaded can be told.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _version() -> str:
    return __version__


def _require_same_version(client: Any, address: str) -> None:
    """Refuse workers that would do other work under the same name."""
    try:
        found: dict[str, str] = client.run(_version)
    except Exception as error:
        raise _refused(
            f"the workers cannot run Fiducial: {type(error).__name__}: {error}", address,
            f"install fiducial {__version__} where the workers run",
        ) from error  # fmt: skip
    other = {worker: version for worker, version in found.items() if version != __version__}
    if other:
        worker, version = next(iter(other.items()))
        raise _refused(
            f"{len(other)} of {len(found)} workers run another version: {version} at {worker}, {__version__} here", address,
            f"install fiducial {__version__} where the workers run, and start them again",
        )  # fmt: skip


def _prepare_worker(dask_worker: Any) -> None:
    """Set up the process of a worker: kernels with as many threads as it may have, linear algebra with one."""
    if "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_NUM_THREADS", str(dask_worker.state.nthreads))
    one_blas_thread()


@contextmanager
def _local(count: int, kind: Workers) -> Iterator[Executor]:
    if kind == "processes":
        # A forked copy of a process with threads may stand still for ever.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, mp_context=context, initializer=one_blas_thread) as processes:
            yield processes
        return
    with ThreadPoolExecutor(count, thread_name_prefix="task") as threads:
        yield threads


@contextmanager
def _cluster(address: str) -> Iterator[tuple[Executor, int]]:
    if "://" not in address:
        raise _refused(
            f"no scheduler: {address!r}", "--scheduler", "`local`, or an address such as tcp://10.0.0.1:8786"
        )
    try:
        import distributed
    except ImportError as error:
        raise _refused(
            "tasks are sent to a cluster with dask.distributed, which is not installed", "--scheduler",
            "install it with `pip install 'fiducial[scale]'`, or run with --scheduler local",
        ) from error  # fmt: skip
    try:
        opened: Any = distributed.Client
        client: Any = opened(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise _refused(
            f"the scheduler does not answer: {str(error) or type(error).__name__}", address,
            "start one with `dask scheduler` and workers with `dask worker ADDRESS`, or run with --scheduler local",
        ) from error  # fmt: skip
    # What becomes of the cluster is told by an error of ours.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with client:
        if not client.nthreads():
            sys.stderr.write(f"{address}: the cluster has no worker yet; the run waits for one\n")
            client.wait_for_workers(1)
        _require_same_version(client, address)
        client.register_worker_callbacks(_prepare_worker)
        threads = sum(client.nthreads().values())
        # Not pure: a task that is run again has another folder to write to.
        yield client.get_executor(pure=False), max(1, threads)


def _refused(problem: str, where: str, fix: str) -> RunError:
    return RunError("FID-5006", problem, where=where, fix=fix)
