"""`metadata.hubkit`: read tolerantly, written exactly."""

from __future__ import annotations

from typing import Any

import pytest

from hubkit.release.sae_record import OF_TRAINING, Rewritten, SaeRecord, added

TRAINED: dict[str, Any] = {
    "version": "1.0", "recipe": "learns", "spec_sha256": "ab", "k": 8, "n_rows": 181, "rows": "all", "rows_sha256": "cd", "steps": 400,
    "epochs": None, "batch_size": 64, "lr": 0.001, "lr_schedule": "constant", "lr_warm_up_steps": 0, "lr_decay_steps": 0, "seed": 0,
    "autocast": False, "input_scale": 0.5, "precision": "float32", "base_model_revision": None, "pooling": "mean", "token_span": "all",
    "pool_sha256": "ef",
}  # fmt: skip


def test_what_a_training_writes_is_read_back_and_written_the_same() -> None:
    assert tuple(TRAINED) == OF_TRAINING
    assert SaeRecord.read(TRAINED).written() == TRAINED
    assert SaeRecord.read(TRAINED).epochs is None


def test_a_dead_window_is_written_where_there_is_one() -> None:
    assert "dead_window" not in SaeRecord.read(TRAINED | {"dead_window": None}).written()
    assert SaeRecord.read(TRAINED | {"dead_window": 200}).written() == TRAINED | {"dead_window": 200}


@pytest.mark.parametrize("raw", [None, "text", 7, [], {}, {"colour": "red"}])
def test_anything_else_is_an_empty_record(raw: object) -> None:
    assert SaeRecord.read(raw) == SaeRecord()


@pytest.mark.parametrize(
    ("key", "value"),
    [("k", True), ("k", "8"), ("k", 8.0), ("lr", False), ("n_rows", [181]), ("autocast", 1), ("recipe", 3), ("legacy", "x"), ("rewritten", {"rule": "THR001"})],
)  # fmt: skip
def test_a_value_of_another_kind_is_not_there_and_its_neighbours_are(key: str, value: object) -> None:
    found = SaeRecord.read(TRAINED | {key: value})
    assert getattr(found, key) is None
    assert found.pool_sha256 == "ef"


def test_a_whole_learning_rate_stays_whole() -> None:
    assert repr(SaeRecord.read({"lr": 1}).lr) == "1"


def test_what_a_fix_left() -> None:
    was = Rewritten("THR001", "jumprelu", "standard")
    raw = added({"k": 8, "of another version": 1}, {"rewritten": was.written(0.0)})
    assert raw == {
        "k": 8,
        "of another version": 1,
        "rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard", "threshold": 0.0},
    }
    assert SaeRecord.read(raw).rewritten == was
    assert added("no mapping", {"legacy": {}}) == {"legacy": {}}
