# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Transactional containers.

They are made anywhere, and used inside transactions.

>>> from stm import atomically
>>> tasks = TList(["wash", "dry"])
>>> atomically(lambda: tasks.append("fold"))
>>> atomically(lambda: tasks.pop(0))
'wash'
>>> tasks
TList(['dry', 'fold'])
"""

from collections.abc import MutableSequence as _MutableSequence

from stm._stm import (
    BroadcastEndpoint,
    BroadcastQueue,
    Empty,
    Full,
    TCounter,
    TFuture,
    Ticket,
    TList,
    TPriorityQueue,
    TQueue,
    TSemaphore,
)

__all__ = [
    "BroadcastEndpoint",
    "BroadcastQueue",
    "Empty",
    "Full",
    "TCounter",
    "TFuture",
    "TList",
    "TPriorityQueue",
    "TQueue",
    "TSemaphore",
    "Ticket",
]

_MutableSequence.register(TList)
