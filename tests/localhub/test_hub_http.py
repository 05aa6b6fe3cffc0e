"""What the real client never sends: forged links, paths that climb out, foreign pages, broken bodies; and the HTML."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from hubkit.localhub import RunningHub

REPO = "me/release"
DATA = b"sixteen bytes..." * 64
OID = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def repo(api: HfApi) -> str:
    api.create_repo(REPO)
    return REPO


def batch(ask: Any, oid: str = OID, size: int = len(DATA)) -> dict[str, Any]:
    body = {
        "operation": "upload",
        "transfers": ["basic"],
        "objects": [{"oid": oid, "size": size}],
        "hash_algo": "sha256",
    }
    answer = ask("POST", f"/{REPO}.git/info/lfs/objects/batch", json.dumps(body).encode())
    assert answer.status == 200, answer.body
    return answer.json()["objects"][0]


def place(ask: Any) -> str:
    return batch(ask)["actions"]["upload"]["href"]


def put_file(ask: Any, commit_lines: Callable[..., bytes], path: str, data: bytes) -> Any:
    line = ("file", {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"})
    return ask("POST", f"/api/models/{REPO}/commit/main", commit_lines(line))


def stored(hub: RunningHub) -> list[Path]:
    return [path for path in (hub.folder / "objects" / "lfs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "sent", [DATA[:-1] + b"!", DATA[:-1], DATA + b"."], ids=["other bytes", "short", "long"]
)
def test_bytes_that_are_not_what_was_announced_are_not_kept(ask: Any, hub: RunningHub, sent: bytes) -> None:
    answer = ask("PUT", place(ask), sent, token=None)
    assert answer.status in {400, 413}
    assert stored(hub) == []
    assert [path for path in (hub.folder / "tmp").rglob("*") if path.is_file()] == []
    assert "actions" in batch(ask)


def test_a_link_is_for_one_object_one_method_one_size(ask: Any, hub: RunningHub) -> None:
    link = place(ask)
    other = hashlib.sha256(b"other").hexdigest()
    for forged in (link.replace(OID, other), link.replace("size=1024", "size=9999"), link.split("?")[0]):
        assert ask("PUT", forged, DATA, token=None).status == 403
    assert ask("PUT", link, DATA, token=None).status == 200
    assert ask("GET", link, token=None).status == 403
    assert [path.stat().st_size for path in stored(hub)] == [len(DATA)]
    assert "actions" not in batch(ask)
    assert batch(ask, size=5)["error"]["code"] == 422
    assert batch(ask, oid="../" * 21 + "x")["error"]["code"] == 422


def test_a_commit_cannot_point_to_an_object_that_never_came(
    ask: Any, commit_lines: Callable[..., bytes]
) -> None:
    line = ("lfsFile", {"path": "w.bin", "algo": "sha256", "oid": OID, "size": len(DATA)})
    refused = ask("POST", f"/api/models/{REPO}/commit/main", commit_lines(line))
    assert (refused.status, OID in refused.json()["error"]) == (400, True)
    ask("PUT", place(ask), DATA, token=None)
    assert ask("POST", f"/api/models/{REPO}/commit/main", commit_lines(line)).status == 200


CLIMBING = [
    "../x",
    "a/../../x",
    "/etc/x",
    "a\\..\\x",
    "C:/x",
    "c:x",
    "a\x00b",
    "a\nb",
    "a//b",
    ".",
    "",
    ".git/config",
    "a/.GIT/x",
]


def test_paths_that_climb_out_are_refused(
    ask: Any, commit_lines: Callable[..., bytes], hub: RunningHub
) -> None:
    before = sorted(hub.folder.parent.rglob("*"))
    for path in CLIMBING:
        assert put_file(ask, commit_lines, path, b"x").status == 422, path
        for line in (("deletedFile", {"path": path}), ("lfsFile", {"path": path, "oid": OID})):
            assert ask("POST", f"/api/models/{REPO}/commit/main", commit_lines(line)).status == 422, path
        quoted = "".join(f"%{byte:02x}" for byte in path.encode())
        assert ask("GET", f"/{REPO}/resolve/main/{quoted}").status in {404, 422}, path
    assert sorted(hub.folder.parent.rglob("*")) == before


NO_NAMES = ["../x", "..", "a/b/c", "con.git", "a\\b", "C:", "-a", "a--b", "a\x00", "x" * 97, ""]


def test_names_that_are_no_repositories_are_refused(ask: Any, hub: RunningHub) -> None:
    for name in NO_NAMES:
        answer = ask("POST", "/api/repos/create", json.dumps({"name": name, "organization": "me"}).encode())
        assert answer.status == 400, name
    assert [folder.name for folder in (hub.folder / "repos").iterdir()] == ["models--me--release"]


def test_dots_in_the_address_stay_inside(ask: Any) -> None:
    for address in (
        "/../../etc/passwd",
        f"/{REPO}/resolve/main/../../../x",
        "/api/models/..%2f..%2f/x",
        "/%2e%2e/x",
    ):
        assert ask("GET", address).status in {400, 404, 422}


def test_broken_commits_change_nothing(ask: Any, api: HfApi, commit_lines: Callable[..., bytes]) -> None:
    head = api.model_info(REPO).sha
    good = commit_lines(("file", {"path": "a", "content": "YQ==", "encoding": "base64"}))
    bodies = [
        b"not json\n",
        b"[1]\n",
        good.split(b"\n", 1)[1],  # no header
        good + b'{"key": "unknown", "value": {"path": "b"}}\n',
        commit_lines(("file", {"path": "a", "content": "***", "encoding": "base64"})),
        commit_lines(("file", {"path": ".gitattributes/a", "content": "YQ==", "encoding": "base64"})),
    ]
    for body in bodies:
        assert ask("POST", f"/api/models/{REPO}/commit/main", body).status == 400
    assert ask("POST", f"/api/models/{REPO}/commit/{head}", good).status == 404
    assert ask("POST", f"/api/models/{REPO}/commit/{head}?create_pr=1", good).status == 404
    assert api.model_info(REPO).sha == head
    assert ask("POST", f"/api/models/{REPO}/commit/refs%2Fheads%2Fmain", good).status == 200


def test_the_commit_route_judges_the_card_too(ask: Any, commit_lines: Callable[..., bytes]) -> None:
    answer = put_file(ask, commit_lines, "README.md", b"---\nlicense: [mit, gpl-3.0-only]\n---\n")
    assert answer.status == 400
    assert "must be one of [" in answer.json()["error"]


def test_regular_files_come_by_range_and_head_too(ask: Any, commit_lines: Callable[..., bytes]) -> None:
    assert put_file(ask, commit_lines, "dir/a b.txt", b"0123456789").status == 200
    sent_on = ask("GET", f"/{REPO}/resolve/main/dir/a%20b.txt")
    place = sent_on.headers["location"]
    assert (sent_on.status, sent_on.headers["x-linked-size"]) == (307, "10")
    assert place == f"/api/resolve-cache/models/{REPO}/{sent_on.headers['x-repo-commit']}/dir/a%20b.txt"
    whole = ask("GET", place)
    assert (whole.status, whole.body) == (200, b"0123456789")
    head = ask("HEAD", place)
    assert (head.headers["content-length"], head.headers["etag"]) == ("10", whole.headers["etag"])
    part = ask("GET", place, Range="bytes=2-4")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert part.headers["x-repo-commit"] == whole.headers["x-repo-commit"]
    assert ask("GET", place, Range="bytes=10-").status == 416
    for odd in ("bytes=0-1,4-5", "lines=1-2", "bytes=x"):
        assert ask("GET", place, Range=odd).body == b"0123456789"
    assert ask("GET", place.replace(sent_on.headers["x-repo-commit"], "main")).status == 404
    assert put_file(ask, commit_lines, "empty", b"").status == 200
    assert ask("GET", ask("GET", f"/{REPO}/resolve/main/empty").headers["location"]).body == b""


def test_a_foreign_page_cannot_write_and_a_foreign_name_is_not_ours(ask: Any, hub: RunningHub) -> None:
    body = json.dumps({"name": "planted"}).encode()
    assert ask("POST", "/api/repos/create", body, Origin="http://evil.example").status == 403
    assert ask("POST", "/api/repos/create", body, Origin=hub.endpoint).status == 200
    port = int(hub.endpoint.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": "evil.example"})
        assert connection.getresponse().status == 421
    finally:
        connection.close()


def test_a_client_with_xet_is_told_what_to_do(ask: Any) -> None:
    answer = ask("GET", f"/api/models/{REPO}/xet-write-token/main")
    assert answer.status == 404
    assert "HF_HUB_DISABLE_XET=1" in answer.json()["error"]


def test_neither_tokens_nor_signatures_are_logged(ask: Any, hub: RunningHub) -> None:
    ask("PUT", place(ask), DATA, token=None)
    text = repr(hub.requests)
    assert OID in text
    assert "signature" not in text
    assert "local-token" not in text


HOSTILE = """---
license: mit
tags: ["<img src=x onerror=alert(1)>"]
---
# Title <script>alert(1)</script>

