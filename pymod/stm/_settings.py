# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What an adaptive pool can be told, and which of that contradicts itself."""

import math as _math
import operator as _operator
from numbers import Real as _Real
from typing import Any as _Any, NamedTuple

# The same as the policies' in stm.adaptive.
POLICIES = {
    0: "POLICY_CONSERVATIVE",
    1: "POLICY_BALANCED",
    2: "POLICY_AGGRESSIVE",
}

_DAY_MS = 24 * 60 * 60 * 1000
_MOST_THREADS = 1 << 20


class Settings(NamedTuple):
    """All that can be set; AdaptiveThreadPool says what it means."""

    min_threads: int = 2
    max_threads: int = 32
    soft_limit: int = 8
    hard_limit: int = 32
    policy: int = 1
    monitor_interval_ms: float = 250
    scale_up_threshold: float = 0.75
    scale_down_threshold: float = 0.25
    cpu_threshold: float = 0.80
    memory_threshold_mb: float = 64


# The first of each must be at most the second.
_ORDER = (
    ("min_threads", "soft_limit"),
    ("soft_limit", "max_threads"),
    ("max_threads", "hard_limit"),
)


def _wrong(name: str, value: object, expected: str) -> ValueError:
    return ValueError(f"{name} is {value!r}, expected {expected}")


def _integer(name: str, value: object, least: int, most: int) -> int:
    expected = f"an integer from {least} to {most}"
    try:
        number = _operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise _wrong(name, value, expected) from None
    if isinstance(value, bool) or not least <= number <= most:
        raise _wrong(name, value, expected)
    return number


def _number(name: str, value: object, least: float, most: float) -> float:
    number: float = _math.nan
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, _Real) and not isinstance(value, int):
        try:
            number = float(value)
        except OverflowError:
            pass  # nan is in no range, either
    if not least <= number <= most:
        raise _wrong(name, value, f"a number from {least:g} to {most:g}")
    return number


def _part(name: str, value: object) -> float:
    number = _number(name, value, 0, 1)
    if number == 0:
        raise _wrong(name, value, "a number above 0, and at most 1")
    return number


def _policy(value: object) -> int:
    try:
        number = _operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if isinstance(value, bool) or number not in POLICIES:
        expected = ", ".join(f"{name} ({i})" for i, name in POLICIES.items())
        raise _wrong("policy", value, f"one of {expected}")
    return number


def _each(settings: Settings) -> Settings:
    """Return them with plain numbers, each of which may be what it is."""
    values: dict[str, _Any] = {"policy": _policy(settings.policy)}
    for name in ("max_threads", "soft_limit", "hard_limit"):
        value = getattr(settings, name)
        values[name] = _integer(name, value, 1, _MOST_THREADS)
    values["min_threads"] = _integer(
        "min_threads", settings.min_threads, 0, _MOST_THREADS
    )
    values["monitor_interval_ms"] = _number(
        "monitor_interval_ms", settings.monitor_interval_ms, 1, _DAY_MS
    )
    for name in ("scale_up_threshold", "scale_down_threshold", "cpu_threshold"):
        values[name] = _part(name, getattr(settings, name))
    values["memory_threshold_mb"] = _number(
        "memory_threshold_mb", settings.memory_threshold_mb, 0, float(1 << 40)
    )
    return Settings(**values)


def check(settings: Settings) -> Settings:
    """Return the settings, or raise ValueError that says which is wrong."""
    settings = _each(settings)
    for low, high in _ORDER:
        value, most = getattr(settings, low), getattr(settings, high)
        if value > most:
            raise _wrong(low, value, f"at most {high}, which is {most}")
    down, up = settings.scale_down_threshold, settings.scale_up_threshold
    if down >= up:
        expected = f"less than scale_up_threshold, which is {up}"
        raise _wrong("scale_down_threshold", down, expected)
    return settings


def change(settings: Settings, changes: dict[str, object]) -> Settings:
    """Return the settings with others in place of some, checked."""
    for name in changes:
        if name not in Settings._fields:
            raise TypeError(f"there is no setting {name!r}")
    return check(settings._replace(**changes))  # type: ignore[arg-type]
