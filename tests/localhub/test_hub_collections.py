"""Collections, through the real client."""

from __future__ import annotations

import re

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubkit.localhub import RunningHub


@pytest.fixture(autouse=True)
def repos(api: HfApi) -> list[str]:
    names = ["me/one", "me/two", "me/three"]
    for name in names:
        api.create_repo(name)
    return names


def test_a_collection_from_beginning_to_end(api: HfApi, repos: list[str]) -> None:
    made = api.create_collection("My SAEs: Größe!", namespace="me", description="all of them")
    assert re.fullmatch(r"me/my-saes-groe-[0-9a-f]{24}", made.slug)
    assert (made.title, made.items, made.private) == ("My SAEs: Größe!", [], False)
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_collection("My SAEs: Größe!", namespace="me")
    assert caught.value.response.status_code == 409
    assert api.create_collection("My SAEs: Größe!", namespace="me", exists_ok=True).slug == made.slug
    for name in repos:
        api.add_collection_item(made.slug, name, "model", note=f"about {name}")
    with pytest.raises(HfHubHTTPError):
        api.add_collection_item(made.slug, "me/one", "model")
    assert len(api.add_collection_item(made.slug, "me/one", "model", exists_ok=True).items) == 3
    last = api.get_collection(made.slug).items[2]
    api.update_collection_item(made.slug, last.item_object_id, note="first now", position=0)
    items = api.get_collection(made.slug).items
    assert [item.item_id for item in items] == ["me/three", "me/one", "me/two"]
    assert [(item.note, item.position) for item in items][:2] == [("first now", 0), ("about me/one", 1)]
    api.delete_collection_item(made.slug, items[1].item_object_id)
    api.delete_collection_item(made.slug, items[1].item_object_id, missing_ok=True)
    changed = api.update_collection_metadata(made.slug, title="Other", theme="green", private=True)
    assert (changed.title, changed.theme, changed.private, len(changed.items)) == ("Other", "green", True, 2)
    assert changed.slug.rpartition("-")[2] == made.slug.rpartition("-")[2]
    assert api.get_collection(made.slug).slug == changed.slug != made.slug
    assert [one.slug for one in api.list_collections(owner="me", item="models/me/two")] == [changed.slug]
    api.delete_collection(made.slug)
    api.delete_collection(made.slug, missing_ok=True)
    with pytest.raises(HfHubHTTPError):
        api.get_collection(made.slug)


def test_items_follow_their_models(api: HfApi, hub: RunningHub) -> None:
    slug = api.create_collection("c", namespace="me").slug
    for name in ("me/one", "me/two", "me/three"):
        api.add_collection_item(slug, name, "model")
    api.move_repo("me/one", "me/uno")
    api.delete_repo("me/two")
    api.update_repo_settings("me/three", private=True)
    assert [item.item_id for item in api.get_collection(slug).items] == ["me/uno", "me/three"]
    stranger = HfApi(endpoint=hub.endpoint, token=False)
    assert [item.item_id for item in stranger.get_collection(slug).items] == ["me/uno"]


def test_what_is_refused(api: HfApi, hub: RunningHub) -> None:
    slug = api.create_collection("c", namespace="me", private=True).slug
    stranger = HfApi(endpoint=hub.endpoint, token=False)
    for status, act in (
        (404, lambda: api.add_collection_item(slug, "me/absent", "model")),
        (404, lambda: api.add_collection_item(slug, "me/data", "dataset")),
        (400, lambda: api.create_collection("x" * 61, namespace="me")),
        (400, lambda: api.add_collection_item(slug, "me/one", "model", note="x" * 501)),
        (404, lambda: stranger.get_collection(slug)),
        (401, lambda: stranger.delete_collection(slug)),
    ):
        with pytest.raises(HfHubHTTPError) as caught:
            act()
        assert caught.value.response.status_code == status
    assert list(stranger.list_collections()) == []
