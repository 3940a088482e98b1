# SPDX-FileCopyrightText: 2026 The stm authors
# SPDX-License-Identifier: MIT
"""Everything public says what it is, and the examples do what they say."""

import doctest
import importlib
import inspect
import pathlib
import pkgutil
import pydoc
import re
import sysconfig
import textwrap
import unittest

import stm
from support import Case

README = pathlib.Path(__file__).resolve().parents[2] / "README"


def modules():
    """Return the public modules of the package."""
    found = pkgutil.iter_modules(stm.__path__, "stm.")
    names = [module.name for module in found if "._" not in module.name]
    return [importlib.import_module(name) for name in ["stm", *names]]


def members(cls):
    """Yield what a class of ours has of its own, and is public."""
    for name, value in vars(cls).items():
        if not name.startswith("_"):
            yield name, inspect.unwrap(getattr(value, "__func__", value))


def public():
    """Yield the qualified name and value of everything public."""
    for module in modules():
        for name in module.__all__:
            value = getattr(module, name)
            yield f"{module.__name__}.{name}", value
            if inspect.isclass(value):
                for own, member in members(value):
                    yield f"{module.__name__}.{name}.{own}", member


# A Python may be built so that what is written in C has no docstrings, and no
# signatures, which lie in them.
with_docstrings = unittest.skipUnless(
    sysconfig.get_config_var("WITH_DOC_STRINGS"),
    "this Python leaves docstrings out",
)


class DocumentationTest(unittest.TestCase):
    def test_a_module_lists_what_it_has(self):
        for module in modules():
            names = sorted(
                name
                for name, value in vars(module).items()
                if not name.startswith("_") and not inspect.ismodule(value)
            )
            with self.subTest(module.__name__):
                self.assertEqual(module.__all__, names)

    @with_docstrings
    def test_everything_has_a_docstring(self):
        for module in modules():
            self.assertTrue(module.__doc__, module.__name__)
        for name, value in public():
            if callable(value) or inspect.isdatadescriptor(value):
                with self.subTest(name):
                    self.assertTrue(inspect.getdoc(value))

    @with_docstrings
    def test_every_callable_has_a_signature(self):
        for name, value in public():
            if inspect.isclass(value) and issubclass(value, BaseException):
                continue  # They are called as BaseException is.
            if callable(value):
                with self.subTest(name):
                    inspect.signature(value)

    @with_docstrings
    def test_what_the_extension_has_for_the_modules_is_documented(self):
        for name, value in vars(stm._stm).items():
            if callable(value):
                with self.subTest(name):
                    self.assertTrue(inspect.getdoc(value))

    def test_help_knows_every_module_and_what_is_in_it(self):
        for module in modules():
            text = pydoc.plain(pydoc.render_doc(module))
            for name in module.__all__:
                with self.subTest(module=module.__name__, name=name):
                    self.assertIn(name, text)

    def test_types_name_the_module_that_they_are_had_from(self):
        """What is printed and pickled by that name is found."""
        for name, value in public():
            if inspect.isclass(value):
                with self.subTest(name):
                    module = importlib.import_module(value.__module__)
                    self.assertIs(getattr(module, value.__name__), value)


class ExampleTest(Case):
    def check(self, tests):
        """Run doctests, of which there must be some."""
        runner = doctest.DocTestRunner(
            verbose=False, optionflags=doctest.ELLIPSIS
        )
        printed = []
        for test in tests:
            runner.run(test, out=printed.append)
        self.assertEqual(runner.failures, 0, "".join(printed))
        self.assertGreater(runner.tries, 0, "expected an example")

    def test_every_module_has_examples_that_do_what_they_say(self):
        finder = doctest.DocTestFinder(exclude_empty=True)
        for module in modules():
            with self.subTest(module.__name__):
                self.check(finder.find(module))

    def test_the_example_in_readme_runs_as_printed(self):
        text = README.read_text("utf-8")
        found = re.search(r"^In Python\n=*\n*((?:    .*\n|\n)+)", text, re.M)
        self.assertIsNotNone(found, "expected an example of Python in README")
        output, errors, _ = self.script(textwrap.dedent(found[1]))
        self.assertEqual((output, errors), ("hello\n", ""))


if __name__ == "__main__":
    unittest.main()
