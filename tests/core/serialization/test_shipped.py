"""Archives are checked before anything is written, and swapped without leaving traces."""

from __future__ import annotations

import importlib
import io
import os
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pywren.errors import SerializationError
from pywren.serialization import shipped
from pywren.serialization.shipped import activate, forget, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAD_NAMES = [
    "../../../etc/cron.d/x",
    "//etc/passwd",
    "/etc/passwd",
    "a/../../b.py",
    "a/./b.py",
    "./a.py",
    "..",
    "a//b.py",
    "a/",
    "C:/windows/x.py",
    "..\\x.py",
    "a\\b.py",
    "a\nb.py",
    "a\x1b[31m.py",
]


def archive(*files: tuple[str, str], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            opened.writestr(entry, content)
    return buffer.getvalue()


def everything_below(directory: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in directory.rglob("*")]


@pytest.fixture(autouse=True)
def nothing_active() -> Iterator[None]:
    yield
    activate(None)
    shipped._known.clear()


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    with pytest.raises(SerializationError, match="refused"):
        install(archive(("good.py", ""), (name, "")), "0a", tmp_path / "into")
    assert everything_below(tmp_path / "into") == []


def test_a_name_that_is_cut_by_a_null_is_refused(tmp_path: Path) -> None:
    data = archive(("good_py_evil", "")).replace(b"good_py_evil", b"good.py\0evil")
    with pytest.raises(SerializationError, match="refused"):
        install(data, "0a", tmp_path)


@pytest.mark.parametrize("mode", [0o120777, 0o040755, 0o020644, 0o010644, 0o140644, 0o060644])
def test_only_regular_files_are_unpacked(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SerializationError, match="is not a regular file"):
        install(archive(("link.py", "/etc/passwd"), mode=mode), "0a", tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.py", "A.PY"])
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, second: str) -> None:
    with pytest.raises(SerializationError, match="is there twice"):
        install(archive(("a.py", "1"), (second, "2")), "0a", tmp_path)


def test_a_file_that_is_a_directory_too_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SerializationError, match="cannot be unpacked"):
        install(archive(("a", ""), ("a/b.py", "")), "0a", tmp_path / "into")
    assert everything_below(tmp_path / "into") == []


def test_too_many_or_too_large_files_are_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "MAX_FILES", 2)
    with pytest.raises(SerializationError, match="3 files"):
        install(archive(*((f"m{n}.py", "") for n in range(3))), "0a", tmp_path)
    monkeypatch.setattr(shipped, "MAX_BYTES", 10)
    with pytest.raises(SerializationError, match="11 bytes"):
        install(archive(("a.py", "x" * 11)), "0b", tmp_path)


def test_a_size_that_lies_is_refused(tmp_path: Path) -> None:
    data = archive(("a.py", "x" * 1000))
    lying = data.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(SerializationError):
        install(lying, "0a", tmp_path / "into")
    assert everything_below(tmp_path / "into") == []


@pytest.mark.parametrize("data", [b"no zip", b"", archive(("a.py", "x" * 99))[:-30]])
def test_bytes_that_are_no_archive_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SerializationError):
        install(data, "0a", tmp_path)


@pytest.mark.parametrize("digest", ["", "../x", "a/b", ".", "a b"])
def test_a_digest_that_is_none_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(SerializationError, match="digest"):
        install(archive(("a.py", "")), digest, tmp_path)


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("ab./\\:\0\n é.."), min_size=1, max_size=8), max_size=4))
@example(["../x"])
def test_no_name_leads_out_of_the_directory(names: list[str]) -> None:
    import tempfile
    from pathlib import Path
    from warnings import catch_warnings, simplefilter

    with tempfile.TemporaryDirectory() as top, catch_warnings():
        simplefilter("ignore")  # zipfile warns of duplicate names
        into = Path(top, "one", "two")
        data = archive(*((name, "x") for name in names))
        try:
            path = install(data, "0a", into)
        except SerializationError:
            assert everything_below(Path(top)) in ([], ["one", "one/two"])
        else:
            written = [each for each in Path(top).rglob("*") if each.is_file()]
            assert all(path in each.parents for each in written)
            assert len(written) == len(names)


