"""`hubkit build-cards` from outside: one release, a study, what it says without writing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from cards.shapes import accuracy, measure_again, write
from cards.test_author import BEST, SETTINGS, release_of, rewrite
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import HubkitError
from hubkit.repo.local import open_folder
from hubkit.validate.run import Selection, validate


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write(release_of(), tmp_path / "release", small=True)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["build-cards", *map(str, arguments)])
    if isinstance(result.exception, HubkitError):
        return int(result.exception.exit_code), result.exception.message
    return result.exit_code, result.stdout


def test_a_release_is_written_checked_and_shown(release: Path) -> None:
    assert run(release, "--check")[0] == 1
    assert run(release, "--no-run") == (0, f"{release / 'README.md'}\n")
    assert run(release, "--check")[0] == 0
    measure_again(release, {BEST: [accuracy(0.875, (50, 50), "train")]})
    before = (release / "README.md").read_bytes()
    assert run(release, "--check")[0] == 1
    code, shown = run(release, "--diff")
    assert code == 0
    assert (
        "-- The best SAE probe, `lab_topk_L2_mixed` (**it has a defect**: HOOK003), reaches 0.812 [" in shown
    )
    assert (
        "+- The best SAE probe, `lab_topk_L2_mixed` (**it has a defect**: HOOK003), reaches 0.875 [" in shown
    )
    assert (release / "README.md").read_bytes() == before


def test_an_edit_by_hand_stops_the_build_and_is_shown(release: Path) -> None:
    run(release, "--no-run")
    rewrite(release / "README.md", "reaches 0.812 [", "reaches 0.912 [")
    code, message = run(release, "--no-run")
    assert code == 2
    assert "edited by hand" in message
    assert "reaches 0.912 [" in message
    assert run(release, "--check")[0] == 1
    assert run(release, "--no-run", "--force")[0] == 0
    assert "reaches 0.912 [" not in (release / "README.md").read_text(encoding="utf-8")


def test_the_facts_are_listed_with_their_files(release: Path) -> None:
    code, listed = run(release, "--facts")
    assert code == 0
    assert "facts.best_sae.balanced_accuracy = 0.812  (lab_topk_L2_mixed/metrics.json#/values/0/value)" in listed  # fmt: skip
    assert "facts.base_model.parameters = 124,439,808  (hubkit/models/known.json#)" in listed
    assert not (release / "README.md").exists()


def test_stated_facts_are_listed_with_who_states_them(tmp_path: Path) -> None:
    release = write(release_of(), tmp_path / "stated", small=True, source="a paper")
    code, listed = run(release, "--facts")
    assert code == 0
    assert "(evidence.yaml#/values/" in listed
    assert "; stated by the author, n = 100, source: a paper)" in listed
    assert "facts.best_sae" not in listed


def test_a_study_of_folders_gets_every_card_and_its_index(tmp_path: Path) -> None:
    other = SETTINGS.model_copy(update={"repo_id": "owner/other", "base_model": "distilbert/distilgpt2"})
    write(release_of(), tmp_path / "one", small=True)
    write(release_of(other), tmp_path / "two", small=True)
    study = {
        "name": "both",
        "publish": {"owner": "owner", "index": {"repo_id": "owner/both", "license": "mit"}},
        "releases": [{"name": "one", "folder": "one"}, {"name": "two", "folder": "two"}],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    assert run(tmp_path / "study.yaml", "--check")[0] == 1
    code, written = run(tmp_path / "study.yaml", "--no-run")
    assert code == 0
    assert [Path(line).parent.name for line in written.split()] == ["one", "two", "both"]
    index = (tmp_path / "both" / "README.md").read_text(encoding="utf-8")
    assert "8 sparse autoencoders on 2 models" in index
    assert index.index("[distilgpt2]") < index.index("[gpt2]")  # by size
    assert run(tmp_path / "study.yaml", "--check")[0] == 0
    first = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    sentence = "Among the 2 models of the study that were measured alike, the best layer of this one is number 1 by balanced accuracy: 0.750, the others 0.750."
    assert sentence in first
    assert run(tmp_path / "one", "--check")[0] == 0, (
        "a card that is built by itself keeps what it says of the study"
    )
    assert "facts.study.rank = 1" in run(tmp_path / "study.yaml", "--facts")[1]
    cfg = tmp_path / "two" / "lab_topk_L1_mixed" / "cfg.json"
    cfg.write_text(json.dumps(json.loads(cfg.read_bytes()) | {"k": 5}), encoding="utf-8")
    assert run(tmp_path / "study.yaml", "--check")[0] == 1


def test_a_target_that_is_nothing_is_told(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere")[0] == 2
    assert run(tmp_path / "nowhere.yaml")[0] == 2


def test_what_is_no_text_in_utf_8_is_named_and_not_a_crash(release: Path) -> None:
    """A folder's name on Linux is any bytes; a string of JSON may be half a character."""
    rewrite(release / BEST / "cfg.json", '"hook_name": "', '"hook_name": "\\udcff')
    assert run(release, "--facts")[0] == 0
    for how in ("--diff", "--check", "--no-run"):
        code, message = run(release, "--no-run", how)
        assert code == 1
        assert "\\udcff, which is no text in UTF-8" in message


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text there")
def test_a_folder_whose_name_is_no_text(release: Path) -> None:
    run(release, "--no-run")
    (release / BEST).rename(release / os.fsdecode(b"\xff"))
    assert run(release, "--facts")[0] == 0
    assert run(release, "--diff")[0] == 1
    report = validate(open_folder(release), Selection(select=("CARD013",)))
    assert [one.code for one in report.findings] == ["CARD013"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_value_that_is_no_number_is_named_with_its_place(release: Path, number: str) -> None:
    path = release / BEST / "metrics.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["values"][0]["value"] = float(number)
    path.write_text(json.dumps(raw), encoding="utf-8")
    for how in ("--facts", "--diff"):
        code, message = run(release, "--no-run", how)
        assert code == 4
        assert "metrics.json: not a SaeMetrics: values.0.value: Input should be a finite number" in message
