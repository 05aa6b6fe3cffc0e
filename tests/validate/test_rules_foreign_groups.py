"""CFG022 on a Matryoshka of dictionary_learning: what its loader builds it of, as the file keeps it and as the configuration states it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

FOLDER = Path(__file__).parents[1] / "formats/families/dictionary_learning"


def asked(folder: Path) -> list[tuple[Severity, str]]:
    report = validate(open_folder(folder), Selection(select=("CFG022",)))
    return [(one.severity, one.message) for one in report.findings if one.code == "CFG022"]


@pytest.fixture
def trainer(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "matryoshka_batch_topk", tmp_path / "x")
    return next((tmp_path / "x").rglob("ae.pt")).parent


def rewrite(trainer: Path, **changes: torch.Tensor) -> None:
    state = torch.load(trainer / "ae.pt", weights_only=True)
    torch.save(state | changes, trainer / "ae.pt")


def sizes(trainer: Path) -> list[int]:
    found: list[int] = torch.load(trainer / "ae.pt", weights_only=True)["group_sizes"].tolist()
    return found


def test_its_own_groups_are_right(trainer: Path) -> None:
    assert sum(sizes(trainer)) > 0
    assert asked(trainer.parents[1]) == []


@pytest.mark.parametrize("change", [lambda own: [own[0] + 1, *own[1:]], lambda own: [0] * len(own), lambda own: [own[0], *own]])  # fmt: skip
def test_groups_of_another_sum_do_not_load(trainer: Path, change: object) -> None:
    rewrite(trainer, group_sizes=torch.tensor(change(sizes(trainer))))  # type: ignore[operator]
    ((severity, message),) = asked(trainer.parents[1])
    assert severity is Severity.ERROR
    assert "group_sizes of the weights" in message


def test_other_groups_in_the_configuration_are_told(trainer: Path) -> None:
    path = trainer / "config.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    own = sizes(trainer)
    for stated, expected in ((own, []), (own[::-1] if own != own[::-1] else [*own, 1], [Severity.WARNING])):
        raw["trainer"]["group_sizes"] = stated
        path.write_text(json.dumps(raw), encoding="utf-8")
        assert [severity for severity, _ in asked(trainer.parents[1])] == expected


def test_a_jumprelus_loader_takes_a_threshold_for_each_latent_only(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "jumprelu", tmp_path / "x")
    trainer = next((tmp_path / "x").rglob("ae.pt")).parent
    assert asked(tmp_path / "x") == []
    rewrite(trainer, threshold=torch.tensor([0.3]))
    ((severity, message),) = asked(tmp_path / "x")
    assert severity is Severity.ERROR
    assert "threshold has shape [1]" in message