def test_the_directory_is_private_and_its_files_too(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = install(archive(("pkg/a.py", ""), ("b.py", "")), "0a", tmp_path / "into")
    finally:
        os.umask(old)
    modes = {each.name: each.stat().st_mode & 0o777 for each in [path, *path.rglob("*")]}
    assert modes == {"0a": 0o700, "pkg": 0o700, "a.py": 0o600, "b.py": 0o600}


def test_a_directory_planted_for_others_to_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0a").mkdir()
    (tmp_path / "0a").chmod(0o777)
    with pytest.raises(SerializationError, match="private"):
        install(archive(("a.py", "")), "0a", tmp_path)


def test_a_link_planted_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "0a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SerializationError, match="private"):
        install(archive(("a.py", "")), "0a", tmp_path)


def test_many_may_install_the_same_archive_at_once(tmp_path: Path) -> None:
    data = archive(*((f"pkg/m{n}.py", f"N = {n}") for n in range(50)))
    start = threading.Barrier(8)

    def one() -> Path:
        start.wait()
        return install(data, "0a", tmp_path / "into")

    with ThreadPoolExecutor(8) as pool:
        paths = [each.result() for each in [pool.submit(one) for _ in range(8)]]
    assert paths == [tmp_path / "into" / "0a"] * 8
    assert os.listdir(tmp_path / "into") == ["0a"]
    assert len(list((tmp_path / "into" / "0a" / "pkg").iterdir())) == 50


def test_two_versions_of_a_module_take_turns(tmp_path: Path) -> None:
    one = install(
        archive(("ver/__init__.py", "from .n import N"), ("ver/n.py", "N = 1")), "01", tmp_path
    )
    two = install(
        archive(("ver/__init__.py", "from .n import N"), ("ver/n.py", "N = 2")), "02", tmp_path
    )
    path = list(sys.path)
    seen = []
    for each in (one, two, one, two):
        activate(each)
        seen.append(importlib.import_module("ver"))
        assert importlib.import_module("ver.n").N == seen[-1].N
    activate(None)
    assert [module.N for module in seen] == [1, 2, 1, 2]
    assert seen[0] is seen[2]
    assert seen[1] is seen[3]
    assert "ver" not in sys.modules
    assert "ver.n" not in sys.modules
    assert sys.path == path


def test_versions_inside_a_namespace_take_turns(tmp_path: Path) -> None:
    one = install(
        archive(("shared_ns/part.py", "N = 1"), ("shared_ns/only.py", "")), "01", tmp_path
    )
    two = install(archive(("shared_ns/part.py", "N = 2")), "02", tmp_path)
    for each, expected in ((one, 1), (two, 2), (one, 1), (two, 2)):
        activate(each)
        namespace: dict[str, object] = {}
        exec("from shared_ns import part\nN = part.N", namespace)
        assert namespace["N"] == expected
    with pytest.raises(ImportError):
        importlib.import_module("shared_ns.only")


def test_a_module_of_the_workers_own_is_hidden_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "same_name.py").write_text("N = 'own'")
    monkeypatch.syspath_prepend(tmp_path / "own")
    own = importlib.import_module("same_name")
    path = install(archive(("same_name.py", "N = 'shipped'")), "01", tmp_path)
    activate(path)
    assert importlib.import_module("same_name").N == "shipped"
    activate(None)
    assert importlib.import_module("same_name") is own
    monkeypatch.delitem(sys.modules, "same_name")


def test_a_forgotten_archive_is_imported_anew(tmp_path: Path) -> None:
    path = install(archive(("forgettable.py", "")), "01", tmp_path)
    activate(path)
    first = importlib.import_module("forgettable")
    forget(path)
    assert "forgettable" not in sys.modules
    activate(path)
    assert importlib.import_module("forgettable") is not first


def test_the_worker_side_imports_nothing_heavy() -> None:
    import subprocess

    code = "import sys, pywren.serialization.shipped; print(*sys.modules)"
    source = os.path.dirname(os.path.dirname(os.path.dirname(shipped.__file__)))
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"zipfile", "tempfile", "cloudpickle", "hashlib", "pathlib"}.isdisjoint(loaded)


def test_a_namespace_goes_with_the_archive_that_brought_it(tmp_path: Path) -> None:
    path = install(archive(("brought_ns/part.py", "")), "01", tmp_path)
    activate(path)
    importlib.import_module("brought_ns.part")
    activate(None)
    with pytest.raises(ImportError):
        importlib.import_module("brought_ns")


def test_a_namespace_that_the_worker_has_too_shows_the_right_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "both_ns").mkdir(parents=True)
    (tmp_path / "own" / "both_ns" / "part.py").write_text("N = 'own'")
    (tmp_path / "own" / "both_ns" / "other.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "own")
    other = importlib.import_module("both_ns.other")
    path = install(archive(("both_ns/part.py", "N = 'shipped'")), "01", tmp_path)
    seen = []
    for each in (path, None, path, None):
        activate(each)
        namespace: dict[str, object] = {}
        exec("from both_ns import part, other", namespace)
        seen.append(vars(namespace["part"])["N"])
        assert namespace["other"] is other
    for name in ("both_ns", "both_ns.part", "both_ns.other"):
        monkeypatch.delitem(sys.modules, name)
    assert seen == ["shipped", "own", "shipped", "own"]
