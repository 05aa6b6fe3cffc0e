"""Building the lab model: cached, seeded, whole or not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hubkit.engine.events import Event
from hubkit.errors import UsageError
from hubkit.lab import model as lab_model
from hubkit.lab import text
from hubkit.lab.model import LabModel, build
from hubkit.release.digests import sha256_of_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train
STEPS = 4


def test_it_learns(lab: LabModel) -> None:
    """The fillers cost ln 4 = 1.39 nats each, the commit word ln 2, closing and end nothing: about 1.16 per word at best."""
    assert len(lab.losses) == 150
    assert lab.losses[0] > 4.4
    assert lab.losses[-1] < 2.6


def test_transformers_opens_the_folder(lab: LabModel) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(lab.folder)
    tokenizer = AutoTokenizer.from_pretrained(lab.folder)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert 255_000 < model.num_parameters() < 265_000
    prompt = text.world("harbour").prompt
    ids = tokenizer(prompt).input_ids
    assert len(ids) == len(prompt.split())
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids) == prompt


def test_name_and_revision_say_what_it_is(lab: LabModel, null_lab: LabModel) -> None:
    assert (lab.name, null_lab.name) == ("hubkit/lab-llama-6x64", "hubkit/lab-llama-6x64-null")
    assert lab.sha256 == sha256_of_file(lab.folder / "model.safetensors")
    assert lab.sha256.startswith(lab.revision)
    assert len(lab.revision) == 40


def test_same_recipe_is_returned_at_once_and_another_one_is_made(tmp_path: Path) -> None:
    events: list[Event] = []
    first = build(tmp_path / "m", steps=STEPS)
    assert build(tmp_path / "m", steps=STEPS, report=events.append) == first
    assert [(event.done, event.total) for event in events] == [(STEPS, STEPS)]
    other = build(tmp_path / "m", steps=STEPS, seed=1)
    assert other.sha256 != first.sha256
    assert build(tmp_path / "n", steps=STEPS, null=True).sha256 != first.sha256


def test_a_seed_gives_one_model_and_leaves_the_global_state_alone(tmp_path: Path) -> None:
    import numpy as np
    import torch

    torch.random.default_generator.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_before = str(np.random.get_state())  # noqa: NPY002 - the legacy global state is what must not move
    first = build(tmp_path / "a", steps=STEPS)
    assert torch.equal(before, torch.get_rng_state())
    assert str(np.random.get_state()) == numpy_before  # noqa: NPY002
    assert torch.get_num_threads() == threads
    torch.rand(1)
    assert build(tmp_path / "b", steps=STEPS).sha256 == first.sha256


@pytest.mark.parametrize("damage", ["model.safetensors", "tokenizer.json", "lab.json"])
def test_a_damaged_folder_is_made_again(tmp_path: Path, damage: str) -> None:
    first = build(tmp_path / "m", steps=STEPS)
    (tmp_path / "m" / damage).write_bytes(b"{}") if damage != "tokenizer.json" else (
        tmp_path / "m" / damage
    ).unlink()
    assert build(tmp_path / "m", steps=STEPS) == first
    assert json.loads((tmp_path / "m" / "lab.json").read_bytes())["sha256"] == first.sha256


def test_killed_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lab_model, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "m", steps=STEPS)
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all my work", encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds files but no lab\.json"):
        build(tmp_path, steps=STEPS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
