"""Every study file that ships, whole, with `--scale tiny`, to repositories on a Hub of this machine; and the same without a gradient in the thresholds.

The two smallest with folds, the others with their published SAEs alone (five times as many would be an hour on a quiet core): of these the validator says
rightly that their numbers are of rows that were trained on (EVL004).

Set HUBKIT_WHOLE to a folder to keep what was made: another run of the tests goes on from there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session
from study.whole import STUDIES, command, kill_in, run

from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import local_hub
from hubkit.release.pool import PoolManifest
from hubkit.repo.local import open_folder
from hubkit.study.several import load_study_file
from hubkit.study.stage import Stage
from hubkit.study.study import Study, load_study
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = [
    pytest.mark.train,
    pytest.mark.full,
    pytest.mark.timeout(7200),
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning", "ignore::DeprecationWarning"),
]  # fmt: skip
ALONE = {"gemma4-e2b": 1, "tinyllama-1.1b": 39, "nanochat-d32": 54, "smollm2-135m": 54}
NINE = {
    "nanochat-d32": 54, "nanochat-d20": 45, "tinyllama-1.1b": 39, "qwen3-1.7b": 45, "smollm2-135m": 54, "llama-3.2-1b": 18, "phi-2": 30,
    "phi-4-mini-reasoning": 42, "pythia-160m": 36,
}  # fmt: skip
"""SAEs by the grids of the cards, typed."""
CLASSES = {
    "nanochat-d32": "NanoChatForCausalLM", "nanochat-d20": "NanoChatForCausalLM", "tinyllama-1.1b": "LlamaForCausalLM",
    "qwen3-1.7b": "Qwen3ForCausalLM", "smollm2-135m": "LlamaForCausalLM", "llama-3.2-1b": "LlamaForCausalLM", "phi-2": "PhiForCausalLM",
    "phi-4-mini-reasoning": "Phi3ForCausalLM", "pythia-160m": "GPTNeoXForCausalLM", "gemma4-e2b": "Gemma4ForConditionalGeneration",
}  # fmt: skip
FOLDED = {"gemma4-e2b", "tinyllama-1.1b"}
FILES = [*ALONE, "nine-models"]
RELEASES = [(name, name, count) for name, count in ALONE.items()] + [
    ("nine-models", name, count) for name, count in NINE.items()
]


@dataclass(frozen=True)
class Trial:
    """What was made of every file."""

    home: Path
    api: HfApi
    runs: dict[str, subprocess.CompletedProcess[str]]

    def release(self, file: str, name: str) -> Path:
        return self.home / file / f"{name}-tiny"

    def work(self, file: str, name: str) -> Path:
        return self.home / file / "work" / f"{name}-tiny"

    @property
    def releases(self) -> list[Path]:
        return [self.release(file, name) for file, name, _ in RELEASES]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("HUBKIT_WHOLE")
    return Path(kept) if kept else tmp_path_factory.mktemp("whole-studies")


@pytest.fixture(scope="module")
def hub(home: Path) -> Iterator[tuple[RunningHub, HfApi]]:
    (home / "hub").mkdir(parents=True, exist_ok=True)
    with local_hub(home / "hub") as running:
        yield running
    close_session()


@pytest.fixture(scope="module")
def trial(home: Path, hub: tuple[RunningHub, HfApi]) -> Trial:
    runs = {}
    for name in FILES:
        folds = [] if name in FOLDED else ["--folds", "0"]
        line = command(STUDIES / f"{name}.yaml", home / name, "--push", *folds)
        runs[name] = run(line, hub[0])
    return Trial(home, hub[1], runs)


@cache
def real(file: str, name: str) -> Study:
    (found,) = [one for one in load_study_file(STUDIES / f"{file}.yaml").studies if one.name == name]
    return found


def specs_of(study: Study) -> list[SaeSpec]:
    """Of the real study, whose model's width its file does not need to know."""
    return study.specs(3072 if "Phi-4" in study.card.base_model else None)


def cfgs(release: Path) -> dict[str, dict[str, Any]]:
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in release.glob("*/cfg.json")
    }


def kinds(ids: list[str]) -> Counter[tuple[str, str, bool]]:
    """Architecture, condition and whether it is tagged, by the names; the layer is another's at that scale."""
    found: Counter[tuple[str, str, bool]] = Counter()
    for name in ids:
        before, _, condition = name.partition("_L")
        architecture = next(one for one in ("jumprelu", "topk", "gated") if f"_{one}" in before)
        found[architecture, condition.partition("_")[2], before.endswith("_ste")] += 1
    return found


@pytest.mark.parametrize("file", FILES)
def test_every_study_goes_through_whole(trial: Trial, file: str) -> None:
    done = trial.runs[file]
    assert done.returncode == 0, done.stderr[-4000:]
    for stage in Stage:
        assert f" {stage}" in done.stderr


@pytest.mark.parametrize(("file", "name", "count"), RELEASES)
def test_counts_layers_architectures_conditions_and_dimensions(
    trial: Trial, file: str, name: str, count: int
) -> None:
    study, found = real(file, name), cfgs(trial.release(file, name))
    assert len(found) == count
    assert kinds(list(found)) == kinds([one.sae_id for one in specs_of(study)])
    pool = PoolManifest.load(trial.work(file, name) / "activations" / "manifest.json")
    assert pool.model_class_name == CLASSES[name]
    assert len(pool.layers) == len(study.collect.layers)
    assert {(one["d_in"], one["d_sae"]) for one in found.values()} == {(64, 256)}
    expected = {layer.hook_name for layer in pool.layers}
    assert {one["metadata"]["hook_name"] for one in found.values()} == expected
    assert {one["metadata"]["model_name"] for one in found.values()} == {pool.model_name}
    assert ("nf4" in pool.precision) == (name == "gemma4-e2b")


