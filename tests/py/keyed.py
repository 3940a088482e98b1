# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the tests of TDict and TSet share."""

class Undone(Exception):
    """Leaves a transaction that is to be undone."""


class Thing:
    """Something to refer to, weakly, too."""


class Keys:
    """A key that does something when it is compared or hashed.

    Keys with the same number are equal; all of them have one hash.
    """

    def __init__(self, number, on_eq=None, on_hash=None):
        self.number = number
        self.on_eq = on_eq
        self.on_hash = on_hash

    def __eq__(self, other):
        if not isinstance(other, Keys):
            return NotImplemented
        for key in (self, other):
            if key.on_eq is not None:
                key.on_eq()
        return self.number == other.number

    def __hash__(self):
        if self.on_hash is not None:
            self.on_hash()
        return 1

    def __repr__(self):
        return f"Keys({self.number})"
