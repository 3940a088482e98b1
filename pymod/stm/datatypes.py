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

import collections.abc as _abc

from stm import _stm
from stm._stm import (
    BroadcastEndpoint,
    BroadcastQueue,
    Empty,
    Full,
    TCounter,
    TDict,
    TFuture,
    TList,
    TObject,
    TPriorityQueue,
    TQueue,
    TSemaphore,
    TSet,
    Ticket,
)
from stm._weakrefs import TMutableWeakRef, TPossiblyWeakRef

__all__ = [
    "BroadcastEndpoint",
    "BroadcastQueue",
    "Empty",
    "Full",
    "TCounter",
    "TDict",
    "TFuture",
    "TList",
    "TMutableWeakRef",
    "TObject",
    "TPossiblyWeakRef",
    "TPriorityQueue",
    "TQueue",
    "TSemaphore",
    "TSet",
    "Ticket",
]

_abc.MutableSequence.register(TList)
_abc.ItemsView.register(_stm.TDictItems)
_abc.KeysView.register(_stm.TDictKeys)
_abc.MutableMapping.register(TDict)
_abc.MutableSet.register(TSet)
_abc.ValuesView.register(_stm.TDictValues)
