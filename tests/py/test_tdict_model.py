# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Random transactions on TDicts and on dicts beside them."""

import unittest

import model
from stm.datatypes import TDict

if model.hypothesis is not None:
    from hypothesis import strategies

    KEYS = model.KEYS
    PAIRS = strategies.lists(strategies.tuples(KEYS, strategies.integers()))
    OPERATIONS = strategies.one_of(
        strategies.tuples(strategies.just("set"), KEYS, strategies.integers()),
        strategies.tuples(
            strategies.sampled_from(
                ["item", "get", "in", "del", "pop", "pop or", "setdefault"]
            ),
            KEYS,
        ),
        strategies.tuples(
            strategies.sampled_from(
                [
                    "popitem",
                    "clear",
                    "become the other",
                    "merge",
                    "equal",
                    "views",
                ]
            )
        ),
        strategies.tuples(strategies.sampled_from(["update", "or"]), PAIRS),
    )
else:
    OPERATIONS = None


def become(items, other):
    items.clear()
    items.update(other)


FUNCTIONS = {
    "set": lambda items, other, key, value: items.__setitem__(key, value),
    "item": lambda items, other, key: items[key],
    "get": lambda items, other, key: items.get(key, -1),
    "in": lambda items, other, key: key in items,
    "del": lambda items, other, key: items.__delitem__(key),
    "pop": lambda items, other, key: items.pop(key),
    "pop or": lambda items, other, key: items.pop(key, None),
    "setdefault": lambda items, other, key: items.setdefault(key, 7),
    "popitem": lambda items, other: items.popitem(),
    "clear": lambda items, other: items.clear(),
    "become the other": become,
    "merge": lambda items, other: items.update(other),
    "equal": lambda items, other: (items == other, items != other),
    "views": lambda items, other: (
        items.keys() & other.keys(),
        items.items() ^ other.items(),
        items.keys() <= other.keys(),
        list(reversed(items.values())),
    ),
    "update": lambda items, other, pairs: items.update(dict(pairs)),
    "or": lambda items, other, pairs: list((other | dict(pairs)).items()),
}


def apply(play, name, *arguments):
    one, two = play.both(
        lambda *containers: FUNCTIONS[name](*containers, *arguments)
    )
    if name.startswith("pop") and arguments == ([],):
        two = TypeError  # an empty dict does not ask for the hash
    assert one == two, f"expected {name} to give {two}, not {one}"


TDictModelTest = model.case_of(
    OPERATIONS,
    TDict,
    dict,
    apply,
    contents=lambda items: list(items.items()),
    keys=list,
)


if __name__ == "__main__":
    unittest.main()