<iframe src="http://evil.example"></iframe>

[click](javascript:alert(1)) ![figure](figures/a.svg) [out](http://example.org)

| a | b |
|---|---|
| 1 | 2 |
"""


def test_the_page_shows_a_hostile_card_as_text(ask: Any, commit_lines: Callable[..., bytes]) -> None:
    assert put_file(ask, commit_lines, "README.md", HOSTILE.encode()).status == 200
    assert put_file(ask, commit_lines, "<b>x&y.json", b"{}").status == 200
    page = ask("GET", f"/{REPO}")
    text = page.body.decode()
    assert page.status == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "*" not in policy
    for tag in ("<script", "<iframe", "<img src=x", "<b>x", 'href="javascript:'):
        assert tag not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "&lt;b&gt;x&amp;y.json" in text
    assert f'src="/{REPO}/resolve/' in text
    assert "<td>1</td>" in text
    assert "<b>license</b> mit" in text
    front = ask("GET", "/", token=None).body.decode()
    assert f'href="/{REPO}"' in front
    assert "prefers-color-scheme: dark" in front


def test_the_page_of_what_is_private_needs_the_token(ask: Any, api: HfApi) -> None:
    api.create_repo("me/secret", private=True)
    assert ask("GET", "/me/secret", token=None).status == 401
    assert b"me/secret" not in ask("GET", "/", token=None).body
    assert b"me/secret" in ask("GET", "/").body
