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
from collections.abc import MutableSequence as _MutableSequence

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
from stm._stm import BroadcastEndpoint, BroadcastQueue, Empty, Full, TList
from stm._weakrefs import TMutableWeakRef, TPossiblyWeakRef
    TList,
    TObject,
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
    "TList",
    "TMutableWeakRef",
    "TPossiblyWeakRef",
    "TList",
    "TObject",
]

_MutableSequence.register(TList)
_abc.ItemsView.register(_stm.TDictItems)
_abc.KeysView.register(_stm.TDictKeys)
_abc.MutableMapping.register(TDict)
_abc.MutableSet.register(TSet)
_abc.ValuesView.register(_stm.TDictValues)
