"""What is kept between runs: one request at the same commit, never more than its limit, never for repositories that proved nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from repo.double import Double

from hubkit.repo.cache import ENDING, RangeCache, cache_root

KEY = ("https://hub", "o/r", "c" * 40)
FILES = {"a.json": b"{}", "w.bin": b"w" * 5000}


def packs(root: Path) -> list[Path]:
    return sorted(root.rglob(f"*{ENDING}"))


def read_all(double: Double, **options: object) -> None:
    double.files, double.lfs = dict(FILES), {"w.bin"}
    double.log.clear()
    view = double.view(**options)
    assert view.read("a.json") == b"{}"
    assert view.read_range("w.bin", 100, 200) == b"w" * 100
    view.settle()


def test_a_second_run_asks_for_the_listing_alone(double: Double, tmp_path: Path) -> None:
    read_all(double, cache=True)
    assert len(double.log) == 4
    read_all(double, cache=True)
    assert len(double.log) == 1
    assert len(packs(tmp_path / "cache")) == 1
    if sys.platform != "win32":
        assert packs(tmp_path)[0].stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("options", "extra"), [({}, {}), ({"cache": False}, {}), ({"cache": True}, {"gated": "auto"})]
)
def test_nothing_is_kept_of_a_hub_here_when_told_and_of_gated_repositories(
    double: Double, tmp_path: Path, options: dict[str, bool], extra: dict[str, str]
) -> None:
    double.extra = extra
    for _ in range(2):
        read_all(double, **options)
        assert len(double.log) == 4
    assert packs(tmp_path) == []


def test_what_a_listing_does_not_cover_is_not_taken_from_the_cache(double: Double) -> None:
    read_all(double, cache=True)
    double.files["w.bin"] = b"short"
    double.log.clear()
    assert double.view(cache=True).read("w.bin") == b"short"
    assert len(double.log) == 3


def test_whole_weights_are_not_kept(double: Double, tmp_path: Path) -> None:
    double.files, double.lfs = {"w.bin": b"w" * 50_000}, {"w.bin"}
    view = double.view(cache=True)
    view.read_into("w.bin", 0, memoryview(bytearray(50_000)))
    view.settle()
    assert packs(tmp_path) == []


def test_keeps_and_gives_back(tmp_path: Path) -> None:
    cache = RangeCache(tmp_path)
    ranges = [("a", 0, b"12"), ("b", 7, b""), ("b", 9, b"345")]
    assert cache.load(KEY) == []
    cache.store(KEY, ranges)
    assert cache.load(KEY) == ranges
    assert cache.load((*KEY[:2], "d" * 40)) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d[:-1],
        lambda d: d + b"x",
        lambda d: b"{}\n" + d,
        lambda d: b"",
        lambda d: d.replace(b"12", b"21"),
        lambda d: b"[" * 99_999,
    ],
)
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, damage: object) -> None:
    cache = RangeCache(tmp_path)
    cache.store(KEY, [("a", 0, b"12")])
    path = packs(tmp_path)[0]
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert cache.load(KEY) == []


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = RangeCache(tmp_path, limit=2500)
    keys = [(*KEY[:2], f"{n}" * 40) for n in range(3)]
    for age, key in enumerate(keys[:2]):
        cache.store(key, [("a", 0, bytes(1000))])
        os.utime(cache._path(key), (age, age))
    cache.load(keys[0])
    cache.store(keys[2], [("a", 0, bytes(1000))])
    assert [bool(cache.load(key)) for key in keys] == [True, False, True]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "repos").write_bytes(b"a file in the way")
    cache = RangeCache(tmp_path)
    cache.store(KEY, [("a", 0, b"12")])
    assert cache.load(KEY) == []


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("HUBKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_root() == tmp_path / "xdg" / "hubkit"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_root() == tmp_path / "local" / "hubkit" / "Cache"
