"""Whatever stands in a configuration stays text on the card and in card.yaml: no HTML, no heading, no link, no key of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import cfg, tensors, view
from cards import variants
from markdown_it import MarkdownIt

from hubkit.cards.build import build_card, draft_card
from hubkit.cards.init import look, write_settings
from hubkit.errors import HubkitError
from hubkit.release.layout import EVIDENCE

HOSTILE = (
    'x/y"\n---\n<script>alert(1)</script>\nnew_version: evil/a\n```\n[owned](javascript:alert(1)) {{ 7*191 }} | |\n# Owned\n'
    "\u2028# Owned\r\n# Owned"
)
METADATA = {
    "sae_lens_version": "6.54.12",
    "model_name": "gpt2",
    "model_class_name": "HookedTransformer",
    "hook_name": "blocks.2.hook_resid_post",
    "dataset_path": "a/b",
    "context_size": 128,
    "prepend_bos": True,
    "training_condition": "mixed",
    "neuronpedia_id": "gpt2-small/2-res-jb",
    "training_architecture": "topk",
    "hubkit": {
        "recipe": "learns",
        "precision": "bfloat16",
        "pooling": "mean",
        "judge": "word",
        "device": "cpu",
    },
    "training_architecture_details": {"aux": "none", "ste": "rectangle"},
    "model_from_pretrained_kwargs": {"revision": "main"},
    "activations_store_cls": "x",
}


def configuration() -> dict[str, Any]:
    found: dict[str, Any] = cfg("topk", d_in=768, metadata=METADATA)
    return found


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the texts stand, and the numbers that somebody may write as a text."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from places(inner, (*path, key))
        elif isinstance(inner, str | int):
            yield (*path, key)


def with_hostile(place: tuple[str, ...], *, key: bool) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps(configuration()))
    inner = raw
    for name in place[:-1]:
        inner = inner[name]
    inner[HOSTILE if key else place[-1]] = True if key else HOSTILE
    return raw


@pytest.mark.parametrize("key", [False, True], ids=["its value", "another key"])
@pytest.mark.parametrize("place", list(places(configuration())), ids="/".join)
def test_what_a_configuration_says_stays_text(place: tuple[str, ...], *, key: bool, tmp_path: Path) -> None:
    files = view(with_hostile(place, key=key), tensors("topk", d_in=768), folder="sae", readme=None).files
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    answers = {"repo_id": "me/x", "base_model": "openai-community/gpt2", "license": "mit"}
    settings = write_settings(look(tmp_path), answers)
    assert yaml.safe_load(settings.read_text(encoding="utf-8")) == answers
    try:
        text = build_card(tmp_path).text
    except HubkitError:
        return  # refused is no card
    is_plain(text)


def is_plain(card: str) -> None:
    """Whether the card has no more markup than its templates give it."""
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front).get("new_version") != "evil/a"
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        inner = token.children or []
        for one in (token, *inner):
            assert not (one.type.startswith("html") and "script" in one.content)
            assert not str(one.attrs.get("href", "")).startswith("javascript")
        assert not (token.type == "inline" and token.map and token.content.strip() == "Owned")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the texts of a record stand."""
    if isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


SEEN = set[tuple[str, tuple[Any, ...]]]()
"""Places that an earlier variant had: the quick ones try each once."""
QUICK = ("computed", "four_bits", "stated")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.full]) for name in variants.VARIANTS],
)
def test_what_the_files_of_a_release_say_stays_text(name: str, tmp_path: Path) -> None:
    """The first place of each kind, in every JSON file; what no reader takes is refused."""
    folder = variants.VARIANTS[name](tmp_path / "x")
    try:
        is_plain(draft_card(folder).text)
    except HubkitError:
        return  # a variant that has no card
    wrong = []
    for file in [*folder.rglob("*.json"), *folder.glob(EVIDENCE)]:
        before = file.read_bytes()
        read = yaml.safe_load if file.name == EVIDENCE else json.loads
        try:
            good = read(before)
        except ValueError:
            continue
        kinds = {
            tuple(key for key in place if isinstance(key, str)): place
            for place in reversed(list(leaves(good)))
        }
        for place in kinds.values():
            if name in QUICK and (file.name, place) in SEEN:
                continue
            SEEN.add((file.name, place))
            raw = read(before)
            inner = raw
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = HOSTILE
            file.write_text(json.dumps(raw), encoding="utf-8")
            try:
                is_plain(draft_card(folder).text)
            except AssertionError:
                wrong.append((file.name, place))
            except HubkitError:
                continue
        file.write_bytes(before)
    assert wrong == []
