# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""The arguments of ThreadPool and of its methods."""

import inspect
import os
import sysconfig
import unittest

import stm.stats
from stm.threadutils import ThreadPool
from support import LIMIT, Notes
from threadpools import PoolCase


class ArgumentsTest(PoolCase):
    def test_a_wrong_argument_is_named(self):
        for error, text, arguments in (
            (ValueError, "max_threads is 0; ", {"max_threads": 0}),
            (ValueError, "max_threads is -1; ", {"max_threads": -1}),
            (ValueError, "min_threads is -1; ", {"min_threads": -1}),
            (ValueError, "min_threads is 3; .* 2", {"min_threads": 3}),
            (ValueError, "capacity is 0; ", {"capacity": 0}),
            (ValueError, "rejection is 'no'; .*'block'", {"rejection": "no"}),
            (ValueError, "handover is 'é'; .*'coarse'", {"handover": "é"}),
            (ValueError, "null character", {"name": "a\0b"}),
            (ValueError, "NaN", {"keep_alive": float("nan")}),
            (TypeError, "float", {"capacity": 1.0}),
            (TypeError, "rejection must be a str", {"rejection": None}),
            (TypeError, "handover must be a str", {"handover": 1}),
            (TypeError, "str", {"name": 1}),
            (TypeError, "tasks must be .*, not list", {"tasks": []}),
            (TypeError, "unexpected|invalid", {"size": 1}),
        ):
            given = {"max_threads": 2, "keep_alive": 1, **arguments}
            with self.assertRaisesRegex(error, text, msg=arguments):
                ThreadPool(**given)
        with self.assertRaises(TypeError):
            ThreadPool(2, 1, None, 1)

    def test_so_is_one_of_a_method(self):
        pool = self.pool(2, 1)
        for error, text, use in (
            (ValueError, "max_threads is 0; ", lambda: pool.resize(0)),
            (ValueError, "min_threads is 3; ", lambda: pool.resize(2, 3)),
            (ValueError, "min_threads is -1; ", lambda: pool.resize(2, -1)),
            (TypeError, "float", lambda: pool.resize(1.5)),
            (TypeError, "str", lambda: pool.resize(1, "1")),
            (TypeError, "argument", lambda: pool.stats(1)),
        ):
            with self.assertRaisesRegex(error, text):
                use()
        self.assertEqual((pool.stats().min, pool.stats().max), (0, 2))

    def test_a_pool_that_was_not_made_does_nothing(self):
        pool = ThreadPool.__new__(ThreadPool)
        for use in (
            pool.pause,
            pool.resume,
            pool.cancel_all,
            pool.shutdown,
            pool.stats,
            pool.join,
            lambda: pool.resize(1),
            lambda: pool.schedule(int, delay=1),
        ):
            with self.assertRaisesRegex(RuntimeError, "__init__"):
                use()

    def test_every_hand_over_runs_every_task(self):
        for handover in ("hand-off", "shared-list", "coarse"):
            pool = self.pool(3, 1, handover=handover, min_threads=1)
            seen = Notes()
            for i in range(50):
                pool.schedule(lambda: seen.append(1))
            pool.resize(1)
            pool.join(LIMIT)
            self.assertEqual(seen, [1] * 50, handover)

    def test_the_name_is_that_of_its_transactions(self):
        name = "pool that is named"
        pool = self.pool(1, 1, name=name)
        for _ in range(5):
            pool.schedule(int)
        pool.join(LIMIT)
        self.assertGreaterEqual(stm.stats.read(name)["commits"], 5)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork()")
    def test_in_a_forked_child_it_cannot_be_used(self):
        output, _, _ = self.script(
            """
            import os, warnings
            from stm.threadutils import ThreadPool
            warnings.simplefilter("ignore")
            pool = ThreadPool(2, 60, min_threads=1)
            pool.schedule(int)
            pool.join()
            child = os.fork()
            if child == 0:
                for use in (lambda: pool.schedule(int, delay=1), pool.pause,
                            lambda: pool.resize(1), pool.cancel_all):
                    try:
                        use()
                    except RuntimeError:
                        print("refused", flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            """
        )
        self.assertEqual(output, "refused\n" * 4)


class SignatureTest(PoolCase):
    @unittest.skipUnless(
        sysconfig.get_config_var("WITH_DOC_STRINGS"),
        "this Python leaves docstrings out",
    )
    def test_methods_have_signatures(self):
        for name, signature in (
            ("schedule", "(self, function, /, *, priority=0, delay=0)"),
            ("resize", "(self, /, max_threads, min_threads=None)"),
            ("pause", "(self, /)"),
            ("cancel_all", "(self, /)"),
        ):
            method = getattr(ThreadPool, name)
            self.assertEqual(str(inspect.signature(method)), signature)

    def test_schedule_takes_one_function(self):
        pool = self.pool(1, 0)
        for use in (
            pool.schedule,
            lambda: pool.schedule(int, 1),
            lambda: pool.schedule(function=int),
            lambda: pool.schedule(int, colour=1),
            lambda: pool.schedule(1, delay=1),
        ):
            with self.assertRaises(TypeError):
                use()


if __name__ == "__main__":
    unittest.main()
