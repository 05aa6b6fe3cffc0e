"""`hubkit preview OWNER/REPO`: the card and its pictures, and not a byte of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cards.preview_cards import CARD
from huggingface_hub import close_session
from typer.testing import CliRunner

from hubkit.cards.preview import previewing
from hubkit.cards.preview_subject import opened
from hubkit.cli.main import app
from hubkit.errors import HubkitError
from hubkit.localhub import User, serving
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import RunningHub

NAME = "owner/saes"
FILES = {
    "README.md": CARD.encode(),
    "figures/a.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"></svg>',
    "figures/not-shown.svg": b"<svg/>",
    "sae/sae_weights.safetensors": bytes(2000),
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningHub]:
    files = {}
    for path, data in FILES.items():
        files[path] = tmp_path / "source" / path
        files[path].parent.mkdir(parents=True, exist_ok=True)
        files[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, files, any_card=True)
    seed(tmp_path / "hub", "owner/bare", {"sae/sae_weights.safetensors": files["sae/sae_weights.safetensors"]}, any_card=True)  # fmt: skip
    with serving(tmp_path / "hub", users=(User("owner", "owner-token"),)) as running:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", running.endpoint)
        monkeypatch.chdir(tmp_path)
        running.clear_requests()
        yield running
    close_session()


def test_a_page_of_a_repository(hub: RunningHub, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["preview", NAME, "--once", str(tmp_path / "card.html")])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "SAEs of a model" in page
    assert 'src="data:image/svg+xml;base64,' in page
    assert "sae/sae_weights.safetensors" in page, "in the list of files"
    asked = [one.path for one in hub.requests]
    assert not [path for path in asked if "sae_weights" in path or "not-shown" in path]


def test_it_is_served_too_and_nothing_stays(hub: RunningHub) -> None:
    del hub
    import urllib.request

    with previewing(f"{NAME}@main") as address:
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert "as it was fetched" in answer.read().decode()
        with urllib.request.urlopen(f"{address}files/figures/a.svg", timeout=20) as answer:
            assert answer.read() == FILES["figures/a.svg"]
    with opened(NAME) as subject:
        folder = subject.folder
        assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["README.md", "a.svg"]
    assert not folder.exists()


@pytest.mark.parametrize("target", ["owner/bare", "owner/gone", "nothing-here"])
def test_what_is_not_there_is_said(hub: RunningHub, target: str) -> None:
    del hub
    with pytest.raises(HubkitError), opened(target):
        pass


def test_a_folder_of_that_name_wins(hub: RunningHub, tmp_path: Path) -> None:
    (tmp_path / "owner" / "saes").mkdir(parents=True)
    (tmp_path / "owner" / "saes" / "README.md").write_text("# Of the folder\n", encoding="utf-8")
    hub.clear_requests()
    with opened(NAME) as subject:
        assert subject.text == "# Of the folder\n"
    assert not hub.requests
