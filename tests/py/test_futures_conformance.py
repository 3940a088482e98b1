# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""What CPython's tests demand of a thread pool and a future, ours do.

Every test with a pool of threads counts, and every test of the Future itself.
"""

import unittest

import executors
from stm.futures import Future, ThreadPoolExecutor

globals().update(executors.cases(ThreadPoolExecutor, Future))
setUpModule = executors.set_up_module


if __name__ == "__main__":
    unittest.main()
