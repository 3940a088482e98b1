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

from collections.abc import (
    ItemsView as _ItemsView,
    KeysView as _KeysView,
    MutableMapping as _MutableMapping,
    MutableSequence as _MutableSequence,
    MutableSet as _MutableSet,
    ValuesView as _ValuesView,
)

from stm import _stm
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
    TDict,
    TList,
    TSet,
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
    "TDict",
    "TList",
    "TSet",
]

_ItemsView.register(_stm.TDictItems)
_KeysView.register(_stm.TDictKeys)
_MutableMapping.register(TDict)
_MutableSequence.register(TList)
_MutableSet.register(TSet)
_ValuesView.register(_stm.TDictValues)
