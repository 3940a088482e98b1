# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Weak references built of TWeakRef, as stm.datatypes has them."""

import functools as _functools
from collections.abc import Callable as _Callable
from typing import Any as _Any, Generic as _Generic, TypeVar as _TypeVar

from stm._stm import TVar, TWeakRef

_T = _TypeVar("_T")


def _check_callback(callback: object) -> None:
    if callback is not None and not callable(callback):
        raise TypeError("callback must be callable or None")


class TPossiblyWeakRef(_Generic[_T]):
    """A weak reference where the value allows one, else a strong one.

    Of what cannot be referred to weakly, such as None, a number or a string,
    the reference is strong, and the callback is never called.  Else it is a
    TWeakRef.
    """

    __slots__ = ("_get", "_weak", "__weakref__")

    def __init__(
        self, value: _T, callback: _Callable[[], object] | None = None
    ) -> None:
        # Whether the value or the callback is of the wrong type is not to be
        # told by the exception.
        _check_callback(callback)
        self._weak = True
        self._get: _Callable[[], _T | None]
        try:
            self._get = TWeakRef(value, callback).get
        except TypeError:
            self._weak = False
            self._get = TVar(value).get

    def get(self) -> _T | None:
        """Return the value, or None if it is dead."""
        return self._get()

    def __call__(self) -> _T | None:
        """Return the value, as get() does."""
        return self._get()

    @property
    def value(self) -> _T | None:
        """The value, as get() has it."""
        return self._get()

    @property
    def is_alive(self) -> bool:
        """Whether the value is alive, which one held strongly always is."""
        return self._get() is not None or not self._weak


class TMutableWeakRef(_Generic[_T]):
    """A weak reference that can be made to refer to something else.

    None refers to nothing.  The callback is called when the value dies that the
    reference then refers to, as a TWeakRef's is, and not for former values.
    """

    __slots__ = ("_callback", "_state", "__weakref__")

    def __init__(
        self,
        value: _T | None = None,
        callback: _Callable[[], object] | None = None,
    ) -> None:
        _check_callback(callback)
        self._callback = callback
        self._state: TVar[_State[_T]] = TVar(_State(value, callback))

    def get(self) -> _T | None:
        """Return the value, or None if it is dead or there is none."""
        reference = self._state.get().reference
        return None if reference is None else reference.get()

    def set(self, value: _T | None) -> None:
        """Refer to something else from now on, or, with None, to nothing."""
        state = _State(value, self._callback)
        self._state.get().current.set(False)
        self._state.set(state)

    value = property(get, set, doc="The value, as get() and set() have it.")

    def __call__(self) -> _T | None:
        """Return the value, as get() does."""
        return self.get()

    @property
    def is_alive(self) -> bool:
        """Whether there is a value and it is alive."""
        return self.get() is not None


class _State(_Generic[_T]):
    """What a TMutableWeakRef refers to at a time."""

    __slots__ = ("reference", "current")

    def __init__(
        self, value: _T | None, callback: _Callable[[], object] | None
    ) -> None:
        # A death that is on its way when the value is replaced is not to be
        # told of, so the callback asks.
        self.current = TVar(True)
        if callback is not None:
            callback = _functools.partial(_call_if, self.current, callback)
        self.reference: TWeakRef[_T] | None = None
        if value is not None:
            self.reference = TWeakRef(value, callback)


def _call_if(current: TVar[bool], callback: _Callable[[], object]) -> None:
    if current.get():
        callback()
