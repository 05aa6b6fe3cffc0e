"""`hubkit run --dry-run`: what a study will train and take, said before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.study.forecast import Forecast, Speed, duration, forecast
from hubkit.study.several import load_study_file
from hubkit.train.plan import CrossFit

STUDIES = Path(__file__).parents[2] / "studies"
SPEED = Speed(flops=100e9, bandwidth=10e9)
SMALL, LARGE = 1 << 30, 1 << 40
"""Free bytes."""


def of(name: str, crossfit: CrossFit | None = None, free: int = LARGE, workers: int = 2) -> Forecast:
    return forecast(
        load_study_file(STUDIES / f"{name}.yaml").studies[0],
        crossfit or CrossFit(),
        workers,
        speed=SPEED,
        free=free,
    )


def test_counts_shapes_and_bytes_are_those_of_the_grid() -> None:
    found = of("smollm2-135m")
    assert found.kinds == {("topk", 64, 576, 2304): 27, ("jumprelu", 64, 576, 2304): 27}
    assert found.trained is not None
    assert found.trained.published == pytest.approx(54 * 2 * 4 * 576 * 2304, rel=0.01)
    assert found.units == 18 * 11 + 36 * 12, (
        "itself, five folds, five of whole scenarios, and a control of each of one label"
    )
    assert of("smollm2-135m", CrossFit(scenarios=False, control=False)).units == 54 * 6
    assert of("smollm2-135m", CrossFit(folds=0)).units == 54
    seeds = of("smollm2-135m", CrossFit(scenarios=False, control=False, seeds=3))
    assert seeds.units == 54 * (6 + 4), "two other seeds, of all rows and without the first fold"
    assert seeds.trained is not None
    weights = 2 * 4 * 576 * 2304
    assert seeds.trained.disk - of("smollm2-135m", CrossFit(scenarios=False, control=False)).trained.disk == pytest.approx(54 * 4 * weights, rel=0.01)  # fmt: skip
    assert of("smollm2-135m", CrossFit(folds=0, seeds=3)).units == 54 * 3
    assert found.model_memory == pytest.approx(4 * 134_515_008)


def test_time_is_that_of_the_arithmetic_and_halves_with_twice_the_workers() -> None:
    """d32: 4,096 rows are 9,600 steps for mixed; 10 x 128 x 2048 x 8192 operations each, and Adam's way through 7 copies."""
    found, alone = of("nanochat-d32"), of("nanochat-d32", workers=1)
    assert found.trained is not None
    assert alone.trained is not None
    assert alone.trained.seconds == pytest.approx(2 * found.trained.seconds)
    step = 10 * 128 * 2048 * 8192 / 100e9 + 7 * 2 * 4 * 2048 * 8192 / 10e9
    steps = 18 * 11 * 9600 + 36 * 12 * 4800
    assert alone.trained.seconds == pytest.approx(step * steps)


def test_it_says_where_a_gpu_is_needed_and_only_there() -> None:
    assert any("needs a GPU to be done in a day: training" in note for note in of("nanochat-d32").notes)
    assert any(
        note.startswith(
            "needs a GPU, or a machine with more memory: the base model takes 4.4 GB, 1.1 GB are free"
        )
        for note in of("tinyllama-1.1b", free=SMALL).notes
    )
    assert not any("GPU" in note for note in of("smollm2-135m").notes)


def test_what_is_known_to_be_few_is_said_before() -> None:
    assert any(
        "1,008 completions are fewer than the 2,048 dimensions" in note for note in of("tinyllama-1.1b").notes
    )
    assert not any("fewer than" in note for note in of("smollm2-135m").notes)


def test_the_command_prints_each_release_and_all_of_them_and_runs_nothing(tmp_path: Path) -> None:
    command = [
        "run",
        str(STUDIES / "nine-models.yaml"),
        "--dry-run",
        "--folder",
        str(tmp_path),
        "--workers",
        "1",
    ]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    for words in (
        "tinyllama-1.1b: 39 SAEs of TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T to your-name/",
        "18 gated: 2048 -> 8192 (4x)",
        "21 topk, k 64: ? -> 12288",
        "how wide microsoft/Phi-4-mini-reasoning is, is not known here",
        "363 SAEs in 9 releases, 4,235 trained with those of folds, controls and other seeds; of 8 releases whose width is known",
    ):
        assert words in said.stdout, words
    assert list(tmp_path.iterdir()) == []
    one = CliRunner().invoke(app, [*command, "--release", "pythia-160m"])
    assert "36 SAEs of EleutherAI/pythia-160m" in one.stdout
    assert "tinyllama" not in one.stdout
    wrong = CliRunner().invoke(app, [*command, "--release", "pythia"])
    assert wrong.exit_code != 0
    assert "pythia-160m" in str(wrong.exception)


def test_durations_are_in_words() -> None:
    assert [duration(one) for one in (12, 600, 3600 * 3.5, 86400 * 9)] == [
        "12 s",
        "10 min",
        "3.5 h",
        "9 days",
    ]
