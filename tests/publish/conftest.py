"""A local Hub with the real client, and a small release that passes the gate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import view
from huggingface_hub import HfApi, close_session
from publish.hubs import ending_later

from hubkit.cards.build import build_card
from hubkit.cards.settings import CardSettings, save_settings
from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import local_hub

SETTINGS = CardSettings(repo_id="owner/release", base_model="openai-community/gpt2", license="mit")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and ranges of the tests, not of whoever runs them."""
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path_factory.getbasetemp() / "hubkit-cache"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[RunningHub, HfApi]]:
    with ending_later(local_hub(tmp_path / "hub")) as running:
        yield running
        close_session()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    for path, data in view(readme=None).files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    save_settings(SETTINGS, folder / "card.yaml")
    build_card(folder)
    return folder
