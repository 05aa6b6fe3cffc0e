"""The list of models: who, what, in which order, in pages; through the real client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import BadRequestError

from hubkit.localhub import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
CARDS = {
    "me/gpt2-saes": "library_name: saelens\ntags: [sae]\nbase_model: gpt2\nlicense: mit",
    "me/llama-saes": "library_name: saelens\ntags: [sae, deception]\npipeline_tag: feature-extraction",
    "you/gpt2-plain": "library_name: transformers",
}


@pytest.fixture(autouse=True)
def models(api: HfApi) -> None:
    for name, head in CARDS.items():
        api.create_repo(name)
        card = CommitOperationAdd("README.md", f"---\n{head}\n---\n".encode())
        api.create_commit(name, [card], commit_message="card")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"author": "me"}, ["me/gpt2-saes", "me/llama-saes"]),
        ({"search": "GPT2"}, ["me/gpt2-saes", "you/gpt2-plain"]),
        ({"filter": "saelens"}, ["me/gpt2-saes", "me/llama-saes"]),
        ({"filter": ["saelens", "deception"]}, ["me/llama-saes"]),
        ({"filter": "base_model:gpt2"}, ["me/gpt2-saes"]),
        ({"pipeline_tag": "feature-extraction"}, ["me/llama-saes"]),
        ({"gated": True}, ["you/gpt2-plain"]),
        ({"sort": "created_at"}, ["you/gpt2-plain", "me/llama-saes", "me/gpt2-saes"]),
        ({"sort": "last_modified", "limit": 1}, ["me/gpt2-saes"]),
        ({"author": "nobody"}, []),
    ],
)
def test_models_are_found(api: HfApi, asked: dict[str, Any], found: list[str]) -> None:
    api.update_repo_settings("you/gpt2-plain", gated="auto")
    api.create_commit("me/gpt2-saes", [CommitOperationAdd("a", b"1")], commit_message="later")
    assert [model.id for model in api.list_models(**asked)] == found


def test_the_list_comes_in_pages(api: HfApi, hub: RunningHub, ask: Any) -> None:
    first = ask("GET", "/api/models?limit=2&filter=saelens&filter=sae")
    assert "link" not in first.headers
    first = ask("GET", "/api/models?limit=2&search=")
    link = first.headers["link"]
    assert link.endswith('>; rel="next"')
    second = ask("GET", link[1:].partition(">")[0])
    names = [model["id"] for answer in (first, second) for model in json.loads(answer.body)]
    assert (names, "link" in second.headers) == (sorted(CARDS), False)
    for wrong in ("limit=x", "limit=0", "cursor=-1", "sort=colour"):
        assert ask("GET", f"/api/models?{wrong}").status == 400
    with pytest.raises(BadRequestError):
        list(api.list_models(sort="colour"))  # type: ignore[arg-type]


def test_a_list_says_little_unless_asked(api: HfApi) -> None:
    (short,) = api.list_models(search="gpt2-saes")
    (full,) = api.list_models(search="gpt2-saes", full=True, cardData=True)
    (some,) = api.list_models(search="gpt2-saes", expand=["sha", "usedStorage"])
    info = api.model_info("me/gpt2-saes")
    assert (short.sha, short.siblings, short.card_data, short.library_name) == (None, None, None, "saelens")
    assert (full.sha, len(full.siblings or [])) == (info.sha, 2)
    assert full.card_data.base_model == "gpt2"
    size = sum(one.size or 0 for one in api.model_info("me/gpt2-saes", files_metadata=True).siblings or [])
    assert (some.sha, some.library_name, some.used_storage) == (info.sha, None, size)


def test_the_cache_route_answers_at_once(api: HfApi, ask: Any, tmp_path: Path) -> None:
    sha = api.model_info("me/gpt2-saes").sha
    answer = ask("GET", f"/api/resolve-cache/models/me/gpt2-saes/{sha}/README.md", Range="bytes=0-2")
    assert (answer.status, answer.body, answer.headers["x-repo-commit"]) == (206, b"---", sha)
    assert ask("GET", f"/api/resolve-cache/models/me/gpt2-saes/{sha}/absent").status == 404
