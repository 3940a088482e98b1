# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What the examples' command lines have in common."""

import argparse


def number(least, most):
    """Return a type of arguments: a whole number between two others."""

    def parse(text):
        value = int(text)
        if not least <= value <= most:
            raise ValueError
        return value

    parse.__name__ = f"whole number from {least} to {most}"
    return parse


def seconds(text):
    value = float(text)
    if not 0 <= value <= 1e9:
        raise ValueError
    return value


def add_keep_alive(parser):
    parser.add_argument(
        "--keep-alive",
        type=seconds,
        default=1,
        metavar="SECONDS",
        help="how long a thread stays idle (%(default)s)",
    )


def parse_numbers(prog, description, *options):
    """Parse a command line of options that are whole numbers.

    Each option comes as its name, default, least and most, and its help.
    """
    parser = argparse.ArgumentParser(prog=prog, description=description)
    for option, default, least, most, text in options:
        parser.add_argument(
            option,
            type=number(least, most),
            default=default,
            metavar="N",
            help=f"{text} (%(default)s)",
        )
    return parser.parse_args()
