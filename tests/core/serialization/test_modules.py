"""What is taken along, what is refused, and when an answer is found anew."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import sys
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pywren.errors import SerializationError
from pywren.serialization import packing
from pywren.serialization.modules import local_modules, pack
from pywren.serialization.packing import archive_of, file_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on `sys.path`; what was imported from it is forgotten afterwards."""
    place = tmp_path / "root"
    place.mkdir()
    monkeypatch.syspath_prepend(place)
    before = set(sys.modules)
    yield place
    for name in set(sys.modules) - before:
        del sys.modules[name]


def put(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    importlib.invalidate_caches()
    return path


def importing(name: str) -> Callable[[], None]:
    """A function that travels by value and imports `name` in its body."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(f"def body():\n    import {name}", namespace)
    body: Callable[[], None] = namespace["body"]  # type: ignore[assignment]
    return body


def names(function: Callable[..., object], **options: object) -> list[str]:
    return [file.name for file in local_modules(function, **options).files]


def test_a_package_ships_whole_but_for_what_is_no_part_of_it(root: Path) -> None:
    wanted = ["__init__.py", "a.py", "data/x.csv", "sub/__init__.py", "sub/unused.py", "t/b.html"]
    unwanted = [
        ".git/config",
        ".hidden",
        ".venv/lib.py",
        "__pycache__/a.cpython-311.pyc",
        "a.pyc",
        "env/pyvenv.cfg",
        "env/lib/x.py",
        "node_modules/x.js",
        "pkg_w.egg-info/PKG-INFO",
    ]
    for name in wanted + unwanted:
        put(root / "pkg_w" / name)
    assert names(importing("pkg_w.a")) == [f"pkg_w/{name}" for name in wanted]


def test_a_plain_module_ships_alone(root: Path) -> None:
    put(root / "alone_m.py")
    put(root / "beside_m.py")
    put(root / "data.csv")
    assert names(importing("alone_m")) == ["alone_m.py"]


def test_what_is_installed_or_part_of_python_or_pywren_does_not_ship() -> None:
    for name in ("json", "numpy", "hypothesis", "pywren.errors", "sys", "encodings.idna"):
        assert names(importing(name)) == []


def test_links_inside_a_package_are_followed_once(root: Path) -> None:
    put(root / "elsewhere" / "real.py", "N = 1")
    put(root / "pkg_l" / "__init__.py")
    (root / "pkg_l" / "linked").symlink_to(root / "elsewhere")
    (root / "pkg_l" / "around").symlink_to(root / "pkg_l")
    (root / "pkg_l" / "nowhere").symlink_to(root / "gone")
    assert names(importing("pkg_l")) == ["pkg_l/__init__.py", "pkg_l/linked/real.py"]


def test_links_to_what_holds_the_package_or_a_home_are_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root / "homes" / "me"))
    put(root / "pkg_u" / "sub" / "__init__.py")
    put(root / "homes" / "me" / "secret.txt")
    put(root / "beside.txt")
    for name, target in (("up", root), ("home", root / "homes" / "me"), ("homes", root / "homes")):
        (root / "pkg_u" / "sub" / name).symlink_to(target)
    (root / "pkg_u" / "__init__.py").touch()
    assert names(importing("pkg_u")) == ["pkg_u/__init__.py", "pkg_u/sub/__init__.py"]


def test_private_keys_stay_and_certificates_travel(root: Path) -> None:
    begin = "-----BEGIN {}-----\nMII"
    put(root / "pkg_k" / "__init__.py")
    put(root / "pkg_k" / "ca.pem", begin.format("CERTIFICATE"))
    put(root / "pkg_k" / "id_table.csv", "1,2")
    put(root / "pkg_k" / "server.pem", begin.format("RSA PRIVATE KEY"))
    put(root / "pkg_k" / "both.key", begin.format("CERTIFICATE") + begin.format("PRIVATE KEY"))
    put(root / "pkg_k" / "id_ed25519", begin.format("OPENSSH PRIVATE KEY"))
    put(root / "pkg_k" / "putty.ppk", "PuTTY-User-Key-File-3: ssh-ed25519")
    found = names(importing("pkg_k"))
    assert found == ["pkg_k/__init__.py", "pkg_k/ca.pem", "pkg_k/id_table.csv"]


def test_exclusion_reaches_modules_directories_and_data(root: Path) -> None:
    for name in (
        "__init__.py",
        "keep.py",
        "drop.py",
        "dropped/x.py",
        "data/big.bin",
        "dropping.py",
    ):
        put(root / "pkg_e" / name)
    found = names(
        importing("pkg_e"), exclude_modules=["pkg_e.drop", "pkg_e.dropped", "pkg_e.data.big"]
    )
    assert found == ["pkg_e/__init__.py", "pkg_e/dropping.py", "pkg_e/keep.py"]
    assert names(importing("pkg_e"), exclude_modules=["pkg_e"]) == []


def test_imports_for_type_checkers_only_are_not_followed(root: Path) -> None:
    put(
        root / "typed_m.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import only_t",
    )
    put(root / "only_t.py")
    assert names(importing("typed_m")) == ["typed_m.py"]


def test_what_a_package_does_not_reach_is_not_followed(root: Path) -> None:
    put(root / "pkg_r" / "__init__.py")
    put(root / "pkg_r" / "core.py")
    put(root / "pkg_r" / "cli.py", "import only_the_cli")
    put(root / "only_the_cli.py")
    assert "only_the_cli.py" not in names(importing("pkg_r.core"))
    assert "only_the_cli.py" in names(importing("pkg_r.cli"))


def test_a_compiled_module_is_refused_by_name_unless_excluded(root: Path) -> None:
    file = f"fast{EXTENSION_SUFFIXES[0]}"
    put(root / "pkg_x" / "__init__.py")
    put(root / "pkg_x" / file, b"\x7fELF")
    with pytest.raises(
        SerializationError, match=r"pkg_x/fast.*wheel.*exclude_modules=\['pkg_x.fast'\]"
    ):
        local_modules(importing("pkg_x"))
    assert names(importing("pkg_x"), exclude_modules=["pkg_x.fast"]) == ["pkg_x/__init__.py"]


def test_a_compiled_module_on_its_own_is_refused(root: Path) -> None:
    put(root / f"fast_m{EXTENSION_SUFFIXES[0]}", b"\x7fELF")
    with pytest.raises(SerializationError, match=r"wheel.*exclude_modules=\['fast_m'\]"):
        local_modules(importing("fast_m"))


def test_a_large_file_is_refused_by_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MAX_FILE_BYTES", 10)
    put(root / "pkg_b" / "__init__.py")
    put(root / "pkg_b" / "data" / "big.bin", b"x" * 11)
    with pytest.raises(
        SerializationError, match=r"big\.bin.*exclude_modules=\['pkg_b.data.big.bin'\]"
    ):
        local_modules(importing("pkg_b"))


def test_a_module_named_like_one_of_pythons_is_refused(root: Path) -> None:
    put(root / "colorsys.py", "N = 1")
    before = sys.modules.pop("colorsys", None)
    try:
        with pytest.raises(SerializationError, match="name of a module of Python's own"):
            local_modules(importing("colorsys"))
    finally:
        if before is not None:
            sys.modules["colorsys"] = before


def test_a_package_that_is_the_home_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home_p"
    put(home / "__init__.py")
    put(home / "secrets.txt")
    put(home / "code.py")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SerializationError, match="holds a home directory"):
        local_modules(importing("home_p.code"))


def test_a_directory_that_only_holds_projects_is_not_swept_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "person" / "project_s" / "code_s.py")
    put(tmp_path / "person" / "project_s" / "deeper" / "private.txt")
    put(tmp_path / "person" / "letters.txt")
    monkeypatch.syspath_prepend(tmp_path)
    assert names(importing("person.project_s.code_s")) == ["person/project_s/code_s.py"]


def test_an_included_module_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SerializationError, match="include_modules names 'not_there_at_all'"):
        local_modules(len, include_modules=["not_there_at_all"])


def test_an_installed_package_ships_if_it_is_included() -> None:
    found = names(len, include_modules=["iniconfig"])
    assert "iniconfig/__init__.py" in found


def test_the_same_answer_comes_again_until_a_file_changes(root: Path) -> None:
    file = put(root / "edited_m.py", "import json")
    put(root / "other_m.py")
    function = importing("edited_m")
    first = local_modules(function)
    assert local_modules(function) is first
    put(file, "import other_m")
    second = local_modules(function)
    assert [each.name for each in second.files] == ["edited_m.py", "other_m.py"]
    assert local_modules(function) is second


def test_a_file_that_is_new_in_a_package_is_seen(root: Path) -> None:
    put(root / "pkg_n" / "__init__.py")
    function = importing("pkg_n")
    assert names(function) == ["pkg_n/__init__.py"]
    put(root / "pkg_n" / "new.txt")
    assert names(function) == ["pkg_n/__init__.py", "pkg_n/new.txt"]


def test_a_module_that_was_missing_is_seen_once_it_is_there(root: Path) -> None:
    function = importing("late_m")
    assert names(function) == []
    put(root / "late_m.py")
    assert names(function) == ["late_m.py"]


def test_a_global_that_is_bound_anew_is_seen(root: Path) -> None:
    put(root / "first_m.py")
    put(root / "second_m.py")
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec("def body(): return held", namespace)
    for name in ("first_m", "second_m"):
        namespace["held"] = importlib.import_module(name)
        assert names(namespace["body"]) == [f"{name}.py"]  # type: ignore[arg-type]


def test_an_object_that_cannot_be_pickled_does_not_stop_it(root: Path) -> None:
    put(root / "found_m.py")
    namespace: dict[str, object] = {"__name__": "__main__", "lock": __import__("threading").Lock()}
    exec("def body():\n    import found_m\n    return lock", namespace)
    assert names(namespace["body"]) == ["found_m.py"]  # type: ignore[arg-type]


def test_a_lazy_module_is_not_loaded_by_the_look_at_it(root: Path) -> None:
    put(root / "lazy_m.py", "raise AssertionError('loaded')")
    spec = importlib.util.find_spec("lazy_m")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["lazy_m"] = module
    spec.loader.exec_module(module)
    assert names(importing("lazy_m")) == ["lazy_m.py"]


def test_the_same_files_give_the_same_bytes(root: Path) -> None:
    put(root / "pkg_d" / "__init__.py", "N = 1")
    put(root / "pkg_d" / "data.txt", "x" * 1000)
    first = pack(local_modules(importing("pkg_d")))
    os.utime(root / "pkg_d" / "data.txt", (0, 0))
    second = pack(local_modules(importing("pkg_d")))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["pkg_d/__init__.py", "pkg_d/data.txt"]


@settings(deadline=None)
@given(st.permutations(["a.py", "b/c.py", "b/d.txt", "é.txt"]))
def test_the_order_in_which_files_are_found_does_not_matter(order: list[str]) -> None:
    files = [file_at(name, __file__) for name in order]
    assert archive_of(files) == archive_of(sorted(files, key=lambda file: file.name))


def test_a_file_that_vanished_is_named(root: Path) -> None:
    file = put(root / "vanishing_m.py")
    found = local_modules(importing("vanishing_m"))
    file.unlink()
    with pytest.raises(SerializationError, match=r"vanishing_m\.py"):
        pack(found)


def test_a_module_that_is_loaded_anew_from_elsewhere_is_seen(root: Path) -> None:
    put(root / "moving_m.py", "import first_dep")
    put(root / "elsewhere" / "other_file.py", "import second_dep")
    put(root / "first_dep.py")
    put(root / "second_dep.py")
    function = importing("moving_m")
    assert names(function) == ["first_dep.py", "moving_m.py"]
    for file in ("moving_m.py", "elsewhere/other_file.py"):
        spec = importlib.util.spec_from_file_location("moving_m", root / file)
        assert spec is not None
        sys.modules["moving_m"] = importlib.util.module_from_spec(spec)
        found = names(function)
    assert found == ["moving_m.py", "second_dep.py"]


def test_a_package_may_extend_its_path(root: Path) -> None:
    put(root / "pkg_p" / "__init__.py", f"__path__.append({str(root / 'more')!r})")
    put(root / "more" / "far.py")
    importlib.import_module("pkg_p")
    assert names(importing("pkg_p.far")) == ["pkg_p/__init__.py", "pkg_p/far.py"]


def test_a_package_may_import_its_own_modules_by_a_dot(root: Path) -> None:
    put(root / "pkg_i" / "__init__.py", "from .mid import X")
    put(root / "pkg_i" / "mid.py", "import dep_of_mid\nX = 1")
    put(root / "dep_of_mid.py")
    assert "dep_of_mid.py" in names(importing("pkg_i"))
