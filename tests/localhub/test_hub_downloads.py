"""The LFS batch as `git clone` asks it: where do these objects lie?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import HfApi

# the real client's own, for a file that goes up in one piece
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO, OTHER = "me/release", "me/other"
DATA, SECRET = b"weights." * 512, b"not yours" * 512


@pytest.fixture(autouse=True)
def repos(api: HfApi, tmp_path: Path) -> None:
    for repo, data in ((REPO, DATA), (OTHER, SECRET)):
        api.create_repo(repo, private=repo == OTHER)
        (tmp_path / "w").write_bytes(data)
        api.upload_file(path_or_fileobj=tmp_path / "w", path_in_repo="w.safetensors", repo_id=repo)


def batch(ask: Any, repo: str, *data: bytes, **options: Any) -> Any:
    objects = [{"oid": hashlib.sha256(one).hexdigest(), "size": len(one)} for one in data]
    body = json.dumps({"operation": "download", "transfers": ["basic"], "objects": objects}).encode()
    return ask("POST", f"/{repo}.git/info/lfs/objects/batch", body, **options)


def test_an_address_serves_the_object_without_a_token(ask: Any) -> None:
    (found,) = batch(ask, REPO, DATA, token=None).json()["objects"]
    link = urlsplit(found["actions"]["download"]["href"])
    answer = ask("GET", f"{link.path}?{link.query}", token=None)
    assert (answer.status, answer.body) == (200, DATA)


def test_only_what_the_repository_holds(ask: Any) -> None:
    mine, theirs = batch(ask, REPO, DATA, SECRET).json()["objects"]
    assert "actions" in mine
    assert theirs["error"]["code"] == 404
    assert "actions" not in theirs


def test_a_private_repository_says_nothing_to_strangers(ask: Any) -> None:
    assert batch(ask, OTHER, SECRET, token=None).status in {401, 404}
    assert "actions" in batch(ask, OTHER, SECRET).json()["objects"][0]


@pytest.mark.parametrize("objects", [3, [3], [{"size": 1}], [{"oid": [], "size": 1}]])
def test_nonsense_is_no_crash(ask: Any, objects: object) -> None:
    body = json.dumps({"operation": "download", "objects": objects}).encode()
    assert ask("POST", f"/{REPO}.git/info/lfs/objects/batch", body).status in {200, 400}
