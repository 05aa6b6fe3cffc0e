"""What a listing may hold, and what holding it costs."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo import listing
from hubkit.repo.listing import is_safe, parse_listing
from hubkit.repo.memory import MemoryView

SHA = "0123456789" * 4


def answer(siblings: list[object], **more: object) -> bytes:
    return json.dumps({"sha": SHA, "siblings": siblings, **more}).encode()


def test_names_sizes_and_checksums() -> None:
    digest = "ab" * 32
    found = parse_listing(
        answer(
            [
                {
                    "rfilename": "a/w",
                    "size": 7,
                    "blobId": "x",
                    "lfs": {"sha256": digest, "size": 7, "pointerSize": 1},
                },
                {"rfilename": "b", "size": 3},
                {"rfilename": "c"},
                {"rfilename": "d", "size": 1, "lfs": {"sha256": "short"}},
            ]
        ),
        "o/r",
    )
    assert [(e.path, e.size, e.sha256) for e in found.entries] == [
        ("a/w", 7, digest), ("b", 3, None), ("c", 0, None), ("d", 1, None),
    ]  # fmt: skip
    assert (found.commit, found.refused, found.gated) == (SHA, [], False)


@pytest.mark.parametrize(
    "sibling",
    [
        {"rfilename": "a", "size": -1},
        {"rfilename": "a", "size": 1.5},
        {"rfilename": "a", "size": True},
        {"rfilename": 3},
        {"name": "a"},
        "a",
        None,
    ],
)
def test_an_entry_that_is_none_is_refused_alone(sibling: object) -> None:
    found = parse_listing(answer([sibling, {"rfilename": "good", "size": 1}]), "o/r")
    assert [e.path for e in found.entries] == ["good"]
    assert len(found.refused) == 1


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{}", answer([])[:-1], b"\xff", b'{"sha": "main", "siblings": []}', b"[" * 10**6],
)
def test_what_is_no_listing(raw: bytes) -> None:
    with pytest.raises(IncompleteError, match="o/r: "):
        parse_listing(raw, "o/r")


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_FILES", 10)
    with pytest.raises(UsageError, match="more than 10 files"):
        parse_listing(answer([{"rfilename": str(n)} for n in range(11)]), "o/r")


def test_memory_stays_within_a_few_times_the_text() -> None:
    raw = answer(
        [
            {
                "rfilename": f"folder_{n}/sae_weights.safetensors",
                "size": n,
                "blobId": "b" * 40,
                "lfs": {"sha256": f"{n:064x}", "size": n, "pointerSize": 134},
            }
            for n in range(20_000)
        ]
    )
    tracemalloc.start()
    found = parse_listing(raw, "o/r")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.entries) == 20_000
    assert peak < 4 * len(raw)


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a/b.json", True),
        ("a b/ü.txt", True),
        ("..a/b..", True),
        ("a:b", False),
        ("ab:c", True),
        ("c:", False),
        ("a/../b", False),
        ("a/", False),
        ("\t", False),
        ("\ud800", False),
    ],
)
def test_safe_names(path: str, safe: bool) -> None:
    assert is_safe(path) is safe


def test_near_views_read_when_they_are_asked_and_not_before() -> None:
    view = MemoryView(name="memory", files={"a": b"12"})
    view.prefetch([("a", 0, 2), ("none", 0, 9)])
    assert view.requests == 0
    seen: list[int] = []
    view.each(seen.append, range(3))
    assert seen == [0, 1, 2]
    view.settle()
    assert view.refused == []
