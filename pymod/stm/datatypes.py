# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Transactional containers.

They are made anywhere, and used inside transactions.
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
