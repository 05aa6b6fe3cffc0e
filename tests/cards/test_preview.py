"""The preview without a browser: what it serves, what it refuses, and the one file that needs no other."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cards.preview_cards import CARD, HOSTILE
from typer.testing import CliRunner

from hubkit.cards.preview import previewing, write_page
from hubkit.cards.preview_subject import open_subject
from hubkit.cli.main import app
from hubkit.errors import UsageError

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "a.svg").write_text(PICTURE, encoding="utf-8")
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture
def address(release: Path) -> Iterator[str]:
    with previewing(release) as found:
        yield found


def ask(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_the_page_and_its_policy(address: str) -> None:
    status, headers, body = ask(address)
    policy = headers["content-security-policy"]
    assert (status, b"SAEs of a model" in body) == (200, True)
    assert allowed(policy) == {
        "default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "base-uri": ["'none'"], "form-action": ["'none'"],
        "script-src": [f"{address}-/reload.js"], "connect-src": [f"{address}-/state", f"{address}-/page"], "img-src": ["data:", f"{address}files/"],
    }  # fmt: skip
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src http://127\.0\.0\.1:\d+/-/reload\.js;", policy)
    assert body.count(b"<script") == 1


def allowed(policy: str) -> dict[str, list[str]]:
    """The policy, directive by directive."""
    return {words[0]: words[1:] for part in policy.split(";") if (words := part.split())}


def test_a_written_page_may_fetch_nothing(release: Path, tmp_path: Path) -> None:
    write_page(release, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    policy = allowed(found[1])
    assert (policy["connect-src"], policy["script-src"], policy["img-src"]) == (
        ["'none'"],
        ["'none'"],
        ["data:"],
    )


def test_one_picture_a_hundred_thousand_times_is_left_out_and_told(release: Path, tmp_path: Path) -> None:
    (release / "figures" / "a.svg").write_bytes(b"<svg>" + b" " * 1_000_000 + b"</svg>")
    (release / "README.md").write_text("![a](figures/a.svg)\n" * 5_000, encoding="utf-8")
    assert write_page(release, tmp_path / "page.html") == ["figures/a.svg"]
    assert (tmp_path / "page.html").stat().st_size < 5_000_000
    (release / "README.md").write_text("![a](figures/a.svg)\n" * 5, encoding="utf-8")
    assert write_page(release, tmp_path / "page.html") == []
    assert "data:image/svg+xml;base64," in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no file names that are no UTF-8")
def test_names_that_are_no_text_and_names_that_deceive_are_shown(release: Path, tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(release) + b"/caf\xe9\xff.txt"))).write_text("a", encoding="utf-8")
    (release / "a\u202egpj.exe").write_text("a", encoding="utf-8")
    (release / "a\x1b[2Jb.txt").write_text("a", encoding="utf-8")
    write_page(release, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "caf\\udce9\\udcff.txt" in page
    assert "caf%E9%FF.txt" in page
    assert not {"\u202e", "\x1b"} & set(page)
    with previewing(release) as address:
        status, _, body = ask(address)
        assert (status, b"caf" in body) == (200, True)
        assert ask(address + "-/state")[0] == 200
        assert ask(address + "files/caf%E9%FF.txt")[0] in {200, 404}


def test_files_come_so_that_they_run_nothing(address: str) -> None:
    status, headers, body = ask(address + "files/figures/a.svg")
    assert (status, headers["content-type"], body.decode()) == (200, "image/svg+xml", PICTURE)
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "files/../outside.txt",
        "files/%2e%2e/outside.txt",
        "files//etc/passwd",
        "files/%2Fetc%2Fpasswd",
        "files/gone",
        "card.yaml",
    ],
)
def test_nothing_else_of_the_disk_comes(address: str, path: str) -> None:
    status, _, body = ask(address + path)
    assert (status, b"secret" in body) == (404, False)


def test_a_foreign_name_is_turned_away(address: str) -> None:
    assert ask(address, Host="evil.example")[0] == 421


def test_the_state_follows_the_card_and_its_files(address: str, release: Path) -> None:
    def state() -> bytes:
        return ask(address + "-/state")[2]

    first = state()
    assert state() == first
    (release / "README.md").write_text(CARD + "\nmore\n", encoding="utf-8")
    second = state()
    (release / "figures" / "b.svg").write_text(PICTURE, encoding="utf-8")
    assert len({first, second, state()}) == 3


def test_a_card_that_is_away_for_a_moment(address: str, release: Path) -> None:
    (release / "README.md").unlink()
    assert b"No README.md" in ask(address)[2]


def test_one_file_with_its_pictures_inside(release: Path, tmp_path: Path) -> None:
    write_page(release, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'src="data:image/svg+xml;base64,' in page
    assert "<script" not in page
    assert "Content-Security-Policy" in page
    (release / "README.md").write_text(HOSTILE, encoding="utf-8")
    write_page(release / "README.md", tmp_path / "page.html")
    assert "<script" not in (tmp_path / "page.html").read_text(encoding="utf-8").replace("&lt;script", "")


def test_the_name_is_the_repositorys_where_it_is_known(release: Path) -> None:
    assert open_subject(release).name == "release"
    (release / "card.yaml").write_text("repo_id: me/saes\n", encoding="utf-8")
    assert open_subject(release / "README.md").name == "me/saes"
    (release / "card.yaml").write_text("[broken", encoding="utf-8")
    assert open_subject(release).name == "release"


def test_the_verb_writes_the_page_and_says_where(release: Path, tmp_path: Path) -> None:
    out = tmp_path / "card.html"
    answer = CliRunner().invoke(app, ["preview", str(release), "--once", str(out), "--format", "json"])
    assert json.loads(answer.stdout) == {"page": str(out)}
    assert "SAEs of a model" in out.read_text(encoding="utf-8")


def test_nothing_to_show(release: Path, tmp_path: Path) -> None:
    (release / "README.md").unlink()
    with pytest.raises(UsageError, match="no README"):
        open_subject(release)
    with pytest.raises(UsageError, match="no such folder"):
        open_subject(tmp_path / "gone")


def test_what_is_no_card_is_not_shown_as_one(tmp_path: Path) -> None:
    (tmp_path / "make.py").write_text("print()", encoding="utf-8")
    with pytest.raises(UsageError, match="not a card"):
        open_subject(tmp_path / "make.py")
