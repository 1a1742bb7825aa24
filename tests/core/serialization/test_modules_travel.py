"""A function arrives on a worker that has nothing of the client's files, and runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Project  # type: ignore[import-not-found]


def a_package(project: Project) -> None:
    project.put("pkg/__init__.py")
    project.put("pkg/top.py", "import plain\nGREETING = plain.GREETING")
    project.put("pkg/deep/__init__.py")
    project.put(
        "pkg/deep/inner.py",
        """
        from importlib.resources import files
        from ..top import GREETING

        def greet():
            return GREETING + files(__package__).joinpath("templates/name.txt").read_text()
        """,
    )
    project.put("pkg/deep/templates/name.txt", "reader")
    project.put("plain.py", "GREETING = 'dear '")


def test_a_package_two_levels_deep_travels_with_its_data(project: Project) -> None:
    a_package(project)
    assert project.travel("from pkg.deep.inner import greet\nsend(greet)") == "dear reader"


def test_a_function_of_the_script_brings_the_modules_of_its_globals(project: Project) -> None:
    a_package(project)
    script = """
        import pkg.deep.inner as inner
        def main():
            return inner.greet().upper()
        send(main)
    """
    assert project.travel(script) == "DEAR READER"


def test_a_submodule_reached_through_its_package_comes_along(project: Project) -> None:
    a_package(project)
    script = """
        import pkg.deep.inner
        send(lambda: pkg.deep.inner.greet())
    """
    assert project.travel(script) == "dear reader"


def test_imports_inside_bodies_are_found_without_being_run(project: Project) -> None:
    project.write(lazy="import sys\nassert 'main' not in vars(sys.modules['__main__'])\nN = 5")
    script = """
        def main():
            def inner():
                from lazy import N
                return N
            return inner()
        send(main)
        import sys
        assert "lazy" not in sys.modules
    """
    assert project.travel(script) == "5"


def test_modules_named_by_strings_are_found(project: Project) -> None:
    project.write(
        by_name="N = 1",
        by_import="N = 2",
        user="import importlib\nM = importlib.import_module('by_import')\ndef n(): return M.N",
    )
    script = """
        import importlib, user
        send(lambda: importlib.import_module("by_name").N + user.n())
    """
    assert project.travel(script) == "3"


def test_a_namespace_package_travels_in_part(project: Project) -> None:
    project.put("space/one.py", "from . import two\ndef f(): return two.N")
    project.put("space/two.py", "N = 2")
    project.put("space/three.py", "raise RuntimeError")
    project.put("space/data.txt", "x")
    assert project.travel("from space.one import f\nsend(f)") == "2"
    script = "from space.one import f\nfrom pywren import explain\nprint(explain(f).ships)"
    assert "space.three" not in project.client(script)


def test_a_module_whose_directory_left_the_path_travels(project: Project) -> None:
    project.put("side/extra.py", "def f(): return 'extra'")
    script = """
        import sys
        sys.path.insert(0, "side")
        import extra
        sys.path.remove("side")
        send(lambda: extra.f())
    """
    assert project.travel(script) == "extra"


def test_a_module_loaded_under_another_name_travels_under_that(project: Project) -> None:
    project.put("plugins/a-plugin.py", "def f(): return __name__")
    script = """
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("plugin_a", "plugins/a-plugin.py")
        sys.modules["plugin_a"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        send(module.f)
    """
    assert project.travel(script) == "plugin_a"


def test_sources_may_be_in_any_encoding(project: Project) -> None:
    project.put(
        "latin.py", "# -*- coding: latin-1 -*-\nimport uni\nN = 'é' + uni.N".encode("latin1")
    )
    project.put("uni.py", "N = '→'")
    script = "import latin\nsend(lambda: ascii(latin.N))"
    assert project.travel(script) == "'\\xe9\\u2192'"


def test_modules_that_import_each_other_travel(project: Project) -> None:
    project.write(
        here="import there\ndef f(): return there.g()",
        there="import here\ndef g(): return 'round'",
    )
    assert project.travel("import here\nsend(here.f)") == "round"


def test_a_class_of_the_script_brings_the_module_of_its_base(project: Project) -> None:
    project.write(bases="class Base:\n    def run(self): return type(self).__mro__[1].__name__")
    script = """
        import bases
        class Child(bases.Base):
            pass
        send(Child().run)
    """
    assert project.travel(script) == "Base"


@pytest.mark.parametrize(
    "function",
    [
        "functools.partial(local.add, 1, 2)",
        "functools.partial(call, local.add, 1, b=2)",
        "local.Adder(1).add_two",
        "local.Adder(3)",
        "local.Adder.three",
        "decorated",
        "local.memoised",
        "local.nested()",
    ],
)
def test_whatever_can_be_called_brings_its_modules(project: Project, function: str) -> None:
    project.write(
        base="ONE = 1",
        local="""
            import functools
            import base

            def add(a, b): return a * base.ONE + b

            class Adder:
                def __init__(self, n): self.n = n
                def add_two(self): return add(self.n, 2)
                def __call__(self): return self.n * base.ONE
                @classmethod
                def three(cls): return 3

            def doubled(function):
                @functools.wraps(function)
                def wrapper(): return function() * 2
                return wrapper

            @functools.cache
            def memoised(): return add(1, 2)

            def nested():
                n = 3
                return lambda: add(0, n)
        """,
    )
    script = f"""
        import functools, local
        def call(function, *args, **kwargs): return function(*args, **kwargs)
        @local.doubled
        def decorated(): return 1.5
        send({function})
    """
    assert float(project.travel(script)) == 3


def test_a_captured_object_brings_the_module_of_its_class(project: Project) -> None:
    project.write(shapes="class Square:\n    def __init__(self): self.side = 2")
    script = """
        import shapes
        def make(held):
            return lambda: held["a"][0].side
        send(make({"a": [shapes.Square()]}))
    """
    assert project.travel(script) == "2"


def test_a_package_that_is_run_as_main_finds_its_relatives(project: Project) -> None:
    project.put("app/__init__.py")
    project.put("app/relative.py", "N = 7")
    project.put(
        "app/__main__.py",
        """
        import main_script
        def main():
            from . import relative
            return relative.N
        main_script.send(main)
        """,
    )
    assert project.travel("import runpy\nif __name__ == '__main__': runpy.run_module('app')") == "7"


def test_an_excluded_module_is_missing_on_the_worker(
    project: Project, child_failed: type[Exception]
) -> None:
    project.put("pkg/__init__.py")
    project.put("pkg/sub/__init__.py")
    project.put("pkg/sub/leaf.py", "N = 1")
    project.put("pkg/use.py", "def f():\n    from pkg.sub import leaf\n    return leaf.N")
    script = "from pkg.use import f\nsend(f, exclude_modules=['pkg.sub'])"
    with pytest.raises(child_failed, match=r"No module named 'pkg\.sub'"):
        project.travel(script)


def test_an_included_module_comes_with_all_that_it_imports(project: Project) -> None:
    project.write(plugin="import support\nN = support.N", support="N = 9")
    script = """
        def main():
            import importlib
            return importlib.import_module("".join(["plu", "gin"])).N
        send(main, include_modules=["plugin"])
    """
    assert project.travel(script) == "9"


def test_a_source_with_a_syntax_error_travels_and_is_told(project: Project) -> None:
    project.put("broken.py", "import os\ndef (:")
    script = """
        import pywren
        def main():
            try:
                import broken
            except SyntaxError as error:
                return error.lineno
        send(main)
        print(pywren.explain(main).unparsed[0].note)
    """
    assert project.client(script) == "line 2: invalid syntax"
    assert project.worker() == "2"


def test_code_given_on_the_command_line_brings_modules(project: Project) -> None:
    project.write(local="def f(): return 'c'")
    script = """
        import subprocess, sys
        if __name__ == "__main__":
            code = "import main_script, local; main_script.send(lambda: local.f())"
            subprocess.run([sys.executable, "-c", code], check=True)
    """
    assert project.travel(script) == "c"
