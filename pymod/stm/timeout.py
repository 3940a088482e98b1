# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The exception for a time that is over."""

from stm._stm import Timeout

__all__ = ["Timeout"]
