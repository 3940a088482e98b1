# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""When an adaptive pool gets more threads, when fewer, and when neither.

decide() is a function of what was measured, of the settings, and of what it
returned the last time, and of nothing else.  What it moves is the limit: how
many threads there may be.  Up to that the pool starts them as tasks need them,
and those for which there is no room any more leave when they are free.

    grow     tasks are queued; more than scale_up_threshold of the threads are
             busy; the queue is as long as the pace finds significant; the
             processors, the quota and the memory allow it; and all that for as
             many measurements as the pace wants to see.  Beyond soft_limit only
             where every thread is busy and the queue is longer still.
    shrink   less than scale_down_threshold of the threads are busy, or there
             are more than soft_limit, no task is queued and less than
             scale_up_threshold are busy; for several measurements.  At once
             where a limit has come down.
"""

import math as _math
from typing import NamedTuple

from stm._settings import Settings

# Why the limit moved.
QUEUE = "tasks are queued"
OVERLOAD = "all threads are busy and many tasks are queued"
IDLE = "below the activity threshold for scaling down"
ABOVE_SOFT = "above the soft limit without need"
LIMITED = "a limit is lower"

# Why it did not grow though tasks were queued.
AT_HARD = "at the hard limit"
AT_MAX = "at max_threads"
AT_SOFT = "at the soft limit"
INACTIVE = "below the activity threshold"
SHORT = "the queue is short"
CPU = "CPU over threshold"
QUOTA = "CPU quota"
MEMORY = "short of memory"
SOON = "not for long enough"


class Seen(NamedTuple):
    """What was measured of a pool and of the machine at one moment."""

    moment: float  # of the monotonic clock
    queued: int
    busy: int  # threads with a task that does not wait for another
    waiting: int  # threads with a task that waits for one of the same pool
    threads: int  # all, free ones included
    cpu: float = 0.0  # the used part of the processors
    quota: float = 0.0  # of what the control group may use of them
    memory_mb: float = _math.inf  # available


class Mood(NamedTuple):
    """What is remembered from one measurement to the next."""

    limit: int
    pressed: int = 0  # measurements in a row that asked for more threads
    slack: int = 0  # for fewer
    declined: str | None = None  # why it last did not grow
    told: str | None = None  # the same, where nothing has moved since


class Decision(NamedTuple):
    """What a policy decided, when, and why.

    before and after are how many threads there may be, and the same where the
    pool did not grow though tasks were queued.  moment is of time.monotonic(),
    seen what was measured: queued, busy, waiting and threads of the pool, cpu,
    quota and memory_mb of the machine.
    """

    moment: float
    before: int
    after: int
    reason: str
    seen: Seen


class Pace(NamedTuple):
    """How fast a policy goes."""

    patience_up: int  # measurements before it grows
    patience_down: int  # and before it shrinks
    queue: float  # queued tasks for each thread that are significant
    overload: float  # that take it beyond the soft limit
    step_up: float  # how many more at once, for each thread
    step_down: float  # what part of the threads too many leaves at once


# By policy: up slowly and down quickly; both moderately; up quickly, and down
# not before a lull between two bursts would be over.
PACES = (
    Pace(3, 2, 1.0, 4.0, 0.0, 1.0),
    Pace(2, 4, 0.5, 2.0, 0.5, 0.5),
    Pace(1, 6, 0.0, 1.0, _math.inf, 0.5),
)


def activity(seen: Seen) -> float:
    """Return the part of the threads that is busy."""
    present = seen.threads - seen.waiting
    return seen.busy / present if present > 0 else float(seen.queued > 0)


def bounds(settings: Settings) -> tuple[int, int]:
    """Return the least and the most that the limit may be."""
    return max(settings.min_threads, 1), settings.max_threads


def start(settings: Settings) -> Mood:
    """Return what a pool starts with."""
    return Mood(bounds(settings)[0])


def decide(
    settings: Settings, mood: Mood, seen: Seen
) -> tuple[Mood, Decision | None]:
    """Return what to remember, its limit included, and what was decided.

    None stands for nothing worth telling: there was no need, or it is the
    reason not to grow that it was before.
    """
    bottom, top = bounds(settings)
    if not bottom <= mood.limit <= top:
        limit = min(max(mood.limit, bottom), top)
        return _moved(mood, seen, limit, LIMITED)
    if seen.queued > 0:
        return _press(settings, mood._replace(slack=0), seen)
    calm = mood._replace(pressed=0, told=None)
    return _relax(settings, calm, seen, bottom)


def _moved(
    mood: Mood, seen: Seen, limit: int, reason: str
) -> tuple[Mood, Decision]:
    decision = Decision(seen.moment, mood.limit, limit, reason, seen)
    return Mood(limit, declined=mood.declined), decision


def _press(
    settings: Settings, mood: Mood, seen: Seen
) -> tuple[Mood, Decision | None]:
    """Tasks are queued: is the pool to grow?"""
    pace = PACES[settings.policy]
    # Threads whose task waits for another of the pool come on top of the limit.
    top = min(settings.max_threads, settings.hard_limit - seen.waiting)
    overloaded = _is_overloaded(pace, mood, seen)
    reason = _obstacle(settings, mood, seen, top)
    if reason is None and mood.limit >= settings.soft_limit and not overloaded:
        reason = AT_SOFT
    pressed = mood.pressed + 1 if reason is None else 0
    if reason is None and pressed < pace.patience_up:
        return mood._replace(pressed=pressed, declined=SOON), None
    if reason is not None:
        return _declined(mood, seen, reason)
    goal = min(mood.limit + _step(pace, mood, seen), top)
    if overloaded and goal > settings.soft_limit:
        return _moved(mood, seen, goal, OVERLOAD)
    return _moved(mood, seen, min(goal, settings.soft_limit), QUEUE)


def _declined(
    mood: Mood, seen: Seen, reason: str
) -> tuple[Mood, Decision | None]:
    decision = Decision(seen.moment, mood.limit, mood.limit, reason, seen)
    told = reason == mood.told
    mood = mood._replace(pressed=0, declined=reason, told=reason)
    return mood, None if told else decision


def _is_overloaded(pace: Pace, mood: Mood, seen: Seen) -> bool:
    return activity(seen) >= 1 and seen.queued >= pace.overload * mood.limit


def _obstacle(
    settings: Settings, mood: Mood, seen: Seen, top: int
) -> str | None:
    """Return why the pool cannot grow, whatever its policy."""
    pace, ratio = PACES[settings.policy], activity(seen)
    reasons = (
        (mood.limit >= settings.max_threads < settings.hard_limit, AT_MAX),
        (mood.limit >= top, AT_HARD),
        (ratio < 1 and ratio <= settings.scale_up_threshold, INACTIVE),
        (seen.queued < pace.queue * mood.limit, SHORT),
        (seen.cpu > settings.cpu_threshold, CPU),
        (seen.quota > settings.cpu_threshold, QUOTA),
        (seen.memory_mb < settings.memory_threshold_mb, MEMORY),
    )
    return next((reason for true, reason in reasons if true), None)


def _step(pace: Pace, mood: Mood, seen: Seen) -> int:
    """Return by how many threads to grow, not more than tasks are queued."""
    return int(max(1, min(seen.queued, pace.step_up * mood.limit)))


def _relax(
    settings: Settings, mood: Mood, seen: Seen, bottom: int
) -> tuple[Mood, Decision | None]:
    """No task is queued: is the pool to shrink?"""
    pace = PACES[settings.policy]
    ratio = activity(seen)
    if ratio < settings.scale_down_threshold:
        reason = IDLE
    elif (
        ratio < settings.scale_up_threshold
        and mood.limit > settings.soft_limit
    ):
        reason, bottom = ABOVE_SOFT, max(settings.soft_limit, bottom)
    else:
        return mood._replace(slack=0), None
    # As many as are busy stay, whatever the policy.
    excess = mood.limit - max(bottom, seen.busy)
    slack = mood.slack + 1
    if excess <= 0 or slack < pace.patience_down:
        return mood._replace(slack=slack), None
    return _moved(
        mood, seen, mood.limit - _math.ceil(excess * pace.step_down), reason
    )
