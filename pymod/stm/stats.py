# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Counts of how transactions fared.

attempts = commits + conflicts + retries + aborts holds exactly.  With
STM_STATS=1 in the environment a program prints them when it ends.

>>> counts = read("transfer")
>>> parts = ("commits", "conflicts", "retries", "aborts")
>>> counts["attempts"] == sum(counts[part] for part in parts)
True
"""

import builtins as _builtins
import sys as _sys
from typing import TextIO as _TextIO

from stm import _stm

__all__ = ["print", "read"]


def read(name: str | None = None) -> dict[str, int]:
    """Return the counts, of all transactions or of those of one name.

    The keys are attempts, commits, conflicts, retries, aborts, wakeups,
    spurious and escalations.
    """
    return _stm.stats_read(name)


def print(file: _TextIO | None = None) -> None:
    """Print the counts, a line each, to a file or to standard error."""
    _builtins.print(
        _stm.stats_text(), end="", file=_sys.stderr if file is None else file
    )
