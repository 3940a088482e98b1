# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Random transactions on TSets, and on sets beside them.

A set has no order, so that the order of a TSet's keys is tested elsewhere.
"""

import operator
import unittest

import model
from stm.datatypes import TSet

OPERATORS = {
    "|": operator.or_,
    "&": operator.and_,
    "-": operator.sub,
    "^": operator.xor,
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    "==": operator.eq,
}
IN_PLACE = {
    "|=": operator.ior,
    "&=": operator.iand,
    "-=": operator.isub,
    "^=": operator.ixor,
}
BY_ITERABLE = (
    "update",
    "intersection_update",
    "difference_update",
    "symmetric_difference_update",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
    "isdisjoint",
    "issubset",
    "issuperset",
)

if model.hypothesis is not None:
    from hypothesis import strategies

    KEYS = model.KEYS
    OPERATIONS = strategies.one_of(
        strategies.tuples(
            strategies.sampled_from(
                ["add", "discard", "remove", "__contains__"]
            ),
            KEYS,
        ),
        strategies.tuples(
            strategies.sampled_from(
                ["clear", "become the other", *OPERATORS, *IN_PLACE]
            )
        ),
        strategies.tuples(
            strategies.sampled_from(BY_ITERABLE), strategies.lists(KEYS)
        ),
        strategies.tuples(strategies.sampled_from([*OPERATORS, *IN_PLACE])),
        strategies.tuples(
            strategies.just("with a set"),
            strategies.sampled_from([*OPERATORS, *IN_PLACE]),
            strategies.sets(strategies.integers(-3, 10)),
        ),
    )
else:
    OPERATIONS = None


def operate(items, symbol, other):
    function = OPERATORS.get(symbol) or IN_PLACE[symbol]
    return function(items, other)


def perform(items, other, name, *arguments):
    if name == "become the other":
        items.clear()
        return items.update(other)
    if name == "with a set":
        return operate(items, *arguments)
    if name in OPERATORS or name in IN_PLACE:
        return operate(items, name, other)
    return getattr(items, name)(*arguments)


def plain(result):
    return set(result) if isinstance(result, TSet) else result


def apply(play, name, *arguments):
    # An iterable that has an item without a hash leaves as much done as came
    # before it, in whatever order; so none of it is to be done.
    if arguments and isinstance(arguments[-1], list) and [] in arguments[-1]:
        return
    one, two = play.both(
        lambda *containers: plain(perform(*containers, name, *arguments))
    )
    assert one == two, f"expected {name} to give {two}, not {one}"


TSetModelTest = model.case_of(
    OPERATIONS, TSet, set, apply, contents=set, keys=set
)


if __name__ == "__main__":
    unittest.main()