@pytest.mark.parametrize(("file", "name", "count"), RELEASES)
def test_it_is_on_the_hub_as_it_lies_here(trial: Trial, file: str, name: str, count: int) -> None:
    repo_id = repository(trial, file, name)
    assert repo_id.startswith("hubkit-trial/")
    files = trial.api.list_repo_files(repo_id)
    assert sum(one.endswith("sae_weights.safetensors") for one in files) == count
    log = (trial.home / file / "work" / f"{file}-tiny.log").read_text(encoding="utf-8")
    assert f"push: {repo_id} at " in log


@pytest.mark.parametrize(("file", "name", "count"), RELEASES)
def test_saelens_loads_them_by_the_cards_own_code(trial: Trial, file: str, name: str, count: int) -> None:
    """In a process of its own for each card, when it was rehearsed: the log of the run that sent it says so."""
    log = (trial.home / file / "work" / f"{file}-tiny.log").read_text(encoding="utf-8")
    loaded = "1 SAE loaded" if count == 1 else f"{count} SAEs loaded"
    lines = [
        one for one in log.splitlines() if "ok rehearsal" in one and repository(trial, file, name) in one
    ]
    assert any(f"{loaded} by SAELens" in line and "the card's code ran" in line for line in lines), lines


def repository(trial: Trial, file: str, name: str) -> str:
    card = (trial.release(file, name) / "card.yaml").read_text(encoding="utf-8")
    return next(line.split(": ")[1] for line in card.splitlines() if line.startswith("repo_id"))


@pytest.mark.parametrize(("file", "name", "count"), RELEASES)
def test_it_validates_clean(trial: Trial, file: str, name: str, count: int) -> None:
    report = validate(open_folder(trial.release(file, name)))
    assert report.complete
    assert len(report.saes) == count
    told = {one.code for one in report.findings if one.severity > Severity.NOTE}
    assert told == (set() if file in FOLDED else {"EVL004"})


def test_an_audit_over_all_of_them_is_clean(trial: Trial) -> None:
    rows = audit(trial.releases, "--ignore", "EVL004")
    assert len(rows) == len(RELEASES)
    assert sum(row["saes"] for row in rows) == sum(count for *_, count in RELEASES)
    assert {(row["error"], row["warning"], row["never_learned"]) for row in rows} == {(0, 0, 0)}
    assert [row["contradictions"] for row in rows if row["contradictions"]] == []


def test_without_a_gradient_the_audit_names_every_jumprelu_and_no_other(trial: Trial) -> None:
    folders = {naive_release(trial, file, name): trial.release(file, name) for file, name, _ in RELEASES}
    rows = audit(list(folders), "--select", "THR", "--reports")
    named, expected = set(), set()
    for row in rows:
        folder = Path(row["target"])
        named |= {(folder, one["sae_id"]) for one in row["report"]["findings"]}
        expected |= {(folder, path.parent.name) for path in folder.glob("*_jumprelu_*/cfg.json")}
    assert named == expected
    specs = [one for file, name, _ in RELEASES for one in specs_of(real(file, name))]
    assert len(expected) == sum(one.architecture == "jumprelu" for one in specs)
    assert {code for row in rows for code in codes(row)} == {"THR001", "THR007"}, "and those named ste, twice"


def codes(row: dict[str, Any]) -> set[str]:
    return {one["code"] for one in row["report"]["findings"]}


def naive_release(trial: Trial, file: str, name: str) -> Path:
    """The same release, its JumpReLUs trained the naive way; the others are the ones that are there."""
    target = trial.home / "naive" / file / f"{name}-tiny"
    shutil.copytree(trial.release(file, name), target, dirs_exist_ok=True)
    study = load_study(trial.home / file / f"{name}-tiny.yaml")
    specs = [
        one.model_copy(update={"recipe": "naive"})
        for one in study.specs(64)
        if one.architecture == "jumprelu"
    ]
    if specs:
        pool = trial.work(file, name) / "activations"
        work = trial.home / "naive" / "work" / file / name
        train(specs, pool, target, work, options=Options(CrossFit(folds=0), workers=1))
    return target


def audit(folders: list[Path], *more: str) -> list[dict[str, Any]]:
    line = [sys.executable, "-m", "hubkit", "audit", *map(str, folders), "--format", "json", *more]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False, timeout=1200)
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("stage", [one for one in Stage if one is not Stage.train])
def test_killed_at_any_stage_it_ends_at_the_same_digests(
    stage: Stage, trial: Trial, hub: tuple[RunningHub, HfApi], tmp_path: Path
) -> None:
    """Gemma 4, one SAE in nf4. `train` is in the quick form (`test_whole_study.py`)."""
    from study.whole import digests

    shutil.copytree(trial.home / "gemma4-e2b" / "models", tmp_path / "out" / "models")
    line = command(STUDIES / "gemma4-e2b.yaml", tmp_path / "out", "--push")
    log = tmp_path / "out" / "work" / "gemma4-e2b-tiny.log"
    begun = {Stage.collect: "  sample: ", Stage.push: "gemma4-e2b-tiny: build-cards done"}
    assert kill_in(line, log, begun.get(stage, f"  {stage}: "), hub[0])
    done = run(line, hub[0])
    assert done.returncode == 0, done.stderr[-3000:]
    assert digests(tmp_path / "out" / "gemma4-e2b-tiny") == digests(trial.release("gemma4-e2b", "gemma4-e2b"))
