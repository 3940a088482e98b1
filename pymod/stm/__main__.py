# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What a report of a bug should say about this package: python -m stm."""

import argparse as _argparse
import os as _os
import pkgutil as _pkgutil
import platform as _platform
import sys as _sys
from collections.abc import Iterator as _Iterator

import stm as _stm_package
from stm import _stm


def _python() -> str:
    name = f"{_platform.python_implementation()} {_platform.python_version()}"
    if not _stm.build_info()["free_threaded"]:
        return f"{name}, with a GIL"
    # Only a free-threaded Python has the function.
    on = getattr(_sys, "_is_gil_enabled")()
    return f"{name}, free-threaded, its GIL {'on' if on else 'off'}"


def _build() -> str:
    info = _stm.build_info()
    words = [
        "optimized" if info["optimized"] else "not optimized",
        "assertions" if info["assertions"] else "no assertions",
        "shake mode" if info["shake"] else "no shake mode",
    ]
    if info["sanitizer"] is not None:
        words.append(f"{info['sanitizer']} sanitizer")
    return ", ".join(words)


def _modules() -> str:
    found = _pkgutil.iter_modules(_stm_package.__path__)
    return ", ".join(
        module.name for module in found if not module.name.startswith("_")
    )


def _supported() -> str:
    words = ["free threading", "fork"]
    if hasattr(_stm_package, "atomically_async"):
        words.append("async")
    return ", ".join(words) + "; no sub-interpreters"


def _facts() -> _Iterator[tuple[str, str]]:
    info = _stm.build_info()
    processors = len(_os.sched_getaffinity(0))
    yield "stm", _stm.__version__
    yield "Python", _python()
    yield "compiled by", f"{info['compiler']} for Python {info['python']}"
    yield "build", _build()
    yield "supported", _supported()
    yield "modules", _modules()
    yield "extension", str(_stm.__file__)
    yield "libstm", str(info["library"])
    yield "system", f"{_platform.platform()}, {processors} processors"


def _main() -> None:
    parser = _argparse.ArgumentParser(
        prog="python -m stm",
        description="Print what a report of a bug in stm should say about it.",
    )
    parser.parse_args()
    for name, value in _facts():
        print(f"{name + ':':<13}{value}")


if __name__ == "__main__":
    _main()
