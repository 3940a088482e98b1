# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Whether adaptive pools work here: python -m stm.adaptive."""

import argparse as _argparse

from stm import TVar, adaptive, atomically
from stm.utils import wait_until

_LIMIT = 60  # seconds; only what hangs takes so long
_TASKS = 100


def _expect(true: bool, what: str) -> None:
    if not true:
        raise RuntimeError(f"expected {what}")


# Each step returns what it has seen, or raises.


def _create() -> adaptive.AdaptiveThreadPool:
    # Whatever else is going on, there is to be growth.
    return adaptive.AdaptiveThreadPool(
        min_threads=2,
        max_threads=6,
        soft_limit=4,
        hard_limit=6,
        policy=adaptive.POLICY_AGGRESSIVE,
        monitor_interval_ms=10,
        cpu_threshold=1.0,
        memory_threshold_mb=0,
    )


def _creation(pool: adaptive.AdaptiveThreadPool) -> str:
    limit, most = pool.get_metrics()["thread_limit"], pool.get_config()
    return f"{limit} threads to begin with, {most['hard_limit']} at most"


def _execution(pool: adaptive.AdaptiveThreadPool) -> str:
    results = [pool.submit(pow, (2, n)) for n in range(_TASKS)]
    found = [result.result(_LIMIT) for result in results]
    _expect(found == [2**n for n in range(_TASKS)], "the powers of two")
    return f"{_TASKS} tasks, each with its result"


def _scaling(pool: adaptive.AdaptiveThreadPool) -> str:
    """Leave a queue behind that has still to be drained."""
    gate, limit = TVar(False), pool.get_config()["hard_limit"]
    for _ in range(_TASKS):
        pool.submit(wait_until, (gate.get,))
    try:
        wait_until(
            lambda: pool.get_metrics()["current_threads"] == limit, _LIMIT
        )
        queued = pool.get_metrics()["queue_depth"]
        _expect(queued == _TASKS - limit, "the other tasks to be queued")
    finally:
        atomically(lambda: gate.set(True))
    return f"grew to {limit} threads for {_TASKS} tasks"


def _shutdown(pool: adaptive.AdaptiveThreadPool) -> str:
    last = pool.submit(int, priority=1)
    pool.shutdown(wait=True)
    metrics = pool.get_metrics()
    _expect(last.done(), "the last task to be done")
    _expect(metrics["queue_depth"] == 0, "an empty queue")
    _expect(metrics["current_threads"] == 0, "no thread to be left")
    done, known = metrics["total_completed"], metrics["total_submitted"]
    _expect(done == known, f"{known} tasks to be done, not {done}")
    return f"queue drained, {done} tasks done in all, no thread left"


def _refusal(pool: adaptive.AdaptiveThreadPool) -> str:
    try:
        pool.submit(int)
    except RuntimeError as error:
        return f"RuntimeError: {error}"
    raise RuntimeError("expected RuntimeError")


_STEPS = (
    ("creation", _creation),
    ("execution", _execution),
    ("scaling under load", _scaling),
    ("shutdown", _shutdown),
    ("submit after shutdown", _refusal),
)


def main() -> int:
    """Print a line for each thing that works; return the exit status."""
    parser = _argparse.ArgumentParser(
        prog="python -m stm.adaptive",
        description="Try whether adaptive thread pools work here.",
    )
    parser.parse_args()
    print(f"ok      import: {adaptive.__name__}")
    name = "creation"
    try:
        with _create() as pool:
            for name, step in _STEPS:
                print(f"ok      {name}: {step(pool)}", flush=True)
    except Exception as error:
        print(f"FAILED  {name}: {type(error).__name__}: {error}")
        return 1
    return 0
